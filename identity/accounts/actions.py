"""Changes of accounts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from identity.accounts.models import Account
from identity.accounts.queries import EMAIL_RECORD, NAME_RECORD
from identity.accounts.vault import Vault
from shared import audit
from shared.actors import Actor
from shared.ids import new_id
from shared.outbox import enqueue


def citizen(account_id: UUID) -> Actor:
    """Return the owner of an account as the one who does something."""
    return Actor(kind="citizen", id=str(account_id))


def create_account(
    session: Session,
    vault: Vault,
    *,
    email: str,
    password_hash: str,
    language: str,
    now: datetime,
    display_name: str = "",
) -> UUID | None:
    """Create an account for a confirmed address; None when the address has one already."""
    account_id = new_id()
    row = session.execute(
        insert(Account)
        .values(
            id=account_id,
            email_index=vault.email_index(email),
            email_sealed=vault.seal(email, EMAIL_RECORD, account_id),
            email_confirmed_at=now,
            email_check_id=new_id(),
            display_name_sealed=(
                vault.seal(display_name, NAME_RECORD, account_id) if display_name else None
            ),
            password_hash=password_hash,
            password_changed_at=now,
            language=language,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["email_index"])
        .returning(Account.id)
    ).one_or_none()
    if row is None:
        return None
    audit.record(session, citizen(account_id), "account.created", "account", account_id)
    return account_id


def tell_owner(session: Session, account_id: UUID, what: str, *, device: str = "") -> None:
    """Have an email sent to the owner about something that concerns the account's safety."""
    enqueue(
        session,
        "identity.accounts.tell_owner",
        {
            "account_id": str(account_id),
            "what": what,
            "notice_id": str(new_id()),
            "device": device,
        },
    )


def remember_mailbox(session: Session, account_id: UUID, mailbox_id: str) -> None:
    """Keep the id of the mailbox made for the account; a second call changes nothing."""
    session.execute(
        update(Account)
        .where(Account.id == account_id, Account.mailbox_id.is_(None))
        .values(mailbox_id=mailbox_id)
    )
