from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from payments.ledger import accounting, rules
from payments.ledger.actions import (
    close_period,
    open_accounts,
    post_entries,
    reverse_entry,
)
from payments.ledger.queries import (
    account_statement,
    get_balance,
    list_entries_of,
    list_faults,
    trial_balance,
)
from payments.ledger.rules import EntryDraft, Line, transfer
from shared.db import Database
from shared.errors import Conflict, Invalid
from shared.ids import new_id

BODY = "strathclachan"
DAY = date(2026, 11, 23)


def entry_count(session: Session) -> int:
    return int(session.execute(text("SELECT count(*) FROM entry")).scalar_one())


def some(event: str = "1", pence: int = 500, on: date = DAY) -> EntryDraft:
    return transfer("test.done", event, on, rules.IN_TRANSIT, rules.PAYMENTS_APPROVED, pence)


@pytest.fixture
def ledger(payments_session: Session) -> Session:
    open_accounts(payments_session, BODY)
    return payments_session


def test_opening_accounts_again_changes_nothing(ledger: Session) -> None:
    before = trial_balance(ledger, BODY)
    open_accounts(ledger, BODY)
    assert trial_balance(ledger, BODY) == before
    assert [line.code for line in before] == [
        "bank.main",
        "in_transit",
        "opening_balance",
        "payments_approved",
        "payout_in_transit",
        "programme_expenditure",
        "programme_income",
        "returned_unapplied",
        "returns_receivable",
        "suspense.main",
        "vouchers_issued",
    ]


def test_an_event_is_booked_once(ledger: Session) -> None:
    first = post_entries(ledger, BODY, [some()], "test")
    second = post_entries(ledger, BODY, [some(), some("2")], "test")
    assert [one.replay for one in (*first, *second)] == [False, True, False]
    assert second[0].id == first[0].id
    assert entry_count(ledger) == 2


@pytest.mark.parametrize(
    ("other", "field"),
    [
        (some(pence=501), "postings"),
        (some(on=date(2026, 11, 24)), "effective_on"),
        (EntryDraft("test.done", "1", DAY, some().lines, currency="EUR"), "currency"),
    ],
)
def test_an_event_with_other_content_is_refused_with_the_field(
    ledger: Session, other: EntryDraft, field: str
) -> None:
    post_entries(ledger, BODY, [some()], "test")
    with pytest.raises(Conflict) as caught:
        post_entries(ledger, BODY, [some("2"), other], "test")
    assert caught.value.code == f"exists_with_different_{field}"
    assert entry_count(ledger) == 1


def test_drafts_are_refused_in_words(ledger: Session) -> None:
    lopsided = EntryDraft("a", "1", DAY, (Line("in_transit", 5), Line("payments_approved", -4)))
    with pytest.raises(Invalid) as caught:
        post_entries(ledger, BODY, [lopsided, some(), some()], "test")
    assert [fault.message for fault in caught.value.fields] == [
        "does not balance: 1 pence",
        "is in this request twice",
    ]
    with pytest.raises(Invalid, match="no_such_account"):
        post_entries(ledger, BODY, [transfer("a", "1", DAY, "nowhere", "in_transit", 5)], "test")
    assert entry_count(ledger) == 0


def test_another_body_does_not_see_these_accounts(ledger: Session) -> None:
    with pytest.raises(Invalid, match="no_such_account"):
        post_entries(ledger, "glenmore", [some()], "test")
    assert trial_balance(ledger, "glenmore") == []


def test_a_reversal_mirrors_and_happens_once(ledger: Session) -> None:
    entry = post_entries(ledger, BODY, [some()], "test")[0]
    first = reverse_entry(ledger, BODY, entry.id, "test.undone", "1", DAY)
    assert reverse_entry(ledger, BODY, entry.id, "test.undone", "1", DAY).replay
    with pytest.raises(Conflict, match="already_reversed"):
        reverse_entry(ledger, BODY, entry.id, "test.undone", "other", DAY)
    with pytest.raises(Conflict, match="cannot_reverse"):
        reverse_entry(ledger, BODY, first.id, "test.undone", "third", DAY)
    assert get_balance(ledger, BODY, rules.IN_TRANSIT) == 0
    assert entry_count(ledger) == 2


def test_a_late_item_goes_to_the_next_open_period(ledger: Session) -> None:
    post_entries(ledger, BODY, [some("0", on=date(2026, 12, 1)), some("1")], "test")
    close_period(ledger, BODY, DAY, "one", "two")
    late = post_entries(ledger, BODY, [some("2")], "test")[0]
    row = ledger.execute(
        text(
            "SELECT p.starts_on, e.effective_on FROM entry e JOIN period p ON p.id = e.period_id"
            " WHERE e.id = :id"
        ),
        {"id": late.id},
    ).one()
    assert (row.starts_on, row.effective_on) == (date(2026, 12, 1), DAY)


def test_without_an_open_period_nothing_is_posted(ledger: Session) -> None:
    post_entries(ledger, BODY, [some("1")], "test")
    close_period(ledger, BODY, DAY, "one", "two")
    with pytest.raises(Conflict, match="period_closed"):
        post_entries(ledger, BODY, [some("2")], "test")
    with pytest.raises(DBAPIError, match="two people"):
        close_period(ledger, BODY, DAY, "one", "two")


