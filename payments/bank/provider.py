"""What the platform needs of a bank, whichever way it is reached."""

from dataclasses import dataclass
from typing import Protocol

from payments.bank.content import Content


@dataclass(frozen=True)
class Acknowledged:
    """The bank has taken over exactly the bytes that we sent; some banks tell what they counted."""

    reference: str
    payment_count: int | None = None
    total_pence: int | None = None


@dataclass(frozen=True)
class Refused:
    """The bank has refused the submission as a whole; nothing of it will be paid."""

    code: str
    reason: str


class OutcomeUnknownError(Exception):
    """No clear answer came: what was sent may or may not have arrived."""


class BankUnavailableError(Exception):
    """A read did not succeed; trying again later is harmless."""


# No reader takes more; a file of the bank that is larger is not fetched.
MAXIMUM_FILE_BYTES = 64 * 1024 * 1024


class FileTooLargeError(Exception):
    """A file of the bank is larger than any reader takes; fetching it again is of no use."""

    def __init__(self) -> None:
        super().__init__(f"larger than {MAXIMUM_FILE_BYTES // 1024 // 1024} MB")


@dataclass(frozen=True)
class Listed:
    """A file that the bank keeps for us."""

    id: str
    kind: str


class Bank(Protocol):
    """A sponsor bank: takes submissions, gives reports and statements."""

    def submit(self, submission_id: str, content: Content) -> Acknowledged | Refused | None:
        """Hand over a file under our id; the same id and bytes again get the first answer.

        None when it certainly was not handed over.

        Raises:
            OutcomeUnknownError: no clear answer.
        """

    def ask(self, submission_id: str, content: Content) -> Acknowledged | Refused | None:
        """Ask what became of a submission; None when the bank has never seen it.

        Raises:
            OutcomeUnknownError: no clear answer.
        """

    def list_reports(self) -> list[Listed]:
        """Return the reports that the bank keeps for us, oldest first.

        Raises:
            BankUnavailableError: the bank does not answer properly.
        """

    def get_report(self, report_id: str) -> bytes:
        """Return a report byte for byte.

        Raises:
            BankUnavailableError: the bank does not answer properly.
            FileTooLargeError: no more of it was kept in memory than may be.
        """

    def list_statements(self, sort_code: str, account_number: str) -> list[Listed]:
        """Return the statements of an account, oldest first.

        Raises:
            BankUnavailableError: the bank does not answer properly.
        """

    def get_statement(self, statement_id: str) -> bytes:
        """Return a statement byte for byte.

        Raises:
            BankUnavailableError: the bank does not answer properly.
            FileTooLargeError: no more of it was kept in memory than may be.
        """
