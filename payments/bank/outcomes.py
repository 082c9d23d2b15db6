"""What became of payments at the bank, as `payments.runs` gets to know it.

The bank writes outcomes and never calls the runs: they take the rows of a batch when the topic
``payments.runs.apply_outcomes`` names it. Kinds can come in any order (a return before the debit
on the statement), so whoever applies them decides by its own table of moves.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

# submitted: the bank took the file over. refused: it refused the whole file and nothing was sent.
# accepted, rejected: input report. paid: entry day, debit seen on the statement. unpaid: that was
# taken back, its code is the state of before. returned: ARUCS.
OutcomeKind = Literal["submitted", "refused", "accepted", "rejected", "paid", "unpaid", "returned"]


@dataclass(frozen=True)
class BankOutcome:
    """One fact about one payment; code and reason are the bank's, empty when all went well."""

    payment_id: UUID
    kind: OutcomeKind
    reason_code: str
    reason: str
    occurred_on: date
    submission_id: UUID
    report_id: UUID | None = None
