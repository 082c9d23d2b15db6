"""Answers kept under a caller's key, so that a repeated request changes nothing."""

import hashlib
import json
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.errors import Conflict


@dataclass(frozen=True)
class StoredAnswer:
    """What the first request with this key was answered."""

    status: int
    body: object


def request_hash(body: object) -> bytes:
    """Return the SHA-256 of a JSON value in canonical form (sorted members, no blanks)."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).digest()


def remember(session: Session, scope: str, key: str, digest: bytes) -> StoredAnswer | None:
    """Return the stored answer of this key, None for a new one; refuses another body.

    Takes a transaction lock on the key, so that of two simultaneous requests the second waits for
    the first and then sees its answer.
    """
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 42))"),
        {"name": f"{scope}\n{key}"},
    )
    row = session.execute(
        text(
            "SELECT request_hash, status, body FROM idempotency_key"
            " WHERE scope = :scope AND key = :key AND expires_at > now()"
        ),
        {"scope": scope, "key": key},
    ).one_or_none()
    if row is None:
        return None
    if bytes(row.request_hash) != digest:
        raise Conflict(
            "idempotency_key_reused", "This idempotency key was used with another request body"
        )
    return StoredAnswer(row.status, row.body)


def store(
    session: Session, scope: str, key: str, digest: bytes, *, status: int, body: object
) -> None:
    """Keep the answer for 24 hours, in the transaction of the effect it reports."""
    session.execute(
        text(
            """
            INSERT INTO idempotency_key (scope, key, request_hash, status, body, expires_at)
            VALUES (:scope, :key, :digest, :status, cast(:body AS jsonb),
                    now() + interval '24 hours')
            ON CONFLICT (scope, key) DO UPDATE
              SET request_hash = excluded.request_hash, status = excluded.status,
                  body = excluded.body, created_at = now(), expires_at = excluded.expires_at
            """
        ),
        {
            "scope": scope,
            "key": key,
            "digest": digest,
            "status": status,
            "body": json.dumps(body, default=str),
        },
    )
