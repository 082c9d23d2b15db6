"""Applies what Bacs reports: input reports and returned credits (ARUCS)."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from payments.bank.actions import ask_for_rematch, record_outcomes
from payments.bank.advices.matching import Contradiction, Found, match_items
from payments.bank.attempts import acknowledge, claim_attempt
from payments.bank.outcomes import OutcomeKind
from payments.bank.reports import InputReport, ReturnAdvice
from payments.bank.work.actions import NewItem, open_items
from payments.bank.work.rules import (
    WorkAction,
    WorkKind,
    action_for_rejection,
    action_for_return,
)
from payments.ledger.accounting import free_reservation, post_rejected, post_return_advised
from payments.payees.bank_details import DetailsVault

_LOCK_SUBMISSION = text(
    "SELECT id, run_id, body, state, reported_at, payment_count, total_pence FROM submission"
    " WHERE service_user_number = :user AND serial = :serial FOR UPDATE"
)
_REPORTED = text(
    """
    UPDATE submission SET state = CASE state WHEN 'settled' THEN state ELSE 'reported' END,
           reported_at = :now, reported_processing_day = :day, accepted_count = :accepted_count,
           accepted_pence = :accepted_pence, rejected_count = :rejected_count,
           rejected_pence = :rejected_pence
     WHERE id = :id
    """
)


def apply_input_report(
    session: Session, vault: DetailsVault, report_id: UUID, report: InputReport, now: datetime
) -> UUID:
    """Write down what was accepted and rejected of a submission; returns the submission's id.

    Each rejected payment is work for a person.

    Raises:
        Contradiction: unknown or refused submission, reported already, other totals than the
            file's, an item that is not of the file.
    """
    row = session.execute(
        _LOCK_SUBMISSION, {"user": report.service_user_number, "serial": report.serial}
    ).one_or_none()
    if row is None:
        raise Contradiction(f"no submission of ours has serial {report.serial}")
    if row.state == "refused" or row.reported_at is not None:
        raise Contradiction(f"submission {report.serial} is {row.state} already")
    _compare(report, row)
    if row.state == "prepared":
        # The report proves what the lost answer to the hand-over could not.
        claim = claim_attempt(session, row.id, now)
        if claim is None or claim.purpose == "send":
            raise Contradiction(f"submission {report.serial} was never sent")
        acknowledge(session, claim, f"input report of {report.serial}", now)
    found, lost = match_items(
        session, vault, report.service_user_number, report.rejected, row.id, ["rejected"]
    )
    if lost:
        raise Contradiction("; ".join(lost))
    values = {name: getattr(report, name) for name in ("accepted_count", "accepted_pence")}
    values |= {name: getattr(report, name) for name in ("rejected_count", "rejected_pence")}
    session.execute(_REPORTED, values | {"id": row.id, "day": report.processing_day, "now": now})
    _tell(session, found, "rejected", report, report_id)
    _open_work(session, found, "rejected", action_for_rejection, report_id, now)
    post_rejected(
        session,
        row.body,
        [(one.payment_id, one.item.amount_pence) for one in found],
        report.processing_day,
    )
    if not report.accepted_count:
        # No debit will come that could free what was reserved for it.
        free_reservation(session, row.body, row.run_id, row.id, report.processing_day)
    record_outcomes(
        session,
        row.id,
        row.run_id,
        "accepted",
        report.processing_day,
        unless=["rejected"],
        report_id=report_id,
    )
    ask_for_rematch(session, row.id, "reported")
    submission_id: UUID = row.id
    return submission_id


def _compare(report: InputReport, row: Row[tuple[object, ...]]) -> None:
    count = report.accepted_count + report.rejected_count
    pence = report.accepted_pence + report.rejected_pence
    if (count, pence) != (row.payment_count, row.total_pence):
        raise Contradiction(
            f"the report speaks of {count} payments of {pence} pence,"
            f" the file holds {row.payment_count} of {row.total_pence}"
        )
    rejected = sum(item.amount_pence for item in report.rejected)
    if (len(report.rejected), rejected) != (report.rejected_count, report.rejected_pence):
        raise Contradiction("the rejected items differ from their totals")


def apply_returns(
    session: Session, vault: DetailsVault, report_id: UUID, report: ReturnAdvice, now: datetime
) -> str:
    """Write down which payments come back, each as work; returns what fits no payment, in words."""
    found, lost = match_items(
        session,
        vault,
        report.service_user_number,
        report.returned,
        None,
        ["returned", "rejected", "refused"],
    )
    _tell(session, found, "returned", report, report_id)
    _open_work(session, found, "returned", action_for_return, report_id, now)
    by_body: dict[str, list[tuple[UUID, int]]] = defaultdict(list)
    for one in found:
        by_body[one.body].append((one.payment_id, one.item.amount_pence))
    for body, items in by_body.items():
        post_return_advised(session, body, items, report.advised_on)
    return "; ".join(lost)


def _tell(
    session: Session,
    found: Sequence[Found],
    kind: OutcomeKind,
    report: InputReport | ReturnAdvice,
    report_id: UUID,
) -> None:
    day = report.processing_day if isinstance(report, InputReport) else report.advised_on
    groups: dict[tuple[UUID, UUID, str, str], list[UUID]] = defaultdict(list)
    for one in found:
        key = (one.submission_id, one.run_id, one.item.code, one.item.reason)
        groups[key].append(one.payment_id)
    for (submission, run_id, code, reason), payments in groups.items():
        record_outcomes(
            session,
            submission,
            run_id,
            kind,
            day,
            only=payments,
            code=code,
            reason=reason,
            report_id=report_id,
        )


def _open_work(
    session: Session,
    found: Sequence[Found],
    kind: WorkKind,
    action: Callable[[str], WorkAction],
    report_id: UUID,
    now: datetime,
) -> None:
    items = [
        NewItem(
            one.body,
            f"{kind}/{one.submission_id}/{one.payment_id}",
            kind,
            action(one.item.code),
            code=one.item.code,
            reason=one.item.reason,
            submission_id=one.submission_id,
            payment_id=one.payment_id,
            report_id=report_id,
            amount_pence=one.item.amount_pence,
        )
        for one in found
    ]
    open_items(session, items, now)
