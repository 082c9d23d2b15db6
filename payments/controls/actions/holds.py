"""People hold payments, runs, programmes or all of a body, and lift holds again."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from payments.controls.models import hold
from payments.controls.queries.days import plan_run
from payments.runs.actions.edit import hold_payment
from payments.runs.actions.history import note_run
from payments.runs.actions.schedule import plan_release
from payments.runs.actions.steps import check_reason, organisation_of
from payments.runs.models import programme, run
from payments.runs.queries.runs import get_run
from payments.runs.rules import APPROVER, RELEASER
from shared import audit
from shared.actors import Actor
from shared.clock import london_date
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from shared.ids import new_id

Level = Literal["body", "programme", "run", "payment"]
HOLDERS = (RELEASER, APPROVER)
_LONGEST = timedelta(days=366)
_MAXIMUM_OWNER = 100


@dataclass(frozen=True)
class Wanted:
    """A hold to place: on what, why, who looks after it and when it is looked at again."""

    level: Level
    reason: str
    owner: str
    review_on: date | None
    programme_id: UUID | None = None
    run_id: UUID | None = None
    public_id: str | None = None


def place_hold(session: Session, wanted: Wanted, actor: Actor, now: datetime) -> UUID:
    """Place a hold: nothing of it is put forward, approved or released while it stands.

    A payment is held by its state; where its run was put forward, that goes back.

    Raises:
        Forbidden: neither a releaser nor an approver.
        Invalid: names the fields at fault.
        NotFound: no such programme, run or payment of this body.
        Conflict: held already, or the payment cannot be held any more.
    """
    organisation = _admit(actor)
    _check(wanted, london_date(now))
    payment_id = None
    if wanted.level == "programme":
        _find_programme(session, organisation, wanted.programme_id)
    elif wanted.level == "run" and wanted.run_id is not None:
        found = get_run(session, organisation, wanted.run_id)
        note_run(session, actor, found, "hold_placed", now, details={"reason": wanted.reason})
    elif wanted.level == "payment":
        payment_id = hold_payment(session, wanted.public_id or "", wanted.reason, actor, now)
    hold_id = new_id()
    values = {
        "level": wanted.level,
        "reason": wanted.reason.strip(),
        "owner": wanted.owner.strip(),
        "review_on": wanted.review_on,
        "programme_id": wanted.programme_id if wanted.level == "programme" else None,
        "run_id": wanted.run_id if wanted.level == "run" else None,
        "payment_id": payment_id,
    }
    try:
        with session.begin_nested():
            session.execute(
                insert(hold).values(
                    id=hold_id,
                    organisation=organisation,
                    **values,
                    placed_by_id=actor.id,
                    placed_by_name=actor.name,
                    placed_at=now,
                )
            )
    except IntegrityError as error:
        if "uq_hold_standing" not in str(error):
            raise
        raise Conflict("held", "This is held already") from error
    audit.record(session, actor, "payments.hold.placed", "hold", hold_id, values)
    return hold_id


def lift_hold(session: Session, hold_id: UUID, reason: str, actor: Actor, now: datetime) -> None:
    """Lift a hold of a run, a programme or a body; approved runs below it go on by their plan.

    Raises:
        Forbidden, NotFound: the role is missing, or no such hold of this body.
        Conflict: lifted already, or of a payment, whose hold is released on its page.
        Invalid: no reason.
    """
    organisation = _admit(actor)
    reason = check_reason(reason)
    row = session.execute(
        select(hold.c.level, hold.c.programme_id, hold.c.run_id, hold.c.lifted_at)
        .where(hold.c.organisation == organisation, hold.c.id == hold_id)
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound("hold_not_found", "There is no such hold")
    if row.lifted_at is not None:
        raise Conflict("hold_lifted", "This hold was lifted already")
    if row.level == "payment":
        raise Conflict("hold_of_payment", "The hold of a payment is released on its page")
    session.execute(
        update(hold)
        .where(hold.c.id == hold_id)
        .values(lifted_by_id=actor.id, lifted_by_name=actor.name, lifted_at=now, lift_reason=reason)
    )
    audit.record(session, actor, "payments.hold.lifted", "hold", hold_id, {"reason": reason})
    if row.run_id is not None:
        found = get_run(session, organisation, row.run_id)
        note_run(session, actor, found, "hold_lifted", now, details={"reason": reason})
    _go_on(session, organisation, row.programme_id, row.run_id, now)


def _go_on(
    session: Session,
    organisation: str,
    programme_id: UUID | None,
    run_id: UUID | None,
    now: datetime,
) -> None:
    """Have the approved runs below a hold looked at again that do not wait for a person."""
    query = (
        select(run.c.id)
        .join(programme, programme.c.id == run.c.programme_id)
        .where(
            run.c.organisation == organisation,
            run.c.state == "approved",
            programme.c.release != "by_hand",
        )
    )
    if programme_id is not None:
        query = query.where(run.c.programme_id == programme_id)
    if run_id is not None:
        query = query.where(run.c.id == run_id)
    for found_id in session.execute(query).scalars().all():
        found = get_run(session, organisation, found_id)
        plan_release(session, found, plan_run(session, found, now), now)


def _admit(actor: Actor) -> str:
    if actor.roles.isdisjoint(HOLDERS):
        raise Forbidden("role_missing", "Your role does not allow this")
    return organisation_of(actor)


def _check(wanted: Wanted, today: date) -> None:
    check_reason(wanted.reason)
    faults = []
    if not 1 <= len(wanted.owner.strip()) <= _MAXIMUM_OWNER:
        faults.append(FieldError("owner", "Enter who looks after it, in up to 100 characters"))
    if wanted.review_on is None or not today <= wanted.review_on <= today + _LONGEST:
        faults.append(FieldError("review_on", "Enter a day from today on, within a year"))
    if faults:
        raise Invalid(*faults)


def _find_programme(session: Session, organisation: str, programme_id: UUID | None) -> None:
    found = select(programme.c.id).where(
        programme.c.organisation == organisation, programme.c.id == programme_id
    )
    if session.execute(found).one_or_none() is None:
        raise NotFound("programme_not_found", "There is no such programme")
