"""The bytes of a submission, read part by part: never all of them in memory."""

from collections.abc import Iterator
from typing import Protocol
from uuid import UUID

from sqlalchemy import text

from payments.payees.bank_details import DetailsVault
from shared.db import Database

_NUMBERS = text("SELECT number FROM submission_part WHERE submission_id = :id ORDER BY number")
_PART = text(
    "SELECT content_sealed FROM submission_part WHERE submission_id = :id AND number = :number"
)


def part_record(submission_id: UUID, number: int) -> str:
    """Return the name under which a part's bytes are sealed."""
    return f"submission:{submission_id}" if number == 0 else f"submission:{submission_id}/{number}"


class Content(Protocol):
    """A file to hand over: what it must come to, and its bytes in order."""

    size: int
    sha256: str
    payment_count: int
    total_pence: int
    suffix: str

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes in order; each call begins anew."""


class SealedContent:
    """The sealed parts of a submission; each is read in a short transaction of its own."""

    def __init__(
        self,
        database: Database,
        vault: DetailsVault,
        submission_id: UUID,
        *,
        size: int,
        sha256: str,
        payment_count: int,
        total_pence: int,
        suffix: str,
    ) -> None:
        self._database = database
        self._vault = vault
        self._submission_id = submission_id
        self.size = size
        self.sha256 = sha256
        self.payment_count = payment_count
        self.total_pence = total_pence
        self.suffix = suffix

    def chunks(self) -> Iterator[bytes]:
        """Yield the parts in order (see :class:`Content`)."""
        with self._database.transaction() as session:
            values = {"id": self._submission_id}
            numbers = session.execute(_NUMBERS, values).scalars().all()
        for number in numbers:
            with self._database.transaction() as session:
                sealed: bytes = session.execute(_PART, values | {"number": number}).scalar_one()
            record = part_record(self._submission_id, number)
            yield self._vault.open_text(bytes(sealed), record).encode()
