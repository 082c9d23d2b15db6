"""Signing up, signing in and out, new passwords."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, text, update
from sqlalchemy.orm import Session

from identity.accounts import limits
from identity.accounts.actions import citizen, create_account, tell_owner
from identity.accounts.queries import find_credentials
from identity.accounts.vault import Vault
from identity.factors import browsers
from identity.factors.checks import first_way
from identity.factors.interface import Check
from identity.oidc import flows
from identity.oidc.session_end import record_session_end
from identity.signin import rules
from identity.signin.attempts import Purpose, start_attempt, use_code
from identity.signin.guesses import guess_password, is_under_attack
from identity.signin.levels import CURRENT
from identity.signin.models import SignInSession
from identity.signin.queries import SignedInSession, get_session, list_sessions
from shared import audit
from shared.crypto import hash_token, random_token
from shared.db import Database
from shared.errors import Problem
from shared.ids import new_id


@dataclass(frozen=True)
class Visitor:
    """The browser that sends a form: its binding, its name for people, where it stands."""

    browser_hash: bytes
    address: str
    device: str
    language: str
    cookie: str = ""


@dataclass(frozen=True)
class SignedIn:
    """A session that was just opened; the cookie's value exists nowhere else."""

    cookie: str
    session_id: UUID
    account_id: UUID


@dataclass(frozen=True)
class Started:
    """A sign-in whose password was right, and the factor to ask for: empty for an emailed code."""

    attempt_id: UUID
    factor: str = ""


_FORGET = text(
    """
    DELETE FROM sign_in_session WHERE id IN (
      SELECT id FROM sign_in_session WHERE ends_at < :now LIMIT 20 FOR UPDATE SKIP LOCKED)
    """
)


_TWO_BY_EMAIL = ("password", "email_code")
_RECOVERY = ("password", "recovery")
_RECOVERED = text("SELECT recovered_until FROM account WHERE id = :id")


