"""Guesses at passwords: counted so that nobody can use the limit to keep an owner out.

Wrong passwords from browsers that an account was never used in pause such browsers only; a browser
that the account knows has a counter of its own. Passkeys and recovery ask neither.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from identity.accounts import limits, passwords
from identity.accounts.actions import tell_owner
from identity.accounts.queries import Credentials, find_credentials
from identity.accounts.settings import get_people_settings
from identity.accounts.vault import Vault
from identity.recovery.queries import find_reachable
from identity.signin import rules
from shared.db import Database
from shared.ids import new_id

_SHARDS = 16
_KNOWN = text(
    "SELECT EXISTS (SELECT FROM known_browser WHERE account_id = :account_id"
    " AND browser_hash = :browser_hash AND expires_at > :now)"
)
_REHASHED = text(
    "UPDATE account SET password_hash = :fresh WHERE id = :id AND password_hash = :stored"
)
_WRONG = text(
    "SELECT coalesce(sum(used), 0) FROM rate_counter WHERE key = ANY(:keys) AND ends_at > :now"
)


@dataclass(frozen=True)
class Guess:
    """What a right password opens."""

    account_id: UUID
    language: str


@dataclass(frozen=True)
class _Counted:
    key: bytes
    tries: int
    is_known: bool


def guess_password(
    database: Database, vault: Vault, browser_hash: bytes, email: str, password: str, now: datetime
) -> Guess | None:
    """Return whose address and password these are; None for wrong ones, and for any while paused.

    The try is counted before the password is looked at, so that simultaneous guesses are counted
    too. No connection is held while the password is hashed. Every answer does the same work.
    """
    email_index = vault.email_index(email)
    with database.transaction() as session:
        found = find_credentials(session, email_index)
        counted = _count(session, vault, email_index, found, browser_hash, now)
    right = passwords.matches(found.password_hash if found else None, password)
    with database.transaction() as session:
        if found is None or not right or counted.tries > rules.PASSWORD_TRIES:
            if found is not None and counted.tries == rules.PASSWORD_TRIES:
                tell_owner(session, found.account_id, "sign_in_paused")
            _note_wrong(session, vault, email_index, now)
            return None
        limits.clear(session, counted.key)
    _rehash(database, found, password)
    return Guess(found.account_id, found.language)


def guess_former_password(
    database: Database, vault: Vault, browser_hash: bytes, email: str, password: str, now: datetime
) -> Guess | None:
    """Do the same for who says “it was not me”: former address and password of these days count.

    It shares the counters of signing in, so it gives nobody further guesses.
    """
    email_index = vault.email_index(email)
    with database.transaction() as session:
        found = find_reachable(session, vault, email_index, now)
        known = Credentials(found.account_id, "", found.language) if found else None
        counted = _count(session, vault, email_index, known, browser_hash, now)
    # Both are always looked at, as the time would tell which one was right.
    is_present = passwords.matches(found.password_hash if found else None, password)
    is_former = passwords.matches(found.former_hash if found else None, password)
    right = is_present or is_former
    with database.transaction() as session:
        if found is None or not right or counted.tries > rules.PASSWORD_TRIES:
            _note_wrong(session, vault, email_index, now)
            return None
        limits.clear(session, counted.key)
    return Guess(found.account_id, found.language)


def clear_guesses(session: Session, vault: Vault, email: str) -> None:
    """Forget the wrong passwords of strangers, after the owner proved the address."""
    limits.clear(session, vault.counter_key("password", vault.email_index(email)))


def is_under_attack(session: Session, vault: Vault, now: datetime) -> bool:
    """Tell whether so many wrong passwords come in that single networks get fewer forms."""
    values = {"keys": [_wrong_key(vault, shard) for shard in range(_SHARDS)], "now": now}
    most = get_people_settings().wrong_passwords_an_hour
    return int(session.execute(_WRONG, values).scalar_one()) > most


def _count(
    session: Session,
    vault: Vault,
    email_index: bytes,
    found: Credentials | None,
    browser_hash: bytes,
    now: datetime,
) -> _Counted:
    account_id = found.account_id if found else new_id()
    values = {"account_id": account_id, "browser_hash": browser_hash, "now": now}
    is_known = bool(session.execute(_KNOWN, values).scalar_one())
    subject = email_index + browser_hash if is_known else email_index
    key = vault.counter_key("password.known" if is_known else "password", subject)
    tries = limits.take(session, key, rules.PASSWORD_TRIES, rules.PASSWORD_PAUSE, now)
    return _Counted(key, tries, is_known)


def _note_wrong(session: Session, vault: Vault, email_index: bytes, now: datetime) -> None:
    # Above its maximum a counter's window ends by itself: it never locks anybody out.
    key = _wrong_key(vault, email_index[0] % _SHARDS)
    limits.take(session, key, 2**31 - 1, rules.HOUR, now)


def _wrong_key(vault: Vault, shard: int) -> bytes:
    # Sixteen counters instead of one, so that simultaneous sign-ins do not wait for each other.
    return vault.counter_key("wrong_passwords", bytes([shard]))


def _rehash(database: Database, found: Credentials, password: str) -> None:
    """Bring a hash to the present parameters while the password is at hand."""
    if not passwords.needs_rehash(found.password_hash):
        return
    fresh = passwords.hash_password(password)
    values = {"id": found.account_id, "fresh": fresh, "stored": found.password_hash}
    with database.transaction() as session:
        session.execute(_REHASHED, values)
