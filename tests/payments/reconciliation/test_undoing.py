"""A match that is taken back leaves nothing paid: payments, run, ledger and listeners know it."""

import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import text

from payments.reconciliation.queries import prove
from payments.reconciliation.work.actions import Desk, Part, match_line
from payments.reconciliation.work.queries import list_matches
from payments.reconciliation.work.undoing import undo_match
from payments.runs.actions.outcomes import apply_outcomes
from shared.actors import Actor
from shared.errors import Conflict
from shared.ids import new_id
from tests.payments.bank.bank_day import BODY, GOOD, NOW, BankDay
from tests.payments.reconciliation.statements import Entry
from tests.payments.reconciliation.test_desk import IAIN, MORAG, lines, on_desk, upload

BATCH = "123456000001"


def waiting_batches(day: BankDay) -> list[UUID]:
    with day.database.transaction() as session:
        rows = session.execute(
            text(
                "SELECT payload->>'outcome_batch_id' FROM outbox"
                " WHERE topic = 'payments.runs.apply_outcomes' ORDER BY id"
            )
        )
        return [UUID(one) for one in rows.scalars()]


def hear(day: BankDay, batches: Sequence[UUID]) -> None:
    for batch in batches:
        with day.database.transaction() as session:
            apply_outcomes(session, batch, NOW)


def rows(day: BankDay, statement: str, **values: object) -> list[tuple[object, ...]]:
    with day.database.transaction() as session:
        return [tuple(row) for row in session.execute(text(statement), values)]


def states(day: BankDay) -> list[object]:
    return [row[0] for row in rows(day, "SELECT state FROM payment ORDER BY id")]


def run_state(day: BankDay) -> object:
    return rows(day, "SELECT state FROM run")[0][0]


def live(day: BankDay, line: UUID) -> UUID:
    with day.database.transaction() as session:
        (match,) = [one for one in list_matches(session, line) if one.state == "live"]
    return match.id


def settle(day: BankDay, *pence: int) -> tuple[UUID, UUID]:
    """Have a run paid by the statement; returns its submission and the line of the debit."""
    _, submission, _ = day.run(*((GOOD, one) for one in pence))
    day.hand_over(submission)
    day.fetch_reports()
    upload(day, 1, 500_000, Entry(-sum(pence), batch=BATCH))
    (line,) = lines(day)
    return submission, line


def undo(day: BankDay, line: UUID, actor: Actor = MORAG) -> None:
    match = live(day, line)
    on_desk(day, actor, lambda desk: undo_match(desk, match, "another file"))


def match_again(day: BankDay, line: UUID, submission: UUID, pence: int) -> None:
    part = [Part("submission", submission, pence)]
    on_desk(day, IAIN, lambda desk: match_line(desk, line, part, ""))


def proof(day: BankDay) -> tuple[bool, int, int]:
    with day.database.transaction() as session:
        shown = prove(session, BODY)
    return shown.holds, shown.in_transit_pence, shown.accounts[0].reserved_pence


def test_what_was_paid_waits_for_its_debit_again_and_its_run_is_open(day: BankDay) -> None:
    _, line = settle(day, 700, 300)
    hear(day, waiting_batches(day))
    assert (states(day), run_state(day)) == (["paid", "paid"], "closed")
    undo(day, line)
    hear(day, waiting_batches(day))
    assert (states(day), run_state(day)) == (["accepted", "accepted"], "submitted")
    assert rows(day, "SELECT state, settled_on FROM submission") == [("reported", None)]
    assert proof(day) == (True, 1_000, 1_000)
    told = [one[0] for one in rows(day, "SELECT kind FROM run_event ORDER BY id")]
    assert told[-2:] == ["unpaid", "reopened"]


def test_matched_again_and_undone_again_as_often_as_people_change_their_minds(
    day: BankDay,
) -> None:
    submission, line = settle(day, 700, 300)
    hear(day, waiting_batches(day))
    for _ in range(3):
        undo(day, line)
        hear(day, waiting_batches(day))
        assert (states(day), run_state(day)) == (["accepted", "accepted"], "submitted")
        assert proof(day) == (True, 1_000, 1_000)
        match_again(day, line, submission, 1_000)
        hear(day, waiting_batches(day))
        assert (states(day), run_state(day)) == (["paid", "paid"], "closed")
        assert proof(day) == (True, 0, 0)
    said = rows(
        day,
        "SELECT kind, round, count(*) FROM bank_outcome WHERE kind IN ('paid', 'unpaid')"
        " GROUP BY 1, 2 ORDER BY 1, 2",
    )
    assert said == [
        *(("paid", number, 2) for number in (1, 2, 3, 4)),
        *(("unpaid", number, 2) for number in (1, 2, 3)),
    ]


