"""Reads of what the bank said about payments."""

from dataclasses import dataclass
from datetime import date
from typing import Literal, cast
from uuid import UUID

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from payments.bank.models import submission_item
from payments.reconciliation.models import match, statement_line
from payments.runs.rules import PaymentState

_BATCH = text(
    """
    SELECT count(*) AS outcomes, min(id) AS first, max(id) AS last,
           (SELECT p.organisation FROM bank_outcome o JOIN payment p ON p.id = o.payment_id
             WHERE o.batch_id = :batch LIMIT 1) AS organisation
      FROM bank_outcome WHERE batch_id = :batch
    """
)
_RUNS = text(
    """
    SELECT DISTINCT p.organisation, p.run_id FROM bank_outcome o JOIN payment p
        ON p.id = o.payment_id WHERE o.batch_id = :batch ORDER BY p.organisation, p.run_id
    """
)
_ENDS = text(
    """
    SELECT min(id) AS first, max(id) AS last
      FROM (SELECT id, (row_number() OVER (ORDER BY id) - 1) / :size AS shard
              FROM bank_outcome WHERE batch_id = :batch) numbered
     GROUP BY shard ORDER BY shard
    """
)
_GROUPS = text(
    """
    SELECT run_id, organisation, state, kind, reason_code, reason
      FROM (SELECT o.id, p.run_id, p.organisation, p.state, o.kind, o.reason_code, o.reason
              FROM bank_outcome o JOIN payment p ON p.id = o.payment_id
             WHERE o.batch_id = :batch AND o.id BETWEEN :first AND :last
             ORDER BY p.id FOR UPDATE OF p) found
     GROUP BY run_id, organisation, state, kind, reason_code, reason ORDER BY min(id), state
    """
)
# The payment is looked up by its id: run and state narrow nothing before that.
_OF_GROUP = text(
    """
    SELECT o.id, o.payment_id, o.kind, o.reason_code, o.reason
      FROM bank_outcome o CROSS JOIN LATERAL (
        SELECT p.run_id, p.state FROM payment p WHERE p.id = o.payment_id OFFSET 0) p
     WHERE o.batch_id = :batch AND o.id BETWEEN :first AND :last AND o.kind = :kind
       AND o.reason_code = :code AND o.reason = :reason
       AND p.run_id = :run AND p.state = :state
     ORDER BY o.id
    """
)
OutcomeKind = Literal["submitted", "refused", "accepted", "rejected", "paid", "unpaid", "returned"]


@dataclass(frozen=True)
class Batch:
    """Answers that the bank's room wrote together, by the first and last of their ids."""

    id: UUID
    organisation: str
    count: int
    first: int
    last: int


@dataclass(frozen=True)
class GroupRun:
    """The run of a group, as far as its history needs it."""

    id: UUID
    organisation: str


@dataclass(frozen=True)
class Group:
    """Equal answers about payments of one run that are in one state."""

    run: GroupRun
    state: PaymentState
    kind: OutcomeKind
    reason_code: str
    reason: str


@dataclass(frozen=True)
class Outcome:
    """One answer of the bank about one payment."""

    id: int
    payment_id: UUID
    kind: OutcomeKind
    reason_code: str
    reason: str


@dataclass(frozen=True)
class BankLine:
    """A line of a bank statement that belongs to a payment, or to the file it went with."""

    statement_id: UUID
    booking_date: date
    amount_pence: int
    reference: str
    is_return: bool


def list_bank_lines(session: Session, payment_id: UUID) -> list[BankLine]:
    """Return the statement lines matched with a payment's return and with its submission."""
    submissions = select(submission_item.c.submission_id).where(
        submission_item.c.payment_id == payment_id
    )
    rows = session.execute(
        select(
            statement_line.c.statement_id,
            statement_line.c.booking_date,
            statement_line.c.amount_pence,
            statement_line.c.reference,
            match.c.target_type,
        )
        .join(match, match.c.line_id == statement_line.c.id)
        .where(
            match.c.state == "live",
            or_(match.c.target_id == payment_id, match.c.target_id.in_(submissions)),
        )
        .order_by(statement_line.c.booking_date, statement_line.c.id)
    )
    return [
        BankLine(
            row.statement_id,
            row.booking_date,
            row.amount_pence,
            row.reference,
            row.target_type == "returned_payment",
        )
        for row in rows
    ]


def find_batch(session: Session, batch_id: UUID) -> Batch | None:
    """Return how many answers a batch has and whose they are; None when it has none."""
    row = session.execute(_BATCH, {"batch": batch_id}).one()
    if not row.outcomes:
        return None
    return Batch(batch_id, row.organisation, row.outcomes, row.first, row.last)


def list_runs_of_batch(session: Session, batch_id: UUID) -> list[tuple[str, UUID]]:
    """Return body and id of the runs that a batch is about, in the order in which to lock them."""
    rows = session.execute(_RUNS, {"batch": batch_id})
    return [(row.organisation, row.run_id) for row in rows]


def list_ends(session: Session, batch_id: UUID, size: int) -> list[tuple[int, int]]:
    """Return the first and last id of each shard of a batch."""
    rows = session.execute(_ENDS, {"batch": batch_id, "size": size})
    return [(row.first, row.last) for row in rows]


def list_groups(session: Session, batch_id: UUID, first: int, last: int) -> list[Group]:
    """Lock the payments that a range of answers is about; return the groups in order of arrival."""
    rows = session.execute(_GROUPS, {"batch": batch_id, "first": first, "last": last})
    return [
        Group(
            GroupRun(row.run_id, row.organisation),
            cast("PaymentState", row.state),
            cast("OutcomeKind", row.kind),
            row.reason_code,
            row.reason,
        )
        for row in rows
    ]


def list_contradictions(
    session: Session, group: Group, batch_id: UUID, first: int, last: int
) -> list[Outcome]:
    """Return the single answers of a group."""
    values = {
        "batch": batch_id,
        "first": first,
        "last": last,
        "kind": group.kind,
        "code": group.reason_code,
        "reason": group.reason,
        "run": group.run.id,
        "state": group.state,
    }
    return [Outcome(*row) for row in session.execute(_OF_GROUP, values)]
