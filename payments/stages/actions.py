"""Stages: one outbox job for each shard, and one more when the last shard is done.

A shard's effect, its ``done`` mark and the stage's count are one transaction, so a shard that runs
twice has its effect once. The order in which shards are done is not promised.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.ids import new_id
from shared.outbox import enqueue

_STAGE = text(
    """
    INSERT INTO stage (id, organisation, subject_id, name, finish_topic, shards, items, begun_at)
    VALUES (:id, :organisation, :subject, :name, :finish_topic, :shards, :items, :now)
    """
)
_SHARDS = text(
    """
    INSERT INTO stage_shard (stage_id, number, first, last)
    SELECT :stage, u.number, u.first, u.last
      FROM unnest(cast(:firsts AS bigint[]), cast(:lasts AS bigint[]))
           WITH ORDINALITY AS u(first, last, number)
    """
)
_TAKE = text(
    """
    SELECT s.stage_id, s.number, s.first, s.last, g.organisation, g.subject_id, g.name
      FROM stage_shard s JOIN stage g ON g.id = s.stage_id
     WHERE s.stage_id = :stage AND s.number = :number AND s.done_at IS NULL
       FOR UPDATE OF s
    """
)
_DONE = text(
    """
    UPDATE stage_shard SET done_at = clock_timestamp(), items = :items, pence = :pence
     WHERE stage_id = :stage AND number = :number AND done_at IS NULL
    """
)
_COUNT = text(
    """
    UPDATE stage SET shards_done = shards_done + 1, items_done = items_done + :items,
           pence_done = pence_done + :pence,
           finished_at = CASE WHEN shards_done + 1 = shards THEN clock_timestamp() END
     WHERE id = :stage RETURNING finish_topic, finished_at IS NOT NULL AS finished
    """
)


@dataclass(frozen=True)
class Shard:
    """One part of a stage, locked by the caller's transaction: rows ``first`` to ``last``."""

    stage_id: UUID
    number: int
    first: int
    last: int
    organisation: str
    subject_id: UUID
    name: str


def begin_stage(
    session: Session,
    organisation: str,
    subject_id: UUID,
    name: str,
    ranges: Sequence[tuple[int, int]],
    *,
    topic: str,
    finish_topic: str,
    now: datetime,
) -> UUID:
    """Begin a stage; after the commit ``topic`` runs for each range, then ``finish_topic`` once.

    Both get ``stage_id``, the first also ``number``.

    Raises:
        ValueError: no range.
    """
    if not ranges:
        raise ValueError("a stage has at least one shard")
    stage_id = new_id()
    session.execute(
        _STAGE,
        {
            "id": stage_id,
            "organisation": organisation,
            "subject": subject_id,
            "name": name,
            "finish_topic": finish_topic,
            "shards": len(ranges),
            "items": sum(last - first + 1 for first, last in ranges),
            "now": now,
        },
    )
    session.execute(
        _SHARDS,
        {
            "stage": stage_id,
            "firsts": [first for first, _ in ranges],
            "lasts": [last for _, last in ranges],
        },
    )
    for number in range(1, len(ranges) + 1):
        payload: dict[str, str | int] = {"stage_id": str(stage_id), "number": number}
        enqueue(session, topic, payload, key=f"{stage_id}/{number}")
    return stage_id


def take_shard(session: Session, stage_id: UUID, number: int) -> Shard | None:
    """Lock a shard that is not done; None when it is. A second worker waits for the first."""
    row = session.execute(_TAKE, {"stage": stage_id, "number": number}).one_or_none()
    return None if row is None else Shard(*row)


def finish_shard(session: Session, shard: Shard, items: int, pence: int = 0) -> bool:
    """Count a shard as done with what it did; the last one asks for the finish. True for the last.

    Raises:
        RuntimeError: the shard was not taken by this transaction.
    """
    values = {"stage": shard.stage_id, "number": shard.number, "items": items, "pence": pence}
    done = session.execute(_DONE, values)
    if done.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE has a row count
        raise RuntimeError("this shard is done already")
    counted = session.execute(_COUNT, values).one()
    if counted.finished:
        payload = {"stage_id": str(shard.stage_id)}
        enqueue(session, counted.finish_topic, payload, key=str(shard.stage_id))
    return bool(counted.finished)
