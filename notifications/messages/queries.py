"""Reads of messages."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from shared.errors import NotFound

_GET = text(
    """
    SELECT id, channel, template, language, state, possible_duplicate, created_at, completed_at
      FROM message WHERE id = :id AND client_id = :client_id
    """
)
_WAITING = text(
    """
    SELECT provider_reference FROM message
     WHERE state = 'sent' AND channel = :channel AND provider_reference IS NOT NULL
       AND created_at > :since
     ORDER BY created_at DESC LIMIT 500
    """
)
_LOCK = text("SELECT * FROM message WHERE id = :id FOR UPDATE")


@dataclass(frozen=True)
class MessageView:
    """How far a message is; neither content nor recipient."""

    id: UUID
    channel: str
    template: str
    language: str
    state: str
    possible_duplicate: bool
    created_at: datetime
    completed_at: datetime | None


def get_message(session: Session, message_id: UUID, client_id: str) -> MessageView:
    """Return a message of this sender; refuses an unknown id and another sender's."""
    row = session.execute(_GET, {"id": message_id, "client_id": client_id}).one_or_none()
    if row is None:
        raise NotFound("message_unknown", "There is no such message")
    return MessageView(**row._mapping)  # noqa: SLF001 - the documented way to a row's names


def lock_message(session: Session, message_id: UUID) -> Row[tuple[object, ...]]:
    """Return a message's row, which nobody else can change until the transaction ends."""
    return session.execute(_LOCK, {"id": message_id}).one()


def list_waiting(session: Session, channel: str, since: datetime) -> list[str]:
    """Return the provider's references of what was sent since and not yet reported on."""
    values = {"channel": channel, "since": since}
    return list(session.execute(_WAITING, values).scalars())