def balances(session: Session) -> dict[str, int]:
    return {
        line.code: line.posted_pence for line in trial_balance(session, BODY) if line.posted_pence
    }


def test_the_life_of_a_run(ledger: Session) -> None:
    run, submission, good, bad = (new_id() for _ in range(4))
    plan = accounting.ApprovedRun(run, 1, "main", DAY, [(good, 700), (bad, 300)])
    for _ in range(2):
        accounting.post_run_approved(ledger, BODY, plan, DAY)
    assert balances(ledger) == {"payments_approved": -1000, "programme_expenditure": 1000}
    bank = next(line for line in trial_balance(ledger, BODY) if line.code == "bank.main")
    assert (bank.pending_credit, bank.available_pence) == (1000, -1000)
    for _ in range(2):
        accounting.post_submitted(ledger, BODY, submission, 1000, DAY)
        accounting.post_rejected(ledger, BODY, [(bad, 300)], DAY)
        accounting.post_contra_seen(ledger, BODY, run, submission, "main", 700, DAY)
    bank = next(line for line in trial_balance(ledger, BODY) if line.code == "bank.main")
    assert (bank.pending_credit, bank.posted_pence) == (0, -700)
    assert balances(ledger)["returned_unapplied"] == -300
    assert "in_transit" not in balances(ledger)
    for _ in range(2):
        accounting.post_returns_received(ledger, BODY, "main", [(good, 700, DAY)])
        accounting.post_return_advised(ledger, BODY, [(good, 700)], DAY)
    assert balances(ledger) == {"programme_expenditure": 1000, "returned_unapplied": -1000}
    assert list_faults(ledger, BODY) == []
    assert [entry.event_type for entry in list_entries_of(ledger, BODY, str(good))] == [
        "payment.approved",
        "payment.return_received",
        "payment.return_advised",
    ]
    assert len(account_statement(ledger, BODY, "bank.main")) == 3


def test_a_recall_takes_everything_back_and_can_be_approved_again(ledger: Session) -> None:
    run, one = new_id(), new_id()
    first = accounting.ApprovedRun(run, 1, "main", DAY, [(one, 700)])
    accounting.post_run_approved(ledger, BODY, first, DAY)
    for _ in range(2):
        accounting.post_run_recalled(ledger, BODY, run, 1, [one], DAY)
    assert balances(ledger) == {}
    assert all(line.pending_credit == 0 for line in trial_balance(ledger, BODY))
    again = accounting.ApprovedRun(run, 2, "main", DAY, [(one, 750)])
    accounting.post_run_approved(ledger, BODY, again, DAY)
    assert balances(ledger)["payments_approved"] == -750


def test_one_event_from_twenty_threads(payments_database: Database) -> None:
    with payments_database.transaction() as session:
        open_accounts(session, BODY)

    def post(number: int) -> bool:
        with payments_database.transaction() as session:
            drafts = [some("same"), some(f"own-{number}")]
            return post_entries(session, BODY, drafts, "race")[0].replay

    with ThreadPoolExecutor(10) as pool:
        replays = list(pool.map(post, range(20)))
    with payments_database.transaction() as session:
        assert entry_count(session) == 21
        assert get_balance(session, BODY, rules.IN_TRANSIT) == 21 * 500
    assert replays.count(False) == 1


def test_twenty_reversals_of_one_entry_have_one_winner(payments_database: Database) -> None:
    with payments_database.transaction() as session:
        open_accounts(session, BODY)
        entry = post_entries(session, BODY, [some()], "race")[0]

    def reverse(number: int) -> str:
        try:
            with payments_database.transaction() as session:
                reverse_entry(session, BODY, entry.id, "race", str(number), DAY)
        except Conflict as problem:
            return problem.code
        return "won"

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(reverse, range(20)))
    assert sorted(answers) == ["already_reversed"] * 19 + ["won"]
    with payments_database.transaction() as session:
        assert get_balance(session, BODY, rules.IN_TRANSIT) == 0


CODES = st.sampled_from(["bank.main", "in_transit", "payments_approved", "returns_receivable"])
AMOUNTS = st.integers(-(10**12), 10**12)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.lists(st.tuples(CODES, AMOUNTS), min_size=1, max_size=5), max_size=6))
def test_the_ledger_always_balances(
    payments_session: Session, wanted: list[list[tuple[str, int]]]
) -> None:
    body = str(new_id())
    open_accounts(payments_session, body)
    expected: dict[str, int] = {}
    for number, lines in enumerate(wanted):
        total = sum(amount for _, amount in lines)
        whole = (*(Line(*one) for one in lines), Line("suspense.main", -total))
        draft = EntryDraft("any", str(number), DAY, whole)
        try:
            with payments_session.begin_nested():
                post_entries(payments_session, body, [draft], "any")
        except Invalid:
            assert any(line.amount_pence == 0 for line in whole)
        else:
            for line in whole:
                expected[line.account] = expected.get(line.account, 0) + line.amount_pence
    found = trial_balance(payments_session, body)
    assert sum(line.posted_pence for line in found) == 0
    assert {line.code: line.posted_pence for line in found if line.posted_pence} == {
        code: pence for code, pence in expected.items() if pence
    }
    assert list_faults(payments_session, body) == []
