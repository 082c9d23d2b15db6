"""The accounting events of payments out (payments contract 12), one function for each.

Every event has an id of its own, so telling the ledger twice changes nothing. Days are accounting
days, amounts whole pence. ``round`` counts the approvals of a run that was edited and approved
again, because each approval is an event of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.ledger import rules
from payments.ledger.actions import post_entries, reverse_entry
from payments.ledger.bulk import Leg, post_items, post_payments_recalled
from payments.ledger.queries import find_entry, find_open_reservation, get_balance
from payments.ledger.rules import EntryDraft, Line, bank_code, suspense_code, transfer

_RESERVATION = text(
    "SELECT id FROM entry WHERE body = :body AND event_type = 'run.reserved'"
    " AND event_id = :event AND NOT EXISTS (SELECT 1 FROM pending_resolution r"
    " WHERE r.pending_entry_id = entry.id)"
)
_RESOLVED = text("SELECT 1 FROM pending_resolution WHERE pending_entry_id = :id")
_SUSPENDED = text(
    "SELECT id FROM entry WHERE body = :body AND event_type = 'line.unidentified'"
    " AND event_id = :event"
)
_IS_BOOKED = text(
    "SELECT EXISTS (SELECT 1 FROM entry WHERE body = :body AND event_type = :type"
    " AND event_id = :event)"
)


@dataclass(frozen=True)
class ApprovedRun:
    """What an approval commits to: payments as (id, pence), from one account, on one day.

    ``reissued`` are those that replace a payment that came back, whose cost is booked already.
    """

    run_id: UUID
    round: int
    bank_account_code: str
    processing_day: date
    payments: Sequence[tuple[UUID, int]]
    reissued: frozenset[UUID] = frozenset()


def post_run_approved(session: Session, body: str, run: ApprovedRun, on: date) -> None:
    """Book the cost of each payment and reserve the run's total at its bank account.

    What is issued again costs nothing more: it is paid out of what was returned. The credit goes
    to payments approved all the same, from where the submission moves it on to in transit.
    """
    total = sum(pence for _, pence in run.payments)
    drafts = [
        transfer(
            "payment.reissued" if payment_id in run.reissued else "payment.approved",
            f"{payment_id}/{run.round}",
            on,
            rules.RETURNED_UNAPPLIED if payment_id in run.reissued else rules.PROGRAMME_EXPENDITURE,
            rules.PAYMENTS_APPROVED,
            pence,
        )
        for payment_id, pence in run.payments
    ]
    post_entries(session, body, drafts, f"run {run.run_id} approved")
    reserve_run(
        session, body, run.run_id, run.round, run.bank_account_code, run.processing_day, total
    )


def reserve_run(
    session: Session,
    body: str,
    run_id: UUID,
    round_: int,
    bank_account_code: str,
    processing_day: date,
    total_pence: int,
) -> None:
    """Reserve a run's total at its bank account for the day on which the bank processes it.

    Raises:
        Conflict: this round of the run is reserved already with another total, account or day.
    """
    draft = EntryDraft(
        "run.reserved",
        f"{run_id}/{round_}",
        processing_day,
        (
            Line(rules.IN_TRANSIT, total_pence, pending=True),
            Line(bank_code(bank_account_code), -total_pence, pending=True),
        ),
        kind="pending",
    )
    post_entries(session, body, [draft], f"run {run_id} reserved")


def post_run_recalled(
    session: Session, body: str, run_id: UUID, round_: int, payment_ids: Sequence[UUID], on: date
) -> None:
    """Take an approval back: reverse the cost of each payment and free the reservation."""
    if payment_ids:
        post_payments_recalled(session, body, payment_ids, round_, on)
    free_run(session, body, run_id, round_, on)


def free_run(session: Session, body: str, run_id: UUID, round_: int, on: date) -> None:
    """Free what one round of a run reserves, because its approval is taken back.

    Does nothing when nothing is reserved any more.
    """
    found = session.execute(
        _RESERVATION, {"body": body, "event": f"{run_id}/{round_}"}
    ).scalar_one_or_none()
    if found is not None:
        _resolve(session, body, found, "run.recalled", f"{run_id}/{round_}", on, bank_pence=0)


def post_payment_recalled(
    session: Session, body: str, payment_id: UUID, round_: int, on: date
) -> None:
    """Reverse the cost of one payment; what was reserved for it is freed by the bank's debit."""
    post_payments_recalled(session, body, [payment_id], round_, on)


