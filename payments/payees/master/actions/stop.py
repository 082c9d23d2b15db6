"""Stops: no payment goes to a payee until another person lifts it."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from payments.payees.master.actions.decide import need_role
from payments.payees.master.models import payee, payee_stop
from payments.payees.master.queries import get_payee
from payments.payees.master.rules import (
    MAXIMUM_TEXT,
    PAYEE_APPROVER,
    PAYEE_EDITOR,
    STOP_CODES,
    need_words,
)
from shared import audit
from shared.actors import Actor
from shared.clock import london_date
from shared.errors import Conflict, FieldError, Forbidden, Invalid
from shared.ids import new_id


def stop_payee(
    session: Session,
    payee_id: UUID,
    code: str,
    reason: str,
    owner: str,
    review_on: date | None,
    actor: Actor,
    now: datetime,
) -> None:
    """Stop payments to a payee at once; one person is enough to protect.

    Payments that come in for any account it has or had are held from now on.

    Raises:
        Forbidden: neither payee editor nor payee approver.
        Invalid: names ``code``, ``reason``, ``owner`` or ``review_on``, all at once.
        Conflict: stopped already, or not in force. NotFound: not of this body.
    """
    need_role(actor, PAYEE_EDITOR, PAYEE_APPROVER)
    words, holder = _check_stop(code, reason, owner, review_on, london_date(now))
    organisation = actor.organisation or ""
    found = get_payee(session, organisation, payee_id, lock=True)
    if found.state != "active":
        raise Conflict("payee_not_active", "Only a payee in force can be stopped")
    if found.is_stopped:
        raise Conflict("payee_stopped", "This payee is stopped already")
    session.execute(
        insert(payee_stop).values(
            id=new_id(),
            organisation=organisation,
            payee_id=payee_id,
            code=code,
            reason=words,
            owner=holder,
            review_on=review_on,
            stopped_by_id=actor.id,
            stopped_by_name=actor.name,
            stopped_at=now,
        )
    )
    session.execute(update(payee).where(payee.c.id == payee_id).values(is_stopped=True))
    details = {"organisation": organisation, "code": code, "review_on": str(review_on)}
    audit.record(session, actor, "payments.payee.stopped", "payee", payee_id, details)


def _check_stop(
    code: str, reason: str, owner: str, review_on: date | None, today: date
) -> tuple[str, str]:
    faults: list[FieldError] = []
    if code not in STOP_CODES:
        faults.append(FieldError("code", "Select why the payee is stopped"))
    words = ""
    try:
        words = need_words("stop_reason", reason, "Enter what is known")
    except Invalid as invalid:
        faults.extend(invalid.fields)
    holder = " ".join(owner.split())
    if not holder or len(holder) > MAXIMUM_TEXT:
        faults.append(FieldError("owner", "Enter who looks after this"))
    if review_on is None or review_on <= today:
        faults.append(FieldError("review_on", "Enter a day in the future on which it is reviewed"))
    if faults:
        raise Invalid(*faults)
    return words, holder


def lift_stop(session: Session, payee_id: UUID, reason: str, actor: Actor, now: datetime) -> None:
    """Let payments go to a stopped payee again; takes another person than the one who stopped it.

    Raises:
        Forbidden: no payee approver, or the person who stopped it.
        Conflict: not stopped. Invalid: no reason. NotFound: not of this body.
    """
    need_role(actor, PAYEE_APPROVER)
    organisation = actor.organisation or ""
    get_payee(session, organisation, payee_id, lock=True)
    standing = session.execute(
        select(payee_stop.c.id, payee_stop.c.stopped_by_id).where(
            payee_stop.c.payee_id == payee_id, payee_stop.c.lifted_at.is_(None)
        )
    ).one_or_none()
    if standing is None:
        raise Conflict("payee_not_stopped", "This payee is not stopped")
    if standing.stopped_by_id == actor.id:
        raise Forbidden("same_person", "Somebody else has to lift a stop that you made")
    words = need_words("lift_reason", reason, "Enter why payments may go on")
    session.execute(
        update(payee_stop)
        .where(payee_stop.c.id == standing.id)
        .values(lifted_by_id=actor.id, lifted_by_name=actor.name, lifted_at=now, lift_reason=words)
    )
    session.execute(update(payee).where(payee.c.id == payee_id).values(is_stopped=False))
    details = {"organisation": organisation, "reason": words}
    audit.record(session, actor, "payments.payee.stop_lifted", "payee", payee_id, details)
