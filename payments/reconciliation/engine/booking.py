"""What a match books, and what taking it back books.

A match that a rule makes moves money between the bank account and what explains the line. A match
that a person makes takes it out of suspense, where the line went when nothing explained it. Taking
a match back puts the line into suspense. Every entry carries the match's id, so each is booked once
and a target that is matched again has entries of its own.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bank.actions import record_outcomes, record_settled
from payments.ledger import rules as ledger
from payments.ledger.accounting import free_reservation
from payments.ledger.actions import post_entries
from payments.ledger.queries import find_entry, find_open_reservation
from payments.ledger.rules import EntryDraft, Line, bank_code, suspense_code, transfer

EVENTS = {
    "submission": "submission.settled",
    "returned_payment": "payment.return_received",
    "payment": "payment.settled",
    "expected_item": "item.received",
    "write_off": "line.written_off",
}
_ALLOCATED = text(
    "SELECT amount_pence, allocated_pence FROM match_target"
    " WHERE target_type = 'submission' AND target_id = :id"
)
_ALL_PAID = text(
    """
    SELECT coalesce(sum(abs(e.amount_pence)), 0)::bigint AS pence,
           bool_and(coalesce(t.allocated_pence, 0) = abs(e.amount_pence)) AS whole
      FROM expected_item e LEFT JOIN match_target t
        ON t.target_type = 'payment' AND t.target_id = e.id
     WHERE e.submission_id = :id
    """
)
_REOPEN = text(
    "UPDATE submission SET state = CASE WHEN reported_at IS NULL THEN 'acknowledged'"
    " ELSE 'reported' END, settled_on = NULL, settled_pence = NULL"
    " WHERE id = :id AND state = 'settled'"
)
_OPEN_ACCOUNT = text(
    """
    INSERT INTO account (id, body, code, type, normal_side, currency)
    VALUES (:id, :body, :code, :type, :side, 'GBP') ON CONFLICT (body, code) DO NOTHING
    """
)


@dataclass(frozen=True)
class Booked:
    """A match as the ledger needs it; ``signed_pence`` with the sign of the bank's line."""

    match_id: UUID
    line_id: UUID
    target_type: str
    target_id: UUID
    run_id: UUID | None
    submission_id: UUID | None
    signed_pence: int
    account: str
    on: date


def book_matches(
    session: Session, body: str, bank_account: str, matches: Sequence[Booked], *, suspended: bool
) -> None:
    """Book matches of one bank account, and tell the bank's records what they settle.

    ``suspended`` when the lines are in suspense and the money comes from there.
    """
    source = suspense_code(bank_account) if suspended else bank_code(bank_account)
    drafts = []
    for one in matches:
        if one.target_type == "suspense":
            continue
        event = f"{one.target_id}/{one.match_id}"
        if one.target_type == "submission" and not suspended and one.run_id is not None:
            resolved = _resolve(session, body, one, event)
            if resolved is not None:
                drafts.append(resolved)
                continue
        drafts.append(_move(EVENTS[one.target_type], event, one, source, one.account))
    post_entries(session, body, drafts, f"statement lines of {bank_account} matched")
    _tell(session, body, matches, suspended=suspended)


def unbook_matches(
    session: Session, body: str, bank_account: str, matches: Sequence[Booked], on: date
) -> None:
    """Put the lines of matches that were taken back into suspense, and reopen what they settled."""
    drafts = []
    for one in matches:
        if one.target_type != "suspense":
            drafts.append(
                transfer(
                    "match.undone",
                    str(one.match_id),
                    on,
                    *_sides(one.signed_pence, one.account, suspense_code(bank_account)),
                    abs(one.signed_pence),
                )
            )
        if one.target_type == "submission" and one.run_id is not None:
            session.execute(_REOPEN, {"id": one.target_id})
            drafts.append(_reserve(one, bank_account, on))
        elif one.target_type == "payment" and one.submission_id is not None:
            session.execute(_REOPEN, {"id": one.submission_id})
    post_entries(session, body, drafts, f"matches at {bank_account} undone")


def open_account(session: Session, body: str, code: str, type_: str, opens_id: UUID) -> None:
    """Open an account of the ledger that a write-off goes to; one that is there stays."""
    side = "debit" if type_ == "expense" else "credit"
    values = {"id": opens_id, "body": body, "code": code, "type": type_, "side": side}
    session.execute(_OPEN_ACCOUNT, values)


def _sides(signed_pence: int, source: str, account: str) -> tuple[str, str]:
    """Return debit and credit: money in debits its source, money out credits it."""
    return (source, account) if signed_pence > 0 else (account, source)


def _move(event_type: str, event: str, one: Booked, source: str, account: str) -> EntryDraft:
    debit, credit = _sides(one.signed_pence, source, account)
    return transfer(event_type, event, one.on, debit, credit, abs(one.signed_pence))


def _resolve(session: Session, body: str, one: Booked, event: str) -> EntryDraft | None:
    """Return the entry that posts a run's reservation with the bank's amount; None without one."""
    if one.run_id is None:
        return None
    reserved = find_open_reservation(session, body, one.run_id)
    pence = abs(one.signed_pence)
    pending = None if reserved is None else find_entry(session, body, reserved[0])
    if reserved is None or pending is None or reserved[1] < pence:
        return None
    off = [Line(p.account, -p.amount_pence, pending=True) for p in pending.postings]
    posted = [Line(p.account, pence if p.amount_pence > 0 else -pence) for p in pending.postings]
    lines = (*posted, *off)
    return EntryDraft(
        EVENTS["submission"], event, one.on, lines, kind="post", refers_to=reserved[0]
    )


def _reserve(one: Booked, bank_account: str, on: date) -> EntryDraft:
    pence = abs(one.signed_pence)
    lines = (
        Line(ledger.IN_TRANSIT, pence, pending=True),
        Line(bank_code(bank_account), -pence, pending=True),
    )
    return EntryDraft("run.reserved", f"{one.run_id}/undone-{one.match_id}", on, lines, "pending")


def _tell(session: Session, body: str, matches: Iterable[Booked], *, suspended: bool) -> None:
    submissions: dict[UUID, Booked] = {}
    paid: dict[tuple[UUID, UUID, date], list[UUID]] = defaultdict(list)
    for one in matches:
        if one.run_id is None or one.submission_id is None:
            continue
        if one.target_type == "submission":
            submissions[one.target_id] = one
        elif one.target_type == "payment":
            paid[one.submission_id, one.run_id, one.on].append(one.target_id)
    for submission_id, one in submissions.items():
        _settle(session, body, submission_id, one, suspended=suspended)
    last: dict[tuple[UUID, UUID], date] = {}
    for (submission_id, run_id, on), payments in paid.items():
        record_outcomes(session, submission_id, run_id, "paid", on, only=payments)
        last[submission_id, run_id] = max(on, last.get((submission_id, run_id), on))
    for (submission_id, run_id), on in last.items():
        found = session.execute(_ALL_PAID, {"id": submission_id}).one()
        if found.whole:
            record_settled(session, submission_id, run_id, found.pence, on)
            free_reservation(session, body, run_id, submission_id, on)


def _settle(
    session: Session, body: str, submission_id: UUID, one: Booked, *, suspended: bool
) -> None:
    """Settle a submission once all of it is on the statement."""
    held = session.execute(_ALLOCATED, {"id": submission_id}).one()
    if held.allocated_pence != held.amount_pence or one.run_id is None:
        return
    record_settled(session, submission_id, one.run_id, held.amount_pence, one.on)
    if suspended:
        free_reservation(session, body, one.run_id, submission_id, one.on)
