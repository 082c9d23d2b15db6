"""A payment or a whole run is taken back before it goes to the bank."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from payments.bank.submissions.withdraw import withdraw_submission
from payments.ledger.accounting import free_run
from payments.ledger.bulk import post_payments_recalled, post_recalled
from payments.runs import models
from payments.runs.actions.history import move_payments, move_run, note_payment, note_run
from payments.runs.actions.moves import FIRST_ID, LAST_ID, Moved, move_range
from payments.runs.actions.parts import begin_work, fits_one_shard, set_working
from payments.runs.actions.steps import check_reason, check_step, organisation_of
from payments.runs.queries.payments import get_payment, lock_payments
from payments.runs.queries.runs import Run, lock_run
from payments.runs.queries.totals import add_up, get_totals
from payments.runs.rules import PaymentState
from shared.actors import SYSTEM, Actor
from shared.clock import london_date
from shared.errors import Conflict

_RECALLABLE: tuple[PaymentState, ...] = ("approved", "released")


def recall_run(session: Session, run_id: UUID, reason: str, actor: Actor, now: datetime) -> None:
    """Take an approved or released run back for good, and reverse what was booked.

    Raises:
        Forbidden, Conflict: the role is missing, another state, or the file is on its way.
        Invalid: no reason.
    """
    run = lock_run(session, organisation_of(actor), run_id)
    check_step(run, "recall", actor)
    reason = check_reason(reason)
    withdraw_submission(session, run.id, actor)
    free_run(session, run.organisation, run.id, run.round, london_date(now))
    note_run(session, actor, run, "recalled", now, details={"reason": reason})
    wanted = add_up(get_totals(session, run.id), *_RECALLABLE)
    if fits_one_shard(wanted.count):
        recall_part(session, run, now)
        move_run(session, run, "cancelled", now)
    else:
        begin_work(session, run, "recall", _RECALLABLE, wanted.count, now)


def recall_part(
    session: Session, run: Run, now: datetime, *, first: UUID = FIRST_ID, last: UUID = LAST_ID
) -> Moved:
    """Reverse what was booked of a range of payments, and recall them."""
    day = london_date(now)
    post_recalled(session, run.organisation, run.id, run.round, first, last, day)
    return move_range(session, run.id, _RECALLABLE, "recalled", now, first=first, last=last)


def finish_recall(session: Session, organisation: str, run_id: UUID, now: datetime) -> None:
    """Cancel a big run whose parts are all recalled; done already changes nothing."""
    run = lock_run(session, organisation, run_id)
    if run.working == "recall":
        set_working(session, run.id, None)
        move_run(session, run, "cancelled", now)


def recall_payment(
    session: Session, public_id: str, reason: str, actor: Actor, now: datetime
) -> None:
    """Take one payment of an approved run back; the approval of the others stands.

    Raises:
        Forbidden, Conflict, NotFound: the role is missing, the run is released already, or the
            payment is not approved or not of this body.
        Invalid: no reason.
    """
    organisation = organisation_of(actor)
    seen = get_payment(session, organisation, public_id)
    run = lock_run(session, organisation, seen.run_id)
    check_step(run, "recall", actor)
    reason = check_reason(reason)
    payment = lock_payments(session, [seen.id])[0]
    if run.state != "approved":
        raise Conflict(
            "run_state",
            "The run is released: one payment can no longer be taken out of its file",
            detail="Recall the whole run while its file was not sent.",
        )
    if payment.run_id != run.id or payment.state != "approved":
        raise Conflict("payment_state", f"Payment {payment.reference} is {payment.state}")
    post_payments_recalled(session, organisation, [payment.id], run.round, london_date(now))
    session.execute(
        update(models.payment).where(models.payment.c.id == payment.id).values(reason=reason)
    )
    move_payments(session, [payment], "recalled", now)
    details = {"reason": reason}
    note_payment(session, actor, payment, "recalled", now, state="recalled", details=details)
    if "approved" not in get_totals(session, run.id):
        free_run(session, organisation, run.id, run.round, london_date(now))
        move_run(session, run, "cancelled", now)
        note_run(session, SYSTEM, run, "recalled", now, state="cancelled")
