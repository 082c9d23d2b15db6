"""What other programs have done with mailboxes: create one, take a letter in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from notifications.letters.rules import TEMPLATES
from notifications.mailbox.queries import find_mailbox
from notifications.mailbox.rules import Content, Event, Head
from notifications.messages.rules import check_address
from notifications.sealing.vault import Vault
from shared import audit
from shared.actors import Actor
from shared.errors import FieldError, Invalid, NotFound
from shared.ids import new_id
from shared.outbox import enqueue

_CREATE = text(
    """
    INSERT INTO mailbox (id, subject, assurance, verified_at, language, key_sealed, email_sealed,
                         created_at)
    VALUES (:id, :subject, :assurance, :verified_at, :language, :key_sealed, :email_sealed, :now)
    ON CONFLICT (subject) DO NOTHING
    """
)
_LOCK_MAILBOX = text("SELECT id, verified_at FROM mailbox WHERE subject = :subject FOR UPDATE")
_RENEW = text(
    """
    UPDATE mailbox SET assurance = :assurance, verified_at = :verified_at, language = :language,
                       email_sealed = :email_sealed
     WHERE id = :id
    """
)
_DEPOSIT = text(
    """
    INSERT INTO mailbox_message (id, mailbox_id, client_id, sender, language, state, tell_opened,
                                 head_sealed, content_sealed, created_at)
    VALUES (:id, :mailbox_id, :client_id, :sender, :language, 'initialized', :tell_opened,
            :head_sealed, :content_sealed, :now)
    """
)
_EVENT = text(
    """
    INSERT INTO mailbox_event (message_id, event, actor_kind, actor_id, event_time)
    VALUES (:message_id, :event, :actor_kind, :actor_id, :now)
    """
)


@dataclass(frozen=True)
class MailboxRequest:
    """Whose mailbox to create, how sure identity is of them, and where alerts go."""

    subject: str
    assurance: Literal["medium", "high"]
    verified_at: datetime
    email: str
    language: str


@dataclass(frozen=True)
class Deposit:
    """A letter that a sender hands in for a person."""

    subject: str
    sender: str
    language: str
    head: Head
    content: Content
    tell_opened: bool = False


def create_mailbox(
    session: Session, vault: Vault, actor: Actor, request: MailboxRequest, now: datetime
) -> tuple[UUID, bool]:
    """Create a verified person's mailbox, once; returns its id and whether it is new.

    A newer verification of the same person renews address and language; an older one, arriving
    late, changes nothing. Refuses what is no email address.
    """
    address = _check_email(request.email)
    fresh = new_id()
    values = {
        "subject": request.subject,
        "assurance": request.assurance,
        "verified_at": request.verified_at,
        "language": request.language,
        "now": now,
    }
    made = session.execute(
        _CREATE,
        values
        | {
            "id": fresh,
            "key_sealed": vault.new_owner_key(fresh),
            "email_sealed": vault.seal(address, "mailbox.email", fresh),
        },
    )
    row = session.execute(_LOCK_MAILBOX, {"subject": request.subject}).one()
    is_new = made.rowcount == 1  # type: ignore[attr-defined]  # an INSERT has a row count
    if is_new:
        audit.record(session, actor, "notifications.mailbox.created", "mailbox", row.id)
    elif request.verified_at > row.verified_at:
        sealed = vault.seal(address, "mailbox.email", row.id)
        session.execute(_RENEW, values | {"id": row.id, "email_sealed": sealed})
        audit.record(session, actor, "notifications.mailbox.renewed", "mailbox", row.id)
    return row.id, is_new


def _check_email(typed: str) -> str:
    try:
        return check_address(typed)
    except Invalid as refusal:
        faults = (FieldError("email", fault.message) for fault in refusal.fields)
        raise Invalid(*faults) from refusal


def deposit_letter(
    session: Session, vault: Vault, actor: Actor, deposit: Deposit, now: datetime
) -> UUID:
    """Take a letter in and have it published after the commit; returns its id.

    Refuses a person without a mailbox (404, to be tried again later) and an unknown template.
    """
    if deposit.content.letter_template not in TEMPLATES:
        raise Invalid(FieldError("letter.template", "There is no letter template of this name"))
    mailbox = find_mailbox(session, vault, deposit.subject)
    if mailbox is None:
        raise NotFound(
            "mailbox_unknown",
            "This person has no mailbox",
            detail="A mailbox is created soon after a person was verified. Try again later.",
        )
    message_id = new_id()
    session.execute(
        _DEPOSIT,
        {
            "id": message_id,
            "mailbox_id": mailbox.id,
            "client_id": actor.id,
            "sender": deposit.sender,
            "language": deposit.language,
            "tell_opened": deposit.tell_opened,
            "head_sealed": mailbox.key.seal(deposit.head.as_bytes(), "letter.head", message_id),
            "content_sealed": mailbox.key.seal(
                deposit.content.as_bytes(), "letter.content", message_id
            ),
            "now": now,
        },
    )
    note_event(session, message_id, Event.DEPOSITED, actor, now)
    audit.record(
        session,
        actor,
        "notifications.letter.deposited",
        "letter",
        message_id,
        {"sender": deposit.sender},
    )
    enqueue(
        session,
        "notifications.mailbox.publish",
        {"message_id": str(message_id)},
        key=str(message_id),
    )
    return message_id


def note_event(
    session: Session, message_id: UUID, event: Event, actor: Actor, now: datetime
) -> None:
    """Add a line to the append-only record of a letter."""
    session.execute(
        _EVENT,
        {
            "message_id": message_id,
            "event": event,
            "actor_kind": actor.kind,
            "actor_id": actor.id,
            "now": now,
        },
    )
