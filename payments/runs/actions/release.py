"""An approved run is released and handed over to the bank's room, which makes the file."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from payments.bank.submissions.begin import begin_submission
from payments.controls.checks import check_step_up, find_day_limit, steps_up_everywhere
from payments.controls.duties import is_sole_approver
from payments.controls.queries.days import plan_run
from payments.controls.queries.holds import check_not_held
from payments.controls.rules import SignIn
from payments.runs.actions.history import move_run, note_run
from payments.runs.actions.moves import FIRST_ID, LAST_ID, Moved, move_range
from payments.runs.actions.parts import begin_work, fits_one_shard, set_working
from payments.runs.actions.steps import check_step, organisation_of
from payments.runs.queries.content import stored_content
from payments.runs.queries.runs import Run, list_approvals, lock_run
from payments.runs.queries.totals import Figure, get_totals
from payments.screening.queries import count_open_cases
from shared.actors import SYSTEM, Actor
from shared.errors import Conflict, Forbidden


def release(
    session: Session,
    run_id: UUID,
    actor: Actor,
    now: datetime,
    sign_in: SignIn | None = None,
) -> None:
    """Hand an approved run over to the bank, where its programme wants a person to say when.

    Raises:
        Forbidden: the role is missing, or this person alone approved the run.
        Conflict: not approved, or released already, or not what was approved.
    """
    run = lock_run(session, organisation_of(actor), run_id)
    check_step(run, "release", actor)
    approvals = list_approvals(session, run.id, run.round)
    if is_sole_approver(actor.id, [approval.person_id for approval in approvals]):
        raise Forbidden(
            "same_person",
            "Another person has to release this run",
            detail="Nobody releases what they alone approved.",
        )
    if steps_up_everywhere(session, run.organisation):
        check_step_up(sign_in, now)
    check_not_held(session, run)
    release_locked(session, run, actor, now)


def release_if_possible(session: Session, run: Run, actor: Actor, now: datetime) -> None:
    """Release an approved run at once; where a hold or a limit stops it, it waits for a person."""
    try:
        check_not_held(session, run)
        with session.begin_nested():
            release_locked(session, run, actor, now)
    except Conflict as stopped:
        reason = f"{stopped.title} {stopped.detail}".strip()
        note_run(session, SYSTEM, run, "release_stopped", now, details={"reason": reason})


def release_locked(session: Session, run: Run, actor: Actor, now: datetime) -> None:
    """Release a locked run that is approved; big ones in the background.

    Raises:
        Conflict: the payments are not what was approved, or above the limit of their day.
    """
    approved = get_totals(session, run.id).get("approved", Figure("approved", 0, 0))
    if run.content_hash != stored_content(session, run, "approved").digest:
        raise Conflict("run_changed", "The run is not what was approved; nothing was released")
    if count_open_cases(session, run.organisation, run.id):
        raise Conflict(
            "screening_open",
            "A payee of this run may be on the sanctions list",
            detail="Somebody has to decide that on the screening page first.",
        )
    day = plan_run(session, run, now).processing_day
    if passed := find_day_limit(session, run, approved.total_pence, day):
        raise Conflict("day_over_limit", "The run is above the limit of a day", detail=passed)
    run = replace(move_run(session, run, "released", now, processing_date=day), processing_date=day)
    details = {"processing_day": day.isoformat()}
    note_run(session, actor, run, "released", now, state="released", details=details)
    if fits_one_shard(approved.count):
        release_part(session, run.id, now)
        begin_submission(session, run.id, now)
    else:
        begin_work(session, run, "release", ["approved"], approved.count, now)


def release_part(
    session: Session, run_id: UUID, now: datetime, *, first: UUID = FIRST_ID, last: UUID = LAST_ID
) -> Moved:
    """Release the approved payments of a range."""
    return move_range(session, run_id, ["approved"], "released", now, first=first, last=last)


def finish_release(session: Session, organisation: str, run_id: UUID, now: datetime) -> None:
    """Hand over a big run whose parts are all released; done already changes nothing."""
    run = lock_run(session, organisation, run_id)
    if run.working == "release":
        set_working(session, run.id, None)
        begin_submission(session, run.id, now)
