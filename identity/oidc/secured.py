"""What secured requests write down; each single use is decided by one statement."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.quick import Executor

_SPEND_PROOF = text(
    "INSERT INTO used_proof (proof_hash, expires_at) VALUES (:proof_hash, :expires_at)"
    " ON CONFLICT DO NOTHING RETURNING true"
)
_PUSH = text(
    """
    INSERT INTO pushed_request (request_hash, client_id, profile, request_sealed, created_at,
                                valid_until, expires_at)
    VALUES (:request_hash, :client_id, :profile, :sealed, :now, :valid_until, :valid_until)
    """
)
_FIND = text(
    "SELECT request_sealed FROM pushed_request WHERE request_hash = :request_hash"
    " AND client_id = :client_id AND profile = :profile AND consumed_at IS NULL"
    " AND valid_until > :now"
)
_KEEP = text(
    "UPDATE pushed_request SET expires_at = greatest(expires_at, :until)"
    " WHERE request_hash = :request_hash AND consumed_at IS NULL"
)
_IS_OPEN = text(
    "SELECT EXISTS (SELECT FROM pushed_request"
    " WHERE request_hash = :request_hash AND consumed_at IS NULL)"
)
_FINISH = text(
    "UPDATE pushed_request SET consumed_at = :now, expires_at = greatest(valid_until, :now)"
    " WHERE request_hash = :request_hash AND consumed_at IS NULL RETURNING true"
)


@dataclass(frozen=True)
class Pushed:
    """A request to be stored: whose, under which hash, sealed, and until when it can be begun."""

    request_hash: bytes
    client_id: str
    profile: str
    sealed: bytes
    valid_until: datetime


def spend_proof(session: Executor, proof_hash: bytes, expires_at: datetime) -> bool:
    """Write a proof's single use down; False when it had been used."""
    values = {"proof_hash": proof_hash, "expires_at": expires_at}
    return session.execute(_SPEND_PROOF, values).one_or_none() is not None


def store_pushed(session: Executor, pushed: Pushed, now: datetime) -> None:
    """Store a request that was sent ahead."""
    session.execute(_PUSH, pushed.__dict__ | {"now": now})


def find_pushed(
    session: Executor, request_hash: bytes, client_id: str, profile: str, now: datetime
) -> bytes | None:
    """Return a client's pushed request, sealed; None if unknown, expired, spent or another's."""
    values = {
        "request_hash": request_hash,
        "client_id": client_id,
        "profile": profile,
        "now": now,
    }
    row = session.execute(_FIND, values).mappings().one_or_none()
    return None if row is None else bytes(row["request_sealed"])


def keep_pushed(session: Session, request_hash: bytes, until: datetime) -> None:
    """Keep a request's row for as long as the flow that began with it."""
    session.execute(_KEEP, {"request_hash": request_hash, "until": until})


def is_pushed_open(session: Executor, request_hash: bytes) -> bool:
    """Tell whether a pushed request has not been answered yet."""
    return bool(session.execute(_IS_OPEN, {"request_hash": request_hash}).scalar_one())


def finish_pushed(session: Executor, request_hash: bytes, now: datetime) -> bool:
    """Spend a request whose client is told of a refusal; False when it was answered before."""
    values = {"request_hash": request_hash, "now": now}
    return session.execute(_FINISH, values).one_or_none() is not None
