"""Packs are asked for, made step by step, and removed after their time."""

from datetime import date, datetime
from typing import IO
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.reports.auditor.packing import Packed
from payments.reports.auditor.queries import PackView, part_owner
from payments.reports.auditor.rules import KEPT_FOR, STEPS, check_days
from shared import audit
from shared.actors import SYSTEM, Actor
from shared.clock import london_date
from shared.crypto import Sealer
from shared.db import Database
from shared.ids import new_id
from shared.outbox import enqueue

MAKE_TOPIC = "payments.auditor.make"
REMOVE_TOPIC = "payments.auditor.remove"
_PART = 1024 * 1024
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('payments.auditor/' || :body, 0))")
_WAITING = text(
    "SELECT id FROM audit_pack WHERE body = :body AND first_day = :first AND last_day = :last"
    " AND state = 'waiting'"
)
_ASK = text(
    """
    INSERT INTO audit_pack (id, body, first_day, last_day, steps, asked_by_id, asked_by_name,
                            asked_at)
    VALUES (:id, :body, :first, :last, :steps, :person, :name, :now)
    """
)
_BEGIN = text(
    """
    UPDATE audit_pack SET attempt = attempt + 1, step = '', steps_done = 0
     WHERE id = :id AND state = 'waiting' RETURNING body, first_day, last_day, attempt
    """
)
_TELL = text(
    "UPDATE audit_pack SET step = :step, steps_done = :done"
    " WHERE id = :id AND attempt = :attempt AND state = 'waiting'"
)
_STORE = text(
    "INSERT INTO audit_pack_part (pack_id, attempt, number, sealed)"
    " VALUES (:id, :attempt, :number, :sealed)"
)
_READY = text(
    """
    UPDATE audit_pack SET state = 'ready', step = '', steps_done = steps, bytes = :size,
           sha256 = decode(:sha256, 'hex'), manifest_sha256 = decode(:manifest, 'hex'),
           problem = :problem, ready_at = :now
     WHERE id = :id AND attempt = :attempt AND state = 'waiting'
    """
)
_DROP_OTHERS = text("DELETE FROM audit_pack_part WHERE pack_id = :id AND attempt <> :attempt")
_REMOVED = text(
    "UPDATE audit_pack SET removed_at = :now WHERE id = :id AND state = 'ready'"
    " AND removed_at IS NULL"
)
_DROP_ALL = text("DELETE FROM audit_pack_part WHERE pack_id = :id")


def ask_pack(
    session: Session, body: str, first: date, last: date, actor: Actor, now: datetime
) -> UUID:
    """Have a pack made after the commit; one of the same days that is being made is that one.

    Raises:
        Invalid: see ``check_days``.
    """
    check_days(first, last, london_date(now))
    session.execute(_LOCK, {"body": body})
    values = {"body": body, "first": first, "last": last}
    waiting: UUID | None = session.execute(_WAITING, values).scalar_one_or_none()
    if waiting is not None:
        return waiting
    pack_id = new_id()
    own = {"id": pack_id, "steps": len(STEPS), "person": actor.id, "name": actor.name, "now": now}
    session.execute(_ASK, values | own)
    enqueue(session, MAKE_TOPIC, {"pack_id": str(pack_id)}, key=str(pack_id))
    details = {"from": first, "to": last}
    audit.record(session, actor, "payments.auditor_pack.asked", "audit_pack", pack_id, details)
    return pack_id


def begin_making(session: Session, pack_id: UUID) -> tuple[str, date, date, int] | None:
    """Begin an attempt at a pack; returns body, days and its number, or None when it is made."""
    row = session.execute(_BEGIN, {"id": pack_id}).one_or_none()
    return None if row is None else (row.body, row.first_day, row.last_day, row.attempt)


def tell_step(session: Session, pack_id: UUID, attempt: int, step: str) -> None:
    """Say which step an attempt is at; one that was overtaken says nothing any more."""
    values = {"id": pack_id, "attempt": attempt, "step": step, "done": STEPS.index(step)}
    session.execute(_TELL, values)


def store_parts(
    database: Database, sealer: Sealer, pack_id: UUID, attempt: int, content: IO[bytes]
) -> None:
    """Keep a pack's bytes sealed, a part in a transaction of its own."""
    number = 1
    while chunk := content.read(_PART):
        sealed = sealer.seal(chunk, part_owner(pack_id, attempt, number))
        values = {"id": pack_id, "attempt": attempt, "number": number, "sealed": sealed}
        with database.transaction() as session:
            session.execute(_STORE, values)
        number += 1


def finish_making(
    session: Session, body: str, pack_id: UUID, attempt: int, packed: Packed, now: datetime
) -> None:
    """Give a pack out; what other attempts left is dropped, and its own end is planned.

    An attempt that was overtaken changes nothing.
    """
    values = {
        "id": pack_id,
        "attempt": attempt,
        "size": packed.size,
        "sha256": packed.sha256,
        "manifest": packed.manifest_sha256,
        "problem": packed.problem,
        "now": now,
    }
    done = session.execute(_READY, values)
    if done.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE has a row count
        return
    session.execute(_DROP_OTHERS, values)
    key = str(pack_id)
    enqueue(session, REMOVE_TOPIC, {"pack_id": key}, key=key, due_at=now + KEPT_FOR)
    details = {
        "organisation": body,
        "sha256": packed.sha256,
        "manifest_sha256": packed.manifest_sha256,
        "bytes": packed.size,
        "problem": packed.problem,
    }
    audit.record(session, SYSTEM, "payments.auditor_pack.made", "audit_pack", pack_id, details)


def note_download(session: Session, pack: PackView, actor: Actor) -> None:
    """Note in the audit that somebody took a pack away."""
    details = {"sha256": pack.sha256, "from": pack.first_day, "to": pack.last_day}
    audit.record(session, actor, "payments.auditor_pack.downloaded", "audit_pack", pack.id, details)


def remove_bytes(session: Session, pack_id: UUID, now: datetime) -> None:
    """Remove a pack's bytes after their time; its hashes stay. Again changes nothing."""
    session.execute(_REMOVED, {"id": pack_id, "now": now})
    session.execute(_DROP_ALL, {"id": pack_id})
