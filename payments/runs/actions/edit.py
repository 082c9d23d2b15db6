"""Corrections of payments; whatever was signed before is void then."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from payments.ledger.bulk import post_payments_recalled
from payments.payees.actions import Checker, CheckRequest, check_name, validate_details
from payments.payees.bank_details import (
    AccountType,
    account_fingerprint,
    payee_fingerprint,
)
from payments.payees.master.queries import find_payees
from payments.payees.overrides.actions import HeldPayment, record_override, refuse_maker
from payments.payees.queries import find_check
from payments.runs import models
from payments.runs.actions.create import Desk
from payments.runs.actions.history import move_payments, note_payment
from payments.runs.actions.moves import move_range
from payments.runs.actions.send_back import send_back
from payments.runs.actions.steps import check_reason, check_step
from payments.runs.queries.payments import (
    Payment,
    find_duplicate,
    get_payment,
    lock_payments,
)
from payments.runs.queries.runs import Run, lock_run
from payments.runs.rules import (
    PaymentState,
    Step,
    check_order,
    clean_reference,
    decide_hold,
    hold_of_payee,
)
from payments.screening.actions.rescreen import ask_for_screening
from payments.screening.rules import SCREENING_HOLDS
from payments.webhooks.actions.announce import announce_payments
from shared.actors import Actor
from shared.clock import london_date
from shared.errors import Conflict, FieldError, Invalid

_CHANGEABLE: tuple[PaymentState, ...] = (
    "held",
    "ready",
    "validated",
    "rejected",
    "awaiting_approval",
    "approved",
)


# Where a person held it, the line of that hold ends with it.
_LIFT = text(
    "UPDATE hold SET lifted_by_id = :id, lifted_by_name = :name, lifted_at = :now,"
    " lift_reason = :reason WHERE payment_id = :payment AND lifted_at IS NULL"
)


@dataclass(frozen=True)
class Correction:
    """What a payment shall say, as typed."""

    payee_name: str
    account_type: AccountType
    sort_code: str
    account_number: str
    roll_number: str
    amount_pence: int
    reference: str


def correct_payment(checker: Checker, public_id: str, correction: Correction, actor: Actor) -> None:
    """Change a payment; a changed payee is checked with the payee's bank first.

    The check is a call to an outside party and happens before anything is locked. A run that was
    put forward or approved goes back to be corrected, and its approvals are void.

    Raises:
        Invalid: names the fields at fault.
        Forbidden, Conflict, NotFound: not an uploader, too late, or not of this body.
    """
    organisation = actor.organisation or ""
    desk = Desk(checker.vault, checker.tables)
    with checker.database.transaction() as session:
        payment = get_payment(session, organisation, public_id)
        check_step(lock_run(session, organisation, payment.run_id), "edit", actor)
        check_id = payment.check_id
        is_new_payee = _check_correction(desk, payment, correction)
    if is_new_payee:
        request = CheckRequest(
            organisation,
            correction.account_type,
            correction.payee_name,
            correction.sort_code,
            correction.account_number,
            correction.roll_number,
        )
        check_id = check_name(checker, request, actor).check_id
    with checker.database.transaction() as session:
        edit_payment(session, desk, public_id, correction, check_id, actor, checker.clock())


def edit_payment(
    session: Session,
    desk: Desk,
    public_id: str,
    correction: Correction,
    check_id: UUID | None,
    actor: Actor,
    now: datetime,
) -> None:
    """Write a correction down; see ``correct_payment`` for what it refuses."""
    run, payment = _lock(session, "edit", public_id, actor)
    _refuse_screened(payment)
    _check_correction(desk, payment, correction)
    payment = _send_back(session, run, payment, actor, now)
    vault = desk.vault
    details, modulus = validate_details(
        desk.tables, correction.sort_code, correction.account_number, correction.roll_number
    )
    name, reference = correction.payee_name.strip(), clean_reference(correction.reference)
    fingerprint = account_fingerprint(vault, details)
    duplicate = find_duplicate(
        session,
        run.organisation,
        fingerprint,
        correction.amount_pence,
        reference,
        now,
        besides=payment.id,
    )
    payee_view = find_payees(session, run.organisation, [fingerprint]).get(fingerprint)
    hold = hold_of_payee(payee_view, now) or decide_hold(
        find_check(session, run.organisation, check_id) if check_id else None,
        payee_fingerprint(vault, name, correction.account_type, details),
        now,
        duplicate,
    )
    before = payment.amount_pence
    session.execute(
        update(models.payment)
        .where(models.payment.c.id == payment.id)
        .values(
            payee_name=name,
            account_type=correction.account_type,
            details_sealed=vault.seal(details, payment.record),
            account_fingerprint=fingerprint,
            account_tail=details.account_number[-4:],
            amount_pence=correction.amount_pence,
            reference=reference,
            check_id=check_id,
            payee_id=payee_view.payee_id if payee_view else None,
            modulus_result=modulus.result,
            state="held" if hold else "ready",
            state_at=now,
            hold_code=hold.code if hold else None,
            hold_reason=hold.reason if hold else None,
        )
    )
    details_of_edit: dict[str, str | int | None] = {
        "amount_pence_before": before,
        "amount_pence": correction.amount_pence,
        "payee_changed": int(check_id != payment.check_id),
        "hold": hold.reason if hold else None,
    }
    state = "held" if hold else "ready"
    note_payment(session, actor, payment, "edited", now, state=state, details=details_of_edit)
    ask_for_screening(session, payment.id)


def remove_payment(
    session: Session, public_id: str, reason: str, actor: Actor, now: datetime
) -> None:
    """Take a payment out of its run for good; what was signed before is void then.

    Raises:
        Forbidden, Conflict, NotFound: not an uploader, too late, or not of this body.
        Invalid: no reason.
    """
    run, payment = _lock(session, "remove", public_id, actor)
    reason = check_reason(reason)
    payment = _send_back(session, run, payment, actor, now)
    session.execute(
        update(models.payment).where(models.payment.c.id == payment.id).values(reason=reason)
    )
    move_payments(session, [payment], "cancelled", now)
    details = {"reason": reason}
    note_payment(session, actor, payment, "removed", now, state="cancelled", details=details)


def release_hold(
    session: Session, public_id: str, reason: str, actor: Actor, now: datetime
) -> None:
    """Let a held payment go on although a check stopped it; the reason is kept.

    This is a second person: nobody who entered or edited the payment or put its run forward; and
    whoever does it may not approve the run. The decision is kept with the version of the policy.

    Raises:
        Forbidden, Conflict, NotFound: no role, a maker of it, not held, or not of this body.
        Invalid: no reason.
    """
    _, payment = _lock(session, "override", public_id, actor)
    reason = check_reason(reason)
    if payment.state != "held":
        raise Conflict("payment_not_held", f"Payment {payment.reference} is not held")
    _refuse_screened(payment)
    held = HeldPayment(
        payment.id,
        payment.run_id,
        payment.organisation,
        payment.reference,
        payment.amount_pence,
        payment.hold_code or "",
        payment.hold_reason or "",
        payment.check_id,
    )
    refuse_maker(session, held, actor)
    record_override(session, held, reason, actor, now)
    move_payments(session, [payment], "ready", now)
    session.execute(
        _LIFT,
        {"payment": payment.id, "id": actor.id, "name": actor.name, "now": now, "reason": reason},
    )
    details = {"reason": reason, "hold": payment.hold_reason}
    note_payment(session, actor, payment, "hold_released", now, state="ready", details=details)


def hold_payment(
    session: Session, public_id: str, reason: str, actor: Actor, now: datetime
) -> UUID:
    """Hold a payment until a person releases it; a run that was put forward goes back.

    The caller has checked the role. Returns the payment's id.

    Raises:
        Conflict, NotFound: held or too late already, or not of this body.
    """
    organisation = actor.organisation or ""
    seen = get_payment(session, organisation, public_id)
    run = lock_run(session, organisation, seen.run_id)
    payment = lock_payments(session, [seen.id])[0]
    if payment.run_id != run.id or payment.state not in _CHANGEABLE or payment.state == "held":
        raise Conflict("payment_state", f"Payment {payment.reference} is {payment.state}")
    if run.working is not None:
        raise Conflict("run_busy", f"Run {run.reference} is being worked on")
    _send_back(session, run, payment, actor, now)
    session.execute(
        update(models.payment)
        .where(models.payment.c.id == payment.id)
        .values(state="held", state_at=now, hold_code="person", hold_reason=reason)
    )
    announce_payments(session, organisation, [payment.id], "held", now)
    note_payment(session, actor, payment, "held", now, state="held", details={"reason": reason})
    return payment.id


def _refuse_screened(payment: Payment) -> None:
    """Refuse to end a hold of sanctions screening here: its own page asks a second person."""
    if payment.hold_code in SCREENING_HOLDS:
        raise Conflict(
            "screening_open",
            f"Payment {payment.reference} is held for a check of the payee's name",
            detail="An approver decides it on the screening page.",
        )


def _lock(session: Session, step: Step, public_id: str, actor: Actor) -> tuple[Run, Payment]:
    """Return run and payment, locked in this order, where the step is allowed."""
    organisation = actor.organisation or ""
    seen = get_payment(session, organisation, public_id)
    run = lock_run(session, organisation, seen.run_id)
    payment = lock_payments(session, [seen.id])[0]
    if payment.run_id != run.id:
        raise Conflict("run_state", "The payment was moved to another run; look at it again")
    check_step(run, step, actor)
    if payment.state not in _CHANGEABLE:
        raise Conflict(
            "payment_state", f"Payment {payment.reference} is {payment.state}: too late to change"
        )
    return run, payment


def _check_correction(desk: Desk, payment: Payment, correction: Correction) -> bool:
    """Refuse a correction with every fault at once; tells whether it names another payee."""
    faults = check_order(
        correction.payee_name.strip(),
        correction.account_type,
        correction.amount_pence,
        "GBP",
        clean_reference(correction.reference),
    )
    if payment.replaces is not None and correction.amount_pence != payment.amount_pence:
        faults.append(FieldError("amount", "A payment that replaces another keeps its amount"))
    try:
        details, _ = validate_details(
            desk.tables, correction.sort_code, correction.account_number, correction.roll_number
        )
    except Invalid as invalid:
        raise Invalid(*faults, *invalid.fields) from invalid
    if faults:
        raise Invalid(*faults)
    kept = desk.vault.open(payment.details_sealed, payment.record)
    vault = desk.vault
    return payee_fingerprint(
        vault, payment.payee_name, payment.account_type, kept
    ) != payee_fingerprint(vault, correction.payee_name, correction.account_type, details)


def _send_back(
    session: Session, run: Run, payment: Payment, actor: Actor, now: datetime
) -> Payment:
    """Make a run that was put forward or approved correctable; its signatures are void.

    Returns the payment as it is after that; in a big run it is the first to be sent back.
    """
    if send_back(session, run, payment.reference, actor, now) is run:
        return payment
    if payment.state == "approved":
        day = london_date(now)
        post_payments_recalled(session, run.organisation, [payment.id], run.round, day)
    if payment.state in ("awaiting_approval", "approved"):
        signed: list[PaymentState] = ["awaiting_approval", "approved"]
        move_range(session, run.id, signed, "ready", now, first=payment.id, last=payment.id)
    return lock_payments(session, [payment.id])[0]
