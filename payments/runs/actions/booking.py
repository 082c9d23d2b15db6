"""The ledger's entries of a run's approval and its recall, for a range of its payments."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.ledger import rules
from payments.ledger.accounting import post_payment_recalled, post_run_recalled
from payments.ledger.actions import post_entries
from payments.ledger.rules import EntryDraft, Line, bank_code, transfer

_APPROVED = text(
    "SELECT id, amount_pence, replaces IS NOT NULL AS reissued FROM payment WHERE run_id = :run"
    " AND id BETWEEN :first AND :last AND state = 'awaiting_approval' ORDER BY id"
)
_BOOKED = text(
    """
    SELECT p.id FROM payment p JOIN entry e ON e.event_id = p.id::text || '/' || :round
       AND e.body = :body AND e.event_type IN ('payment.approved', 'payment.reissued')
     WHERE p.run_id = :run AND p.id BETWEEN :first AND :last
       AND NOT EXISTS (SELECT 1 FROM entry r WHERE r.refers_to = e.id AND r.kind = 'reversal')
     ORDER BY p.id
    """
)


def post_approved(
    session: Session,
    body: str,
    run_id: UUID,
    round_: int,
    first_id: UUID,
    last_id: UUID,
    on: date,
) -> tuple[int, int]:
    """Book the cost of the payments that wait for approval in a range; returns count and pence."""
    rows = session.execute(_APPROVED, {"run": run_id, "first": first_id, "last": last_id}).all()
    drafts = [
        transfer(
            "payment.reissued" if row.reissued else "payment.approved",
            f"{row.id}/{round_}",
            on,
            rules.RETURNED_UNAPPLIED if row.reissued else rules.PROGRAMME_EXPENDITURE,
            rules.PAYMENTS_APPROVED,
            row.amount_pence,
        )
        for row in rows
    ]
    post_entries(session, body, drafts, f"run {run_id} approved")
    return len(rows), sum(row.amount_pence for row in rows)


def post_recalled(
    session: Session,
    body: str,
    run_id: UUID,
    round_: int,
    first_id: UUID,
    last_id: UUID,
    on: date,
) -> None:
    """Reverse what ``post_approved`` booked in a range."""
    values = {"body": body, "run": run_id, "round": str(round_), "first": first_id, "last": last_id}
    for payment_id in session.execute(_BOOKED, values).scalars().all():
        post_payment_recalled(session, body, payment_id, round_, on)


def post_payments_recalled(
    session: Session, body: str, payment_ids: Sequence[UUID], round_: int, on: date
) -> None:
    """Reverse the cost of single payments."""
    for payment_id in payment_ids:
        post_payment_recalled(session, body, payment_id, round_, on)


def reserve_run(
    session: Session,
    body: str,
    run_id: UUID,
    round_: int,
    bank_account_code: str,
    processing_day: date,
    total_pence: int,
) -> None:
    """Reserve a run's total at its bank account for the day on which the bank processes it."""
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


def free_run(session: Session, body: str, run_id: UUID, round_: int, on: date) -> None:
    """Free what one round of a run reserves, because its approval is taken back."""
    post_run_recalled(session, body, run_id, round_, [], on)
