"""The catalogues: what goes into them, and that the Gaelic can stand where the English stood."""

import re
from collections import Counter
from collections.abc import Iterator

import pytest

from shared.web import language as languages
from shared.web import translations

_FILLED_IN = re.compile(r"%\(\w+\)s|\{\w+\}|<[^>]+>|%(?!\()")
_FLOOR = "gateway/journeys/rules.py"


def forms_of(words: str | list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    return (words,) if isinstance(words, str) else tuple(words or ())


def gaelic() -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Yield each sentence that has Gaelic: its English forms and its Gaelic ones."""
    for message in languages.read_catalogue("gd"):
        forms = forms_of(message.string)
        if message.id and all(forms):
            yield forms_of(message.id), forms


def spoken(source: str, name: str = _FLOOR) -> list[str]:
    return list(translations.spoken_words(name, source))


def test_gaelic_keeps_what_is_filled_in_and_every_tag() -> None:
    wrong = [
        form
        for english, forms in gaelic()
        for form in forms
        if Counter(_FILLED_IN.findall(form)) != Counter(_FILLED_IN.findall(english[-1]))
    ]
    assert wrong == []


def test_gaelic_begins_and_ends_with_the_same_blanks() -> None:
    def blanks(words: str) -> tuple[bool, bool]:
        return words[:1].isspace(), words[-1:].isspace()

    assert [e for e, forms in gaelic() if any(blanks(f) != blanks(e[0]) for f in forms)] == []


def test_counted_sentences_have_four_gaelic_forms() -> None:
    counted = [forms for english, forms in gaelic() if len(english) > 1]
    assert len(counted) > 5
    assert {len(forms) for forms in counted} == {4}


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "1 seirbheis"),
        (2, "2 sheirbheis"),
        (3, "3 seirbheisean"),
        (11, "11 seirbheis"),
        (12, "12 sheirbheis"),
        (13, "13 seirbheisean"),
        (20, "20 seirbheis"),
    ],
)
def test_services_are_counted_as_gaelic_counts(count: int, said: str) -> None:
    words = languages.load("gd").ngettext("%(num)s service", "%(num)s services", count)
    assert words % {"num": count} == said


def test_the_words_of_refusals_are_found() -> None:
    source = """
raise Conflict("code", "Title", detail="Detail")
raise Invalid(FieldError("field", "Message"), title="Another title")
raise Problem(code="x", title="By name")
"""
    assert spoken(source) == ["Title", "Detail", "Another title", "By name", "Message"]


def test_a_choice_gives_both_and_a_constant_its_words() -> None:
    source = """
_WRONG: str = "Wrong"
FieldError("a", "One" if one else "Many")
FieldError("b", _WRONG)
"""
    assert spoken(source) == ["One", "Many", "Wrong"]


@pytest.mark.parametrize(
    "source",
    [
        'FieldError("a", f"Enter your {word}")',
        'FieldError("a", message)',
        'Conflict(code, "")',
        'other("a", "Not for people")',
    ],
)
def test_composed_and_foreign_words_are_left_out(source: str) -> None:
    assert spoken(source) == []


@pytest.mark.parametrize(
    "name", ["gateway/journeys/publishing/checks.py", "payments/runs/commands.py"]
)
def test_what_no_page_shows_is_left_out(name: str) -> None:
    assert spoken('FieldError("a", "For the author of a definition")', name) == []


def test_wordings_give_their_sentences_and_nothing_else() -> None:
    source = """
_ENTRIES = (("Today", "/payments/", ROLES), ("Find a payment", "/payments/search", "NOT"))
_SECTIONS = (("Payees", ("/payments/payees",)),)
other = "Not named"
"""
    assert spoken(source, "payments/runs/access.py") == ["Today", "Find a payment", "Payees"]


def test_a_wording_is_neither_a_docstring_nor_a_part_of_a_sentence() -> None:
    source = '''
def _fault(password):
    """Return what is wrong."""
    return f"Not {password} at all" if password else "Enter a password"


def _why_guessable(password, email):
    return ""
'''
    assert spoken(source, "identity/accounts/rules.py") == ["Enter a password"]


def test_a_wording_that_is_gone_is_told() -> None:
    with pytest.raises(KeyError):
        spoken("", "payments/runs/access.py")