@pytest.mark.parametrize(
    "order",
    list(itertools.permutations(range(3))),
    ids=lambda order: "".join(map(str, order)),
)
def test_the_last_word_counts_in_whichever_order_it_is_heard(
    day: BankDay, order: tuple[int, ...]
) -> None:
    submission, line = settle(day, 700)
    before = waiting_batches(day)[:-1]
    undo(day, line)
    match_again(day, line, submission, 700)
    undo(day, line)
    hear(day, before)
    assert states(day) == ["accepted"]
    said = waiting_batches(day)[len(before) :]
    assert len(said) == 4
    hear(day, [said[one] for one in order])
    hear(day, said[3:])
    assert states(day) == ["accepted"]
    match_again(day, line, submission, 700)
    final = waiting_batches(day)[-1]
    hear(day, [final, *(said[one] for one in order), *said[3:]])
    assert (states(day), run_state(day)) == (["paid"], "closed")


def test_what_came_back_meanwhile_stays_returned(day: BankDay) -> None:
    _, line = settle(day, 700, 300)
    hear(day, waiting_batches(day))
    with day.database.transaction() as session:
        session.execute(
            text(
                "UPDATE payment SET state = 'returned', reason_code = 'AC04', reason = 'closed'"
                " WHERE amount_pence = 300"
            )
        )
    undo(day, line)
    hear(day, waiting_batches(day))
    assert states(day) == ["accepted", "returned"]
    assert rows(day, "SELECT 1 FROM run_event WHERE kind = 'contradicted'") == []


def test_part_of_a_debit_pays_nothing_and_its_undo_unpays_nothing(day: BankDay) -> None:
    _, submission, _ = day.run((GOOD, 700), (GOOD, 300))
    day.hand_over(submission)
    day.fetch_reports()
    upload(day, 1, 500_000, Entry(-400, reference="PART"))
    (line,) = lines(day)
    match_again(day, line, submission, 400)
    undo(day, line)
    assert rows(day, "SELECT 1 FROM bank_outcome WHERE kind IN ('paid', 'unpaid')") == []


def test_undone_before_the_bank_reported_the_payments_are_only_sent(day: BankDay) -> None:
    _, submission, _ = day.run((GOOD, 700))
    day.hand_over(submission)
    upload(day, 1, 500_000, Entry(-700, batch=BATCH))
    (line,) = lines(day)
    hear(day, waiting_batches(day))
    assert states(day) == ["paid"]
    undo(day, line)
    hear(day, waiting_batches(day))
    assert states(day) == ["submitted"]
    day.fetch_reports()
    hear(day, waiting_batches(day))
    assert states(day) == ["accepted"]


def test_of_payments_that_the_bank_debits_singly_one_is_unpaid(day: BankDay) -> None:
    _, submission, ids = day.run((GOOD, 700), (GOOD, 300))
    day.hand_over(submission)
    day.fetch_reports()
    with day.database.transaction() as session:
        session.execute(
            text(
                "INSERT INTO expected_item (id, target_type, body, bank_account_id, run_id,"
                " submission_id, amount_pence, due_on, reference, reference_key, ledger_account)"
                " SELECT i.payment_id, 'payment', :body, :account, s.run_id, s.id,"
                " -i.amount_pence, '2026-11-25', i.reference, i.reference_key, 'in_transit'"
                " FROM submission_item i JOIN submission s ON s.id = i.submission_id"
            ),
            {"body": BODY, "account": day.account},
        )
    upload(
        day,
        1,
        500_000,
        Entry(-700, reference="REF-0000"),
        Entry(-300, reference="REF-0001"),
    )
    hear(day, waiting_batches(day))
    first, second = lines(day)
    for line, one, pence in ((first, ids[0], 700), (second, ids[1], 300)):
        if not rows(day, "SELECT 1 FROM match WHERE line_id = :line", line=line):
            part = [Part("payment", one, pence)]
            on_desk(day, IAIN, lambda desk, a=line, b=part: match_line(desk, a, b, ""))  # type: ignore[misc]  # bound now
    hear(day, waiting_batches(day))
    assert (states(day), run_state(day)) == (["paid", "paid"], "closed")
    assert proof(day) == (True, 0, 0)
    for _ in range(2):
        undo(day, second)
        hear(day, waiting_batches(day))
        assert (states(day), run_state(day)) == (["paid", "accepted"], "submitted")
        assert proof(day)[2] == 300
        part = [Part("payment", ids[1], 300)]
        on_desk(day, IAIN, lambda desk, part=part: match_line(desk, second, part, ""))  # type: ignore[misc]  # bound now
        hear(day, waiting_batches(day))
        assert (states(day), run_state(day)) == (["paid", "paid"], "closed")
        assert proof(day) == (True, 0, 0)


