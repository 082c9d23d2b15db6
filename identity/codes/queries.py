"""Reads of checks that wait for their code, and of what used codes prove."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from identity.accounts.vault import Vault
from identity.codes.rules import PROOF_LIFE, Channel, Purpose, Target

TARGET_RECORD = "contact_check.target"
CODE_RECORD = "contact_check.code"
_COLUMNS = "id, account_id, subject_id, channel, target_sealed, created_at"
_WAITING = text(
    f"""
    SELECT {_COLUMNS} FROM contact_check
     WHERE id = :id AND browser_hash = :browser_hash AND purpose = :purpose
       AND consumed_at IS NULL AND expires_at > :now
    """
)
_PROVED = text(
    f"""
    SELECT {_COLUMNS} FROM contact_check
     WHERE id = :id AND browser_hash = :browser_hash AND purpose = :purpose
       AND consumed_at > :since
    """
)


@dataclass(frozen=True)
class CheckView:
    """A check as its page may know it."""

    id: UUID
    account_id: UUID
    subject_id: UUID | None
    target: Target


def find_waiting(
    session: Session,
    vault: Vault,
    check_id: UUID,
    browser_hash: bytes,
    purpose: Purpose,
    now: datetime,
) -> CheckView | None:
    """Return a browser's check that waits for its code, None when it is over."""
    values = {"id": check_id, "browser_hash": browser_hash, "purpose": purpose, "now": now}
    return view_of(session.execute(_WAITING, values).one_or_none(), vault)


def find_proof(
    session: Session,
    vault: Vault,
    check_id: UUID,
    browser_hash: bytes,
    purpose: Purpose,
    now: datetime,
) -> CheckView | None:
    """Return a check whose code this browser used a moment ago, None when it proves nothing."""
    values = {"id": check_id, "browser_hash": browser_hash, "purpose": purpose}
    row = session.execute(_PROVED, values | {"since": now - PROOF_LIFE}).one_or_none()
    return view_of(row, vault)


def view_of(row: Row[tuple[object, ...]] | None, vault: Vault) -> CheckView | None:
    """Return a row of checks as pages may know it."""
    if row is None:
        return None
    address = vault.open(bytes(row.target_sealed), TARGET_RECORD, row.id)
    target = Target(cast("Channel", row.channel), address)
    return CheckView(row.id, row.account_id, row.subject_id, target)
