"""Applies pain.002: which payments of a pain.001 the bank accepted and rejected, bit by bit."""

from collections import defaultdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from payments.bank.actions import ask_for_rematch, record_outcomes
from payments.bank.advices.matching import Contradiction
from payments.bank.advices.pain002 import StatusReport, Verdict
from payments.bank.attempts import acknowledge, claim_attempt, record_answer
from payments.bank.provider import Refused
from payments.bank.work.actions import NewItem, open_items
from payments.ledger.accounting import free_reservation, post_rejected

_LOCK = text(
    """
    SELECT id, run_id, body, state, serial, payment_count, total_pence, reported_at
      FROM submission WHERE service_user_number || serial = :message
       AND service_user_number = left(:message, 6) FOR UPDATE
    """
)
# In these a payment is looked up by its id alone: IS TRUE and OFFSET 0 keep the planner, which may
# take a submission for small, from reading the whole of it for each payment.
_NAMED = text(
    """
    SELECT i.payment_id, i.end_to_end_id, i.amount_pence,
           (SELECT max(o.kind) FROM bank_outcome o WHERE o.payment_id = i.payment_id
               AND (o.submission_id = i.submission_id AND o.kind IN ('accepted', 'rejected'))
                   IS TRUE) AS known
      FROM submission_item i WHERE i.submission_id = :id AND i.end_to_end_id = ANY(:ids)
    """
)
_UNDECIDED = text(
    """
    SELECT i.payment_id, i.amount_pence FROM submission_item i WHERE i.submission_id = :id
       AND NOT EXISTS (SELECT 1 FROM bank_outcome o WHERE o.payment_id = i.payment_id
                          AND (o.submission_id = i.submission_id
                               AND o.kind IN ('accepted', 'rejected')) IS TRUE OFFSET 0)
     ORDER BY i.line_no
    """
)
_SUMS = text(
    """
    SELECT count(*) FILTER (WHERE o.kind = 'accepted') AS accepted,
           coalesce(sum(i.amount_pence) FILTER (WHERE o.kind = 'accepted'), 0)::bigint AS good,
           count(*) FILTER (WHERE o.kind = 'rejected') AS rejected,
           coalesce(sum(i.amount_pence) FILTER (WHERE o.kind = 'rejected'), 0)::bigint AS bad
      FROM bank_outcome o CROSS JOIN LATERAL (
        SELECT amount_pence FROM submission_item
         WHERE payment_id = o.payment_id AND (submission_id = o.submission_id) IS TRUE OFFSET 0) i
     WHERE o.submission_id = :id AND o.kind IN ('accepted', 'rejected')
    """
)
_REPORTED = text(
    """
    UPDATE submission SET state = CASE state WHEN 'settled' THEN state ELSE 'reported' END,
           reported_at = :now, reported_processing_day = :day, accepted_count = :accepted,
           accepted_pence = :good, rejected_count = :rejected, rejected_pence = :bad
     WHERE id = :id AND reported_at IS NULL
    """
)


def apply_statuses(session: Session, report_id: UUID, report: StatusReport, now: datetime) -> UUID:
    """Write down the new verdicts of a pain.002; returns the submission's id.

    A report may speak of some payments only, and a later one of the rest. Each rejected payment is
    work for a person. When all are decided the submission is reported.

    Raises:
        Contradiction: an unknown message or payment, other totals than the file's, a verdict that
            is the opposite of an earlier one.
    """
    submission = session.execute(_LOCK, {"message": report.message_id}).one_or_none()
    if submission is None:
        raise Contradiction(f"no message of ours is named {report.message_id[:35]}")
    submission_id: UUID = submission.id
    if submission.state == "refused":
        raise Contradiction(f"message {report.message_id} was refused already")
    _compare(report, submission)
    if submission.state == "prepared" and not _prove_hand_over(session, report, submission, now):
        return submission_id
    rejected = _apply_named(session, report_id, report, submission, now)
    rejected += _apply_rest(session, report_id, report, submission)
    post_rejected(session, submission.body, rejected, report.made_on)
    _finish(session, report, submission, now)
    return submission_id


def _compare(report: StatusReport, submission: Row[tuple[object, ...]]) -> None:
    for told, ours, what in (
        (report.payment_count, submission.payment_count, "payments"),
        (report.total_pence, submission.total_pence, "pence"),
    ):
        if told is not None and told != ours:
            raise Contradiction(f"the report speaks of {told} {what}, the file holds {ours}")


