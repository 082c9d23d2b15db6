"""Reads of accounts."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from identity.accounts.models import Account
from shared.crypto import Sealer

EMAIL_RECORD = "account.email"
NAME_RECORD = "account.display_name"


@dataclass(frozen=True)
class Profile:
    """What an account says about its owner; the address is always a confirmed one."""

    account_id: UUID
    email: str
    email_confirmed_at: datetime
    email_check_id: UUID
    display_name: str
    language: str
    mailbox_id: str | None
    created_at: datetime
    closing_at: datetime | None = None
    frozen_until: datetime | None = None


@dataclass(frozen=True)
class Credentials:
    """What a password is checked against."""

    account_id: UUID
    password_hash: str
    language: str


def get_profile(session: Session, account_id: UUID, sealer: Sealer) -> Profile | None:
    """Return an account's profile, None when there is no such account or it is closed."""
    row = session.execute(
        select(
            Account.id,
            Account.email_sealed,
            Account.email_confirmed_at,
            Account.email_check_id,
            Account.display_name_sealed,
            Account.language,
            Account.mailbox_id,
            Account.created_at,
            Account.closing_at,
            Account.frozen_until,
        ).where(Account.id == account_id, Account.closed_at.is_(None))
    ).one_or_none()
    if row is None:
        return None
    name = row.display_name_sealed
    return Profile(
        account_id=row.id,
        email=_open(sealer, row.email_sealed, EMAIL_RECORD, account_id),
        email_confirmed_at=row.email_confirmed_at,
        email_check_id=row.email_check_id,
        display_name=_open(sealer, name, NAME_RECORD, account_id) if name else "",
        language=row.language,
        mailbox_id=row.mailbox_id,
        created_at=row.created_at,
        closing_at=row.closing_at,
        frozen_until=row.frozen_until,
    )


def _open(sealer: Sealer, sealed: bytes, record: str, account_id: UUID) -> str:
    return sealer.open(bytes(sealed), f"identity.{record}:{account_id}".encode()).decode()


def get_password_hash(session: Session, account_id: UUID) -> str | None:
    """Return the password's hash of an account, None when it is gone."""
    return session.execute(
        select(Account.password_hash).where(Account.id == account_id)
    ).scalar_one_or_none()


def find_credentials(session: Session, email_index: bytes) -> Credentials | None:
    """Return the credentials behind an address; None when nobody has it, or a fictitious person."""
    row = session.execute(
        select(Account.id, Account.password_hash, Account.language).where(
            Account.email_index == email_index, Account.persona.is_(None)
        )
    ).one_or_none()
    return None if row is None else Credentials(row.id, row.password_hash, row.language)


def is_closing(session: Session, account_id: UUID) -> bool:
    """Tell whether the owner closed an account that is not deleted yet."""
    closing_at = session.execute(
        select(Account.closing_at).where(Account.id == account_id)
    ).scalar_one_or_none()
    return closing_at is not None
