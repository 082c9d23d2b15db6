"""Requests that wait for a person elsewhere: asked, decided and polled, each in one statement."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.engine import RowMapping
from sqlalchemy.orm import Session

from identity.oidc.actions import (
    ANSWER_COLUMNS,
    CONFIRMED,
    FIRST_USE,
    NEXT_TOKEN,
    USE,
    Lives,
    spend_values,
)
from identity.oidc.asked import Asked
from identity.oidc.authorisations import Authorisation, authorisation_of
from identity.oidc.rfc7523_client_assertions import AssertionUse
from identity.signin.queries import SignedInSession
from shared.crypto import hash_token
from shared.ids import new_id
from shared.quick import Executor

Kind = Literal["device", "ciba"]
SLOWER_SECONDS = 5
# So long a client is told that its request has expired, instead of that there is none.
_REMEMBERED = timedelta(hours=1)

_START = text(
    """
    INSERT INTO polled_request (id, kind, client_id, profile, secret_hash, user_code_hash,
                                account_id, scopes, asked, device, message_sealed,
                                notification_sealed, interval_seconds, created_at, valid_until,
                                expires_at)
    VALUES (:id, :kind, :client_id, :profile, :secret_hash, :user_code_hash, :account_id, :scopes,
            cast(:asked AS jsonb), :device, :message_sealed, :notification_sealed,
            :interval_seconds, :now, :valid_until, :expires_at)
    ON CONFLICT (user_code_hash) DO NOTHING RETURNING id
    """
)
_COLUMNS = (
    "p.id, p.kind, p.client_id, p.profile, p.account_id, p.scopes, p.asked, p.device,"
    " p.message_sealed, p.notification_sealed, p.created_at, p.valid_until"
)
_WAITING = f"""
    SELECT {_COLUMNS} FROM polled_request p
     WHERE p.decided_at IS NULL AND p.valid_until > :now
