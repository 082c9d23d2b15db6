"""One-time codes: made, sent again, used once."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from identity.accounts import limits
from identity.accounts.vault import Vault
from identity.signin import rules
from identity.signin.models import Attempt
from shared.errors import Problem
from shared.ids import new_id
from shared.outbox import enqueue

Purpose = Literal["sign_up", "sign_in", "reset_password"]
EMAIL_RECORD = "attempt.email"
CODE_RECORD = "attempt.code"

# One statement counts the try and decides it: of many simultaneous uses exactly one is right.
_USE = text(
    """
    UPDATE attempt
       SET tries = tries + 1, consumed_at = CASE WHEN code_hash = :code_hash THEN :now END
     WHERE id = :id AND browser_hash = :browser_hash AND purpose = :purpose
       AND consumed_at IS NULL AND tries < :maximum AND code_expires_at > :now
    RETURNING consumed_at, account_id, email_sealed, password_hash, language
    """
)
_RENEW = text(
    """
    UPDATE attempt
       SET code_hash = CASE WHEN code_hash IS NULL AND purpose <> 'sign_in'
                            THEN NULL ELSE :code_hash END,
           code_sealed = CASE WHEN code_hash IS NULL AND purpose <> 'sign_in'
                              THEN NULL ELSE :code_sealed END,
           code_number = code_number + 1, code_expires_at = :code_expires_at, tries = 0
     WHERE id = :id AND browser_hash = :browser_hash AND purpose = :purpose
       AND consumed_at IS NULL AND expires_at > :now
    RETURNING code_number, email_index
    """
)
# The second factor of a sign-in was not its code: the attempt is over, once.
_FINISH = text(
    """
    UPDATE attempt SET consumed_at = :now, code_sealed = NULL
     WHERE id = :id AND browser_hash = :browser_hash AND purpose = 'sign_in'
       AND consumed_at IS NULL AND created_at > :since
    RETURNING account_id
    """
)
_FORGET = text(
    """
    DELETE FROM attempt WHERE id IN (
      SELECT id FROM attempt WHERE expires_at < :now LIMIT 20 FOR UPDATE SKIP LOCKED)
    """
)


@dataclass(frozen=True)
class UsedCode:
    """What an attempt carried, handed over to whoever used its code."""

    account_id: UUID | None
    email: str
    password_hash: str | None
    language: str


def check_send_limit(
    session: Session, vault: Vault, purpose: Purpose, email_index: bytes, now: datetime
) -> None:
    """Count one code for an address; refuses the sixth within an hour.

    Counted for every address alike, with an account or without, and for each purpose apart, so
    that a stranger who asks for new passwords cannot use up what its owner needs to sign in.
    """
    key = vault.counter_key(f"code.{purpose}", email_index)
    if limits.take(session, key, rules.CODES_AN_HOUR, rules.HOUR, now) > rules.CODES_AN_HOUR:
        raise Problem(
            "too_many_codes",
            "You have asked for too many codes",
            detail="Wait an hour, then try again. The codes we sent may still be on their way.",
            status=429,
            retry_after_seconds=3600,
        )


def start_attempt(
    session: Session,
    vault: Vault,
    *,
    purpose: Purpose,
    email: str,
    account_id: UUID | None,
    browser_hash: bytes,
    language: str,
    now: datetime,
    password_hash: str | None = None,
    has_code: bool = True,
    sends: bool = True,
) -> UUID:
    """Write an attempt down and have its code sent; without a code none can ever be right.

    With ``sends=False`` nothing is sent: another factor is asked for, and a code only when the
    person wishes. Refuses the sixth code within an hour for one address.
    """
    email_index = vault.email_index(email)
    if sends:
        check_send_limit(session, vault, purpose, email_index, now)
    attempt_id, code = new_id(), _make_code()
    code_hash = vault.code_hash(attempt_id, code)
    code_sealed = vault.seal(code, CODE_RECORD, attempt_id)
    session.execute(_FORGET, {"now": now})
    limits.forget_ended(session, now - timedelta(hours=1))
    session.execute(
        insert(Attempt).values(
            id=attempt_id,
            purpose=purpose,
            browser_hash=browser_hash,
            account_id=account_id,
            email_index=email_index,
            email_sealed=vault.seal(email, EMAIL_RECORD, attempt_id),
            password_hash=password_hash,
            language=language,
            code_hash=code_hash if has_code else None,
            code_sealed=code_sealed if has_code else None,
            code_number=1 if sends else 0,
            code_expires_at=now + rules.CODE_LIFE,
            tries=0,
            created_at=now,
            expires_at=now + rules.ATTEMPT_LIFE,
        )
    )
    if sends:
        _have_sent(session, attempt_id, 1)
    return attempt_id


def finish_attempt(
    session: Session, *, attempt_id: UUID, browser_hash: bytes, now: datetime
) -> UUID | None:
    """End a sign-in whose second factor was proved; None when it is over or its password too old.

    Returns the account.
    """
    return session.execute(
        _FINISH,
        {
            "id": attempt_id,
            "browser_hash": browser_hash,
            "since": now - rules.PASSWORD_PROOF,
            "now": now,
        },
    ).scalar_one_or_none()


def renew_code(
    session: Session,
    vault: Vault,
    *,
    attempt_id: UUID,
    browser_hash: bytes,
    purpose: Purpose,
    now: datetime,
) -> bool:
    """Send a new code, which replaces the one before; False when the attempt is over.

    Refuses the sixth code within an hour.
    """
    code = _make_code()
    row = session.execute(
        _RENEW,
        {
            "id": attempt_id,
            "browser_hash": browser_hash,
            "purpose": purpose,
            "code_hash": vault.code_hash(attempt_id, code),
            "code_sealed": vault.seal(code, CODE_RECORD, attempt_id),
            "code_expires_at": now + rules.CODE_LIFE,
            "now": now,
        },
    ).one_or_none()
    if row is None:
        return False
    check_send_limit(session, vault, purpose, bytes(row.email_index), now)
    _have_sent(session, attempt_id, row.code_number)
    return True


def use_code(
    session: Session,
    vault: Vault,
    *,
    attempt_id: UUID,
    browser_hash: bytes,
    purpose: Purpose,
    code: str,
    now: datetime,
) -> UsedCode | None:
    """Use a code; None when it is wrong, old, used, tried five times or another browser's.

    A wrong try counts, so the caller must not roll back when it gets None.
    """
    row = session.execute(
        _USE,
        {
            "id": attempt_id,
            "browser_hash": browser_hash,
            "purpose": purpose,
            "code_hash": vault.code_hash(attempt_id, rules.clean_code(code)),
            "maximum": rules.CODE_TRIES,
            "now": now,
        },
    ).one_or_none()
    if row is None or row.consumed_at is None:
        return None
    email = vault.open(bytes(row.email_sealed), EMAIL_RECORD, attempt_id)
    return UsedCode(row.account_id, email, row.password_hash, row.language)


def _make_code() -> str:
    return f"{secrets.randbelow(10**rules.CODE_DIGITS):0{rules.CODE_DIGITS}}"


def _have_sent(session: Session, attempt_id: UUID, number: int) -> None:
    enqueue(
        session,
        "identity.signin.send_code",
        {"attempt_id": str(attempt_id), "number": number},
        key=f"{attempt_id}:{number}",
    )
