from identity.oidc.standards import TARGET, make_page, read_specifications


def test_the_page_of_standards_is_fresh() -> None:
    assert TARGET.read_text() == make_page(), "run python -m identity.oidc.standards"


def test_every_file_named_after_a_specification_has_its_four_lines() -> None:
    titles = [one.title for one in read_specifications()]
    assert len(titles) >= 12
    assert any(title.startswith("RFC 7636") for title in titles)
