"""Codes to addresses and numbers: made, sent again, used once."""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from identity.accounts import limits
from identity.accounts.settings import get_people_settings
from identity.accounts.vault import Vault
from identity.codes.models import ContactCheck
from identity.codes.queries import CODE_RECORD, TARGET_RECORD, CheckView, view_of
from identity.codes.rules import CHECK_LIFE, DAY, Purpose, Target
from identity.signin import rules
from shared.errors import Problem
from shared.ids import new_id
from shared.outbox import enqueue

# One statement counts the try and decides it: of many simultaneous uses exactly one is right.
_USE = text(
    """
    UPDATE contact_check
       SET tries = tries + 1, consumed_at = CASE WHEN code_hash = :code_hash THEN :now END
     WHERE id = :id AND browser_hash = :browser_hash AND purpose = :purpose
       AND consumed_at IS NULL AND tries < :maximum AND code_expires_at > :now
    RETURNING consumed_at, id, account_id, subject_id, channel, target_sealed
    """
)
_RENEW = text(
    """
    UPDATE contact_check
       SET code_hash = :code_hash, code_sealed = :code_sealed, code_number = code_number + 1,
           code_expires_at = :code_expires_at, tries = 0
     WHERE id = :id AND browser_hash = :browser_hash AND purpose = :purpose
       AND consumed_at IS NULL AND expires_at > :now
    RETURNING code_number, account_id, channel, target_index
    """
)


def start_check(
    session: Session,
    vault: Vault,
    *,
    purpose: Purpose,
    target: Target,
    account_id: UUID,
    browser_hash: bytes,
    language: str,
    now: datetime,
    network: str = "",
    subject_id: UUID | None = None,
) -> UUID:
    """Have a code sent to an address or number and return its check.

    Refuses the sixth within an hour for one account or one number, and more texts and calls than
    one network may cause in an hour or all together in a day.
    """
    check_id, code = new_id(), _make_code()
    index = index_of(vault, target)
    _check_limits(session, vault, account_id, target.channel, index, network, now)
    session.execute(
        insert(ContactCheck).values(
            id=check_id,
            purpose=purpose,
            account_id=account_id,
            browser_hash=browser_hash,
            subject_id=subject_id,
            channel=target.channel,
            target_index=index,
            target_sealed=vault.seal(target.address, TARGET_RECORD, check_id),
            language=language,
            code_hash=vault.code_hash(check_id, code),
            code_sealed=vault.seal(code, CODE_RECORD, check_id),
            code_number=1,
            code_expires_at=now + rules.CODE_LIFE,
            tries=0,
            created_at=now,
            expires_at=now + CHECK_LIFE,
        )
    )
    _have_sent(session, check_id, 1)
    return check_id


def renew_check(
    session: Session,
    vault: Vault,
    *,
    check_id: UUID,
    browser_hash: bytes,
    purpose: Purpose,
    now: datetime,
    network: str = "",
) -> bool:
    """Send a new code, which replaces the one before; False when the check is over.

    Refuses as ``start_check`` does.
    """
    code = _make_code()
    row = session.execute(
        _RENEW,
        {
            "id": check_id,
            "browser_hash": browser_hash,
            "purpose": purpose,
            "code_hash": vault.code_hash(check_id, code),
            "code_sealed": vault.seal(code, CODE_RECORD, check_id),
            "code_expires_at": now + rules.CODE_LIFE,
            "now": now,
        },
    ).one_or_none()
    if row is None:
        return False
    _check_limits(
        session, vault, row.account_id, row.channel, bytes(row.target_index), network, now
    )
    _have_sent(session, check_id, row.code_number)
    return True


def use_check(
    session: Session,
    vault: Vault,
    *,
    check_id: UUID,
    browser_hash: bytes,
    purpose: Purpose,
    code: str,
    now: datetime,
) -> CheckView | None:
    """Use a code; None when it is wrong, old, used, tried five times or another browser's.

    A wrong try counts, so the caller must not roll back when it gets None.
    """
    row = session.execute(
        _USE,
        {
            "id": check_id,
            "browser_hash": browser_hash,
            "purpose": purpose,
            "code_hash": vault.code_hash(check_id, rules.clean_code(code)),
            "maximum": rules.CODE_TRIES,
            "now": now,
        },
    ).one_or_none()
    return None if row is None or row.consumed_at is None else view_of(row, vault)


def index_of(vault: Vault, target: Target) -> bytes:
    """Return the keyed hash under which an address or number is found."""
    if target.channel == "email":
        return vault.email_index(target.address)
    return vault.keyed_hash("phone", target.address.encode())


def _check_limits(
    session: Session,
    vault: Vault,
    account_id: UUID,
    channel: str,
    index: bytes,
    network: str,
    now: datetime,
) -> None:
    hour = rules.HOUR
    kind = "email" if channel == "email" else "phone"
    counted: list[tuple[str, bytes, int, timedelta]] = [
        (f"check.{kind}.account", account_id.bytes, rules.CODES_AN_HOUR, hour),
        (f"check.{kind}.target", index, rules.CODES_AN_HOUR, hour),
    ]
    if kind == "phone":
        settings = get_people_settings()
        if network:
            most = settings.phone_codes_per_address
            counted.append(("check.phone.network", network.encode(), most, hour))
        # Sixteen counters instead of one, so that simultaneous sends do not wait for each other.
        most = max(1, settings.phone_codes_a_day // 16)
        counted.append(("check.phone.all", bytes([index[0] % 16]), most, DAY))
    for name, subject, most, window in counted:
        if limits.take(session, vault.counter_key(name, subject), most, window, now) > most:
            raise Problem(
                "too_many_codes",
                "You have asked for too many codes",
                detail="Wait an hour, then try again. The codes we sent may still be on their way.",
                status=429,
                retry_after_seconds=3600,
            )


def _make_code() -> str:
    return f"{secrets.randbelow(10**rules.CODE_DIGITS):0{rules.CODE_DIGITS}}"


def _have_sent(session: Session, check_id: UUID, number: int) -> None:
    enqueue(
        session,
        "identity.codes.send",
        {"check_id": str(check_id), "number": number},
        key=f"{check_id}:{number}",
    )
