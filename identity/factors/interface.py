"""What a second factor is: the interface that each one fills, and who is to prove it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from identity.accounts.vault import Vault


@dataclass(frozen=True)
class Check:
    """One person in one browser who is to prove one more thing.

    Attributes:
        check_id: the sign-in attempt or the session that this belongs to; a code that is sent for
            it is good for it alone.
        origin: scheme, host and port of our pages, as a passkey's answer names them.
        language: what a message to the person is written in.
    """

    session: Session = field(repr=False)
    vault: Vault = field(repr=False)
    account_id: UUID
    check_id: UUID
    browser_hash: bytes = field(repr=False)
    origin: str
    language: str
    now: datetime


@dataclass(frozen=True)
class Words:
    """What pages say about a factor; plain English, translated where it is shown.

    Attributes:
        choice: the factor in a list of ways, such as "A code from your authenticator app".
        heading: title of the page that asks for it.
        label: of the field that takes the answer.
        empty: the fault when nothing was typed.
    """

    choice: str
    heading: str
    label: str
    hint: str
    empty: str
    wrong: str


class SecondFactor(ABC):
    """One way to prove oneself after the password, or in a session that needs a higher level.

    Wrong tries are counted by whoever asks (`identity.factors.checks.try_factor`), for each
    account, factor and browser apart.

    Attributes:
        name: part of the page's address, such as ``totp``.
        rank: the lowest is offered first; stronger factors rank lower.
        sends: ``start`` sends something, so a page offers to send it again.
        is_numeric: the answer is digits, which phones have a keyboard for.
        is_guessable: wrong tries are counted; a signature needs no counting.
    """

    name: str
    rank: int
    words: Words
    sends: bool = False
    is_numeric: bool = True
    is_guessable: bool = True

    @abstractmethod
    def proves(self, session: Session, account_id: UUID) -> tuple[str, ...]:
        """Return which factors of the level policy the account may prove; none: not enrolled."""

    @abstractmethod
    def check(self, check: Check, typed: str) -> str | None:
        """Return the proved factor of the level policy, None when the answer is not right.

        Must be one atomic single use. Writes stay when it returns None, so wrong tries count.
        """

    def start(self, check: Check) -> None:  # noqa: B027 - most factors send nothing
        """Send what the person is to type, if the factor sends anything."""

    def describe(self, check: Check) -> str:
        """Return one sentence for the page, such as where a code went; empty for none."""
        del check
        return ""
