"""Released runs on their way to the bank, part by part."""

from dataclasses import dataclass, field
from uuid import UUID

from payments.bank.submissions import begin_submission
from tests.payments.bank.bank_day import BankDay
from tests.payments.bank.sending import seal_submission, write_parts
from tests.payments.bank.written import NOW, Payee, write_run

__all__ = ["Payee", "Released", "release"]


@dataclass
class Released:
    """A released run and the ids of its payments in order."""

    day: BankDay
    run_id: UUID
    payments: list[UUID] = field(default_factory=list)

    def begin(self) -> UUID:
        with self.day.database.transaction() as session:
            return begin_submission(session, self.run_id, NOW)

    def write(self, submission: UUID, *numbers: int) -> list[bool]:
        """Write parts in the order given, all in their order when none is."""
        return write_parts(self.day.database, self.day.vault, submission, *numbers)

    def seal(self, submission: UUID) -> bool:
        return seal_submission(self.day.database, self.day.vault, submission)


def release(
    day: BankDay,
    *payees: Payee,
    rail: str = "bacs",
    rail_reason: str = "",
    declared: tuple[int, int] | None = None,
) -> Released:
    """Return a released run with these payments, its cost booked; ``declared`` was put forward."""
    with day.database.transaction() as session:
        made = write_run(
            session,
            day.vault,
            day.account,
            payees,
            rail=rail,
            rail_reason=rail_reason,
            declared=declared,
        )
    return Released(day, *made)
