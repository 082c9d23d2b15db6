"""A journal is written by one person and posted by another, once, and taken back whole."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from sqlalchemy import text

from payments.gl.journals.actions import (
    ask_reversal,
    decline_journal,
    post_journal,
    submit_journal,
)
from payments.gl.journals.queries import list_journals
from payments.gl.journals.rules import JournalLine
from payments.gl.periods import ask_to_close, list_periods
from payments.ledger.actions import close_account, post_entries
from payments.ledger.queries import trial_balance
from payments.ledger.rules import transfer
from payments.ledger.seal.sealing import seal
from shared.db import Database
from shared.errors import Conflict, Forbidden, Invalid, Problem
from shared.ids import new_id
from tests.payments.gl.journals.desk import (
    DAY,
    NOW,
    RHONA,
    RITA,
    RORY,
    ask,
    draft,
    look,
    post,
    snapshot,
)
from tests.payments.runs.world import BODY

OCTOBER = date(2026, 10, 20)


def balances(database: Database) -> dict[str, int]:
    with database.transaction() as session:
        found = trial_balance(session, BODY, as_of=date(2026, 12, 31))
        return {one.code: one.posted_pence for one in found if one.posted_pence}


def actions(database: Database) -> list[tuple[str, str]]:
    with database.transaction() as session:
        rows = session.execute(
            text(
                "SELECT action, actor_id FROM audit_event WHERE object_type = 'journal' ORDER BY id"
            )
        )
        return [(row.action, row.actor_id) for row in rows]


def reverse(database: Database, number: int, on: date = DAY) -> int:
    with database.transaction() as session:
        return ask_reversal(session, BODY, number, on, "It was wrong", new_id(), RHONA, NOW)[0]


def hold_october(database: Database) -> None:
    with database.transaction() as session:
        entry = transfer("x", "1", OCTOBER, "programme_expenditure", "payments_approved", 1)
        post_entries(session, BODY, [entry], "test")
    with database.transaction() as session:
        seal(session, NOW)
    with database.transaction() as session:
        month = next(one.id for one in list_periods(session, BODY) if one.starts_on.month == 10)
        ask_to_close(session, BODY, month, RITA, NOW)


def test_two_people_post_a_journal(ledger: Database) -> None:
    number = ask(ledger)
    assert balances(ledger) == {}
    entry = post(ledger, number)
    assert balances(ledger) == {"programme_expenditure": 12_345, "own.fees": -12_345}
    found = look(ledger, number)
    assert (found.state, found.entry_id, found.decided_by_name) == ("posted", entry, "Rory")
    assert found.ledger_number is None
    with ledger.transaction() as session:
        seal(session, NOW)
    assert look(ledger, number).ledger_number == "2026/1"
    assert actions(ledger) == [
        ("gl.journal.asked", RITA.id),
        ("gl.journal.posted", RORY.id),
    ]


def test_nobody_posts_their_own(ledger: Database) -> None:
    number = ask(ledger)
    before = snapshot(ledger)
    seen = look(ledger, number).content_sha256.hex()
    with pytest.raises(Forbidden, match="same_person"), ledger.transaction() as session:
        post_journal(session, BODY, number, seen, RITA, NOW)
    assert snapshot(ledger) == before


def test_the_database_refuses_one_person_for_both(ledger: Database) -> None:
    ask(ledger)
    forged = text(
        "UPDATE journal SET state = 'declined', decided_by_id = made_by_id, decided_by_name = 'x',"
        " decided_at = now()"
    )
    with pytest.raises(Exception, match="two_people"), ledger.transaction() as session:
        session.execute(forged)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE journal SET description = 'x'", "permission denied"),
        ("UPDATE journal_line SET amount_pence = 1", "permission denied"),
        ("DELETE FROM journal_line", "permission denied"),
        (
            "INSERT INTO journal_line SELECT id, 3, 'own.fees', 5, '' FROM journal",
            "not whole or do not balance",
        ),
        (
            "INSERT INTO journal_line SELECT id, 3, 'bank.main', 5, '' FROM journal",
            "ck_journal_line_account",
        ),
        (
            (
                "UPDATE journal SET state = 'posted', entry_id = gen_random_uuid(),"
                " decided_by_id = 'x', decided_by_name = 'x', decided_at = now()"
            ),
            "that entry is not its own",
        ),
    ],
    ids=["edit", "edit_line", "delete_line", "add_line", "control_account", "foreign_entry"],
)
def test_the_database_keeps_a_journal_as_it_was_written(
    ledger: Database, statement: str, said: str
) -> None:
    ask(ledger)
    before = snapshot(ledger)
    with pytest.raises(Exception, match=said), ledger.transaction() as session:
        session.execute(text(statement))
    assert snapshot(ledger) == before


def test_what_is_decided_stays_decided(ledger: Database) -> None:
    number = ask(ledger)
    post(ledger, number)
    before = snapshot(ledger)
    for again in (
        lambda s: post_journal(s, BODY, number, "", RHONA, NOW),
        lambda s: decline_journal(s, BODY, number, "no", RHONA, NOW),
    ):
        with pytest.raises(Conflict, match="journal_decided"), ledger.transaction() as session:
            again(session)
    assert snapshot(ledger) == before
    with pytest.raises(Exception, match="it is decided"), ledger.transaction() as session:
        session.execute(text("UPDATE journal SET decision_reason = 'x'"))


@pytest.mark.parametrize(
    ("person", "state"), [(RORY, "declined"), (RITA, "withdrawn")], ids=["other", "own"]
)
def test_a_journal_is_declined_or_withdrawn_with_a_reason(
    ledger: Database, person: object, state: str
) -> None:
    number = ask(ledger)
    with pytest.raises(Invalid), ledger.transaction() as session:
        decline_journal(session, BODY, number, "", person, NOW)  # type: ignore[arg-type]  # staff
    with ledger.transaction() as session:
        decline_journal(session, BODY, number, "Wrong month", person, NOW)  # type: ignore[arg-type]  # staff
    found = look(ledger, number)
    assert (found.state, found.decision_reason, found.entry_id) == (state, "Wrong month", None)
    assert balances(ledger) == {}


def test_other_content_than_was_seen_is_not_posted(ledger: Database) -> None:
    number = ask(ledger)
    before = snapshot(ledger)
    with pytest.raises(Conflict, match="journal_changed"), ledger.transaction() as session:
        post_journal(session, BODY, number, "0" * 64, RORY, NOW)
    assert snapshot(ledger) == before


def test_a_form_sent_twice_is_one_journal(ledger: Database) -> None:
    key = new_id()
    assert ask(ledger, key=key) == ask(ledger, key=key) == 1
    with pytest.raises(Conflict, match="journal_form_used"):
        ask(ledger, key=key, reason="Another reason")
    with ledger.transaction() as session:
        assert list_journals(session, BODY, limit=9)[1] == 1
    assert actions(ledger) == [("gl.journal.asked", RITA.id)]


def _race(work: Callable[[int], object], times: int = 6) -> list[object]:
    def answer(number: int) -> object:
        try:
            return work(number)
        except Problem as problem:
            return problem.code

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(answer, range(times)))


def test_a_double_click_from_many_threads_is_one_journal(ledger: Database) -> None:
    key = new_id()
    assert _race(lambda _: ask(ledger, key=key)) == [1] * 6
    with ledger.transaction() as session:
        assert list_journals(session, BODY, limit=9)[1] == 1


def test_numbers_have_no_gap_whoever_writes_at_once(ledger: Database) -> None:
    assert sorted(map(str, _race(lambda _: ask(ledger)))) == ["1", "2", "3", "4", "5", "6"]


def test_posted_by_many_at_once_it_is_posted_once(ledger: Database) -> None:
    number = ask(ledger)
    answers = _race(lambda _: post(ledger, number))
    assert answers.count("journal_decided") == 5
    assert balances(ledger) == {"programme_expenditure": 12_345, "own.fees": -12_345}


def test_a_held_month_takes_no_journal_and_says_so(ledger: Database) -> None:
    waiting = ask(ledger, effective_on=OCTOBER)
    hold_october(ledger)
    before = snapshot(ledger)
    with pytest.raises(Conflict, match="period_closed") as caught:
        ask(ledger, effective_on=OCTOBER)
    assert "10/2026" in caught.value.detail
    with pytest.raises(Conflict, match="period_closed"):
        post(ledger, waiting)
    with pytest.raises(Conflict, match="period_closed"):
        ask(ledger, effective_on=date(2026, 9, 30))
    assert snapshot(ledger) == before


def test_a_month_that_is_held_meanwhile_wins(
    ledger: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = ask(ledger, effective_on=OCTOBER)
    hold_october(ledger)
    before = snapshot(ledger)
    monkeypatch.setattr("payments.gl.journals.actions.find_closed_month", lambda *_: None)
    with pytest.raises(Conflict, match="period_closed"):
        post(ledger, waiting)
    assert snapshot(ledger) == before


@pytest.mark.parametrize(
    "account",
    [
        "bank.main",
        "suspense.main",
        "in_transit",
        "payments_approved",
        "payout_in_transit",
        "nowhere",
    ],
)
def test_accounts_of_the_service_are_refused(ledger: Database, account: str) -> None:
    before = snapshot(ledger)
    lines = (JournalLine(account, 5), JournalLine("own.fees", -5))
    with pytest.raises(Conflict, match="journal_account"):
        ask(ledger, lines=lines)
    assert snapshot(ledger) == before


def test_an_account_that_is_closed_meanwhile_is_refused(ledger: Database) -> None:
    number = ask(ledger)
    with ledger.transaction() as session:
        close_account(session, BODY, "own.fees", NOW)
    before = snapshot(ledger)
    with pytest.raises(Conflict, match="journal_account"):
        post(ledger, number)
    assert snapshot(ledger) == before


def test_a_reversal_takes_two_people_and_mirrors_all(ledger: Database) -> None:
    number = ask(ledger)
    post(ledger, number)
    back = reverse(ledger, number)
    assert look(ledger, number).reversal_state == "waiting"
    seen = look(ledger, back).content_sha256.hex()
    with pytest.raises(Forbidden), ledger.transaction() as session:
        post_journal(session, BODY, back, seen, RHONA, NOW)
    post(ledger, back)
    assert balances(ledger) == {}
    found = look(ledger, number)
    assert (found.state, found.reversed_by, found.reversal_state) == ("posted", back, "posted")
    assert look(ledger, back).reverses_number == number


def test_a_journal_is_reversed_once(ledger: Database) -> None:
    number = ask(ledger)
    with pytest.raises(Conflict, match="journal_not_posted"):
        reverse(ledger, number)
    post(ledger, number)
    with pytest.raises(Invalid):
        reverse(ledger, number, date(2026, 11, 19))
    answers = _race(lambda _: reverse(ledger, number))
    assert answers.count("journal_reversed") == 5
    back = look(ledger, number).reversed_by
    assert back is not None
    post(ledger, back)
    with pytest.raises(Conflict, match="journal_is_reversal"):
        reverse(ledger, back)


def test_a_reversal_that_came_to_nothing_can_be_asked_again(ledger: Database) -> None:
    number = ask(ledger)
    post(ledger, number)
    first = reverse(ledger, number)
    with ledger.transaction() as session:
        decline_journal(session, BODY, first, "It was right", RORY, NOW)
    second = reverse(ledger, number)
    post(ledger, second)
    assert balances(ledger) == {}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"description": ""}, "description"),
        ({"description": "x" * 201}, "description"),
        ({"reason": ""}, "reason"),
        ({"effective_on": date(2026, 12, 1)}, "effective_on"),
        ({"effective_on": date(2025, 11, 1)}, "effective_on"),
    ],
    ids=["no_description", "long_description", "no_reason", "next_month", "long_ago"],
)
def test_what_a_journal_says_is_checked(
    ledger: Database, changes: dict[str, object], field: str
) -> None:
    before = snapshot(ledger)
    with pytest.raises(Invalid) as caught, ledger.transaction() as session:
        submit_journal(session, BODY, draft(**changes), new_id(), RITA, NOW)
    assert [fault.field for fault in caught.value.fields] == [field]
    assert snapshot(ledger) == before


def test_another_bodys_journals_do_not_exist(ledger: Database) -> None:
    number = ask(ledger)
    with ledger.transaction() as session:
        assert list_journals(session, "glenmore", limit=9) == ([], 0)
    with pytest.raises(Problem, match="no_such_journal"), ledger.transaction() as session:
        post_journal(session, "glenmore", number, "", RORY, NOW)