def post_submitted(
    session: Session, body: str, submission_id: UUID, total_pence: int, on: date
) -> None:
    """Book that the bank took over a submission: approved payments are now in transit."""
    draft = transfer(
        "submission.acknowledged",
        str(submission_id),
        on,
        rules.PAYMENTS_APPROVED,
        rules.IN_TRANSIT,
        total_pence,
    )
    post_entries(session, body, [draft], f"submission {submission_id} acknowledged")


def post_contra_seen(
    session: Session,
    body: str,
    run_id: UUID,
    submission_id: UUID,
    bank_account: str,
    amount_pence: int,
    on: date,
) -> None:
    """Book the debit for a submission on the statement: the reservation becomes posted.

    A smaller debit than reserved frees the rest. Without an open reservation the same accounts
    are posted plainly.
    """
    purpose = f"submission {submission_id} seen at the bank"
    event = ("submission.settled", str(submission_id))
    if session.execute(
        _IS_BOOKED, {"body": body, "type": event[0], "event": event[1]}
    ).scalar_one():
        return
    reserved = find_open_reservation(session, body, run_id)
    if reserved is not None and reserved[1] >= amount_pence:
        _resolve(session, body, reserved[0], *event, on, bank_pence=amount_pence)
        return
    draft = transfer(*event, on, rules.IN_TRANSIT, bank_code(bank_account), amount_pence)
    post_entries(session, body, [draft], purpose)


def post_file_refused(
    session: Session,
    body: str,
    run_id: UUID,
    submission_id: UUID,
    items: Sequence[tuple[UUID, int]],
    on: date,
) -> None:
    """Book a file that the bank refused whole, its payments as (id, pence): nothing was sent.

    The cost stands, because we owe the payees still, as with a payment rejected on input. But the
    money was never in transit, so what was approved goes to returned and unapplied directly, from
    where a reissue or a write-back takes it, and the whole reservation is freed.
    """
    _post_each(
        session,
        body,
        "payment.refused",
        items,
        on,
        rules.PAYMENTS_APPROVED,
        rules.RETURNED_UNAPPLIED,
    )
    free_reservation(session, body, run_id, submission_id, on)


def free_reservation(
    session: Session, body: str, run_id: UUID, submission_id: UUID, on: date
) -> None:
    """Free all that is reserved for a run, when the bank will never debit its submission.

    Does nothing when nothing is reserved any more. Each reservation is freed by an entry of its
    own: one that was made again, after a match was taken back, is another.
    """
    while (reserved := find_open_reservation(session, body, run_id)) is not None:
        event = ("submission.void", f"{submission_id}/{reserved[0]}")
        _resolve(session, body, reserved[0], *event, on, bank_pence=0)


def expire_reservation(
    session: Session, body: str, reservation: UUID, event_id: str, on: date
) -> bool:
    """Free a reservation that nothing used in its time; False when it was used after all."""
    if session.execute(_RESOLVED, {"id": reservation}).one_or_none() is not None:
        return False
    _resolve(session, body, reservation, "reservation.expired", event_id, on, bank_pence=0)
    return True


def post_rejected(session: Session, body: str, items: Sequence[tuple[UUID, int]], on: date) -> None:
    """Book payments that the bank rejected on input, as (id, pence): we owe them still."""
    _post_each(
        session, body, "payment.rejected", items, on, rules.IN_TRANSIT, rules.RETURNED_UNAPPLIED
    )


