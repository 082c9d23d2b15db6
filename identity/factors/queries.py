"""Reads of the ways in which an account proves itself."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from identity.accounts.queries import get_password_hash
from identity.accounts.vault import Vault
from identity.factors import rules
from identity.factors.ceremonies import KnownKey
from identity.factors.models import BackupCode, Passkey, Totp

PASSKEY_NAME = "passkey.name"
TOTP_SECRET = "totp.secret"  # noqa: S105 - names a record, is none


@dataclass(frozen=True)
class PasskeyView:
    """A passkey as its owner knows it, and its key."""

    id: UUID
    account_id: UUID
    name: str
    key: KnownKey
    is_backed_up: bool
    enrolled_level: str
    created_at: datetime
    last_used_at: datetime | None

    @property
    def proves(self) -> str:
        """The factor of the level policy that it proves."""
        return rules.proved_by(can_sync=self.key.can_sync, enrolled_level=self.enrolled_level)


@dataclass(frozen=True)
class TotpView:
    """An authenticator app, and the secret that it shares with us."""

    secret: str
    last_step: int
    enrolled_level: str
    created_at: datetime
    last_used_at: datetime | None


def list_passkeys(session: Session, vault: Vault, account_id: UUID) -> list[PasskeyView]:
    """Return the passkeys of an account, the oldest first."""
    rows = session.execute(
        select(Passkey).where(Passkey.account_id == account_id).order_by(Passkey.created_at)
    )
    return [_passkey_of(row, vault) for row in rows]


def list_proofs(session: Session, account_id: UUID) -> list[str]:
    """Return what the passkeys of an account prove, without opening their names."""
    rows = session.execute(
        select(Passkey.can_sync, Passkey.enrolled_level).where(Passkey.account_id == account_id)
    )
    return [
        rules.proved_by(can_sync=row.can_sync, enrolled_level=row.enrolled_level) for row in rows
    ]


def find_passkey(session: Session, vault: Vault, credential_id: bytes) -> PasskeyView | None:
    """Return the passkey of a credential, None when nobody has it."""
    row = session.execute(
        select(Passkey).where(Passkey.credential_id == credential_id)
    ).one_or_none()
    return None if row is None else _passkey_of(row, vault)


def _passkey_of(row: Row[Passkey], vault: Vault) -> PasskeyView:
    found: Passkey = row[0]
    key = KnownKey(
        bytes(found.credential_id),
        bytes(found.public_key),
        tuple(found.transports),
        found.can_sync,
    )
    return PasskeyView(
        id=found.id,
        account_id=found.account_id,
        name=vault.open(bytes(found.name_sealed), PASSKEY_NAME, found.id),
        key=key,
        is_backed_up=found.is_backed_up,
        enrolled_level=found.enrolled_level,
        created_at=found.created_at,
        last_used_at=found.last_used_at,
    )


def find_totp(session: Session, vault: Vault, account_id: UUID) -> TotpView | None:
    """Return the authenticator app of an account, None where there is none."""
    row = session.execute(
        select(
            Totp.secret_sealed,
            Totp.last_step,
            Totp.enrolled_level,
            Totp.created_at,
            Totp.last_used_at,
        ).where(Totp.account_id == account_id)
    ).one_or_none()
    if row is None:
        return None
    return TotpView(
        secret=vault.open(bytes(row.secret_sealed), TOTP_SECRET, account_id),
        last_step=row.last_step,
        enrolled_level=row.enrolled_level,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
    )


def has_totp(session: Session, account_id: UUID) -> str:
    """Return the level in which the account's authenticator app was added, empty without one."""
    found = session.execute(
        select(Totp.enrolled_level).where(Totp.account_id == account_id)
    ).scalar_one_or_none()
    return found or ""


def count_backup_codes(session: Session, account_id: UUID) -> int:
    """Return how many backup codes are left."""
    return session.execute(
        select(func.count()).where(
            BackupCode.account_id == account_id, BackupCode.used_at.is_(None)
        )
    ).scalar_one()


def has_password(session: Session, account_id: UUID) -> bool:
    """Tell whether somebody can sign in to the account with a password."""
    return rules.has_usable_password(get_password_hash(session, account_id) or "")
