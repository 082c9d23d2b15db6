"""What a person does with the letters in their own mailbox."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from notifications.mailbox.actions import note_event
from notifications.mailbox.queries import OpenMailbox
from notifications.mailbox.rules import Event
from shared import audit
from shared.actors import Actor
from shared.errors import NotFound
from shared.outbox import enqueue

_MINE = "id = :id AND mailbox_id = :mailbox_id AND state = 'published'"
_OPEN = text(
    f"UPDATE mailbox_message SET opened_at = :now, unread = false"
    f" WHERE {_MINE} AND opened_at IS NULL RETURNING tell_opened"
)
_READ = text(f"UPDATE mailbox_message SET unread = false WHERE {_MINE} AND unread")
_MARK_UNREAD = text(f"UPDATE mailbox_message SET unread = true WHERE {_MINE} AND NOT unread")
_ARCHIVE = text(
    f"UPDATE mailbox_message SET archived_at = :now WHERE {_MINE} AND archived_at IS NULL"
)
_RESTORE = text(
    f"UPDATE mailbox_message SET archived_at = NULL WHERE {_MINE} AND archived_at IS NOT NULL"
)
_EXISTS = text(f"SELECT EXISTS (SELECT FROM mailbox_message WHERE {_MINE})")


def open_letter(
    session: Session, mailbox: OpenMailbox, message_id: UUID, actor: Actor, now: datetime
) -> None:
    """Mark a letter read; the first time ever is an event, and told to a sender who asked.

    Two openings at the same moment are one: the row decides. Refuses a letter that is not in this
    mailbox.
    """
    mine = {"id": message_id, "mailbox_id": mailbox.id}
    first = session.execute(_OPEN, mine | {"now": now}).one_or_none()
    if first is None:
        _require(session, mine)
        session.execute(_READ, mine)
        return
    note_event(session, message_id, Event.FETCHED, actor, now)
    note_event(session, message_id, Event.OPENED, actor, now)
    audit.record(session, actor, "notifications.letter.opened", "letter", message_id)
    if first.tell_opened:
        enqueue(
            session,
            "notifications.mailbox.tell_opened",
            {"message_id": str(message_id)},
            key=str(message_id),
        )


def note_download(session: Session, message_id: UUID, actor: Actor, now: datetime) -> None:
    """Write down that the letter's PDF was fetched."""
    note_event(session, message_id, Event.ATTACHMENT_DOWNLOADED, actor, now)


def mark_unread(
    session: Session, mailbox: OpenMailbox, message_id: UUID, actor: Actor, now: datetime
) -> None:
    """Show a letter as unread again; that it was opened stays true."""
    mine = {"id": message_id, "mailbox_id": mailbox.id}
    if session.execute(_MARK_UNREAD, mine).rowcount:  # type: ignore[attr-defined]  # an UPDATE
        note_event(session, message_id, Event.MARKED_UNREAD, actor, now)
    else:
        _require(session, mine)


def archive_letter(
    session: Session, mailbox: OpenMailbox, message_id: UUID, actor: Actor, now: datetime
) -> None:
    """Move a letter from the inbox to the archive; one that is there stays there."""
    mine = {"id": message_id, "mailbox_id": mailbox.id}
    moved = session.execute(_ARCHIVE, mine | {"now": now})
    if moved.rowcount:  # type: ignore[attr-defined]  # an UPDATE has a row count
        note_event(session, message_id, Event.ARCHIVED, actor, now)
    else:
        _require(session, mine)


def restore_letter(
    session: Session, mailbox: OpenMailbox, message_id: UUID, actor: Actor, now: datetime
) -> None:
    """Move a letter from the archive back to the inbox; one that is there stays there."""
    mine = {"id": message_id, "mailbox_id": mailbox.id}
    if session.execute(_RESTORE, mine).rowcount:  # type: ignore[attr-defined]  # an UPDATE
        note_event(session, message_id, Event.RESTORED, actor, now)
    else:
        _require(session, mine)


def _require(session: Session, mine: Mapping[str, UUID]) -> None:
    if not session.execute(_EXISTS, mine).scalar_one():
        raise NotFound("message_unknown", "There is no such message")
