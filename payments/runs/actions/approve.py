"""The way of a run to the bank: put forward, approved by another person, released."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from payments.ledger.accounting import ApprovedRun, post_run_approved
from payments.payees.bank_details import DetailsVault
from payments.runs import models
from payments.runs.actions.create import open_run
from payments.runs.actions.hand_over import hand_over, next_processing_day
from payments.runs.actions.history import move_payments, move_run, note_payment, note_run
from payments.runs.queries.payments import Payment, list_run_payments
from payments.runs.queries.runs import Run, list_approvals, list_shapers, lock_run
from payments.runs.rules import (
    SignedPayment,
    SignedRun,
    Step,
    content_hash,
    has_role_for,
    is_possible_in,
    may_approve,
    may_release,
)
from shared.actors import Actor
from shared.clock import london_date
from shared.errors import Conflict, FieldError, Forbidden, Invalid
from shared.ids import new_id

_MAXIMUM_REASON = 500
_SAYINGS = {
    "preparing": "is being prepared",
    "putting_forward": "is being put forward",
    "approving": "is being booked",
    "cancelled": "is cancelled",
    "collecting": "is still collecting payments",
    "correcting": "is being corrected",
    "awaiting_approval": "is waiting for approval",
    "approved": "is approved already",
    "released": "is approved and on its way to the bank",
    "submitted": "is at the bank already",
    "closed": "is finished",
}


def check_step(run: Run, step: Step, actor: Actor) -> None:
    """Refuse a step that the actor's roles or the state of the run do not allow.

    Raises:
        Forbidden: none of the roles allows it.
        Conflict: the run is in another state; says in which.
    """
    if not has_role_for(step, actor.roles):
        raise Forbidden("role_missing", "Your role does not allow this")
    if not is_possible_in(step, run.state):
        raise Conflict(
            "run_state",
            f"Run {run.reference} {_SAYINGS[run.state]}",
            detail="Nothing was changed. Somebody may have been quicker than you.",
        )


def signed_content(run: Run, payments: list[Payment], vault: DetailsVault) -> bytes:
    """Return the hash of what an approval of these payments of a run signs."""
    signed = []
    for payment in payments:
        details = vault.open(payment.details_sealed, payment.record)
        signed.append(
            SignedPayment(
                payment.public_id,
                payment.payee_name,
                payment.account_type,
                details.sort_code,
                details.account_number,
                details.roll_number,
                payment.amount_pence,
                payment.currency,
                payment.reference,
            )
        )
    return content_hash(
        SignedRun(
            run.organisation,
            run.programme.slug,
            run.run_date,
            run.account.sort_code,
            run.account.account_number,
            signed,
        )
    )


def put_forward(
    session: Session, vault: DetailsVault, run_id: UUID, actor: Actor, now: datetime
) -> None:
    """Fix a run's content by its hash and ask for approval; held payments wait for the next run.

    Raises:
        Forbidden, Conflict: not an uploader, not a run to put forward, or nothing in it.
    """
    run = lock_run(session, _organisation(actor), run_id)
    check_step(run, "put_forward", actor)
    move_payments(session, list_run_payments(session, run.id, "rejected"), "validated", now)
    move_payments(session, list_run_payments(session, run.id, "validated"), "ready", now)
    ready = list_run_payments(session, run.id, "ready")
    if not ready:
        raise Conflict("run_empty", f"Run {run.reference} has no payment that is ready")
    digest = signed_content(run, ready, vault)
    move_run(session, run, "awaiting_approval", now, content_hash=digest, round=run.round + 1)
    move_payments(session, ready, "awaiting_approval", now)
    _carry_held_over(session, run, actor, now)
    details: dict[str, str | int | None] = {
        "payments": len(ready),
        "total_pence": sum(payment.amount_pence for payment in ready),
        "content_sha256": digest.hex(),
        "round": run.round + 1,
    }
    note_run(session, actor, run, "put_forward", now, state="awaiting_approval", details=details)


def approve(
    session: Session,
    vault: DetailsVault,
    run_id: UUID,
    signed_hash: bytes,
    actor: Actor,
    now: datetime,
) -> None:
    """Sign a run's content; the last signature needed books it and may release it at once.

    The signer is bound to the content they saw: ``signed_hash`` came with their page.

    Raises:
        Forbidden: not an approver, or one of the people who shaped the run.
        Conflict: approved or sent back meanwhile, or the content is another than was seen.
    """
    run = lock_run(session, _organisation(actor), run_id)
    check_step(run, "approve", actor)
    approvals = list_approvals(session, run.id, run.round)
    approvers = [approval.person_id for approval in approvals]
    if not may_approve(actor.id, list_shapers(session, run.id), approvers):
        raise Forbidden(
            "same_person",
            "Another person has to approve this run",
            detail="You put it forward, changed it or approved it already. "
            "Nobody can do both, whatever their roles.",
        )
    payments = list_run_payments(session, run.id, "awaiting_approval")
    if signed_hash != run.content_hash or signed_hash != signed_content(run, payments, vault):
        raise Conflict(
            "run_changed",
            "The run changed after you opened it",
            detail="Nothing was approved. Look at the run again, then approve what it is now.",
        )
    session.execute(
        insert(models.run_approval).values(
            id=new_id(),
            organisation=run.organisation,
            run_id=run.id,
            round=run.round,
            content_hash=signed_hash,
            person_id=actor.id,
            person_name=actor.name,
            approved_at=now,
        )
    )
    is_last = len(approvals) + 1 >= run.programme.approvals_needed
    note_run(
        session,
        actor,
        run,
        "approved" if is_last else "signed",
        now,
        state="approved" if is_last else None,
        details={"content_sha256": signed_hash.hex(), "round": run.round},
    )
    if is_last:
        _complete_approval(session, vault, run, payments, actor, now)


def reject(session: Session, run_id: UUID, reason: str, actor: Actor, now: datetime) -> None:
    """Send a run back to be corrected, with the reason; signatures of this round are void.

    Raises:
        Forbidden, Conflict: not an approver, or not waiting for approval.
        Invalid: no reason.
    """
    run = lock_run(session, _organisation(actor), run_id)
    check_step(run, "reject", actor)
    reason = check_reason(reason)
    move_run(session, run, "correcting", now, content_hash=None)
    payments = list_run_payments(session, run.id, "awaiting_approval")
    move_payments(session, payments, "rejected", now)
    note_run(session, actor, run, "rejected", now, state="correcting", details={"reason": reason})


def release(
    session: Session, vault: DetailsVault, run_id: UUID, actor: Actor, now: datetime
) -> None:
    """Hand an approved run over to the bank, where its programme wants a person to say when.

    Raises:
        Forbidden: the role is missing, or this person alone approved the run.
        Conflict: not approved, or released already.
    """
    run = lock_run(session, _organisation(actor), run_id)
    check_step(run, "release", actor)
    approvals = list_approvals(session, run.id, run.round)
    if not may_release(actor.id, [approval.person_id for approval in approvals]):
        raise Forbidden(
            "same_person",
            "Another person has to release this run",
            detail="Nobody releases what they alone approved.",
        )
    payments = list_run_payments(session, run.id, "approved")
    if run.content_hash != signed_content(run, payments, vault):
        raise Conflict("run_changed", "The run is not what was approved; nothing was released")
    _release(session, vault, run, payments, actor, now)


def check_reason(reason: str) -> str:
    """Return a written reason; refuses none and one that is too long."""
    plain = reason.strip()
    if not plain:
        raise Invalid(FieldError("reason", "Enter a reason"))
    if len(plain) > _MAXIMUM_REASON:
        raise Invalid(FieldError("reason", "Enter a reason of up to 500 characters"))
    return plain


def _organisation(actor: Actor) -> str:
    return actor.organisation or ""


def _carry_held_over(session: Session, run: Run, actor: Actor, now: datetime) -> None:
    """Move held payments to the run that collects now, so that they do not stop this one."""
    held = list_run_payments(session, run.id, "held")
    if not held:
        return
    target = open_run(session, run.programme, now)
    session.execute(
        update(models.payment)
        .where(models.payment.c.id.in_([payment.id for payment in held]))
        .values(run_id=target)
    )
    for payment in held:
        note_payment(session, actor, payment, "carried_over", now, details={"from": run.reference})


def _complete_approval(
    session: Session,
    vault: DetailsVault,
    run: Run,
    payments: list[Payment],
    actor: Actor,
    now: datetime,
) -> None:
    move_run(session, run, "approved", now)
    move_payments(session, payments, "approved", now)
    booked = ApprovedRun(
        run_id=run.id,
        round=run.round,
        bank_account_code=run.account.code,
        processing_day=next_processing_day(now),
        payments=[(payment.id, payment.amount_pence) for payment in payments],
        reissued=frozenset(payment.id for payment in payments if payment.replaces is not None),
    )
    post_run_approved(session, run.organisation, booked, london_date(now))
    if run.programme.release == "on_approval":
        approved = lock_run(session, run.organisation, run.id)
        payments = list_run_payments(session, run.id, "approved")
        _release(session, vault, approved, payments, actor, now)


def _release(
    session: Session,
    vault: DetailsVault,
    run: Run,
    payments: list[Payment],
    actor: Actor,
    now: datetime,
) -> None:
    day = next_processing_day(now)
    move_run(session, run, "released", now, processing_date=day)
    move_payments(session, payments, "released", now)
    details = {"processing_day": day.isoformat()}
    note_run(session, actor, run, "released", now, state="released", details=details)
    hand_over(session, vault, run, payments, day, now)