"""
_BY_USER_CODE = text(f"{_WAITING} AND p.user_code_hash = :user_code_hash AND p.kind = 'device'")
_BY_ID = text(f"{_WAITING} AND p.id = :id")
_OF_PERSON = text(
    f"{_WAITING} AND p.account_id = :account_id AND p.kind = 'ciba' ORDER BY p.created_at DESC"
)
_ANY = text(f"SELECT {_COLUMNS} FROM polled_request p WHERE p.id = :id")
# A request by CIBA is for the one person it named; a device belongs to whoever knows its code.
_APPROVE = text(
    """
    WITH decided AS (
      UPDATE polled_request
         SET decided_at = :now, denied = false, authorisation_id = :authorisation_id,
             account_id = :account_id
       WHERE id = :id AND decided_at IS NULL AND valid_until > :now
         AND (account_id = :account_id OR (kind = 'device' AND account_id IS NULL))
      RETURNING client_id, profile, asked, valid_until
    )
    INSERT INTO authorisation (id, client_id, profile, account_id, session_id, flow_id, subject,
                               scopes, shared_scopes, authenticated_at, methods, level, asked,
                               created_at, expires_at)
    SELECT :authorisation_id, client_id, profile, :account_id, :authorisation_id, :flow_id,
           :subject, :scopes, :shared_scopes, :authenticated_at, :methods, :level, asked, :now,
           valid_until + interval '1 hour'
      FROM decided RETURNING id
    """
)
_DENY = text(
    """
    UPDATE polled_request SET decided_at = :now, denied = true
     WHERE id = :id AND decided_at IS NULL AND valid_until > :now RETURNING id
    """
)
_APART = text(
    """
    SELECT a.id, a.created_at, r.name, r.organisation
      FROM authorisation a JOIN relying_party r USING (client_id)
     WHERE a.account_id = :account_id AND a.session_id = a.id AND a.revoked_at IS NULL
       AND a.code_consumed_at IS NOT NULL AND a.expires_at > :now ORDER BY a.created_at DESC
    """
)
_END_APART = text(
    """
    UPDATE authorisation SET revoked_at = :now
     WHERE id = :id AND account_id = :account_id AND session_id = id AND revoked_at IS NULL
    RETURNING client_id
    """
)
_POLL = text(
    f"""
    WITH {USE}, old AS (
      SELECT id, denied, decided_at, valid_until <= :now AS expired,
             denied IS NOT DISTINCT FROM false AND valid_until > :now AS ready,
             polled_at > :now - make_interval(secs => interval_seconds) AS too_soon
        FROM polled_request
       WHERE secret_hash = :secret_hash AND client_id = :client_id AND kind = :kind
         AND consumed_at IS NULL AND {FIRST_USE} FOR UPDATE
    ), polled AS (
      UPDATE polled_request p
         SET polled_at = :now,
             interval_seconds = least(p.interval_seconds
               + CASE WHEN old.too_soon AND old.decided_at IS NULL THEN {SLOWER_SECONDS} ELSE 0 END,
               300),
             consumed_at = CASE WHEN old.ready THEN :now END
        FROM old WHERE p.id = old.id
      RETURNING p.authorisation_id, old.denied, old.expired, old.ready,
                old.too_soon AND old.decided_at IS NULL AS slow_down
    ), spent AS (
      UPDATE authorisation a SET code_consumed_at = :now,
             expires_at = greatest(a.expires_at, :expires_at), confirmation = {CONFIRMED}
        FROM polled
       WHERE a.id = polled.authorisation_id AND polled.ready AND a.revoked_at IS NULL
      RETURNING {ANSWER_COLUMNS}
    ), {NEXT_TOKEN}
    SELECT {FIRST_USE} AS first_use, polled.denied, polled.expired, polled.slow_down, polled.ready,
           spent.*
      FROM (SELECT) one LEFT JOIN polled ON true LEFT JOIN spent ON true
    """
)


@dataclass(frozen=True)
class Waiting:
    """A request as the pages show it; what is sealed is opened by them."""

    id: UUID
    kind: Kind
    client_id: str
    profile: str
    account_id: UUID | None
    scopes: tuple[str, ...]
    asked: Asked
    device: str
    message_sealed: bytes | None
    notification_sealed: bytes | None
    created_at: datetime
    valid_until: datetime


@dataclass(frozen=True)
class Apart:
    """A device or service that got tokens apart from any browser's session."""

    id: UUID
    created_at: datetime
    name: str
    organisation: str


@dataclass(frozen=True)
class Polled:
    """What one poll decided; ``error`` is empty where there is an authorisation.

    ``first_use`` is False when the client assertion had been seen before.
    """

    first_use: bool
    error: str
    authorisation: Authorisation | None = None


@dataclass(frozen=True)
class NewRequest:
    """What a client asked for, to be stored under the hash of ``secret``."""

    kind: Kind
    client_id: str
    profile: str
    secret: str
    scopes: tuple[str, ...]
    asked: Asked
    seconds: int
    interval_seconds: int
    user_code_hash: bytes | None = None
    account_id: UUID | None = None
    device: str = ""


def start_polled(
    session: Session,
    request_id: UUID,
    new: NewRequest,
    now: datetime,
    *,
    message_sealed: bytes | None = None,
    notification_sealed: bytes | None = None,
) -> bool:
    """Store a request; False when its user code is in use by another one."""
    until = now + timedelta(seconds=new.seconds)
    stored = session.execute(
        _START,
        {
            "id": request_id,
            "kind": new.kind,
            "client_id": new.client_id,
            "profile": new.profile,
            "secret_hash": hash_token(new.secret),
            "user_code_hash": new.user_code_hash,
            "account_id": new.account_id,
            "scopes": list(new.scopes),
            "asked": json.dumps(new.asked.as_json()),
            "device": new.device,
            "message_sealed": message_sealed,
            "notification_sealed": notification_sealed,
            "interval_seconds": new.interval_seconds,
            "now": now,
            "valid_until": until,
            "expires_at": until + _REMEMBERED,
        },
    )
    return stored.one_or_none() is not None


def find_by_user_code(session: Session, user_code_hash: bytes, now: datetime) -> Waiting | None:
    """Return the device's request that waits under a user code."""
    return _one(session, _BY_USER_CODE, {"user_code_hash": user_code_hash, "now": now})


