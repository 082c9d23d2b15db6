"""People decide about lines: each by themselves, or two where money leaves the books."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from payments.ledger.queries import trial_balance
from payments.reconciliation import tasks
from payments.reconciliation.actions import import_statements
from payments.reconciliation.matching import rematch_account
from payments.reconciliation.queries import list_exceptions, list_statements, prove
from payments.reconciliation.work.actions import (
    Desk,
    Part,
    decide_write_off,
    leave_in_suspense,
    match_line,
    propose_write_off,
)
from payments.reconciliation.work.queries import find_line, list_candidates, list_matches
from payments.reconciliation.work.statements import decide_statement, propose_statement
from payments.reconciliation.work.undoing import undo_match
from shared.actors import SYSTEM, Actor
from shared.errors import Conflict, Forbidden, Invalid
from shared.ids import new_id
from tests.payments.bank.bank_day import BODY, GOOD, NOW, BankDay
from tests.payments.reconciliation.statements import Entry, camt
from tests.payments.runs.console import Console

Open = Callable[..., Console]
LIMIT = 1_000


def person(name: str, role: str = "reconciler") -> Actor:
    return Actor("staff", name, BODY, frozenset({f"payments.{role}"}), name.title())


MORAG, IAIN = person("morag"), person("iain")


def expect(day: BankDay, pence: int, reference: str = "", **more: object) -> UUID:
    """Expect so much at the account; returns the item."""
    item = new_id()
    with day.database.transaction() as session:
        session.execute(
            text(
                "INSERT INTO expected_item (id, target_type, body, bank_account_id, amount_pence,"
                " due_on, end_to_end_id, reference, reference_key, group_key, label,"
                " ledger_account) VALUES (:id, 'expected_item', :body, :account, :pence, :due,"
                " :e2e, :reference, :key, :group, 'A TENANT', 'programme_income')"
            ),
            {
                "id": item,
                "body": BODY,
                "account": day.account,
                "pence": pence,
                "due": more.get("due", date(2026, 11, 25)),
                "e2e": more.get("e2e", ""),
                "reference": reference,
                "key": re.sub("[^A-Z0-9]", "", reference),
                "group": more.get("group", ""),
            },
        )
    return item


def upload(bank: BankDay, sequence: int, opening: int, *entries: Entry, **more: object) -> None:
    with bank.database.transaction() as session:
        content = camt(sequence, opening, entries, **more)  # type: ignore[arg-type]  # members by name
        import_statements(session, bank.vault, BODY, "file.xml", content, SYSTEM, NOW)


def lines(day: BankDay) -> list[UUID]:
    with day.database.transaction() as session:
        rows = session.execute(text("SELECT id FROM statement_line ORDER BY statement_id, seq"))
        return list(rows.scalars())


def balances(day: BankDay) -> dict[str, int]:
    with day.database.transaction() as session:
        return {one.code: one.posted_pence for one in trial_balance(session, BODY)}


def codes(day: BankDay) -> list[str]:
    with day.database.transaction() as session:
        return sorted(one.code for one in list_exceptions(session, BODY))


def counters(day: BankDay) -> tuple[list[object], list[object]]:
    with day.database.transaction() as session:
        return (
            [tuple(row) for row in session.execute(text("SELECT * FROM line_allocation"))],
            [tuple(row) for row in session.execute(text("SELECT * FROM match_target"))],
        )


def on_desk(day: BankDay, actor: Actor, work: Callable[[Desk], object]) -> object:
    with day.database.transaction() as session:
        return work(Desk(session, day.vault, actor, NOW))


def live(day: BankDay, line: UUID) -> list[UUID]:
    with day.database.transaction() as session:
        return [one.id for one in list_matches(session, line) if one.state == "live"]


def test_a_line_is_split_over_targets_and_the_rest_written_off_by_two(day: BankDay) -> None:
    rent, fee = expect(day, 6_000), expect(day, 3_500)
    upload(day, 1, 500_000, Entry(10_000, reference="MIXED"))
    (line,) = lines(day)
    parts = [Part("expected_item", rent, 6_000), Part("expected_item", fee, 3_500)]
    assert on_desk(day, MORAG, lambda desk: match_line(desk, line, parts, "two rents")) == 500
    assert codes(day) == ["UNMATCHED_LINE"]
    assert balances(day)["suspense.main"] == -500
    proposal = on_desk(
        day,
        MORAG,
        lambda desk: propose_write_off(desk, line, "write_offs", 500, "bank's rounding", LIMIT),
    )
    assert isinstance(proposal, UUID)
    before = balances(day), counters(day)
    with pytest.raises(Forbidden):
        on_desk(day, MORAG, lambda desk: decide_write_off(desk, proposal, approve=True))
    assert (balances(day), counters(day)) == before
    on_desk(day, IAIN, lambda desk: decide_write_off(desk, proposal, approve=True))
    held = balances(day)
    assert (held["suspense.main"], held["programme_income"], held["write_offs"]) == (
        0,
        -9_500,
        -500,
    )
    assert codes(day) == []
    with day.database.transaction() as session:
        assert prove(session, BODY).holds
    with pytest.raises(Conflict):
        on_desk(day, IAIN, lambda desk: decide_write_off(desk, proposal, approve=True))


@pytest.mark.parametrize(
    ("pence", "field"),
    [(0, "amount"), (1_001, "amount"), (10_001, "amount")],
    ids=["nothing", "over-the-limit", "over-the-line"],
)
def test_a_write_off_keeps_to_its_limits(day: BankDay, pence: int, field: str) -> None:
    upload(day, 1, 500_000, Entry(10_000, reference="X"))
    (line,) = lines(day)
    with pytest.raises(Invalid) as caught:
        on_desk(
            day, MORAG, lambda desk: propose_write_off(desk, line, "write_offs", pence, "x", LIMIT)
        )
    assert caught.value.fields[0].field == field


def test_undo_restores_line_target_and_ledger_exactly(day: BankDay) -> None:
    item = expect(day, 10_000)
    upload(day, 1, 500_000, Entry(10_000, reference="MIXED"))
    (line,) = lines(day)
    before = balances(day)
    part = [Part("expected_item", item, 10_000)]
    on_desk(day, MORAG, lambda desk: match_line(desk, line, part, ""))
    (match,) = live(day, line)
    assert balances(day)["suspense.main"] == 0
    on_desk(day, IAIN, lambda desk: undo_match(desk, match, "wrong tenant"))
    assert balances(day) == before
    assert counters(day)[0] == [(line, 10_000, 0)]
    assert codes(day) == ["UNMATCHED_LINE"]
    with pytest.raises(Conflict):
        on_desk(day, IAIN, lambda desk: undo_match(desk, match, "again"))
    # The same once more is another match with entries of its own.
    on_desk(day, MORAG, lambda desk: match_line(desk, line, part, ""))
    assert balances(day)["programme_income"] == -10_000
    with day.database.transaction() as session:
        assert prove(session, BODY).holds


def test_an_automatic_match_is_undone_and_no_rule_takes_the_line_again(day: BankDay) -> None:
    _, submission, _ = day.run((GOOD, 700))
    day.hand_over(submission)
    day.fetch_reports()
    upload(day, 1, 500_000, Entry(-700, batch="123456000001"))
    (line,) = lines(day)
    (match,) = live(day, line)
    on_desk(day, MORAG, lambda desk: undo_match(desk, match, "another file"))
    with day.database.transaction() as session:
        shown = prove(session, BODY)
        assert (shown.holds, shown.in_transit_pence) == (True, 700)
        assert shown.accounts[0].reserved_pence == 700
        assert rematch_account(session, day.account, NOW) == 0
        found = find_line(session, day.vault, BODY, line)
        assert found is not None
        (offered,) = list_candidates(session, found)
    assert offered.target_type == "submission"
    part = [Part("submission", offered.target_id, 700)]
    on_desk(day, IAIN, lambda desk: match_line(desk, line, part, ""))
    with day.database.transaction() as session:
        shown = prove(session, BODY)
    assert (shown.holds, shown.in_transit_pence, shown.accounts[0].reserved_pence) == (True, 0, 0)
    tasks.rematch(day.job(submission))
    assert len(live(day, line)) == 1


def test_two_people_match_one_line_and_one_wins(day: BankDay) -> None:
    items = [expect(day, 10_000), expect(day, 10_000)]
    upload(day, 1, 500_000, Entry(10_000, reference="MIXED"))
    (line,) = lines(day)
    assert codes(day) == ["AMB"]

    def work(actor: Actor, item: UUID) -> str:
        try:
            on_desk(
                day,
                actor,
                lambda desk: match_line(desk, line, [Part("expected_item", item, 10_000)], ""),
            )
        except Conflict as refused:
            return refused.code
        return "matched"

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(work, (MORAG, IAIN), items))
    assert sorted(outcomes) == ["line_taken", "matched"]
    assert balances(day)["programme_income"] == -10_000
    assert len(live(day, line)) == 1


def test_more_than_an_amount_is_refused_by_the_database_itself(day: BankDay) -> None:
    item = expect(day, 6_000)
    upload(day, 1, 500_000, Entry(10_000, reference="MIXED"))
    (line,) = lines(day)
    before = counters(day)
    for pence in (6_001, 10_001):
        part = [Part("expected_item", item, pence)]
        with pytest.raises(Invalid):
            on_desk(day, MORAG, partial(match_line, line_id=line, parts=part, reason=""))
    for pence, constraint in ((6_001, "ck_match_target_pence"), (10_001, "ck_line_allocation")):
        with (
            pytest.raises(IntegrityError, match=constraint),
            day.database.transaction() as session,
        ):
            session.execute(
                text(
                    "INSERT INTO match (id, line_id, target_type, target_id, amount_pence,"
                    " target_pence, rule_id, rule_version, score, reason, decided_by,"
                    " decided_at) VALUES (:id, :line, 'expected_item', :item, :pence, :whole,"
                    " 'x', 1, 1, 'x', 'x', now())"
                ),
                {
                    "id": new_id(),
                    "line": line,
                    "item": item,
                    "pence": pence,
                    "whole": 6_000 if pence < 10_000 else pence,
                },
            )
    assert counters(day) == before


def test_the_rest_stays_in_suspense_with_a_reason(day: BankDay) -> None:
    upload(day, 1, 500_000, Entry(10_000, reference="MIXED"))
    (line,) = lines(day)
    with pytest.raises(Invalid):
        on_desk(day, MORAG, lambda desk: leave_in_suspense(desk, line, " "))
    on_desk(day, MORAG, lambda desk: leave_in_suspense(desk, line, "the council asks the bank"))
    assert codes(day) == []
    assert balances(day)["suspense.main"] == -10_000


def test_a_gap_is_accepted_by_two_and_the_account_goes_on(day: BankDay) -> None:
    upload(day, 1, 500_000, Entry(5, day="2026-11-23"), day="2026-11-23")
    upload(day, 3, 600_000, Entry(7))
    upload(day, 4, 600_007, Entry(9, day="2026-11-26"), day="2026-11-26")
    with day.database.transaction() as session:
        (stopped,) = [one for one in list_statements(session, BODY) if one.state == "gap"]
    proposal = on_desk(
        day,
        MORAG,
        lambda desk: propose_statement(desk, stopped.id, "accept_statement", "the bank lost it"),
    )
    assert isinstance(proposal, UUID)
    with pytest.raises(Forbidden):
        on_desk(day, MORAG, lambda desk: decide_statement(desk, proposal, approve=True))
    on_desk(day, IAIN, lambda desk: decide_statement(desk, proposal, approve=True))
    with day.database.transaction() as session:
        assert {one.state for one in list_statements(session, BODY)} == {"reconciled"}
        shown = prove(session, BODY)
    assert shown.holds
    assert shown.accounts[0].statement_pence == 600_016
    assert shown.accounts[0].suspense_pence == 5 + 7 + 9 + 600_000 - 500_005


def test_a_wrong_statement_is_set_aside_and_its_lines_come_again(day: BankDay) -> None:
    upload(day, 1, 500_000, Entry(5), closing=500_006)
    with day.database.transaction() as session:
        (stopped,) = list_statements(session, BODY)
    proposal = on_desk(
        day,
        MORAG,
        lambda desk: propose_statement(desk, stopped.id, "set_aside_statement", "wrong file"),
    )
    assert isinstance(proposal, UUID)
    on_desk(day, IAIN, lambda desk: decide_statement(desk, proposal, approve=True))
    upload(day, 1, 500_000, Entry(5))
    with day.database.transaction() as session:
        states = sorted(one.state for one in list_statements(session, BODY))
        assert states == ["reconciled", "set_aside"]
        assert prove(session, BODY).holds


def test_the_desk_works_with_forms_alone(console: Open, day: BankDay) -> None:
    item = expect(day, 10_000, "RENT-000017")
    expect(day, 9_000, "RENT-000018")
    upload(day, 1, 500_000, Entry(9_900, reference="RENT-000017"))
    (line,) = lines(day)
    page = f"/payments/reconciliation/lines/{line}"
    desk = console(MORAG)
    html = desk.get(page)
    assert desk.status == 200
    assert "same reference" in html
    key = f"expected_item:{item}"
    assert html.index(str(item)) < html.index("RENT-000018")
    checked = desk.post(page, do="check", target=key, **{f"pence-{key}": "99.00"})
    assert "It comes out even" in checked
    assert len(live(day, line)) == 0
    wrong = desk.post(page, do="match", target=key, **{f"pence-{key}": "99.999"})
    assert desk.status == 422
    assert "<title>Error:" in wrong
    done = desk.post(page, do="match", target=key, **{f"pence-{key}": "99.00"})
    assert "The line is matched" in done
    (match,) = live(day, line)
    assert "Enter a reason" in desk.post(page, do="undo", match=str(match), undo_reason="")
    assert "taken back" in desk.post(page, do="undo", match=str(match), undo_reason="no")
    for form in (
        {"do": "note", "note": "look"},
        {"do": "take"},
        {"do": "due", "due": "2026-12-01"},
    ):
        desk.post(page, **form)
        assert desk.status == 200
    assert "1 December 2026" in desk.get(page)
    proposed = desk.post(page, do="write_off", account="write_offs", amount="5.00", reason="small")
    assert "waits for a second person" in proposed
    own = desk.get("/payments/reconciliation/approvals")
    assert 'value="approve"' not in own
    other = console(person("ann", "approver"))
    html = other.get("/payments/reconciliation/approvals")
    found = re.search(r'action="(/payments/reconciliation/approvals/[^"]+)"', html)
    assert found is not None
    desk.post(found[1], kind="write_off", decision="approve")
    assert desk.status == 403
    assert "Approved" in other.post(found[1], kind="write_off", decision="approve")
    assert balances(day)["write_offs"] == -500


@pytest.mark.parametrize("role", ["enquiry", "auditor", "uploader"])
def test_others_look_and_change_nothing(console: Open, day: BankDay, role: str) -> None:
    upload(day, 1, 500_000, Entry(9_900, reference="RENT-000017"))
    (line,) = lines(day)
    page = f"/payments/reconciliation/lines/{line}"
    visitor = console(person("guest", role))
    html = visitor.get(page)
    assert visitor.status == 200
    assert 'name="do"' not in html
    before = counters(day), balances(day)
    visitor.post(page, do="suspense", reason="x")
    assert visitor.status == 403
    assert (counters(day), balances(day)) == before
