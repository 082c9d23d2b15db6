"""What a letter in a mailbox is made of, its life, and how a person's list is searched and cut."""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from shared.errors import Conflict

PAGE_SIZE = 20
_SEARCH_MAXIMUM = 100
_MARKS = re.compile(r"[^\w]+")


class State(StrEnum):
    """Where a letter stands, in the words of Altinn 3 correspondence."""

    INITIALIZED = "initialized"
    PUBLISHED = "published"


class Event(StrEnum):
    """What can happen to a letter; written down once per time it happens."""

    DEPOSITED = "deposited"
    PUBLISHED = "published"
    ALERT_SENT = "alert_sent"
    FETCHED = "fetched"
    OPENED = "opened"
    ATTACHMENT_DOWNLOADED = "attachment_downloaded"
    MARKED_UNREAD = "marked_unread"
    ARCHIVED = "archived"
    RESTORED = "restored"


MOVES: Mapping[tuple[State, Event], State] = {
    (State.INITIALIZED, Event.PUBLISHED): State.PUBLISHED,
}


def move(state: State, event: Event) -> State:
    """Return the state that follows; refuses what the table of moves does not hold."""
    if (state, event) not in MOVES:
        raise Conflict("move_refused", f"A letter that is {state} cannot be {event}")
    return MOVES[state, event]


@dataclass(frozen=True)
class Head:
    """What the list of a mailbox shows of a letter."""

    title: str
    non_sensitive_title: str
    sender_name: str
    summary: str

    def as_bytes(self) -> bytes:
        """Return the form that is sealed."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, plain: bytes) -> "Head":
        """Return what :meth:`as_bytes` wrote."""
        return cls(**json.loads(plain))


@dataclass(frozen=True)
class Content:
    """What a letter says: paragraphs, facts, and what its PDF needs besides."""

    paragraphs: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    case_reference: str
    letter_template: str
    recipient_name: str
    recipient_address: tuple[str, ...]

    def as_bytes(self) -> bytes:
        """Return the form that is sealed."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, plain: bytes) -> "Content":
        """Return what :meth:`as_bytes` wrote."""
        stored = json.loads(plain)
        return cls(
            paragraphs=tuple(stored["paragraphs"]),
            facts=tuple((label, value) for label, value in stored["facts"]),
            case_reference=stored["case_reference"],
            letter_template=stored["letter_template"],
            recipient_name=stored["recipient_name"],
            recipient_address=tuple(stored["recipient_address"]),
        )


def search_words(typed: str, *, limit: int | None = _SEARCH_MAXIMUM) -> tuple[str, ...]:
    """Return the words to look for, without accents, capitals and punctuation."""
    return tuple(filter(None, _MARKS.split(_fold(typed[:limit]))))


def matches(head: Head, words: Sequence[str]) -> bool:
    """Tell whether each word begins a word of the title or of the sender's name."""
    text = search_words(f"{head.title} {head.sender_name}", limit=None)
    return all(any(there.startswith(word) for there in text) for word in words)


def _fold(text: str) -> str:
    split = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in split if not unicodedata.combining(sign))


def page_count(total: int) -> int:
    """Return how many pages a list has; an empty list has one."""
    return max(1, -(-total // PAGE_SIZE))
