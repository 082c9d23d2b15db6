"""A file of name checks is taken in, validated in shards, begun, stopped, and asked again."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from payments.payees.actions import Checker, check_request
from payments.payees.bank_details import DetailsVault, account_fingerprint, payee_fingerprint
from payments.payees.bulk.models import name_batch, name_batch_part
from payments.payees.bulk.queries import get_batch, get_batch_of_work, read_part
from payments.payees.bulk.rules import MAXIMUM_LANES, cut_parts, part_of
from payments.payees.rules import NO_ANSWER
from payments.stages.actions import Shard, begin_stage, finish_shard, take_shard
from payments.stages.rules import cut
from shared import audit
from shared.actors import Actor
from shared.correlation import correlation_id
from shared.errors import Conflict, FieldError, Invalid, Problem
from shared.ids import new_id
from shared.outbox import enqueue

_AGAIN_AFTER = timedelta(hours=24)
_ADD_ROWS = text(
    """
    INSERT INTO name_batch_row
      (batch_id, number, state, payee_fingerprint, account_fingerprint, modulus_result, fault,
       outcome)
    SELECT :batch, u.number, CASE WHEN u.fault = '' THEN 'waiting' ELSE 'invalid' END,
           u.payee, u.account, u.modulus, u.fault, CASE WHEN u.fault <> '' THEN 'invalid' END
      FROM unnest(cast(:numbers AS int[]), cast(:payees AS bytea[]), cast(:accounts AS bytea[]),
                  cast(:moduli AS text[]), cast(:faults AS text[]))
           AS u(number, payee, account, modulus, fault)
    """
)
# A question that stands in the file twice is asked once.
_FIND_SAME = text(
    """
    UPDATE name_batch_row r SET state = 'same', same_as = x.first
      FROM (SELECT number, min(number) OVER (PARTITION BY payee_fingerprint) AS first
              FROM name_batch_row WHERE batch_id = :batch AND state = 'waiting') x
     WHERE r.batch_id = :batch AND r.number = x.number AND x.first < x.number
    """
)
_COUNT_INVALID = text(
    """
    INSERT INTO name_batch_count (batch_id, lane, outcome, reason_code, rows)
    SELECT :batch, -1, 'invalid', '', count(*) FROM name_batch_row
     WHERE batch_id = :batch AND state = 'invalid' HAVING count(*) > 0
    """
)
_CLOSE = text(
    """
    UPDATE name_batch SET state = 'done', finished_at = :now
     WHERE id = :batch AND state = 'running'
       AND NOT EXISTS (SELECT FROM name_batch_row
                        WHERE batch_id = :batch AND state IN ('waiting', 'asking'))
    """
)
_ASK_AGAIN = text(
    """
    WITH again AS (
      UPDATE name_batch_row
         SET state = CASE WHEN same_as IS NULL THEN 'waiting' ELSE 'same' END, outcome = NULL,
             reason_code = NULL, check_id = NULL, lane = NULL, tries = 0
       WHERE batch_id = :batch AND state = 'answered' AND reason_code = :code
      RETURNING 1
    ), counted AS (
      UPDATE name_batch_count SET rows = 0 WHERE batch_id = :batch AND reason_code = :code
    )
    SELECT count(*) FROM again
    """
)


def begin_batch(
    session: Session,
    vault: DetailsVault,
    organisation: str,
    source: str,
    file_name: str,
    digest: bytes,
    rows: Iterable[Sequence[str]],
    actor: Actor,
    now: datetime,
) -> UUID:
    """Take a file in, sealed; after the commit its rows are validated and then asked.

    ``digest`` is the SHA-256 of what was sent; the rows are read once, part by part.

    Raises:
        Conflict: ``file_known``, the body sent the same in the last 24 hours; ``detail`` holds the
            first one's id.
        Invalid: names ``file``: there are no rows, or what reading them refuses.
    """
    _refuse_known(session, organisation, digest, now)
    batch_id = new_id()
    parts: list[dict[str, object]] = [
        {
            "batch_id": batch_id,
            "number": number,
            "first": first,
            "last": last,
            "sealed": vault.seal_text(content, f"name_batch:{batch_id}:{number}"),
        }
        for number, (first, last, content) in enumerate(cut_parts(rows), 1)
    ]
    if not parts:
        raise Invalid(FieldError("file", "The file has a header and no rows"))
    count = int(str(parts[-1]["last"]))
    session.execute(
        insert(name_batch).values(
            id=batch_id,
            organisation=organisation,
            source=source,
            file_name=file_name[-200:],
            sha256=digest,
            rows=count,
            state="validating",
            created_by_kind=actor.kind,
            created_by_id=actor.id,
            created_by_name=actor.name,
            created_at=now,
            correlation_id=correlation_id(),
        )
    )
    session.execute(insert(name_batch_part), parts)
    begin_stage(
        session,
        organisation,
        batch_id,
        "validate",
        cut(count),
        topic="payments.payees.validate_names",
        finish_topic="payments.payees.start_names",
        now=now,
    )
    _note(session, actor, "begun", batch_id, organisation, {"rows": count, "source": source})
    return batch_id


def _refuse_known(session: Session, organisation: str, digest: bytes, now: datetime) -> None:
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 45))"),
        {"name": f"{organisation}\n{digest.hex()}"},
    )
    known: UUID | None = session.execute(
        select(name_batch.c.id)
        .where(
            name_batch.c.organisation == organisation,
            name_batch.c.sha256 == digest,
            name_batch.c.created_at > now - _AGAIN_AFTER,
        )
        .limit(1)
    ).scalar_one_or_none()
    if known is not None:
        raise Conflict(
            "file_known", "These names were sent in the last 24 hours", detail=str(known)
        )


def validate_shard(session: Session, checker: Checker, stage_id: UUID, number: int) -> None:
    """Look at the rows of one shard: those that can be asked wait, the others keep their fault."""
    shard = take_shard(session, stage_id, number)
    if shard is None:
        return
    columns = _look_at(session, checker, shard)
    session.execute(_ADD_ROWS, {"batch": shard.subject_id, **columns})
    finish_shard(session, shard, shard.last - shard.first + 1)


def _look_at(session: Session, checker: Checker, shard: Shard) -> dict[str, list[object]]:
    vault = checker.vault
    columns: dict[str, list[object]] = {
        name: [] for name in ("numbers", "payees", "accounts", "moduli", "faults")
    }
    for part in range(part_of(shard.first), part_of(shard.last) + 1):
        rows = read_part(session, vault, shard.subject_id, part)
        for row in rows:
            request = row.request(shard.organisation)
            payee: bytes | None = None
            account: bytes | None = None
            modulus, fault = "", ""
            try:
                checked = check_request(checker.tables, request)
            except Problem as problem:
                fault = "; ".join(one.message for one in problem.fields) or problem.title
            else:
                account = account_fingerprint(vault, checked.details)
                payee = payee_fingerprint(
                    vault, checked.name, request.account_type, checked.details
                )
                modulus = checked.modulus.result
            for name, value in zip(columns, (0, payee, account, modulus, fault), strict=True):
                columns[name].append(value)
    columns["numbers"] = list(range(shard.first, shard.last + 1))
    return columns


def start_batch(session: Session, batch_id: UUID, lanes: int, now: datetime) -> None:
    """Begin to ask: each lane has one question open at a time; done at once when none waits."""
    batch = get_batch_of_work(session, batch_id)
    batch = get_batch(session, batch.organisation, batch_id, lock=True)
    if batch.state != "validating":
        return
    session.execute(_FIND_SAME, {"batch": batch_id})
    session.execute(_COUNT_INVALID, {"batch": batch_id})
    session.execute(update(name_batch).where(name_batch.c.id == batch_id).values(state="running"))
    _open_lanes(session, batch_id, lanes, now)
    close_if_done(session, batch_id, now)


def _open_lanes(session: Session, batch_id: UUID, lanes: int, now: datetime) -> None:
    first: int = session.execute(
        select(name_batch.c.first_lane).where(name_batch.c.id == batch_id)
    ).scalar_one()
    for lane in range(first, first + lanes):
        payload: dict[str, str | int] = {"batch_id": str(batch_id), "lane": lane, "slice": 0}
        key = f"{batch_id}/{lane}/0"
        enqueue(session, "payments.payees.ask_names", payload, key=key, due_at=now)


def close_if_done(session: Session, batch_id: UUID, now: datetime) -> None:
    """Mark a file done when no row of it waits or is being asked.

    Lanes end one after the other here: the last one sees what all others have recorded.
    """
    session.execute(select(name_batch.c.id).where(name_batch.c.id == batch_id).with_for_update())
    session.execute(_CLOSE, {"batch": batch_id, "now": now})


def stop_batch(session: Session, batch_id: UUID, actor: Actor, now: datetime) -> None:
    """Ask no more rows of a file; what is being asked is still answered.

    Raises:
        Conflict: it is done or stopped already. NotFound: not of this body.
    """
    batch = get_batch(session, actor.organisation or "", batch_id, lock=True)
    if batch.state not in ("validating", "running"):
        raise Conflict("batch_finished", "This file is finished already")
    session.execute(
        update(name_batch)
        .where(name_batch.c.id == batch_id)
        .values(state="stopped", finished_at=now)
    )
    _note(session, actor, "stopped", batch_id, batch.organisation, {})


def go_on(session: Session, batch_id: UUID, actor: Actor, now: datetime, *, lanes: int) -> None:
    """Go on with a stopped file, and ask again where no bank answered.

    Rows that have an answer keep it and are not asked again.

    Raises:
        Conflict: it is under way, or every row has an answer. NotFound: not of this body.
    """
    batch = get_batch(session, actor.organisation or "", batch_id, lock=True)
    if batch.state in ("validating", "running"):
        raise Conflict("batch_running", "This file is under way")
    values = {"batch": batch_id, "code": NO_ANSWER}
    again = session.execute(_ASK_AGAIN, values).scalar_one()
    if batch.state == "done" and not again:
        raise Conflict("batch_finished", "Every row of this file has an answer")
    session.execute(
        update(name_batch)
        .where(name_batch.c.id == batch_id)
        .values(
            state="running",
            finished_at=None,
            first_lane=name_batch.c.first_lane + MAXIMUM_LANES,
        )
    )
    _open_lanes(session, batch_id, lanes, now)
    close_if_done(session, batch_id, now)
    _note(session, actor, "resumed", batch_id, batch.organisation, {"asked_again": again})


def _note(
    session: Session,
    actor: Actor,
    kind: str,
    batch_id: UUID,
    organisation: str,
    details: dict[str, object],
) -> None:
    audit.record(
        session,
        actor,
        f"payments.name_batch.{kind}",
        "name_batch",
        batch_id,
        {"organisation": organisation, **details},
    )
