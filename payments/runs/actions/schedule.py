"""Approved runs go to the bank when their input day comes."""

from datetime import date, datetime, time
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from payments.controls.days import Plan
from payments.controls.queries.days import plan_run
from payments.runs import models
from payments.runs.actions.history import note_run
from payments.runs.actions.release import release_if_possible
from payments.runs.actions.steps import check_step, organisation_of
from payments.runs.queries.runs import Run, lock_run
from shared.actors import SYSTEM, Actor
from shared.clock import LONDON, london_date
from shared.errors import Conflict, FieldError, Invalid
from shared.outbox import enqueue

_MORNING = time(6, 0)
_LONGEST_AHEAD_DAYS = 366


def set_entry_day(
    session: Session, run_id: UUID, day: date | None, actor: Actor, now: datetime
) -> None:
    """Say on which day a run's money shall be in the accounts; none means as soon as it can.

    Raises:
        Forbidden, Conflict: not an uploader, or the run was put forward already.
        Invalid: the day has passed, is more than a year away or of a year without bank holidays.
    """
    run = lock_run(session, organisation_of(actor), run_id)
    check_step(run, "edit", actor)
    if run.state not in ("collecting", "correcting"):
        raise Conflict("run_state", "Only a run that was not put forward can get another day")
    today = london_date(now)
    if day is not None and not today <= day <= date.fromordinal(
        today.toordinal() + _LONGEST_AHEAD_DAYS
    ):
        raise Invalid(FieldError("entry_on", "Enter a day from today on, within a year"))
    session.execute(update(models.run).where(models.run.c.id == run.id).values(entry_on=day))
    details = {"entry_on": None if day is None else day.isoformat()}
    note_run(session, actor, run, "day_set", now, details=details)


def release_or_wait(session: Session, run: Run, actor: Actor, now: datetime) -> None:
    """Release an approved run whose day has come; have any other released when it comes.

    Where approval releases and no day is wanted, the bank gets the run at any time.
    """
    plan = plan_run(session, run, now)
    at_once = run.programme.release == "on_approval" and run.entry_on is None
    if at_once or plan.is_due(london_date(now)):
        release_if_possible(session, run, actor, now)
    else:
        plan_release(session, run, plan, now)
        details = {"input_day": plan.input_day.isoformat()}
        note_run(session, SYSTEM, run, "scheduled", now, details=details)


def plan_release(session: Session, run: Run, plan: Plan, now: datetime) -> None:
    """Have a run looked at again in the morning of its input day, or now when that has come."""
    payload: dict[str, str | int] = {"run_id": str(run.id), "round": run.round}
    payload["organisation"] = run.organisation
    due = max(now, datetime.combine(plan.input_day, _MORNING, LONDON))
    enqueue(session, "payments.runs.release_scheduled", payload, due_at=due)


def release_scheduled(
    session: Session, organisation: str, run_id: UUID, round_: int, now: datetime
) -> None:
    """Release a run whose input day has come; one that was changed or released is left alone."""
    run = lock_run(session, organisation, run_id)
    if run.state == "approved" and run.round == round_ and run.working is None:
        release_or_wait(session, run, SYSTEM, now)
