"""Reads of mailboxes; whoever asks as a person sees their own mailbox and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from notifications.mailbox.rules import (
    PAGE_SIZE,
    Content,
    Head,
    matches,
    page_count,
    search_words,
)
from notifications.sealing.vault import OwnerKey, Vault
from shared.errors import NotFound

Folder = Literal["inbox", "archive"]
_FIND = text("SELECT id, language, key_sealed FROM mailbox WHERE subject = :subject")
_LOCK = text(
    """
    SELECT m.*, b.key_sealed, b.email_sealed, b.language AS reader_language
      FROM mailbox_message m JOIN mailbox b ON b.id = m.mailbox_id
     WHERE m.id = :id FOR UPDATE OF m
    """
)
_IN_FOLDER = {
    "inbox": "mailbox_id = :mailbox_id AND state = 'published' AND archived_at IS NULL",
    "archive": "mailbox_id = :mailbox_id AND state = 'published' AND archived_at IS NOT NULL",
}
_LIST = "SELECT id, unread, published_at, head_sealed FROM mailbox_message WHERE {} {}"
_NEWEST_FIRST = "ORDER BY published_at DESC, id DESC"
_ONE = text(
    """
    SELECT id, language, unread, tell_opened, published_at, opened_at, archived_at, head_sealed,
           content_sealed, octet_length(letter_sealed) AS letter_bytes
      FROM mailbox_message WHERE id = :id AND mailbox_id = :mailbox_id AND state = 'published'
    """
)
_LETTER = text(
    """
    SELECT letter_sealed, published_at FROM mailbox_message
     WHERE id = :id AND mailbox_id = :mailbox_id AND state = 'published'
    """
)
_FOR_SENDER = text(
    """
    SELECT id, state, published_at, CASE WHEN tell_opened THEN opened_at END AS opened_at
      FROM mailbox_message WHERE id = :id AND client_id = :client_id
    """
)


@dataclass(frozen=True)
class OpenMailbox:
    """A person's mailbox with the key that opens what is in it."""

    id: UUID
    subject: str
    key: OwnerKey


@dataclass(frozen=True)
class Line:
    """One letter as the list shows it."""

    id: UUID
    title: str
    sender_name: str
    summary: str
    unread: bool
    published_at: datetime


@dataclass(frozen=True)
class Listing:
    """One page of a folder."""

    lines: Sequence[Line]
    total: int
    page: int
    pages: int
    unread: int


@dataclass(frozen=True)
class LetterView:
    """One letter as its page shows it."""

    id: UUID
    language: str
    head: Head
    content: Content
    unread: bool
    tell_opened: bool
    published_at: datetime
    opened_at: datetime | None
    archived: bool
    letter_bytes: int


@dataclass(frozen=True)
class SenderView:
    """How far a letter is, as its sender may know it."""

    id: UUID
    state: str
    published_at: datetime | None
    opened_at: datetime | None


def find_mailbox(session: Session, vault: Vault, subject: str) -> OpenMailbox | None:
    """Return the mailbox of a person, None when they have none."""
    row = session.execute(_FIND, {"subject": subject}).one_or_none()
    if row is None:
        return None
    return OpenMailbox(row.id, subject, vault.owner_key(bytes(row.key_sealed), row.id))


def lock_letter(session: Session, message_id: UUID) -> Row[tuple[object, ...]]:
    """Return a letter with its mailbox's key and address, locked until the transaction ends."""
    return session.execute(_LOCK, {"id": message_id}).one()


def list_letters(
    session: Session, mailbox: OpenMailbox, folder: Folder, *, search: str = "", page: int = 1
) -> Listing:
    """Return a page of a folder, newest first; the search looks at titles and senders."""
    bound: dict[str, object] = {"mailbox_id": mailbox.id}
    where = _IN_FOLDER[folder]
    counts = session.execute(
        text(
            "SELECT count(*) AS total, count(*) FILTER (WHERE unread) AS unread"
            f" FROM mailbox_message WHERE {where}"
        ),
        bound,
    ).one()
    words = search_words(search)
    if words:
        rows = session.execute(text(_LIST.format(where, _NEWEST_FIRST)), bound)
        found = [line for row in rows if matches((line := _line(mailbox, row)).head, words)]
        total, pages = len(found), page_count(len(found))
        page = min(max(page, 1), pages)
        shown = found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    else:
        total, pages = counts.total, page_count(counts.total)
        page = min(max(page, 1), pages)
        limits = {"limit": PAGE_SIZE, "offset": (page - 1) * PAGE_SIZE}
        query = _LIST.format(where, f"{_NEWEST_FIRST} LIMIT :limit OFFSET :offset")
        shown = [_line(mailbox, row) for row in session.execute(text(query), bound | limits)]
    return Listing([line.plain for line in shown], total, page, pages, counts.unread)


@dataclass(frozen=True)
class _OpenedLine:
    head: Head
    plain: Line


def _line(mailbox: OpenMailbox, row: Row[tuple[object, ...]]) -> _OpenedLine:
    head = Head.from_bytes(mailbox.key.open(bytes(row.head_sealed), "letter.head", row.id))
    line = Line(row.id, head.title, head.sender_name, head.summary, row.unread, row.published_at)
    return _OpenedLine(head, line)


def get_letter(session: Session, mailbox: OpenMailbox, message_id: UUID) -> LetterView:
    """Return a letter of this mailbox; any other is unknown."""
    row = session.execute(_ONE, {"id": message_id, "mailbox_id": mailbox.id}).one_or_none()
    if row is None:
        raise _unknown()
    key = mailbox.key
    return LetterView(
        id=row.id,
        language=row.language,
        head=Head.from_bytes(key.open(bytes(row.head_sealed), "letter.head", row.id)),
        content=Content.from_bytes(key.open(bytes(row.content_sealed), "letter.content", row.id)),
        unread=row.unread,
        tell_opened=row.tell_opened,
        published_at=row.published_at,
        opened_at=row.opened_at,
        archived=row.archived_at is not None,
        letter_bytes=row.letter_bytes,
    )


def get_letter_pdf(
    session: Session, mailbox: OpenMailbox, message_id: UUID
) -> tuple[bytes, datetime]:
    """Return a letter's PDF and when it was published; any other mailbox's is unknown."""
    row = session.execute(_LETTER, {"id": message_id, "mailbox_id": mailbox.id}).one_or_none()
    if row is None:
        raise _unknown()
    pdf = mailbox.key.open(bytes(row.letter_sealed), "letter.pdf", message_id)
    return pdf, row.published_at


def get_letter_for_sender(session: Session, message_id: UUID, client_id: str) -> SenderView:
    """Return how far a letter of this sender is; another sender's is unknown.

    When it was opened is told only to a sender who asked before, which the reader is told too.
    """
    row = session.execute(_FOR_SENDER, {"id": message_id, "client_id": client_id}).one_or_none()
    if row is None:
        raise _unknown()
    return SenderView(row.id, row.state, row.published_at, row.opened_at)


def _unknown() -> NotFound:
    return NotFound("message_unknown", "There is no such message")
