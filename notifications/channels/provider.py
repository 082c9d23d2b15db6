"""What a way of sending email, texts or calls must do, and what it answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol
from uuid import UUID


class Result(StrEnum):
    """What came of one try to hand a message over."""

    ACCEPTED = "accepted"
    # Not taken now, may be taken later (4.x.x, no connection).
    DEFERRED = "deferred"
    # Refused for a reason that may pass, but not by trying again (full, blocked: 5.2.2, 5.7.x).
    UNWILLING = "unwilling"
    # The address is wrong or the email is not wanted for good.
    REFUSED = "refused"
    # The connection broke after the content went out: it may or may not have been taken.
    UNCERTAIN = "uncertain"


@dataclass(frozen=True)
class Receipt:
    """The answer of a provider: the result and its code, never its words, which name people.

    ``reference`` is the provider's own name for the message, under which it reports delivery.
    """

    result: Result
    code: str
    reference: str = ""


@dataclass(frozen=True)
class Email:
    """A finished email: envelope and content (RFC 5322)."""

    sender: str
    recipient: str
    content: bytes


class EmailProvider(Protocol):
    """Hands emails over to the outside."""

    def send(self, email: Email) -> Receipt:
        """Try once and say what came of it; raises for nothing that the other side does."""


@dataclass(frozen=True)
class Spoken:
    """A finished text or call: the number (E.164), the words, and our id for the provider."""

    recipient: str
    words: str = field(repr=False)
    language: str
    message_id: UUID


class Arrival(StrEnum):
    """What a delivery receipt says."""

    ARRIVED = "arrived"
    # Switched off, no answer, out of reach for too long.
    MISSED = "missed"
    # There is no such number, or it is barred.
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True)
class Delivery:
    """A delivery receipt: the provider's name for the message, what happened, its code."""

    reference: str
    arrival: Arrival
    code: str


class SpokenProvider(Protocol):
    """Hands texts or calls over to the outside, and hears later whether they arrived."""

    def send(self, spoken: Spoken) -> Receipt:
        """Try once and say what came of it; raises for nothing that the other side does."""

    def collect(self, waiting: Sequence[str], keep: Callable[[Delivery], None]) -> None:
        """Hand every new delivery receipt to ``keep``, and only then take it off the provider.

        ``waiting`` are the references that have had none. A provider that is away is left alone.
        """
