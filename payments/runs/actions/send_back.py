"""A run that was put forward or approved becomes correctable again; its signatures are void."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from payments.ledger.accounting import free_run
from payments.ledger.bulk import post_recalled
from payments.runs.actions.history import move_run, note_run
from payments.runs.actions.moves import FIRST_ID, LAST_ID, Moved, move_range
from payments.runs.actions.parts import begin_work, fits_one_shard, set_working
from payments.runs.actions.steps import check_reason, check_step, organisation_of
from payments.runs.queries.runs import Run, lock_run
from payments.runs.queries.totals import add_up, get_totals
from payments.runs.rules import PaymentState
from shared.actors import Actor
from shared.clock import london_date

_SIGNED: tuple[PaymentState, ...] = ("awaiting_approval", "approved")


def reject(session: Session, run_id: UUID, reason: str, actor: Actor, now: datetime) -> None:
    """Send a run back to be corrected, with the reason; signatures of this round are void.

    Raises:
        Forbidden, Conflict: not an approver, or not waiting for approval.
        Invalid: no reason.
    """
    run = lock_run(session, organisation_of(actor), run_id)
    check_step(run, "reject", actor)
    reason = check_reason(reason)
    run = move_run(session, run, "correcting", now, content_hash=None)
    note_run(session, actor, run, "rejected", now, state="correcting", details={"reason": reason})
    waiting = get_totals(session, run.id)["awaiting_approval"]
    if fits_one_shard(waiting.count):
        reject_part(session, run.id, now)
    else:
        begin_work(session, run, "reject", ["awaiting_approval"], waiting.count, now)


def reject_part(
    session: Session, run_id: UUID, now: datetime, *, first: UUID = FIRST_ID, last: UUID = LAST_ID
) -> Moved:
    """Reject the payments of a range that wait for approval."""
    return move_range(
        session, run_id, ["awaiting_approval"], "rejected", now, first=first, last=last
    )


def send_back(session: Session, run: Run, because_of: str, actor: Actor, now: datetime) -> Run:
    """Make a locked run correctable because one of its payments changes; returns it so.

    What an approval booked is reversed. A run that nobody put forward stays as it is.
    """
    if run.state not in ("awaiting_approval", "approved"):
        return run
    was_approved = run.state == "approved"
    if was_approved:
        free_run(session, run.organisation, run.id, run.round, london_date(now))
    run = move_run(session, run, "correcting", now, content_hash=None)
    details: dict[str, str | int | None] = {"because_of": because_of, "round": run.round}
    note_run(session, actor, run, "sent_back", now, state="correcting", details=details)
    signed = add_up(get_totals(session, run.id), *_SIGNED)
    if fits_one_shard(signed.count):
        send_part_back(session, run, now)
    else:
        begin_work(session, run, "send_back", _SIGNED, signed.count, now)
    return run


def send_part_back(
    session: Session, run: Run, now: datetime, *, first: UUID = FIRST_ID, last: UUID = LAST_ID
) -> Moved:
    """Make the signed payments of a range ready again; what was booked of them is reversed."""
    post_recalled(session, run.organisation, run.id, run.round, first, last, london_date(now))
    return move_range(session, run.id, _SIGNED, "ready", now, first=first, last=last)


def finish_send_back(session: Session, organisation: str, run_id: UUID) -> None:
    """Let a big run take steps again whose parts are all sent back."""
    run = lock_run(session, organisation, run_id)
    if run.working in ("reject", "send_back"):
        set_working(session, run.id, None)
