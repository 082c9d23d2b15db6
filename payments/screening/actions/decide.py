"""What a second person decides about a possible match: clear it for good reason, or stop it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.runs import models as runs
from payments.runs.actions.history import move_payments, note_payment
from payments.runs.actions.steps import check_reason
from payments.runs.queries.payments import Payment, lock_payments
from payments.runs.queries.runs import lock_run
from payments.screening import models
from payments.screening.queries import Case, get_case
from payments.screening.rules import CONFIRMED_MATCH, HOLD_REASONS, POSSIBLE_MATCH
from shared import audit
from shared.actors import Actor
from shared.errors import Conflict, Forbidden


def clear_case(
    session: Session, organisation: str, case_id: UUID, reason: str, actor: Actor, now: datetime
) -> None:
    """Say that a payee is not who is listed; the payment goes on to its next check or is ready.

    The same payee, account and unchanged list entry will not be asked about again. Whoever clears
    may not approve the run.

    Raises:
        Forbidden: the person sent the payment.
        Conflict, NotFound, Invalid: decided already, not of this body, or no reason.
    """
    case, payment = _take(session, organisation, case_id, actor)
    reason = check_reason(reason)
    for match in case.matches:
        session.execute(
            insert(models.screening_clearance)
            .values(
                organisation=organisation,
                subject_sha256=case.subject_sha256,
                entry_id=match["entry_id"],
                entry_sha256=bytes.fromhex(match["entry_sha256"]),
                case_id=case.id,
                cleared_at=now,
            )
            .on_conflict_do_nothing()
        )
    _decide(session, case, "cleared", reason, actor, now)
    if payment.state != "held" or payment.hold_code != POSSIBLE_MATCH:
        return
    if case.next_hold_code:
        _hold(session, payment, case.next_hold_code, case.next_hold_reason or "", now)
        return
    move_payments(session, [payment], "ready", now)
    details = {"reason": reason, "hold": HOLD_REASONS[POSSIBLE_MATCH]}
    note_payment(session, actor, payment, "hold_released", now, state="ready", details=details)


def confirm_case(
    session: Session, organisation: str, case_id: UUID, reason: str, actor: Actor, now: datetime
) -> None:
    """Say that a payee is who is listed; the payment stays stopped and can only be removed.

    Raises:
        Forbidden, Conflict, NotFound, Invalid: as for clearing.
    """
    case, payment = _take(session, organisation, case_id, actor)
    reason = check_reason(reason)
    _decide(session, case, "confirmed", reason, actor, now)
    if payment.state == "held":
        _hold(session, payment, CONFIRMED_MATCH, HOLD_REASONS[CONFIRMED_MATCH], now)
        details = {"reason": HOLD_REASONS[CONFIRMED_MATCH]}
        note_payment(session, actor, payment, "held", now, state="held", details=details)


def _take(session: Session, organisation: str, case_id: UUID, actor: Actor) -> tuple[Case, Payment]:
    """Return an open case and its payment, both locked behind the run; refuses the sender."""
    seen = get_case(session, organisation, case_id)
    lock_run(session, organisation, seen.run_id)
    payment = lock_payments(session, [seen.payment_id])[0]
    session.execute(
        select(models.screening_case.c.id)
        .where(models.screening_case.c.id == case_id)
        .with_for_update()
    )
    case = get_case(session, organisation, case_id)
    if case.sent_by_id == actor.id:
        raise Forbidden(
            "same_person",
            "Somebody else has to decide this",
            detail="You sent the file that this payment is in.",
        )
    if case.state != "open":
        raise Conflict("case_decided", "This case has been decided already")
    return case, payment


def _decide(
    session: Session, case: Case, state: str, reason: str, actor: Actor, now: datetime
) -> None:
    session.execute(
        update(models.screening_case)
        .where(models.screening_case.c.id == case.id)
        .values(
            state=state,
            decided_at=now,
            decided_by_id=actor.id,
            decided_by_name=actor.name,
            reason=reason,
        )
    )
    audit.record(
        session,
        actor,
        f"payments.screening.{state}",
        "screening_case",
        case.id,
        {
            "payment": case.public_id,
            "entries": [match["entry_id"] for match in case.matches],
            "list_sha256": case.list_sha256.hex(),
            "reason": reason,
        },
    )


def _hold(session: Session, payment: Payment, code: str, reason: str, now: datetime) -> None:
    session.execute(
        update(runs.payment)
        .where(runs.payment.c.id == payment.id)
        .values(hold_code=code, hold_reason=reason, state_at=now)
    )
