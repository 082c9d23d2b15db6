"""Small changes that an owner makes: the name and the language of an account."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from identity.accounts.actions import citizen
from identity.accounts.models import Account
from identity.accounts.queries import NAME_RECORD
from identity.accounts.vault import Vault
from identity.recovery.actions import check_not_frozen, replace_password
from identity.signin.actions import end_session
from identity.signin.queries import list_sessions
from shared import audit

NAME_MAXIMUM = 100


def change_name(session: Session, vault: Vault, account_id: UUID, name: str) -> None:
    """Set how the owner wants to be called; empty takes the name away."""
    sealed = vault.seal(name, NAME_RECORD, account_id) if name else None
    session.execute(
        update(Account).where(Account.id == account_id).values(display_name_sealed=sealed)
    )
    audit.record(session, citizen(account_id), "name.changed", "account", account_id)


def change_language(session: Session, account_id: UUID, language: str) -> None:
    """Set the language in which the owner is written to."""
    session.execute(
        text("UPDATE account SET language = :language WHERE id = :id"),
        {"language": language, "id": account_id},
    )
    audit.record(
        session,
        citizen(account_id),
        "language.changed",
        "account",
        account_id,
        {"language": language},
    )


def change_own_password(
    session: Session,
    vault: Vault,
    account_id: UUID,
    session_id: UUID,
    password_hash: str,
    now: datetime,
) -> None:
    """Set another password and end every session but the owner's; refuses a frozen account."""
    check_not_frozen(session, account_id, now)
    replace_password(session, vault, account_id, password_hash, now)
    for live in list_sessions(session, account_id, now):
        if live.id != session_id:
            end_session(session, account_id, live.id, now)
