"""Applies AWACS: a credit was applied to another account, so the payee's details want changing."""

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from payments.bank.actions import account_hash, reference_key
from payments.bank.reports import Amendment, AmendmentAdvice
from payments.bank.work.actions import NewItem, open_items
from payments.payees.bank_details import BankDetails, DetailsVault, mask_account_number
from payments.payees.master.actions.propose import propose_change
from shared.actors import SYSTEM
from shared.errors import Problem

# Looked up by the account, not by what the planner takes for a small submission (see matching.py).
_PAYMENTS = text(
    """
    SELECT u.number, i.payment_id, i.submission_id, i.amount_pence, s.body, s.processing_day,
           p.payee_id, p.account_fingerprint
      FROM unnest(cast(:hashes AS bytea[]), cast(:keys AS text[])) WITH ORDINALITY
           AS u(hash, key, number)
      CROSS JOIN LATERAL (
        SELECT payment_id, submission_id, amount_pence FROM submission_item
         WHERE account_hash = u.hash AND (reference_key = u.key) IS TRUE OFFSET 0) i
      JOIN submission s ON s.id = i.submission_id AND s.service_user_number = :user
      LEFT JOIN payment p ON p.id = i.payment_id
     WHERE NOT EXISTS (SELECT 1 FROM bank_outcome o WHERE o.payment_id = i.payment_id
                          AND (o.submission_id = i.submission_id
                               AND o.kind IN ('refused', 'rejected', 'returned')) IS TRUE OFFSET 0)
     ORDER BY u.number, i.payment_id
    """
)
# AWACS comes on the day of payment or the two working days after; holidays may lie between.
_LONGEST_AFTER = timedelta(days=10)


def apply_amendments(
    session: Session, vault: DetailsVault, report_id: UUID, advice: AmendmentAdvice, now: datetime
) -> str:
    """Open work for each amended payment and propose the change of its payee.

    The payment's state stays: the credit was applied. A payee of the master gets a proposed change
    that another person has to confirm; what stands against a proposal is told in the work item.
    Returns what fits no payment uniquely, in words.
    """
    items, lost = [], []
    for amendment, rows in _candidates(session, vault, advice):
        matching = [row for row in rows if _fits(amendment, row)]
        if len(matching) != 1:
            lost.append(f"line {amendment.line}: fits {len(matching)} of our payments")
            continue
        items.append(_make_item(session, vault, report_id, amendment, matching[0], now))
    open_items(session, items, now)
    return "; ".join(lost)


def read_new_details(vault: DetailsVault, key: str, sealed: bytes) -> tuple[str, str]:
    """Return the sort code and account number that the bank told with a work item."""
    found = json.loads(vault.open_text(sealed, f"work:{key}"))
    return str(found["sort_code"]), str(found["account_number"])


def _candidates(
    session: Session, vault: DetailsVault, advice: AmendmentAdvice
) -> list[tuple[Amendment, list[Row[tuple[object, ...]]]]]:
    amended: Sequence[Amendment] = advice.amended
    found: list[list[Row[tuple[object, ...]]]] = [[] for _ in amended]
    for row in session.execute(
        _PAYMENTS,
        {
            "hashes": [account_hash(vault, one.sort_code, one.account_number) for one in amended],
            "keys": [reference_key(one.reference) for one in amended],
            "user": advice.service_user_number,
        },
    ):
        found[row.number - 1].append(row)
    return list(zip(amended, found, strict=True))


def _fits(amendment: Amendment, row: Row[tuple[object, ...]]) -> bool:
    day: date = row.processing_day
    effective = amendment.effective_on
    in_time = effective is None or day <= effective <= day + _LONGEST_AFTER
    return in_time and amendment.amount_pence in (None, row.amount_pence)


def _make_item(
    session: Session,
    vault: DetailsVault,
    report_id: UUID,
    amendment: Amendment,
    row: Row[tuple[object, ...]],
    now: datetime,
) -> NewItem:
    key = f"amended/{row.submission_id}/{row.payment_id}/{report_id}"
    details = {
        "sort_code": amendment.new_sort_code,
        "account_number": amendment.new_account_number,
    }
    shown = mask_account_number(amendment.new_account_number)
    proposal = _propose(session, vault, amendment, row, now)
    return NewItem(
        row.body,
        key,
        "amended",
        "change_payee",
        code=amendment.code,
        reason=f"{amendment.reason}; new account {shown}; {proposal}",
        submission_id=row.submission_id,
        payment_id=row.payment_id,
        report_id=report_id,
        amount_pence=row.amount_pence,
        private_sealed=vault.seal_text(json.dumps(details), f"work:{key}"),
    )


def _propose(
    session: Session,
    vault: DetailsVault,
    amendment: Amendment,
    row: Row[tuple[object, ...]],
    now: datetime,
) -> str:
    """Propose the change to the payee master and say what came of it."""
    known: UUID | bytes | None = row.payee_id or row.account_fingerprint
    if known is None:
        return "the payment is not known any more"
    typed = (amendment.new_sort_code, amendment.new_account_number)
    details = BankDetails(*typed, *typed, "told by the bank (AWACS)")
    who = known if isinstance(known, UUID) else bytes(known)
    try:
        with session.begin_nested():
            change = propose_change(
                session, vault, row.body, who, details, "awacs", amendment.reason, SYSTEM, now
            )
    except Problem as problem:
        return f"no change was proposed: {problem.title}"
    return "the payee is not in the master" if change is None else "a change of the payee waits"
