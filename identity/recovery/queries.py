"""Reads of changes: what waits, what can be undone, what was before."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from identity.accounts.models import Account
from identity.accounts.vault import Vault
from identity.recovery.models import AccountChange
from identity.recovery.rules import ChangeKind, ChangeState
from identity.safe.queries import list_attributes
from identity.safe.rules import GPG45_SCOPE

BEFORE_RECORD = "account_change.before"
AFTER_RECORD = "account_change.after"
_REACHABLE = text(
    """
    SELECT id AS account_id, password_hash, language, 0 AS rank FROM account
     WHERE email_index = :index AND closed_at IS NULL
    UNION ALL
    SELECT a.id, a.password_hash, a.language, 1 FROM account_change c JOIN account a
        ON a.id = c.account_id
     WHERE c.before_index = :index AND c.kind = 'email' AND c.state = 'done'
       AND c.undo_until > :now AND a.closed_at IS NULL
     ORDER BY rank LIMIT 1
    """
)
_FORMER_PASSWORD = text(
    """
    SELECT id, before_sealed FROM account_change
     WHERE account_id = :account_id AND kind = 'password' AND state = 'done'
       AND undo_until > :now AND before_sealed IS NOT NULL
     ORDER BY created_at LIMIT 1
    """
)


@dataclass(frozen=True)
class ChangeView:
    """A change, opened for its owner; ``before`` and ``after`` are empty where there is none."""

    id: UUID
    account_id: UUID
    kind: ChangeKind
    state: ChangeState
    before: str = field(repr=False)
    before_kind: str
    after: str = field(repr=False)
    happens_at: datetime | None
    undo_until: datetime
    created_at: datetime


@dataclass(frozen=True)
class Reachable:
    """An account that an address, present or former, still speaks for; with its passwords."""

    account_id: UUID
    password_hash: str = field(repr=False)
    former_hash: str | None = field(repr=False)
    language: str


def find_reachable(
    session: Session, vault: Vault, email_index: bytes, now: datetime
) -> Reachable | None:
    """Return the account behind an address that it has, or had until a change of these days."""
    row = session.execute(_REACHABLE, {"index": email_index, "now": now}).one_or_none()
    if row is None:
        return None
    former = session.execute(
        _FORMER_PASSWORD, {"account_id": row.account_id, "now": now}
    ).one_or_none()
    opened = vault.open(bytes(former.before_sealed), BEFORE_RECORD, former.id) if former else None
    return Reachable(row.account_id, row.password_hash, opened, row.language)


def list_changes(
    session: Session, vault: Vault, account_id: UUID, now: datetime
) -> list[ChangeView]:
    """Return what waits and what can still be undone, the newest first."""
    rows = session.execute(
        select(AccountChange)
        .where(
            AccountChange.account_id == account_id,
            (AccountChange.state == "waiting")
            | ((AccountChange.state == "done") & (AccountChange.undo_until > now)),
        )
        .order_by(AccountChange.created_at.desc(), AccountChange.id.desc())
    ).scalars()
    return [_view(row, vault) for row in rows]


def get_change(session: Session, vault: Vault, change_id: UUID) -> ChangeView | None:
    """Return a change, None when it is forgotten."""
    row = session.get(AccountChange, change_id)
    return None if row is None else _view(row, vault)


def find_waiting_change(
    session: Session, vault: Vault, account_id: UUID, kind: ChangeKind
) -> ChangeView | None:
    """Return the change of a kind that waits, None when none does."""
    row = session.execute(
        select(AccountChange).where(
            AccountChange.account_id == account_id,
            AccountChange.kind == kind,
            AccountChange.state == "waiting",
        )
    ).scalar_one_or_none()
    return None if row is None else _view(row, vault)


def is_frozen(session: Session, account_id: UUID, now: datetime) -> bool:
    """Tell whether somebody said lately that a change of this account was not theirs."""
    until = session.execute(
        select(Account.frozen_until).where(Account.id == account_id)
    ).scalar_one_or_none()
    return until is not None and until > now


def verified_identity(session: Session, vault: Vault, account_id: UUID) -> dict[str, object] | None:
    """Return the verified identity that an account keeps, None without one."""
    items = list_attributes(session, account_id, vault.sealer)
    return next((item for item in items if item["scope"] == GPG45_SCOPE), None)


def _view(row: AccountChange, vault: Vault) -> ChangeView:
    before, after = row.before_sealed, row.after_sealed
    is_secret = row.kind == "password"
    return ChangeView(
        id=row.id,
        account_id=row.account_id,
        kind=cast("ChangeKind", row.kind),
        state=cast("ChangeState", row.state),
        before=vault.open(before, BEFORE_RECORD, row.id) if before and not is_secret else "",
        before_kind=row.before_kind or "",
        after=vault.open(after, AFTER_RECORD, row.id) if after else "",
        happens_at=row.happens_at,
        undo_until=row.undo_until,
        created_at=row.created_at,
    )
