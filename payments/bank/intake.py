"""Takes the bank's reports in: kept byte for byte, compared with what was sent, then applied."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from payments.bank.actions import (
    account_hash,
    ask_for_rematch,
    record_outcomes,
    reference_key,
)
from payments.bank.attempts import acknowledge, claim_attempt
from payments.bank.outcomes import OutcomeKind
from payments.bank.reports import (
    InputReport,
    ReportItem,
    ReturnAdvice,
    read_report,
)
from payments.bank.safe_xml import UnreadableError
from payments.ledger.accounting import free_reservation, post_rejected, post_return_advised
from payments.payees.bank_details import DetailsVault
from shared import audit
from shared.actors import SYSTEM
from shared.ids import new_id

_KEEP = text(
    """
    INSERT INTO bank_report (id, bank_report_id, kind, content_sealed, content_sha256, state,
                             received_at)
    VALUES (:id, :bank_id, :kind, :content, :sha256, 'unread', :now)
    ON CONFLICT (bank_report_id) DO NOTHING RETURNING id
    """
)
_TWIN = text(
    "SELECT bank_report_id FROM bank_report WHERE content_sha256 = :sha256 AND state = 'read'"
)
_MARK = text(
    """
    UPDATE bank_report SET state = :state, problem = :problem, submission_id = :submission,
      body = (SELECT min(body) FROM bank_account WHERE service_user_number = :user
              HAVING count(DISTINCT body) = 1)
     WHERE id = :id
    """
)
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
_ITEMS = text(
    """
    SELECT u.number, i.payment_id, i.submission_id, i.amount_pence, s.run_id, s.body
      FROM unnest(cast(:hashes AS bytea[]), cast(:amounts AS bigint[]), cast(:keys AS text[]))
           WITH ORDINALITY AS u(hash, amount, key, number)
      JOIN submission_item i ON i.account_hash = u.hash AND i.amount_pence = u.amount
                            AND i.reference_key = u.key
      JOIN submission s ON s.id = i.submission_id AND s.service_user_number = :user
     WHERE (cast(:submission AS uuid) IS NULL OR s.id = :submission)
       AND (cast(:days AS date[]) IS NULL OR (cast(:days AS date[]))[u.number]
            IN (s.processing_day, s.reported_processing_day))
       AND NOT EXISTS (SELECT 1 FROM bank_outcome o WHERE o.submission_id = i.submission_id
                          AND o.payment_id = i.payment_id AND o.kind = ANY(:unless))
     ORDER BY u.number, i.payment_id
    """
)


class _Contradiction(Exception):  # noqa: N818 - the bank's word against ours, not a fault of code
    """The bank's report contradicts the file that we sent."""


class _Found(NamedTuple):
    payment_id: UUID
    submission_id: UUID
    run_id: UUID
    body: str
    item: ReportItem


def take_report(
    session: Session,
    vault: DetailsVault,
    bank_report_id: str,
    kind: str,
    content: bytes,
    now: datetime,
) -> bool:
    """Keep a report and apply it; False when it was here already.

    What cannot be read, contradicts our file or fits no payment uniquely is kept as a problem for
    a person and moves no payment.
    """
    sha256 = hashlib.sha256(content).digest()
    twin = session.execute(_TWIN, {"sha256": sha256}).scalar_one_or_none()
    report_id: UUID | None = session.execute(
        _KEEP,
        {
            "id": new_id(),
            "bank_id": bank_report_id,
            "kind": kind,
            "content": vault.seal_text(content.decode("latin-1"), f"report:{bank_report_id}"),
            "sha256": sha256,
            "now": now,
        },
    ).scalar_one_or_none()
    if report_id is None:
        return False
    state, submission, user = "unread", None, ""
    try:
        if twin is not None:
            problem = f"the same content as report {twin}"
        else:
            report = read_report(content)
            user = report.service_user_number
            with session.begin_nested():
                submission, problem = _apply(session, vault, report_id, report, now)
            state = "read"
    except (UnreadableError, _Contradiction) as error:
        problem = str(error)
    values = {"id": report_id, "state": state, "problem": problem, "submission": submission}
    session.execute(_MARK, values | {"user": user})
    facts = {"kind": kind, "state": state, "problem": problem}
    audit.record(session, SYSTEM, "bank.report.taken", "bank_report", bank_report_id, facts)
    return True


def _apply(
    session: Session,
    vault: DetailsVault,
    report_id: UUID,
    report: InputReport | ReturnAdvice,
    now: datetime,
) -> tuple[UUID | None, str]:
    if isinstance(report, InputReport):
        return _apply_input(session, vault, report_id, report, now), ""
    return None, _apply_returns(session, vault, report_id, report)


def _apply_input(
    session: Session, vault: DetailsVault, report_id: UUID, report: InputReport, now: datetime
) -> UUID:
    row = session.execute(
        _LOCK_SUBMISSION, {"user": report.service_user_number, "serial": report.serial}
    ).one_or_none()
    if row is None:
        raise _Contradiction(f"no submission of ours has serial {report.serial}")
    if row.state == "refused" or row.reported_at is not None:
        raise _Contradiction(f"submission {report.serial} is {row.state} already")
    _compare(report, row)
    if row.state == "prepared":
        # The report proves what the lost answer to the hand-over could not.
        claim = claim_attempt(session, row.id, now)
        if claim is None or claim.purpose == "send":
            raise _Contradiction(f"submission {report.serial} was never sent")
        acknowledge(session, claim, f"input report of {report.serial}", now)
    found, lost = _match(
        session, vault, report.service_user_number, report.rejected, row.id, ["rejected"]
    )
    if lost:
        raise _Contradiction("; ".join(lost))
    values = {name: getattr(report, name) for name in ("accepted_count", "accepted_pence")}
    values |= {name: getattr(report, name) for name in ("rejected_count", "rejected_pence")}
    session.execute(_REPORTED, values | {"id": row.id, "day": report.processing_day, "now": now})
    _tell(session, found, "rejected", report, report_id)
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
        raise _Contradiction(
            f"the report speaks of {count} payments of {pence} pence,"
            f" the file holds {row.payment_count} of {row.total_pence}"
        )
    rejected = sum(item.amount_pence for item in report.rejected)
    if (len(report.rejected), rejected) != (report.rejected_count, report.rejected_pence):
        raise _Contradiction("the rejected items differ from their totals")


def _apply_returns(
    session: Session, vault: DetailsVault, report_id: UUID, report: ReturnAdvice
) -> str:
    found, lost = _match(
        session,
        vault,
        report.service_user_number,
        report.returned,
        None,
        ["returned", "rejected", "refused"],
    )
    _tell(session, found, "returned", report, report_id)
    by_body: dict[str, list[tuple[UUID, int]]] = defaultdict(list)
    for one in found:
        by_body[one.body].append((one.payment_id, one.item.amount_pence))
    for body, items in by_body.items():
        post_return_advised(session, body, items, report.advised_on)
    return "; ".join(lost)


def _match(
    session: Session,
    vault: DetailsVault,
    user: str,
    items: Sequence[ReportItem],
    submission: UUID | None,
    unless: list[OutcomeKind],
) -> tuple[list[_Found], list[str]]:
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
                _Found(row.payment_id, row.submission_id, row.run_id, row.body, items[number])
                for number, row in zip(numbers, rows, strict=True)
            ]
        else:
            lost += [
                f"line {items[number].line}: fits {len(rows)} of our payments" for number in numbers
            ]
    return found, lost


def _tell(
    session: Session,
    found: Sequence[_Found],
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
