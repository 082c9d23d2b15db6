"""A rule begins from what a person did; it is safe and finds what it was made of."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.reconciliation.passes import DEFAULTS, Settings
from payments.reconciliation.ruling.rules import check_pattern
from payments.reconciliation.ruling.suggesting import Done, find_pattern, suggest

DAY = date(2026, 11, 25)


@pytest.mark.parametrize(
    ("text", "key", "pattern"),
    [
        ("FASTER PAYMENT RENT-000017 MCTAVISH", "RENT000017", r"(RENT-\d{6})"),
        ("rent-000017 from a tenant", "RENT000017", r"(RENT-\d{6})"),
        ("INV 000123456 TENANT", "123456", r"INV (\d{9})"),
        ("CT/12 345678 X", "CT12345678", r"(CT/\d{2} \d{6})"),
        ("RENT-000017", "RENT000017", ""),
        ("SOMETHING ELSE", "RENT000017", ""),
        ("X 12 Y", "12", ""),
        ("PAID RENT_000017*", "RENT000017", ""),
    ],
    ids=[
        "in-the-middle",
        "small-letters",
        "number-after-a-word",
        "signs-inside",
        "the-whole-text",
        "not-there",
        "too-short",
        "sign-that-no-pattern-has",
    ],
)
def test_a_pattern_is_made_of_the_reference_in_the_text(text: str, key: str, pattern: str) -> None:
    assert find_pattern(text, key) == pattern


@given(st.text(max_size=300), st.text("ABC012", min_size=1, max_size=20))
def test_any_text_gives_a_safe_pattern_that_finds_the_reference_or_none(
    text: str, key: str
) -> None:
    wanted = key.lstrip("0")
    for whole in (text, f"{text} {key} {text[:20]}"):
        pattern = find_pattern(whole, wanted)
        if pattern:
            assert check_pattern(pattern) == pattern
            found = re.search(pattern, whole.upper())
            assert found is not None
            assert re.sub("[^A-Z0-9]", "", found[1]).lstrip("0") == wanted


def done(kind: str = "expected_item", **more: object) -> Done:
    values = {"reference_key": "", "due_on": DAY, "pence": 100, "target_pence": 100} | more
    return Done(kind, **values)  # type: ignore[arg-type]  # members by name


def test_days_are_widened_as_far_as_the_person_looked_and_never_narrowed() -> None:
    late = date(2026, 12, 4)
    assert suggest(DEFAULTS, "X", late, [done()]).settings.window_days == 7
    wide = Settings(window_days=20)
    assert suggest(wide, "X", late, [done()]).settings.window_days == 20
    assert suggest(DEFAULTS, "X", date(2027, 11, 1), [done()]).settings.window_days == 30
    back = suggest(DEFAULTS, "X", date(2026, 12, 18), [done("returned_payment")]).settings
    assert (back.return_days, back.window_days) == (17, DEFAULTS.window_days)


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (done("submission"), "batch reference"),
        (done("write_off"), "decided by people"),
        (done("suspense"), "decided by people"),
        (done(pence=90), "equal amounts"),
        (done(reference_key="RENT000017"), "no pattern can find"),
    ],
    ids=["file", "write-off", "suspense", "other-amount", "no-reference"],
)
def test_what_no_rule_can_do_is_said(one: Done, words: str) -> None:
    found = suggest(DEFAULTS, "MIXED", DAY, [one])
    assert found.settings == DEFAULTS
    assert words in " ".join(found.notes)


def test_a_pattern_in_force_is_not_replaced_in_silence() -> None:
    current = Settings(pattern=r"(INV\d{6})", window_days=5)
    one = done(reference_key="RENT000017")
    found = suggest(current, "PAID RENT-000017 X", DAY, [one])
    assert found.settings == Settings(pattern=r"(RENT-\d{6})", window_days=5)
    assert "take its place" in " ".join(found.notes)
