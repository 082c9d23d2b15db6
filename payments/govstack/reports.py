"""What callers are told about a batch, in the words of the shape it came in."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from payments.govstack.queries import StoredBatch, Totals

Failures = Sequence[tuple[str, str]]


def report_of(batch: StoredBatch, failures: Failures, now: datetime) -> dict[str, object]:
    """Return the body of the callback after a batch was judged."""
    if batch.kind == "validation":
        return (
            validation_b(batch, failures) if batch.shape == "b" else validation_a(batch, failures)
        )
    if batch.shape == "b":
        refused = batch.instruction_count if batch.state == "refused" else len(failures)
        return totals_b(batch, Totals(refused, 0, 0, 0), now)
    return {
        "RequestID": batch.request_id,
        "BatchID": batch.batch_id,
        "NumberFailedCases": len(failures),
        "FailedCases": _cases(failures),
    }


def validation_a(batch: StoredBatch, failures: Failures) -> dict[str, object]:
    """Return the result of a prepayment validation in shape A."""
    return {
        "RequestID": batch.request_id,
        "Source_BatchID": batch.batch_id,
        "NumberFailedCases": len(failures),
        "FailedAccounts": _cases(failures),
    }


def _cases(failures: Failures) -> list[dict[str, str]]:
    return [{"InstructionID": one, "FailureReason": reason} for one, reason in failures]


def validation_b(batch: StoredBatch, failures: Failures) -> dict[str, object]:
    """Return the result of a validation of accounts in shape B."""
    return {
        "batchId": batch.batch_id,
        "numberFailedCases": len(failures),
        "failedAccountLookups": [
            {"instructionID": one, "failureReason": reason} for one, reason in failures
        ],
    }


def totals_b(batch: StoredBatch, totals: Totals, now: datetime) -> dict[str, object]:
    """Return how far a batch is, in shape B: counts, and amounts in pounds."""
    ongoing = batch.instruction_count - totals.failed - totals.completed
    ongoing_pence = batch.total_pence - totals.failed_pence - totals.completed_pence
    return {
        "requestId": batch.request_id,
        "batchId": batch.batch_id,
        "TotalTransactions": batch.instruction_count,
        "ongoing": ongoing,
        "failed": totals.failed,
        "completed": totals.completed,
        "totalAmount": pounds(batch.total_pence),
        "completed_amount": pounds(totals.completed_pence),
        "ongoing_amount": pounds(ongoing_pence),
        "failed_amount": pounds(totals.failed_pence),
        "result_file": None,
        "resultGeneratedAt": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "note": batch.state.replace("_", " "),
    }


def pounds(pence: int) -> float:
    """Return pence as the JSON number in pounds that the shape asks for; nothing counts with it."""
    return float(Decimal(pence) / 100)