def post_return_advised(
    session: Session, body: str, items: Sequence[tuple[UUID, int]], on: date
) -> None:
    """Book an ARUCS advice, as (payment id, pence): the bank owes us, and we owe the payee."""
    _post_each(
        session,
        body,
        "payment.return_advised",
        items,
        on,
        rules.RETURNS_RECEIVABLE,
        rules.RETURNED_UNAPPLIED,
    )


def post_returns_received(
    session: Session, body: str, bank_account: str, items: Sequence[tuple[UUID, int, date]]
) -> None:
    """Book return credits on the statement as (payment id, pence, day), advised or not yet."""
    leg = Leg("payment.return_received", bank_code(bank_account), rules.RETURNS_RECEIVABLE)
    post_items(session, body, leg, items, f"returns received at {bank_account}")


def post_written_back(
    session: Session, body: str, payment_id: UUID, amount_pence: int, on: date
) -> None:
    """Book that returned money is not paid again and goes back to its programme."""
    items = [(payment_id, amount_pence)]
    _post_each(
        session,
        body,
        "payment.written_back",
        items,
        on,
        rules.RETURNED_UNAPPLIED,
        rules.PROGRAMME_EXPENDITURE,
    )


def post_unidentified(
    session: Session, body: str, bank_account: str, lines: Sequence[tuple[UUID, int, date]]
) -> None:
    """Book statement lines of unknown cause as (line id, signed pence, day) to suspense."""
    drafts = [
        transfer(
            "line.unidentified",
            str(line_id),
            day,
            bank_code(bank_account) if pence > 0 else suspense_code(bank_account),
            suspense_code(bank_account) if pence > 0 else bank_code(bank_account),
            abs(pence),
        )
        for line_id, pence, day in lines
    ]
    post_entries(session, body, drafts, f"unidentified at {bank_account}")


def post_identified(session: Session, body: str, line_id: UUID, on: date) -> None:
    """Take a line out of suspense because its cause is known now: its entry is reversed.

    Does nothing for a line that never went there. What it is instead is an event of its own.
    """
    found = session.execute(_SUSPENDED, {"body": body, "event": str(line_id)}).scalar_one_or_none()
    if found is not None:
        reverse_entry(session, body, found, "line.identified", str(line_id), on)


def post_opening_balance(
    session: Session,
    body: str,
    bank_account: str,
    statement_id: UUID,
    amount_pence: int,
    on: date,
) -> None:
    """Book what a bank account held before the first statement that we were shown; zero is nothing.

    Refuses (does nothing) once the account has any posted balance of its own.
    """
    code = bank_code(bank_account)
    if amount_pence == 0 or get_balance(session, body, code) != 0:
        return
    draft = EntryDraft(
        "bank.opened",
        bank_account,
        on,
        (Line(code, amount_pence), Line(rules.OPENING_BALANCE, -amount_pence)),
    )
    post_entries(session, body, [draft], f"opening balance of statement {statement_id}")


def _post_each(
    session: Session,
    body: str,
    event_type: str,
    items: Sequence[tuple[UUID, int]],
    on: date,
    debit: str,
    credit: str,
) -> None:
    leg = Leg(event_type, debit, credit)
    post_items(session, body, leg, [(one, pence, on) for one, pence in items], event_type)


def _resolve(
    session: Session,
    body: str,
    reservation: UUID,
    event_type: str,
    event_id: str,
    on: date,
    *,
    bank_pence: int,
) -> None:
    pending = find_entry(session, body, reservation)
    if pending is None:
        return
    off = [Line(p.account, -p.amount_pence, pending=True) for p in pending.postings]
    posted = [
        Line(p.account, bank_pence if p.amount_pence > 0 else -bank_pence)
        for p in pending.postings
        if bank_pence
    ]
    draft = EntryDraft(
        event_type,
        event_id,
        on,
        (*posted, *off),
        kind="post" if bank_pence else "void",
        refers_to=reservation,
    )
    post_entries(session, body, [draft], event_type)
