"""The port to whoever answers Confirmation of Payee questions."""

from dataclasses import dataclass
from typing import Protocol

from payments.payees.bank_details import AccountType


@dataclass(frozen=True)
class NameQuestion:
    """What the responder is asked; ``interaction_id`` is a UUID that it echoes."""

    account_type: AccountType
    name: str
    identification: str
    secondary: str
    interaction_id: str


@dataclass(frozen=True)
class NameAnswer:
    """What the responder said; ``name`` only where its rules let it show one.

    ``rule`` is how it came to it, from responders that tell.
    """

    matched: bool
    reason_code: str | None = None
    name: str | None = None
    rule: str = ""


class NoAnswerError(Exception):
    """The responder gave no usable answer: time-out, server error, or a refusal of the request."""


class PayeeNames(Protocol):
    """Somebody who can say whether a name belongs to an account."""

    def verify(self, question: NameQuestion) -> NameAnswer:
        """Return the answer.

        Raises:
            NoAnswerError: there is none now.
        """
