"""From a line that a person matched by hand to a rule that two people put into force."""

import re
from collections.abc import Callable
from datetime import date
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import text

from payments.reconciliation.work.actions import Part, leave_in_suspense, match_line
from tests.payments.bank.bank_day import BankDay
from tests.payments.reconciliation.statements import Entry
from tests.payments.reconciliation.test_desk import (
    IAIN,
    MORAG,
    counters,
    expect,
    lines,
    on_desk,
    person,
    upload,
)
from tests.payments.runs.console import Console

Open = Callable[..., Console]


def matched_by_hand(day: BankDay) -> tuple[UUID, UUID]:
    """Return a line that a person matched, and one like it that nothing explains."""
    first = expect(day, 6_000, "RENT-000017")
    expect(day, 7_000, "RENT-000018")
    upload(
        day,
        1,
        500_000,
        Entry(6_000, reference="FROM A TENANT RENT-000017 NOV"),
        Entry(7_000, reference="FROM A TENANT RENT-000018 NOV"),
    )
    one, other = lines(day)
    part = [Part("expected_item", first, 6_000)]
    on_desk(day, MORAG, lambda desk: match_line(desk, one, part, "the tenant of 17"))
    return one, other


def test_the_form_is_filled_and_tried_and_another_puts_it_into_force(
    console: Open, day: BankDay
) -> None:
    one, other = matched_by_hand(day)
    desk = console(MORAG)
    html = desk.get(f"/payments/reconciliation/lines/{one}")
    found = re.search(r'href="(/payments/reconciliation/rules/[^"]+)"', html)
    assert found is not None
    assert "Make a rule from this" in html
    assert "Make a rule from this" not in desk.get(f"/payments/reconciliation/lines/{other}")
    page = found[1].replace("&amp;", "&")
    html = desk.get(page)
    assert desk.status == 200
    assert r'value="(RENT-\d{6})"' in html
    assert "FROM A TENANT RENT-000017 NOV" in html
    where = page.partition("?")[0]
    before = counters(day)
    tried = desk.post(
        where,
        pattern=r"(RENT-\d{6})",
        window_days="3",
        return_days="10",
        first="2026-11-20",
        last="2026-11-30",
    )
    assert "wait for a second person" in tried
    assert counters(day) == before
    with day.database.transaction() as session:
        trial = session.execute(text("SELECT trial FROM matching_rules")).scalar_one()
    assert (trial["lines"], trial["gained"], trial["against"]) == (2, 2, 0)
    rules = re.search(rf'action="({where}/[^"]+)"', tried)
    assert rules is not None
    desk.post(rules[1], decision="approve")
    assert counters(day) == before
    second = console(IAIN)
    second.get(where)
    html = second.post(rules[1], decision="approve")
    assert "in force" in html
    with day.database.transaction() as session:
        assert session.execute(
            text("SELECT rule_id, state FROM match WHERE line_id = :line"), {"line": other}
        ).all() == [("reference", "live")]


def test_a_trial_says_where_rules_would_decide_other_than_a_person(
    console: Open, day: BankDay
) -> None:
    wanted = expect(day, 6_000, "RENT-000017")
    other = expect(day, 6_000, "RENT-000018", due=date(2026, 11, 26))
    upload(day, 1, 500_000, Entry(6_000, reference="FROM A TENANT RENT-000017 NOV"))
    (line,) = lines(day)
    part = [Part("expected_item", other, 6_000)]
    on_desk(day, MORAG, lambda desk: match_line(desk, line, part, "the bank was told"))
    desk = console(MORAG)
    where = f"/payments/reconciliation/rules/{day.account}"
    desk.get(where)
    html = desk.post(
        where,
        pattern=r"(RENT-\d{6})",
        window_days="3",
        return_days="10",
        first="2026-11-20",
        last="2026-11-30",
    )
    assert "Other than a person decided: 1" in html
    with day.database.transaction() as session:
        held = session.execute(text("SELECT target_id FROM match WHERE state = 'live'")).scalars()
        assert list(held) == [other]
    assert wanted != other


@pytest.mark.parametrize("role", ["auditor", "enquiry"])
def test_others_see_no_button(console: Open, day: BankDay, role: str) -> None:
    one, _ = matched_by_hand(day)
    visitor = console(person("guest", role))
    assert "Make a rule from this" not in visitor.get(f"/payments/reconciliation/lines/{one}")


def test_a_line_left_in_suspense_says_that_people_decide(console: Open, day: BankDay) -> None:
    upload(day, 1, 500_000, Entry(9_900, reference="RENT-000017"))
    (line,) = lines(day)
    on_desk(day, MORAG, partial(leave_in_suspense, line_id=line, reason="asked the bank"))
    html = console(MORAG).get(f"/payments/reconciliation/rules/{day.account}?line={line}")
    assert "decided by people every time" in html


def test_a_line_of_another_account_or_without_decision_fills_nothing(
    console: Open, day: BankDay
) -> None:
    one, other = matched_by_hand(day)
    desk = console(MORAG)
    plain = desk.get(f"/payments/reconciliation/rules/{day.account}?line={other}")
    assert desk.status == 200
    assert "From what a person did" not in plain
    desk.get(f"/payments/reconciliation/rules/{one}?line={one}")
    assert desk.status == 404
