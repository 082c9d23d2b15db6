"""Reads of auditors' packs."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.crypto import Sealer
from shared.db import Database
from shared.errors import Conflict, NotFound

_COLUMNS = """
    id, body, first_day, last_day, state, step, steps_done, steps, attempt, bytes,
    encode(sha256, 'hex') AS sha256, encode(manifest_sha256, 'hex') AS manifest_sha256, problem,
    asked_by_name, asked_at, ready_at, removed_at
"""
_LIST = text(
    f"SELECT {_COLUMNS} FROM audit_pack WHERE body = :body ORDER BY id DESC"
    " LIMIT :limit OFFSET :skip"
)
_COUNT = text("SELECT count(*) FROM audit_pack WHERE body = :body")
_ONE = text(f"SELECT {_COLUMNS} FROM audit_pack WHERE body = :body AND id = :id")
_PART = text(
    "SELECT sealed FROM audit_pack_part"
    " WHERE pack_id = :id AND attempt = :attempt AND number = :number"
)


@dataclass(frozen=True)
class PackView:
    """A pack as people see it; ``problem`` is what the verifier found when it was made."""

    id: UUID
    body: str
    first_day: date
    last_day: date
    state: str
    step: str
    steps_done: int
    steps: int
    attempt: int
    bytes: int | None
    sha256: str | None
    manifest_sha256: str | None
    problem: str
    asked_by_name: str
    asked_at: datetime
    ready_at: datetime | None
    removed_at: datetime | None


def list_packs(
    session: Session, body: str, *, limit: int, skip: int = 0
) -> tuple[list[PackView], int]:
    """Return a body's packs, newest first, and how many there are."""
    values: dict[str, object] = {"body": body, "limit": limit, "skip": skip}
    found = [PackView(**row) for row in session.execute(_LIST, values).mappings()]
    return found, int(session.execute(_COUNT, {"body": body}).scalar_one())


def get_pack(session: Session, body: str, pack_id: UUID) -> PackView:
    """Return one pack of a body.

    Raises:
        NotFound: there is none.
    """
    row = session.execute(_ONE, {"body": body, "id": pack_id}).mappings().one_or_none()
    if row is None:
        raise NotFound("no_such_pack", "There is no such pack")
    return PackView(**row)


def check_there(pack: PackView) -> None:
    """Refuse a pack whose bytes cannot be had.

    Raises:
        Conflict: it is being made, or was removed after its time.
    """
    if pack.state != "ready":
        raise Conflict("pack_not_ready", "This pack is still being made")
    if pack.removed_at is not None:
        raise Conflict("pack_removed", "This pack was removed after its time; make it again")


def read_bytes(database: Database, sealer: Sealer, pack: PackView) -> Iterator[bytes]:
    """Yield a pack's bytes, each part in a short transaction of its own."""
    number = 1
    while True:
        values = {"id": pack.id, "attempt": pack.attempt, "number": number}
        with database.transaction() as session:
            sealed = session.execute(_PART, values).scalar_one_or_none()
        if sealed is None:
            return
        yield sealer.open(bytes(sealed), part_owner(pack.id, pack.attempt, number))
        number += 1


def part_owner(pack_id: UUID, attempt: int, number: int) -> bytes:
    """Return what a part is sealed for."""
    return f"audit_pack/{pack_id}/{attempt}/{number}".encode()
