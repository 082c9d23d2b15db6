"""The life of a hand-over: claimed, called, recorded (ledger contract 4.2).

Every claim raises the attempt's fence, and only who holds the latest fence may record an answer,
so a process that was paused during its call cannot write over what another found out.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bank.actions import ask_for_rematch, record_outcomes
from payments.bank.formats.profile import Channel, FileFormat, Rail
from payments.bank.provider import Acknowledged, Refused
from payments.bank.work.actions import NewItem, open_items, settle_item
from payments.bank.work.rules import WorkKind
from payments.ledger.accounting import post_file_refused, post_submitted
from shared import audit, outbox
from shared.actors import SYSTEM
from shared.clock import london_date
from shared.ids import new_id

_LOCK = text(
    """
    SELECT a.id, a.number, a.state, a.fence, a.content_sha256, a.content_bytes, a.sending_at,
           s.run_id, s.body, s.payment_count, s.total_pence, s.channel,
           s.file_format, s.rail
      FROM attempt a JOIN submission s ON s.id = a.submission_id
     WHERE a.submission_id = :submission AND a.state IN ('sealed', 'sending', 'unknown')
       FOR UPDATE OF a
    """
)
_CLAIM = text(
    """
    UPDATE attempt SET fence = fence + 1, state = :state,
                       sending_at = coalesce(sending_at, :now)
     WHERE id = :id RETURNING fence
    """
)
_DECIDE = text(
    """
    UPDATE attempt SET state = :state, decided_at = :now, bank_reference = :reference,
                       refusal_code = :code, refusal_reason = :reason
     WHERE id = :id AND fence = :fence AND state IN ('sending', 'unknown')
    """
)
_DOUBT = text(
    "UPDATE attempt SET state = 'unknown' WHERE id = :id AND fence = :fence AND state = 'sending'"
)
_SUBMISSION_STATE = text(
    """
    UPDATE submission SET state = :state, bank_reference = :reference,
                          acknowledged_count = :count, acknowledged_pence = :pence,
                          acknowledged_at = CASE WHEN :state = 'acknowledged'
                                                 THEN cast(:now AS timestamptz) END
     WHERE id = :id AND state = 'prepared'
    """
)
_RENEW = text(
    """
    INSERT INTO attempt (id, submission_id, number, state, content_sha256, content_bytes,
                         payment_count, total_pence, sealed_at)
    SELECT :fresh, submission_id, number + 1, 'sealed', content_sha256, content_bytes,
           payment_count, total_pence, :now FROM attempt WHERE id = :id
    RETURNING number
    """
)
_ITEMS = text(
    "SELECT payment_id, amount_pence FROM submission_item WHERE submission_id = :id"
    " ORDER BY line_no"
)
_SILENT = text(
    "SELECT body, total_pence FROM submission"
    " WHERE id = :id AND state = 'acknowledged' AND processing_day < :today"
)
_BATCH = 10_000
_SHORTEST_PAUSE = timedelta(seconds=2)
_LONGEST_PAUSE = timedelta(minutes=5)
CASE_AFTER = timedelta(hours=1)


@dataclass(frozen=True)
class Claim:
    """The right to speak with the bank about one attempt, until somebody else claims it."""

    attempt_id: UUID
    submission_id: UUID
    run_id: UUID
    body: str
    payment_count: int
    total_pence: int
    fence: int
    purpose: Literal["send", "ask"]
    sha256: str
    size: int
    channel: Channel
    file_format: FileFormat
    rail: Rail
    began_at: datetime


def claim_attempt(session: Session, submission_id: UUID, now: datetime) -> Claim | None:
    """Claim a submission's open attempt; None when there is nothing left to find out.

    A sealed attempt is to be sent. One that was being sent when its worker died has an unknown
    outcome and may only be asked about.
    """
    row = session.execute(_LOCK, {"submission": submission_id}).one_or_none()
    if row is None:
        return None
    fresh = row.state == "sealed"
    state = "sending" if fresh else "unknown"
    fence = session.execute(_CLAIM, {"id": row.id, "state": state, "now": now}).scalar_one()
    return Claim(
        attempt_id=row.id,
        submission_id=submission_id,
        run_id=row.run_id,
        body=row.body,
        payment_count=row.payment_count,
        total_pence=row.total_pence,
        fence=fence,
        purpose="send" if fresh else "ask",
        sha256=bytes(row.content_sha256).hex(),
        size=row.content_bytes,
        channel=row.channel,
        file_format=row.file_format,
        rail=row.rail,
        began_at=row.sending_at or now,
    )


def record_answer(
    session: Session, claim: Claim, answer: Acknowledged | Refused | None, now: datetime
) -> bool:
    """Record the bank's clear answer; False when another process has claimed the attempt since.

    Acknowledged: the payments are in transit and the input report is awaited. Refused: nothing was
    sent, what was approved is owed still and nothing is reserved any more. None, never received:
    the same bytes go out again in a new attempt.
    """
    if isinstance(answer, Acknowledged):
        return _take_acknowledgement(session, claim, answer, now)
    code = "not_received" if answer is None else answer.code
    reason = "the bank has not received it" if answer is None else answer.reason
    if not _decide(session, claim, "refused", now, code=code, reason=reason):
        return False
    if answer is None:
        _send_again(session, claim, now)
        return True
    values = {"id": claim.submission_id, "state": "refused", "reference": None, "now": now}
    session.execute(_SUBMISSION_STATE, values | {"count": None, "pence": None})
    _refuse(session, claim, code, reason, now)
    return True


def _take_acknowledgement(
    session: Session, claim: Claim, answer: Acknowledged, now: datetime
) -> bool:
    """Compare what the bank counted with the file; a difference leaves the outcome unknown."""
    count = claim.payment_count if answer.payment_count is None else answer.payment_count
    pence = claim.total_pence if answer.total_pence is None else answer.total_pence
    if (count, pence) == (claim.payment_count, claim.total_pence):
        return acknowledge(session, claim, answer.reference, now)
    reason = (
        f"the bank acknowledges {count} payments of {pence} pence,"
        f" the file holds {claim.payment_count} of {claim.total_pence}"
    )
    _open_work(session, claim, "totals", "totals_differ", reason, now)
    record_doubt(session, claim, now)
    return True


def _open_work(
    session: Session, claim: Claim, cause: str, kind: WorkKind, reason: str, now: datetime
) -> None:
    item = NewItem(
        claim.body,
        f"{cause}/{claim.submission_id}",
        kind,
        "find_out",
        reason=reason,
        submission_id=claim.submission_id,
        amount_pence=claim.total_pence,
    )
    open_items(session, [item], now)


def _refuse(session: Session, claim: Claim, code: str, reason: str, now: datetime) -> None:
    """Tell the runs, the ledger, the audit and a person that the bank took nothing of it."""
    day = london_date(now)
    tell_refused(session, claim.body, claim.run_id, claim.submission_id, code, reason, day)
    item = NewItem(
        claim.body,
        f"refused/{claim.submission_id}",
        "file_refused",
        "pay_again",
        code=code,
        reason=reason,
        submission_id=claim.submission_id,
        amount_pence=claim.total_pence,
    )
    open_items(session, [item], now)
    result = "the bank refused the file"
    settle_item(session, claim.body, f"unknown/{claim.submission_id}", result, SYSTEM, now)


def tell_refused(
    session: Session,
    body: str,
    run_id: UUID,
    submission_id: UUID,
    code: str,
    reason: str,
    day: date,
) -> None:
    """Write down that nothing of a submission was or will be paid: outcomes, ledger, audit."""
    record_outcomes(session, submission_id, run_id, "refused", day, code=code, reason=reason)
    rows = session.execute(_ITEMS, {"id": submission_id}).yield_per(_BATCH)
    for batch in rows.partitions():
        items = [(row.payment_id, row.amount_pence) for row in batch]
        post_file_refused(session, body, run_id, submission_id, items, day)
    facts = {"code": code, "reason": reason}
    audit.record(session, SYSTEM, "bank.submission.refused", "submission", submission_id, facts)


def acknowledge(session: Session, claim: Claim, reference: str, now: datetime) -> bool:
    """Record that the bank has the submission, in the ledger too; False when fenced off."""
    if not _decide(session, claim, "acknowledged", now, reference=reference):
        return False
    values = {"id": claim.submission_id, "state": "acknowledged", "now": now}
    values |= {"count": claim.payment_count, "pence": claim.total_pence}
    session.execute(_SUBMISSION_STATE, values | {"reference": reference})
    result = "the bank has the file"
    settle_item(session, claim.body, f"unknown/{claim.submission_id}", result, SYSTEM, now)
    day = london_date(now)
    post_submitted(session, claim.body, claim.submission_id, claim.total_pence, day)
    record_outcomes(session, claim.submission_id, claim.run_id, "submitted", day)
    facts = {"reference": reference, "total_pence": claim.total_pence}
    audit.record(
        session, SYSTEM, "bank.submission.acknowledged", "submission", claim.submission_id, facts
    )
    ask_for_rematch(session, claim.submission_id, "acknowledged")
    outbox.enqueue(
        session,
        "payments.bank.fetch_reports",
        {"submission_id": str(claim.submission_id)},
        key=f"after/{claim.submission_id}",
    )
    return True


def record_doubt(session: Session, claim: Claim, now: datetime) -> None:
    """Record that no clear answer came, and ask again after a pause that grows with the doubt."""
    session.execute(_DOUBT, {"id": claim.attempt_id, "fence": claim.fence})
    age = now - claim.began_at
    pause = min(max(age, _SHORTEST_PAUSE), _LONGEST_PAUSE)
    outbox.enqueue(
        session,
        "payments.bank.ask",
        {"submission_id": str(claim.submission_id)},
        key=f"{claim.attempt_id}/{claim.fence}",
        due_at=now + pause,
    )
    if age >= CASE_AFTER:
        reason = f"no clear answer for {int(age.total_seconds()) // 60} minutes"
        _open_work(session, claim, "unknown", "outcome_unknown", reason, now)
    if claim.purpose == "send" or age > CASE_AFTER:
        facts = {"seconds": int(age.total_seconds())}
        audit.record(
            session, SYSTEM, "bank.submission.unknown", "submission", claim.submission_id, facts
        )


def open_silence(session: Session, submission_id: UUID, now: datetime) -> None:
    """Open work for a submission without a report on the day after its processing day."""
    row = session.execute(_SILENT, {"id": submission_id, "today": london_date(now)}).one_or_none()
    if row is None:
        return
    item = NewItem(
        row.body,
        f"silence/{submission_id}",
        "outcome_unknown",
        "find_out",
        code="no_report",
        reason="the bank acknowledged the file and has not reported on it",
        submission_id=submission_id,
        amount_pence=row.total_pence,
    )
    open_items(session, [item], now)


def _send_again(session: Session, claim: Claim, now: datetime) -> None:
    number = session.execute(
        _RENEW, {"fresh": new_id(), "id": claim.attempt_id, "now": now}
    ).scalar_one()
    outbox.enqueue(
        session,
        "payments.bank.submit",
        {"submission_id": str(claim.submission_id)},
        key=f"{claim.submission_id}/{number}",
        due_at=now + min(_SHORTEST_PAUSE * (number - 1), _LONGEST_PAUSE),
    )


def _decide(
    session: Session,
    claim: Claim,
    state: str,
    now: datetime,
    *,
    reference: str | None = None,
    code: str | None = None,
    reason: str | None = None,
) -> bool:
    marked = session.execute(
        _DECIDE,
        {
            "id": claim.attempt_id,
            "fence": claim.fence,
            "state": state,
            "now": now,
            "reference": reference,
            "code": code,
            "reason": reason,
        },
    )
    return bool(marked.rowcount == 1)  # type: ignore[attr-defined]  # an UPDATE has a row count
