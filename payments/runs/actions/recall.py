"""A payment or a whole run is taken back before it goes to the bank."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from payments.bank.submissions.begin import begin_submission
from payments.bank.submissions.withdraw import withdraw_submission
from payments.ledger.accounting import free_run
from payments.ledger.bulk import post_payments_recalled, post_recalled
from payments.runs import models
from payments.runs.actions.history import Told, move_payments, move_run, note_payments, note_run
from payments.runs.actions.moves import FIRST_ID, LAST_ID, Moved, move_range
from payments.runs.actions.parts import begin_work, fits_one_shard, set_working
from payments.runs.actions.steps import check_reason, check_step, organisation_of
from payments.runs.queries.payments import get_payment, lock_payments
from payments.runs.queries.runs import Run, lock_run
from payments.runs.queries.totals import add_up, get_totals
from payments.runs.rules import PaymentState
from shared.actors import SYSTEM, Actor
from shared.clock import london_date
from shared.errors import Conflict, FieldError, Invalid

MOST_AT_ONCE = 100
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
    """Take one payment of an approved or released run back, as ``recall_payments`` does."""
    seen = get_payment(session, organisation_of(actor), public_id)
    recall_payments(session, seen.run_id, [public_id], reason, actor, now)


def recall_payments(
    session: Session,
    run_id: UUID,
    public_ids: Sequence[str],
    reason: str,
    actor: Actor,
    now: datetime,
) -> None:
    """Take some payments of a run back before its file is sent; the approval of the others stands.

    Where the file was begun it is withdrawn, and another one is begun without them. Of a recall
    and the sending of the file exactly one wins. The last payment takes its run with it.

    Raises:
        Forbidden, NotFound: the role is missing, or the run or a payment is not of this body.
        Conflict: ``run_state``, ``run_busy``; ``payment_state``, one is of another run or neither
            approved nor released; ``handed_over``, the file is being sent or was sent.
        Invalid: no reason, or not from 1 to 100 payments.
    """
    organisation = organisation_of(actor)
    run = lock_run(session, organisation, run_id)
    check_step(run, "recall", actor)
    reason = check_reason(reason)
    wanted = list(dict.fromkeys(public_ids))
    if not 1 <= len(wanted) <= MOST_AT_ONCE:
        raise Invalid(FieldError("payments", "Enter from 1 to 100 payment ids, one on each line"))
    seen = [get_payment(session, organisation, public_id) for public_id in wanted]
    payments = lock_payments(session, [one.id for one in seen])
    for one in payments:
        if one.run_id != run.id or one.state != run.state:
            raise Conflict("payment_state", f"Payment {one.reference} is {one.state}")
    if run.state == "released":
        withdraw_submission(session, run.id, actor)
    day = london_date(now)
    ids = [one.id for one in payments]
    post_payments_recalled(session, organisation, ids, run.round, day)
    session.execute(
        update(models.payment).where(models.payment.c.id.in_(ids)).values(reason=reason)
    )
    move_payments(session, payments, "recalled", now)
    told = [Told(one.id, one.public_id, one.correlation_id) for one in payments]
    details = {"reason": reason}
    note_payments(session, actor, run, told, "recalled", now, state="recalled", details=details)
    if run.state not in get_totals(session, run.id):
        free_run(session, organisation, run.id, run.round, day)
        move_run(session, run, "cancelled", now)
        note_run(session, SYSTEM, run, "recalled", now, state="cancelled")
    elif run.state == "released":
        pence = sum(one.amount_pence for one in payments)
        left: dict[str, str | int | None] = {
            "payments": len(payments),
            "total_pence": pence,
            "reason": reason,
        }
        note_run(session, actor, run, "payments_recalled", now, details=left)
        begin_submission(session, run.id, now, after_withdrawal=True)
