"""Every way of bringing lines and targets together finds the same, and counts before it decides."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from benchmarks.payments.matching_set import DAY, Item, Row, make_set
from payments.reconciliation.engine import offers, taking
from payments.reconciliation.passes import Settings
from payments.reconciliation.ruling.actions import decide_rules, list_versions, propose_rules
from tests.payments.bank.bank_day import NOW, BankDay
from tests.payments.reconciliation.test_desk import IAIN, MORAG
from tests.payments.reconciliation.test_properties import expect_items, forget, made, show


@pytest.mark.parametrize("scans", [True, False], ids=["reading-all", "looking-into-indexes"])
def test_a_small_statement_is_matched_as_a_large_one_is(
    day: BankDay, monkeypatch: pytest.MonkeyPatch, *, scans: bool
) -> None:
    items, rows = make_set(41, 300)
    ids = expect_items(day, items)
    show(day, rows)
    joined = made(day, ids)
    exceptions = list_exceptions(day)
    forget(day)
    with day.database.transaction() as session:
        session.execute(text("UPDATE statement_line SET set_aside = true"))
        session.execute(text("UPDATE reconciliation_exception SET state = 'closed'"))
    monkeypatch.setattr(taking, "is_large", lambda _work, _lines: False)
    monkeypatch.setattr(offers, "is_large", lambda _work, _lines: scans)
    show(day, rows, opening=sum(row.pence for row in rows), days=1)
    assert made(day, ids) == joined
    assert list_exceptions(day) == exceptions


def list_exceptions(day: BankDay) -> list[tuple[object, ...]]:
    """Return the open exceptions with what was shown for them, without ids that differ."""
    with day.database.transaction() as session:
        rows = session.execute(
            text(
                "SELECT code, value_pence, reason, cast(candidates AS text)"
                " FROM reconciliation_exception WHERE state = 'open' ORDER BY 1, 2, 3, 4"
            )
        )
        return [tuple(row) for row in rows]


def commit_by_amount(day: BankDay) -> None:
    """Let amount and day alone decide for the account."""
    with day.database.transaction() as session:
        last = DAY + timedelta(days=9)
        propose_rules(session, day.account, Settings(0, "", 3, 10, True), DAY, last, MORAG, NOW)
    with day.database.transaction() as session:
        (draft,) = list_versions(session, day.account)
        decide_rules(session, day.account, draft.id, IAIN, NOW, approve=True)


def test_equal_amounts_are_never_a_guess_however_many(day: BankDay) -> None:
    commit_by_amount(day)
    first = Item(0, -5_000, DAY, "", "", 1)
    ids = expect_items(day, [replace(first, number=number, account=number) for number in range(30)])
    show(day, [Row("none", -5_000, "debit", "", "", "", 900 + n, ()) for n in range(40)])
    assert made(day, ids) == {}
    told = list_exceptions(day)
    assert [one[0] for one in told] == ["AMB"] * 40
    assert {one[2] for one in told} == {"10 pairs fit equally well: none was chosen"}


def test_a_target_that_two_lines_fit_is_not_given_to_the_one_that_fits_nothing_else(
    day: BankDay,
) -> None:
    # Two payments and two lines of one amount; one payment lies outside the window of days.
    commit_by_amount(day)
    near, far = (
        Item(0, -5_000, DAY, "", "", 1),
        Item(1, -5_000, DAY - timedelta(days=90), "", "", 2),
    )
    ids = expect_items(day, [near, far])
    show(day, [Row("none", -5_000, "debit", "", "", "", 900 + n, ()) for n in range(2)])
    assert made(day, ids) == {}
    assert [one[0] for one in list_exceptions(day)] == ["AMB", "AMB"]


def test_one_line_and_one_target_near_it_are_a_pair_beside_others_far_away(day: BankDay) -> None:
    commit_by_amount(day)
    near, far = (
        Item(0, -5_000, DAY, "", "", 1),
        Item(1, -5_000, DAY - timedelta(days=90), "", "", 2),
    )
    ids = expect_items(day, [near, far])
    show(day, [Row("none", -5_000, "debit", "", "", "", 900, ())])
    (found,) = made(day, ids).values()
    assert found == [(0, "amount-date", 5_000)]
