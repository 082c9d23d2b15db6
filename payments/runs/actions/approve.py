"""A run is approved by other people than those who shaped it, for exactly what it says."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from payments.controls.checks import check_standing, standing_of
from payments.controls.queries.days import plan_run
from payments.controls.queries.holds import check_not_held
from payments.controls.rules import SignIn
from payments.ledger.accounting import reserve_run
from payments.ledger.bulk import post_approved
from payments.runs import models
from payments.runs.actions.history import move_run, note_run
from payments.runs.actions.moves import FIRST_ID, LAST_ID, Moved, move_range
from payments.runs.actions.parts import begin_work, fits_one_shard, set_working
from payments.runs.actions.put_forward import put_forward
from payments.runs.actions.release import release
from payments.runs.actions.schedule import release_or_wait
from payments.runs.actions.send_back import reject
from payments.runs.actions.steps import check_step, organisation_of
from payments.runs.queries.content import stored_content
from payments.runs.queries.runs import Run, list_approvals, lock_run
from payments.runs.queries.totals import get_totals
from shared.actors import SYSTEM, Actor
from shared.clock import london_date
from shared.errors import Conflict
from shared.ids import new_id

__all__ = ["approve", "put_forward", "reject", "release"]


def approve(
    session: Session,
    run_id: UUID,
    signed_hash: bytes,
    actor: Actor,
    now: datetime,
    sign_in: SignIn | None = None,
) -> None:
    """Sign a run's content; the last signature needed books it and may release it at once.

    The signer is bound to the content they saw: ``signed_hash`` came with their page. More than
    one shard of payments is booked in the background: the run is ``approving`` until then.

    Raises:
        Forbidden: not an approver, one of the people who shaped the run, beyond their authority,
            or not freshly signed in (``sign_in``) where that is asked for.
        Conflict: approved or sent back meanwhile, or the content is another than was seen.
    """
    run = lock_run(session, organisation_of(actor), run_id)
    check_step(run, "approve", actor)
    check_not_held(session, run)
    total = run.signed_pence or 0
    standing = standing_of(session, run, total, actor.id, now, actor.under)
    check_standing(standing, total, sign_in, now)
    _check_content(session, run, signed_hash)
    approvals = list_approvals(session, run.id, run.round)
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
    is_last = len(approvals) + 1 >= standing.demand.approvals
    is_small = fits_one_shard(run.signed_count or 0)
    note_run(
        session,
        actor,
        run,
        "approved" if is_last and is_small else "signed",
        now,
        state="approved" if is_last and is_small else None,
        details={"content_sha256": signed_hash.hex(), "round": run.round},
    )
    if is_last and is_small:
        approve_part(session, run, now)
        _complete(session, run, actor, now)
    elif is_last:
        run = move_run(session, run, "approving", now)
        begin_work(session, run, "approve", ["awaiting_approval"], run.signed_count or 0, now)


def approve_part(
    session: Session, run: Run, now: datetime, *, first: UUID = FIRST_ID, last: UUID = LAST_ID
) -> Moved:
    """Book the payments of a range that wait for approval, and approve them with it.

    Raises:
        RuntimeError: other payments were booked than approved.
    """
    day = london_date(now)
    booked = post_approved(session, run.organisation, run.id, run.round, first, last, day)
    moved = move_range(
        session, run.id, ["awaiting_approval"], "approved", now, first=first, last=last
    )
    if booked != (moved.count, moved.pence):
        raise RuntimeError(f"run {run.id}: booked {booked}, approved {moved}")
    return moved


def finish_approve(session: Session, organisation: str, run_id: UUID, now: datetime) -> None:
    """Approve a big run whose parts are all booked; done already changes nothing."""
    run = lock_run(session, organisation, run_id)
    if run.state != "approving":
        return
    set_working(session, run.id, None)
    details: dict[str, str | int | None] = {"round": run.round}
    details |= {"payments": run.signed_count, "total_pence": run.signed_pence}
    note_run(session, SYSTEM, run, "approved", now, state="approved", details=details)
    _complete(session, run, SYSTEM, now)


def _check_content(session: Session, run: Run, signed_hash: bytes) -> None:
    """Refuse a signature over anything but what the run's payments say in this moment."""
    content = stored_content(session, run, "awaiting_approval")
    if signed_hash != run.content_hash or signed_hash != content.digest:
        raise Conflict(
            "run_changed",
            "The run changed after you opened it",
            detail="Nothing was approved. Look at the run again, then approve what it is now.",
        )


def _complete(session: Session, run: Run, actor: Actor, now: datetime) -> None:
    """Compare the control totals, reserve the money and, where that is the rule, release."""
    approved = get_totals(session, run.id).get("approved")
    if approved is None or (approved.count, approved.total_pence) != (
        run.signed_count,
        run.signed_pence,
    ):
        raise RuntimeError(f"run {run.id}: what is approved is not what was put forward")
    run = move_run(session, run, "approved", now)
    reserve_run(
        session,
        run.organisation,
        run.id,
        run.round,
        run.account.code,
        plan_run(session, run, now).processing_day,
        approved.total_pence,
    )
    if run.programme.release != "by_hand":
        release_or_wait(session, run, actor, now)
