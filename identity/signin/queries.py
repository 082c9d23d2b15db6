"""Reads of sessions and attempts."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from identity.signin.models import Attempt, SignInSession
from identity.signin.rules import SESSION_LIFE
from shared.crypto import hash_token
from shared.quick import Executor


@dataclass(frozen=True)
class SignedInSession:
    """A live session of a browser.

    ``methods`` are authentication method references (RFC 8176), ``level`` is GPG 44's, and
    ``factors`` are what the level policy was asked about.
    """

    id: UUID
    account_id: UUID
    authenticated_at: datetime
    methods: tuple[str, ...]
    level: str
    device: str
    last_seen_at: datetime
    factors: tuple[str, ...] = ()
    started_at: datetime | None = None

    @property
    def may_live_until(self) -> datetime:
        """The latest end of the session; so long its clients have to be found to hear of it."""
        return self.authenticated_at + SESSION_LIFE


@dataclass(frozen=True)
class WaitingAttempt:
    """An attempt that waits for its code, as its page may know it."""

    id: UUID
    purpose: str
    email_sealed: bytes
    code_expires_at: datetime
    language: str
    account_id: UUID | None
    created_at: datetime
    has_code: bool


_COLUMNS = (
    SignInSession.id,
    SignInSession.account_id,
    SignInSession.authenticated_at,
    SignInSession.methods,
    SignInSession.level,
    SignInSession.device,
    SignInSession.last_seen_at,
    SignInSession.factors,
    SignInSession.started_at,
)

_BY_COOKIE = text(
    """
    SELECT id, account_id, authenticated_at, methods, level, device, last_seen_at, factors,
           started_at
      FROM sign_in_session
     WHERE cookie_hash = :cookie_hash AND ended_at IS NULL AND idle_at > :now AND ends_at > :now
       AND sandbox_space IS NULL
    """
)


def get_session(session: Executor, cookie_value: str, now: datetime) -> SignedInSession | None:
    """Return the live session of a cookie; None when it ended, was idle 1 h or is 4 h old."""
    if not cookie_value:
        return None
    values = {"cookie_hash": hash_token(cookie_value), "now": now}
    row = session.execute(_BY_COOKIE, values).mappings().one_or_none()
    if row is None:
        return None
    lists = {name: tuple(row[name]) for name in ("methods", "factors")}
    return SignedInSession(**{**row, **lists})


def _signed_in(
    row: Row[UUID, UUID, datetime, list[str], str, str, datetime, list[str], datetime],
) -> SignedInSession:
    return SignedInSession(
        id=row.id,
        account_id=row.account_id,
        authenticated_at=row.authenticated_at,
        methods=tuple(row.methods),
        level=row.level,
        device=row.device,
        last_seen_at=row.last_seen_at,
        factors=tuple(row.factors),
        started_at=row.started_at,
    )


def list_sessions(session: Session, account_id: UUID, now: datetime) -> list[SignedInSession]:
    """Return the live sessions of an account, the one used last first."""
    rows = session.execute(
        select(*_COLUMNS)
        .where(
            SignInSession.account_id == account_id,
            SignInSession.ended_at.is_(None),
            SignInSession.idle_at > now,
            SignInSession.ends_at > now,
        )
        .order_by(SignInSession.last_seen_at.desc())
    )
    return [_signed_in(row) for row in rows]


def find_attempt(
    session: Session, attempt_id: UUID, browser_hash: bytes, purpose: str, now: datetime
) -> WaitingAttempt | None:
    """Return a browser's attempt that was neither finished nor forgotten."""
    row = session.execute(
        select(
            Attempt.id,
            Attempt.purpose,
            Attempt.email_sealed,
            Attempt.code_expires_at,
            Attempt.language,
            Attempt.account_id,
            Attempt.created_at,
            Attempt.code_hash.is_not(None).label("has_code"),
        ).where(
            Attempt.id == attempt_id,
            Attempt.browser_hash == browser_hash,
            Attempt.purpose == purpose,
            Attempt.consumed_at.is_(None),
            Attempt.expires_at > now,
        )
    ).one_or_none()
    if row is None:
        return None
    return WaitingAttempt(
        row.id,
        row.purpose,
        bytes(row.email_sealed),
        row.code_expires_at,
        row.language,
        row.account_id,
        row.created_at,
        row.has_code,
    )