def test_two_people_undo_one_match_and_one_wins(day: BankDay) -> None:
    _, line = settle(day, 700)
    hear(day, waiting_batches(day))
    match = live(day, line)

    def work(actor: Actor) -> str:
        try:
            on_desk(day, actor, lambda desk: undo_match(desk, match, "another file"))
        except Conflict as refused:
            return refused.code
        return "undone"

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(work, (MORAG, IAIN)))
    assert outcomes == ["match_undone", "undone"]
    assert rows(day, "SELECT count(*) FROM bank_outcome WHERE kind = 'unpaid'") == [(1,)]


def test_undo_and_match_at_once_end_as_the_later_of_them(day: BankDay) -> None:
    submission, line = settle(day, 700)
    hear(day, waiting_batches(day))
    match = live(day, line)

    def take_back() -> str:
        on_desk(day, MORAG, lambda desk: undo_match(desk, match, "another file"))
        return "undone"

    def match_it() -> str:
        try:
            match_again(day, line, submission, 700)
        except Conflict as refused:
            return refused.code
        return "matched"

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(take_back), pool.submit(match_it)
        assert first.result() == "undone"
        matched = second.result()
    hear(day, waiting_batches(day)[::-1])
    expected = {"matched": (["paid"], "closed"), "line_taken": (["accepted"], "submitted")}
    assert (states(day), run_state(day)) == expected[matched]
    assert proof(day)[0]


def test_listeners_hear_of_the_correction_and_not_that_the_run_was_sent(day: BankDay) -> None:
    _, line = settle(day, 700)
    hear(day, waiting_batches(day))
    with day.database.transaction() as session:
        session.execute(
            text(
                "INSERT INTO webhook_endpoint (id, organisation, url, description, event_types,"
                " state, state_at, created_by, created_at) VALUES (:id, :body,"
                " 'https://finance.example.scot/hooks', '', :types, 'enabled', :now, 'morag',"
                " :now)"
            ),
            {
                "id": new_id(),
                "body": BODY,
                "types": ["payment.sent", "payment.corrected", "run.sent", "run.reopened"],
                "now": NOW,
            },
        )
    undo(day, line)
    hear(day, waiting_batches(day))
    told = rows(day, "SELECT type, data->>'state' FROM webhook_event ORDER BY id")
    assert told == [("payment.corrected", "accepted"), ("run.reopened", "submitted")]


def test_a_match_of_money_in_is_undone_without_any_payment(day: BankDay) -> None:
    upload(day, 1, 500_000, Entry(5_000, reference="GIFT"))
    (line,) = lines(day)

    def leave(desk: Desk) -> None:
        desk.session.execute(
            text(
                "INSERT INTO match (id, line_id, target_type, target_id, amount_pence,"
                " target_pence, rule_id, rule_version, score, reason, decided_by, decided_at)"
                " VALUES (:id, :line, 'suspense', :target, 5000, 5000, 'person', 1, 100, 'x', 'x',"
                " now())"
            ),
            {"id": new_id(), "line": line, "target": new_id()},
        )

    on_desk(day, MORAG, leave)
    undo(day, line)
    assert rows(day, "SELECT 1 FROM bank_outcome") == []
