"""What a way of sending email must do, and what it answers."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Result(StrEnum):
    """What came of one try to hand an email over."""

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
    """The answer of a provider: the result and its code, never its words, which name people."""

    result: Result
    code: str


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
