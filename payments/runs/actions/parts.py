"""The payments of a big run in parts: each is a shard of a stage, worked on in the background.

A run of one shard or less is worked on at once, by the same functions over all of its payments.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import insert, text, update
from sqlalchemy.orm import Session

from payments.runs import models
from payments.runs.queries.runs import Run
from payments.runs.rules import PaymentState
from payments.stages.actions import Shard, begin_stage, finish_shard, take_shard
from payments.stages.rules import SHARD_ITEMS, cut
from shared.errors import Conflict

Work = Literal["put_forward", "approve", "reject", "release", "send_back", "recall"]
_ENDS = text(
    """
    WITH numbered AS (
      SELECT id, row_number() OVER (ORDER BY id) AS number FROM payment
       WHERE run_id = :run AND state = ANY(:states))
    SELECT number, id FROM numbered
     WHERE number % :size IN (0, 1) OR number = :total ORDER BY number
    """
)


@dataclass(frozen=True)
class Part:
    """A shard of a stage with the payments that it is about."""

    shard: Shard
    run_id: UUID
    organisation: str
    work: str
    first: UUID
    last: UUID


def fits_one_shard(count: int) -> bool:
    """Tell whether so many payments are worked on at once."""
    return count <= SHARD_ITEMS


def begin_work(
    session: Session,
    run: Run,
    work: Work,
    states: Sequence[PaymentState],
    count: int,
    now: datetime,
) -> UUID:
    """Cut the payments of a locked run that are in these states, and begin a stage over them.

    ``count`` is how many they are. Until the stage has ended the run takes no other step.

    Raises:
        Conflict: there are not so many of them.
    """
    ends = {
        row.number: row.id
        for row in session.execute(
            _ENDS,
            {"run": run.id, "states": list(states), "size": SHARD_ITEMS, "total": count},
        )
    }
    if max(ends, default=0) != count:
        raise Conflict("run_changed", f"The totals of run {run.reference} are not its payments'")
    ranges = cut(count)
    stage_id = begin_stage(
        session,
        run.organisation,
        run.id,
        work,
        ranges,
        topic="payments.runs.work_part",
        finish_topic="payments.runs.finish_work",
        now=now,
    )
    session.execute(
        insert(models.run_part),
        [
            {
                "stage_id": stage_id,
                "number": number,
                "first_id": ends[first],
                "last_id": ends[last],
            }
            for number, (first, last) in enumerate(ranges, 1)
        ],
    )
    set_working(session, run.id, work)
    return stage_id


def set_working(session: Session, run_id: UUID, work: Work | None) -> None:
    """Note which work a locked run waits for, None when it has ended."""
    session.execute(update(models.run).where(models.run.c.id == run_id).values(working=work))


def take_part(session: Session, stage_id: UUID, number: int) -> Part | None:
    """Lock a part that is not done yet; None when it is."""
    shard = take_shard(session, stage_id, number)
    if shard is None:
        return None
    ends = session.execute(
        text("SELECT first_id, last_id FROM run_part WHERE stage_id = :stage AND number = :number"),
        {"stage": stage_id, "number": number},
    ).one()
    return Part(
        shard, shard.subject_id, shard.organisation, shard.name, ends.first_id, ends.last_id
    )


def finish_part(session: Session, part: Part, count: int, pence: int) -> None:
    """Count a part as done; the last one asks for the end of the work."""
    finish_shard(session, part.shard, count, pence)