def check_address_limit(
    session: Session, vault: Vault, visitor: Visitor, maximum: int, now: datetime
) -> None:
    """Count one form from a network address; refuses when it sent too many in an hour.

    While wrong passwords pour in from everywhere, one network may send a tenth only.
    """
    if is_under_attack(session, vault, now):
        maximum = max(1, maximum // 10)
    key = vault.counter_key("address", visitor.address.encode())
    if limits.take(session, key, maximum, rules.HOUR, now) > maximum:
        raise Problem(
            "too_many_forms",
            "Too many forms came from your network",
            detail="Wait an hour, then try again.",
            status=429,
            retry_after_seconds=3600,
        )


def start_sign_up(
    session: Session,
    vault: Vault,
    visitor: Visitor,
    *,
    email: str,
    password_hash: str,
    now: datetime,
) -> UUID:
    """Begin a sign-up and return the attempt; an address with an account gets a notice instead.

    Both cases do the same work and look the same to the visitor.
    """
    found = find_credentials(session, vault.email_index(email))
    return start_attempt(
        session,
        vault,
        purpose="sign_up",
        email=email,
        account_id=found.account_id if found else None,
        browser_hash=visitor.browser_hash,
        language=visitor.language,
        password_hash=password_hash,
        has_code=found is None,
        now=now,
    )


def start_sign_in(
    database: Database,
    vault: Vault,
    visitor: Visitor,
    *,
    email: str,
    password: str,
    now: datetime,
) -> Started | None:
    """Check a password; None for a wrong one, and while paused for any.

    An account with a stronger factor is asked for that; any other has a code sent.
    """
    guess = guess_password(database, vault, visitor.browser_hash, email, password, now)
    if guess is None:
        return None
    with database.transaction() as session:
        factor = first_way(session, guess.account_id, visitor.browser_hash, now)
        attempt_id = start_attempt(
            session,
            vault,
            purpose="sign_in",
            email=email,
            account_id=guess.account_id,
            browser_hash=visitor.browser_hash,
            language=guess.language,
            has_code=factor is None,
            sends=factor is None,
            now=now,
        )
        if factor is None:
            return Started(attempt_id)
        if factor.sends:
            check = Check(
                session=session,
                vault=vault,
                account_id=guess.account_id,
                check_id=attempt_id,
                browser_hash=visitor.browser_hash,
                origin="",
                language=guess.language,
                now=now,
            )
            factor.start(check)
        return Started(attempt_id, factor.name)


def start_reset(
    session: Session, vault: Vault, visitor: Visitor, *, email: str, now: datetime
) -> UUID:
    """Begin a new password; an address without an account gets nothing, and nobody is told."""
    found = find_credentials(session, vault.email_index(email))
    return start_attempt(
        session,
        vault,
        purpose="reset_password",
        email=email,
        account_id=found.account_id if found else None,
        browser_hash=visitor.browser_hash,
        language=visitor.language,
        has_code=found is not None,
        now=now,
    )


def finish_with_code(
    session: Session,
    vault: Vault,
    visitor: Visitor,
    *,
    attempt_id: UUID,
    purpose: Purpose,
    code: str,
    flow_id: UUID | None,
    now: datetime,
) -> SignedIn | None:
    """Use the code of a sign-up or sign-in and open the session; None when the code is no good."""
    used = use_code(
        session,
        vault,
        attempt_id=attempt_id,
        browser_hash=visitor.browser_hash,
        purpose=purpose,
        code=code,
        now=now,
    )
    if used is None:
        return None
    account_id = used.account_id
    if purpose == "sign_up" and account_id is None and used.password_hash:
        account_id = create_account(
            session,
            vault,
            email=used.email,
            password_hash=used.password_hash,
            language=used.language,
            now=now,
        )
    if account_id is None:
        # Somebody confirmed the same address in another window a moment ago.
        return None
    opened = open_session(session, visitor, account_id=account_id, now=now)
    if flow_id is not None:
        flows.record_sign_in(session, flow_id, account_id, opened.session_id, now)
    return opened


def open_session(
    session: Session,
    visitor: Visitor,
    *,
    account_id: UUID,
    now: datetime,
    factors: tuple[str, ...] = ("password", "email_code"),
) -> SignedIn:
    """Open a session under a new cookie; the cookie the browser had before stops working.

    ``factors`` are those of the level policy that the person proved. The owner is told of a
    sign-in in a browser that the account was never used in.

    The same person signing in again keeps the session, so that no service is told of a sign-out
    that did not happen; another person's session in this browser ends.
    """
    session.execute(_FORGET, {"now": now})
    cookie = random_token()
    values: dict[str, object] = {
        **worth_of(cookie, _capped(session, account_id, factors, now), now),
        "started_at": now,
        "device": visitor.device,
        "last_seen_at": now,
        "idle_at": now + rules.SESSION_IDLE,
        "ends_at": now + rules.SESSION_LIFE,
    }
    session_id = _renew_session(session, visitor.cookie, account_id, values, now)
    if session_id is None:
        session_id = new_id()
        session.execute(
            insert(SignInSession).values(id=session_id, account_id=account_id, **values)
        )
    audit.record(
        session,
        citizen(account_id),
        "session.started",
        "account",
        account_id,
        {"session_id": session_id, "device": visitor.device},
    )
    if browsers.remember(session, account_id, visitor.browser_hash, factors[-1], now):
        tell_owner(session, account_id, "new_device", device=visitor.device)
    return SignedIn(cookie, session_id, account_id)


def _capped(
    session: Session, account_id: UUID, factors: tuple[str, ...], now: datetime
) -> tuple[str, ...]:
    """Return what was proved; after a recovery, password and emailed code are one thing."""
    if factors != _TWO_BY_EMAIL:
        return factors
    until = session.execute(_RECOVERED, {"id": account_id}).scalar_one_or_none()
    return _RECOVERY if until is not None and until > now else factors


def worth_of(cookie: str, factors: tuple[str, ...], now: datetime) -> dict[str, object]:
    """Return the columns that say how, when and how well a person proved who they are."""
    return {
        "cookie_hash": hash_token(cookie),
        "authenticated_at": now,
        "factors": list(factors),
        "methods": list(CURRENT.methods_of(factors)),
        "level": CURRENT.level_of(factors),
        "level_policy": CURRENT.version,
    }


def _renew_session(
    session: Session, cookie: str, account_id: UUID, values: dict[str, object], now: datetime
) -> UUID | None:
    before = get_session(session, cookie, now)
    if before is None:
        return None
    if before.account_id != account_id:
        end_session(session, before.account_id, before.id, now)
        return None
    session.execute(update(SignInSession).where(SignInSession.id == before.id).values(**values))
    return before.id


def extend_session(session: Session, signed_in: SignedInSession, now: datetime) -> None:
    """Move a session's idle end an hour ahead; writes at most once a minute."""
    if now - signed_in.last_seen_at < rules.SESSION_STEP:
        return
    session.execute(
        update(SignInSession)
        .where(SignInSession.id == signed_in.id, SignInSession.ended_at.is_(None))
        .values(last_seen_at=now, idle_at=now + rules.SESSION_IDLE)
    )


def end_session(
    session: Session,
    account_id: UUID,
    session_id: UUID,
    now: datetime,
    *,
    keep_offline: bool = False,
) -> bool:
    """End one session of an account and tell the services that hold it; False when it had ended.

    ``keep_offline``: what the person allowed for their absence stays.
    """
    ended = session.execute(
        update(SignInSession)
        .where(
            SignInSession.id == session_id,
            SignInSession.account_id == account_id,
            SignInSession.ended_at.is_(None),
        )
        .values(ended_at=now)
        .returning(SignInSession.id)
    ).one_or_none()
    if ended is None:
        return False
    record_session_end(session, session_id, account_id, now, keep_offline=keep_offline)
    audit.record(
        session,
        citizen(account_id),
        "session.ended",
        "account",
        account_id,
        {"session_id": session_id},
    )
    return True


def end_all_sessions(session: Session, account_id: UUID, now: datetime) -> None:
    """End every live session of an account, this one and those in other browsers."""
    for live in list_sessions(session, account_id, now):
        end_session(session, account_id, live.id, now)


def end_other_sessions(session: Session, account_id: UUID, kept: UUID, now: datetime) -> int:
    """End every session of an account but one; returns how many."""
    others = (live.id for live in list_sessions(session, account_id, now) if live.id != kept)
    return sum(end_session(session, account_id, other, now) for other in others)