def _prove_hand_over(
    session: Session, report: StatusReport, submission: Row[tuple[object, ...]], now: datetime
) -> bool:
    """Settle a hand-over whose answer was lost; False when the report refuses all of it."""
    claim = claim_attempt(session, submission.id, now)
    if claim is None or claim.purpose == "send":
        raise Contradiction(f"message {report.message_id} was never sent")
    overall = report.overall
    if overall is not None and overall.status == "rejected" and not report.by_payment:
        record_answer(session, claim, Refused(overall.code, overall.reason), now)
        return False
    acknowledge(session, claim, f"pain.002 of {report.message_id}", now)
    return True


def _apply_named(
    session: Session,
    report_id: UUID,
    report: StatusReport,
    submission: Row[tuple[object, ...]],
    now: datetime,
) -> list[tuple[UUID, int]]:
    names = list(report.by_payment)
    rows = {
        row.end_to_end_id: row
        for row in session.execute(_NAMED, {"id": submission.id, "ids": names})
    }
    groups: dict[tuple[str, str, str], list[UUID]] = defaultdict(list)
    rejected, work = [], []
    for name, verdict in report.by_payment.items():
        row = rows.get(name)
        if row is None:
            raise Contradiction(f"line {verdict.line}: no payment of this message is {name[:35]}")
        if verdict.status in ("waiting", row.known):
            continue
        if row.known is not None:
            raise Contradiction(
                f"line {verdict.line}: payment {name} was {row.known} before, now {verdict.status}"
            )
        reason = verdict if verdict.status == "rejected" else _QUIET
        groups[verdict.status, reason.code, reason.reason].append(row.payment_id)
        if verdict.status == "rejected":
            rejected.append((row.payment_id, row.amount_pence))
            work.append(_make_item(submission, report_id, row, verdict))
    for (kind, code, reason_text), payments in groups.items():
        record_outcomes(
            session,
            submission.id,
            submission.run_id,
            "rejected" if kind == "rejected" else "accepted",
            report.made_on,
            only=payments,
            code=code,
            reason=reason_text,
            report_id=report_id,
        )
    open_items(session, work, now)
    return rejected


_QUIET = Verdict(0, "accepted", "", "")


def _make_item(
    submission: Row[tuple[object, ...]],
    report_id: UUID,
    row: Row[tuple[object, ...]],
    verdict: Verdict,
) -> NewItem:
    return NewItem(
        submission.body,
        f"rejected/{submission.id}/{row.payment_id}",
        "rejected",
        "correct_details",
        code=verdict.code,
        reason=verdict.reason,
        submission_id=submission.id,
        payment_id=row.payment_id,
        report_id=report_id,
        amount_pence=row.amount_pence,
    )


def _apply_rest(
    session: Session,
    report_id: UUID,
    report: StatusReport,
    submission: Row[tuple[object, ...]],
) -> list[tuple[UUID, int]]:
    """Apply the status of the whole to the payments that are not named and not decided before."""
    overall = report.overall
    if overall is None or overall.status == "waiting":
        return []
    is_rejected = overall.status == "rejected"
    items: list[tuple[UUID, int]] = []
    if is_rejected:
        rows = session.execute(_UNDECIDED, {"id": submission.id})
        items = [(row.payment_id, row.amount_pence) for row in rows]
    record_outcomes(
        session,
        submission.id,
        submission.run_id,
        "rejected" if is_rejected else "accepted",
        report.made_on,
        unless=["accepted", "rejected"],
        code=overall.code if is_rejected else "",
        reason=overall.reason if is_rejected else "",
        report_id=report_id,
    )
    return items


def _finish(
    session: Session, report: StatusReport, submission: Row[tuple[object, ...]], now: datetime
) -> None:
    sums = session.execute(_SUMS, {"id": submission.id}).one()
    if sums.accepted + sums.rejected != submission.payment_count:
        return
    values = {"id": submission.id, "now": now, "day": report.made_on}
    values |= {name: getattr(sums, name) for name in ("accepted", "good", "rejected", "bad")}
    session.execute(_REPORTED, values)
    if not sums.accepted:
        numbers = (submission.run_id, submission.id)
        free_reservation(session, submission.body, *numbers, report.made_on)
    ask_for_rematch(session, submission.id, "reported")