def find_waiting(session: Session, request_id: UUID, now: datetime) -> Waiting | None:
    """Return a request that was not decided and has not expired."""
    return _one(session, _BY_ID, {"id": request_id, "now": now})


def find_any(session: Session, request_id: UUID) -> Waiting | None:
    """Return a request whatever became of it."""
    return _one(session, _ANY, {"id": request_id})


def list_waiting(session: Session, account_id: UUID, now: datetime) -> list[Waiting]:
    """Return the decoupled requests that wait for a person, the newest first."""
    rows = session.execute(_OF_PERSON, {"account_id": account_id, "now": now}).mappings()
    return [_waiting(row) for row in rows]


def list_apart(session: Session, account_id: UUID, now: datetime) -> list[Apart]:
    """Return what a person let devices and services do that is still good, the newest first."""
    rows = session.execute(_APART, {"account_id": account_id, "now": now}).mappings()
    return [Apart(**row) for row in rows]


def end_apart(session: Session, authorisation_id: UUID, account_id: UUID, now: datetime) -> bool:
    """End what a device or service may do; False when it is not this person's, or over."""
    values = {"id": authorisation_id, "account_id": account_id, "now": now}
    return session.execute(_END_APART, values).one_or_none() is not None


def approve(
    session: Session,
    request_id: UUID,
    signed_in: SignedInSession,
    *,
    flow_id: UUID,
    subject: str,
    scopes: tuple[str, ...],
    shared_scopes: tuple[str, ...],
    now: datetime,
) -> bool:
    """Let the client have its tokens; False when the request is over or another person's.

    Device and service live on when this browser signs out: they get a session of their own.
    """
    done = session.execute(
        _APPROVE,
        {
            "id": request_id,
            "authorisation_id": new_id(),
            "account_id": signed_in.account_id,
            "flow_id": flow_id,
            "subject": subject,
            "scopes": list(scopes),
            "shared_scopes": list(shared_scopes),
            "authenticated_at": signed_in.authenticated_at,
            "methods": list(signed_in.methods),
            "level": signed_in.level,
            "now": now,
        },
    )
    return done.one_or_none() is not None


def deny(session: Session, request_id: UUID, now: datetime) -> bool:
    """Refuse the client its tokens; False when the request is over."""
    return session.execute(_DENY, {"id": request_id, "now": now}).one_or_none() is not None


def poll(
    session: Executor,
    *,
    kind: Kind,
    secret: str,
    client_id: str,
    refresh_token: str | None,
    use: AssertionUse | None,
    confirmation: Mapping[str, str] | None,
    lives: Lives,
    now: datetime,
) -> Polled:
    """Answer one poll: spend an approved request, or say why there is nothing (RFC 8628, 3.5).

    Asking sooner than the interval allows makes it five seconds longer. An approved request gives
    its tokens at once, and once.
    """
    row = (
        session.execute(
            _POLL,
            {
                "kind": kind,
                "secret_hash": hash_token(secret),
                "client_id": client_id,
                **spend_values(refresh_token, use, confirmation, lives, now),
            },
        )
        .mappings()
        .one()
    )
    if row["id"] is not None:
        return Polled(first_use=True, error="", authorisation=authorisation_of(row))
    return Polled(bool(row["first_use"]), _error_of(row))


def _error_of(row: Mapping[str, Any] | RowMapping) -> str:
    if row["expired"] is None or row["ready"]:
        # Unknown, spent, another client's, or revoked since.
        return "invalid_grant"
    if row["denied"]:
        return "access_denied"
    if row["expired"]:
        return "expired_token"
    return "slow_down" if row["slow_down"] else "authorization_pending"


def _one(session: Session, statement: TextClause, values: dict[str, object]) -> Waiting | None:
    row = session.execute(statement, values).mappings().one_or_none()
    return None if row is None else _waiting(row)


def _waiting(row: RowMapping) -> Waiting:
    members = {name: row[name] for name in Waiting.__dataclass_fields__}
    members |= {"scopes": tuple(row["scopes"]), "asked": Asked.from_json(row["asked"])}
    return Waiting(**members)
