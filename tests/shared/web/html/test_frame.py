"""The frame of every page, and the page of a problem."""

import pytest
from lxml import html

from shared.web import language as languages
from shared.web import translations
from tests.shared.web.html.rendering import make_environment, only

INLINE = "//*[@style] | //style | //script[not(@src)] | //@*[starts-with(name(), 'on')]"


def page_of(template: str, language: str = "en", **values: object) -> html.HtmlElement:
    made = make_environment(language).get_template(template)
    return html.document_fromstring(made.render(lang=language, **values))


def test_a_page_needs_only_a_language() -> None:
    page = page_of("done.html")
    assert page.get("lang") == "en"
    assert only(page, "//title").text == "Application sent – Clachan"
    assert not page.xpath("//header//nav")


@pytest.mark.parametrize("language", ["en", "gd"])
def test_the_frame_speaks_the_pages_language_and_offers_the_other(language: str) -> None:
    page = page_of("done.html", language, languages=languages.LANGUAGES)
    assert page.get("lang") == language
    other = only(page, "//header//nav//a")
    assert other.get("lang") == other.get("hreflang") == ("gd" if language == "en" else "en")
    skip = {"en": "Skip to main content", "gd": "Leum dhan phrìomh shusbaint"}
    first = page.xpath("//a")[0]
    assert (first.text, first.get("href")) == (skip[language], "#main-content")


def test_the_header_says_who_is_signed_in_and_where_one_is() -> None:
    page = page_of(
        "done.html",
        service_name="Help <b>",
        service_url="/services/heating",
        navigation=[
            {"text": "Runs", "href": "/runs", "current": True},
            {"text": "Payees", "href": "/payees"},
        ],
        signed_in_as="Morag",
        sign_out_url="/sign-out",
        phase="beta",
    )
    header = only(page, "//header")
    assert only(header, ".//form[@action='/sign-out']//button").text == "Sign out"
    assert only(header, ".//strong").text == "Morag"
    assert only(header, ".//a[@aria-current='page']").text == "Runs"
    assert only(header, ".//a[@href='/services/heating']").text == "Help <b>"
    assert only(page, "//title").text == "Application sent – Help <b>"


def test_nothing_in_a_page_is_inline() -> None:
    page = page_of("kitchen_sink.html", wrong=True, service_name="X")
    assert not page.xpath(INLINE)
    scripts = page.xpath("//script")
    assert [script.get("type") for script in scripts] == ["module"]


def test_ids_are_unique_and_every_reference_is_kept() -> None:
    page = page_of("kitchen_sink.html", wrong=True, service_name="X")
    ids = [str(found) for found in page.xpath("//@id")]
    assert len(ids) == len(set(ids))
    wanted = " ".join(page.xpath("//@for | //@aria-describedby | //@aria-labelledby")).split()
    links = [link[1:] for link in page.xpath("//main//a/@href[starts-with(., '#')]")]
    assert set(wanted + links) <= set(ids)


def test_a_problem_says_what_to_do_and_gives_its_reference() -> None:
    page = page_of(
        "error.html",
        title="Page <not> found",
        detail="Check the address.",
        correlation_id="0199d2c4",
        service_url="/payments",
    )
    assert only(page, "//h1").text == "Page <not> found"
    assert only(page, "//code").text == "0199d2c4"
    assert page.xpath("//main//a[@href='/payments']")


def test_every_sentence_of_the_frame_and_the_components_has_gaelic() -> None:
    missing = set(translations.untranslated("gd"))
    ours = {
        message.id if isinstance(message.id, str) else message.id[0]
        for message in languages.read_catalogue("gd")
        if any(place.startswith("shared/web/html/") for place, _ in message.locations)
    }
    assert len(ours) > 20
    assert not ours & missing


@pytest.mark.parametrize(
    ("count", "noun"),
    [
        (1, "charactar"),
        (2, "charactar"),
        (5, "caractaran"),
        (11, "charactar"),
        (12, "charactar"),
        (19, "caractaran"),
        (20, "caractar"),
        (0, "caractar"),
    ],
)
def test_gaelic_counts_in_four_classes(count: int, noun: str) -> None:
    one, many = "You can enter up to %(num)s character", "You can enter up to %(num)s characters"
    said = languages.load("gd").ngettext(one, many, count)
    assert said.split()[5] == noun


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(KeyError):
        languages.load("fr")
