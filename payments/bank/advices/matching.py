"""Finds the payments that a bank's report speaks of; ambiguity goes to a person."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from payments.bank.actions import account_hash, reference_key
from payments.bank.outcomes import OutcomeKind
from payments.bank.reports import ReportItem
from payments.payees.bank_details import DetailsVault

# Each item is looked up by its account and amount: a submission that the planner takes for small
# would otherwise be read whole for each of them, and so would all payments of one reference.
_ITEMS = text(
    """
    SELECT u.number, i.payment_id, i.submission_id, i.amount_pence, s.run_id, s.body
      FROM unnest(cast(:hashes AS bytea[]), cast(:amounts AS bigint[]), cast(:keys AS text[]))
           WITH ORDINALITY AS u(hash, amount, key, number)
      CROSS JOIN LATERAL (
        SELECT payment_id, submission_id, amount_pence FROM submission_item
         WHERE account_hash = u.hash AND amount_pence = u.amount
           AND (reference_key = u.key) IS TRUE OFFSET 0) i
      JOIN submission s ON s.id = i.submission_id AND s.service_user_number = :user
     WHERE (cast(:submission AS uuid) IS NULL OR s.id = :submission)
       AND (cast(:days AS date[]) IS NULL OR (cast(:days AS date[]))[u.number]
            IN (s.processing_day, s.reported_processing_day))
       AND NOT EXISTS (SELECT 1 FROM bank_outcome o WHERE o.payment_id = i.payment_id
                          AND (o.submission_id = i.submission_id AND o.kind = ANY(:unless)) IS TRUE
                       OFFSET 0)
     ORDER BY u.number, i.payment_id
    """
)


class Contradiction(Exception):  # noqa: N818 - the bank's word against ours, not a fault of code
    """The bank's report contradicts what we sent."""


class Found(NamedTuple):
    """A payment of ours and what the report says of it."""

    payment_id: UUID
    submission_id: UUID
    run_id: UUID
    body: str
    item: ReportItem


def match_items(
    session: Session,
    vault: DetailsVault,
    user: str,
    items: Sequence[ReportItem],
    submission: UUID | None,
    unless: list[OutcomeKind],
) -> tuple[list[Found], list[str]]:
    """Find each item's payment; items that fit none, or fewer than there are payments, are lost.

    Items that are equal in everything and as many as the payments they fit take all of them.
    """
    keys = [
        (
            account_hash(vault, item.sort_code, item.account_number),
            item.amount_pence,
            reference_key(item.reference),
        )
        for item in items
    ]
    days = [item.original_processing_day for item in items]
    candidates: dict[int, list[Row[tuple[object, ...]]]] = defaultdict(list)
    for row in session.execute(
        _ITEMS,
        {
            "hashes": [key[0] for key in keys],
            "amounts": [key[1] for key in keys],
            "keys": [key[2] for key in keys],
            "days": days if all(days) and days else None,
            "user": user,
            "submission": submission,
            "unless": unless,
        },
    ):
        candidates[row.number - 1].append(row)
    groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for number, key in enumerate(keys):
        groups[*key, days[number]].append(number)
    found, lost = [], []
    for numbers in groups.values():
        rows = candidates[numbers[0]]
        if len(rows) == len(numbers):
            found += [
                Found(row.payment_id, row.submission_id, row.run_id, row.body, items[number])
                for number, row in zip(numbers, rows, strict=True)
            ]
        else:
            lost += [
                f"line {items[number].line}: fits {len(rows)} of our payments" for number in numbers
            ]
    return found, lost
