"""What people decide about files: try again, give up, and what became of a lost hand-over."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from payments.bank.attempts import acknowledge, claim_attempt, record_answer, tell_refused
from payments.bank.provider import Refused
from payments.bank.submissions.begin import SEAL_TOPIC, WRITE_TOPIC, start_writing
from payments.bank.work.actions import settle_item
from shared import audit, outbox
from shared.actors import Actor
from shared.clock import london_date
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from shared.ids import new_id

Verdict = Literal["acknowledged", "refused"]
_MAXIMUM_TEXT = 2000
_LOCK = text(
    "SELECT id, run_id, body, state, stage_id, payment_count, total_pence FROM submission"
    " WHERE id = :id AND body = :body FOR UPDATE"
)
_ATTEMPT = text(
    "SELECT id, state FROM attempt WHERE submission_id = :id"
    " ORDER BY number DESC LIMIT 1 FOR UPDATE"
)
_TOTALS = text(
    """
    SELECT approved_count IS NULL
        OR (approved_count = payment_count + coalesce(recalled_count, 0)
            AND approved_pence = total_pence + coalesce(recalled_pence, 0))
      FROM submission WHERE id = :id
    """
)
_UNFINISHED = text(
    "SELECT number FROM stage_shard WHERE stage_id = :stage AND done_at IS NULL ORDER BY number"
)
_ABANDON = text("UPDATE attempt SET state = 'abandoned' WHERE id = :id")
_REFUSED = text("UPDATE submission SET state = 'refused' WHERE id = :id AND state = 'prepared'")
_MISSING_ITEMS = text(
    """
    INSERT INTO submission_item (submission_id, line_no, payment_id, amount_pence, account_hash,
                                 reference, reference_key, end_to_end_id)
    SELECT s.id, part.first_line + row_number() OVER (PARTITION BY part.number ORDER BY p.id) - 1,
           p.id, p.amount_pence, '', '', '', p.public_id
      FROM submission s JOIN submission_part part ON part.submission_id = s.id AND part.number > 0
      JOIN payment p ON p.run_id = s.run_id AND p.state = 'released'
       AND p.id BETWEEN part.first_payment_id AND part.last_payment_id
     WHERE s.id = :id AND part.content_sha256 IS NULL
    """
)
_PROPOSE = text(
    """
    INSERT INTO attempt_verdict (id, attempt_id, verdict, evidence, bank_reference, proposed_by_id,
                                 proposed_by_name, proposed_at)
    VALUES (:id, :attempt, :verdict, :evidence, :reference, :person, :name, :now)
    ON CONFLICT DO NOTHING
    """
)
_PROPOSED = text(
    """
    SELECT v.id, v.attempt_id, v.verdict, v.evidence, v.bank_reference, v.proposed_by_id,
           v.proposed_by_name
      FROM attempt_verdict v JOIN attempt a ON a.id = v.attempt_id
     WHERE a.submission_id = :id AND v.state = 'proposed' FOR UPDATE OF v
    """
)
_DECIDE = text(
    """
    UPDATE attempt_verdict SET state = :state, decided_by_id = :person, decided_by_name = :name,
                               decided_at = :now
     WHERE id = :id
    """
)


def try_again(session: Session, submission_id: UUID, actor: Actor, now: datetime) -> None:
    """Have a file written that stopped; what is written already stays.

    Raises:
        NotFound: no such submission of this body.
        Conflict: ``not_stopped``, the file is sealed or sent; ``totals_differ`` still.
    """
    submission = _lock_prepared(session, submission_id, actor)
    if not session.execute(_TOTALS, {"id": submission_id}).scalar_one():
        raise Conflict(
            "totals_differ",
            "What is released is not what was approved",
            detail="The file cannot be written. Give it up and pay in a new run.",
        )
    if submission.stage_id is None:
        start_writing(session, submission_id, submission.body, now)
    else:
        shards = session.execute(_UNFINISHED, {"stage": submission.stage_id}).scalars().all()
        if not shards:
            sealing = {"stage_id": str(submission.stage_id)}
            key = f"{submission.stage_id}/{new_id()}"
            outbox.enqueue(session, SEAL_TOPIC, sealing, key=key)
        for number in shards:
            payload: dict[str, str | int] = {"stage_id": str(submission.stage_id), "number": number}
            key = f"{submission.stage_id}/{number}/{new_id()}"
            outbox.enqueue(session, WRITE_TOPIC, payload, key=key)
    audit.record(session, actor, "bank.submission.try_again", "submission", submission_id)


def give_up(
    session: Session, submission_id: UUID, reason: str, actor: Actor, now: datetime
) -> None:
    """Give a file up that was never sent: its payments end as refused and can be paid anew.

    Raises:
        NotFound: no such submission of this body.
        Conflict: ``not_stopped``, the file is sealed or sent.
        Invalid: no reason.
    """
    reason = _check_words(reason, "reason", "Enter why the file is given up")
    submission = _lock_prepared(session, submission_id, actor)
    attempt = session.execute(_ATTEMPT, {"id": submission_id}).one()
    session.execute(_ABANDON, {"id": attempt.id})
    session.execute(_REFUSED, {"id": submission_id})
    session.execute(_MISSING_ITEMS, {"id": submission_id})
    tell_refused(
        session,
        submission.body,
        submission.run_id,
        submission_id,
        "given_up",
        reason,
        london_date(now),
    )
    audit.record(
        session, actor, "bank.submission.given_up", "submission", submission_id, {"reason": reason}
    )


def propose_verdict(
    session: Session,
    submission_id: UUID,
    verdict: Verdict,
    evidence: str,
    bank_reference: str,
    actor: Actor,
    now: datetime,
) -> None:
    """Say what became of a hand-over whose answer was lost, and how that is known.

    Nothing moves until another person confirms it.

    Raises:
        NotFound: no such submission of this body.
        Conflict: ``not_unknown``, the outcome is known; ``verdict_waits``, somebody said it before.
        Invalid: no evidence.
    """
    evidence = _check_words(evidence, "evidence", "Enter how you know")
    _lock(session, submission_id, actor)
    attempt = _lock_unknown(session, submission_id)
    done = session.execute(
        _PROPOSE,
        {
            "id": new_id(),
            "attempt": attempt.id,
            "verdict": verdict,
            "evidence": evidence,
            "reference": bank_reference.strip()[:100],
            "person": actor.id,
            "name": actor.name,
            "now": now,
        },
    )
    if done.rowcount != 1:  # type: ignore[attr-defined]  # an INSERT has a row count
        raise Conflict("verdict_waits", "A colleague said already what became of this file")
    facts = {"verdict": verdict, "evidence": evidence}
    audit.record(session, actor, "bank.verdict.proposed", "submission", submission_id, facts)


def withdraw_verdict(session: Session, submission_id: UUID, actor: Actor, now: datetime) -> None:
    """Take back what was said, or refuse what a colleague said, of a lost hand-over.

    Raises:
        NotFound: no such submission, or nothing was said.
    """
    _lock(session, submission_id, actor)
    said = _lock_verdict(session, submission_id)
    _decide(session, said.id, "withdrawn", actor, now)
    audit.record(session, actor, "bank.verdict.withdrawn", "submission", submission_id)


def confirm_verdict(session: Session, submission_id: UUID, actor: Actor, now: datetime) -> None:
    """Confirm what another person said of a lost hand-over; it takes effect as the bank's answer.

    Raises:
        NotFound: no such submission, or nothing was said.
        Forbidden: ``same_person``.
        Conflict: ``not_unknown``, the bank has answered meanwhile.
    """
    _lock(session, submission_id, actor)
    said = _lock_verdict(session, submission_id)
    if said.proposed_by_id == actor.id:
        raise Forbidden(
            "same_person",
            "Another person has to confirm this",
            detail="Nobody decides alone what became of a file.",
        )
    _lock_unknown(session, submission_id)
    claim = claim_attempt(session, submission_id, now)
    if claim is None:
        raise Conflict("not_unknown", "The outcome of this file is known meanwhile")
    _decide(session, said.id, "confirmed", actor, now)
    if said.verdict == "acknowledged":
        reference = said.bank_reference or "decided by two people"
        acknowledge(session, claim, reference, now)
    else:
        record_answer(session, claim, Refused("decided", said.evidence), now)
    facts = {"verdict": said.verdict, "proposed_by": said.proposed_by_id}
    audit.record(session, actor, "bank.verdict.confirmed", "submission", submission_id, facts)
    result = f"decided by {said.proposed_by_name} and {actor.name}"
    body = actor.organisation or ""
    settle_item(session, body, f"totals/{submission_id}", result, actor, now)


def _lock(session: Session, submission_id: UUID, actor: Actor) -> Row[tuple[object, ...]]:
    values = {"id": submission_id, "body": actor.organisation}
    row = session.execute(_LOCK, values).one_or_none()
    if row is None:
        raise NotFound("no_such_submission", "There is no such submission")
    return row


def _lock_prepared(session: Session, submission_id: UUID, actor: Actor) -> Row[tuple[object, ...]]:
    row = _lock(session, submission_id, actor)
    attempt = session.execute(_ATTEMPT, {"id": submission_id}).one()
    if attempt.state != "prepared":
        raise Conflict("not_stopped", "This file is not waiting to be written")
    return row


def _lock_unknown(session: Session, submission_id: UUID) -> Row[tuple[object, ...]]:
    attempt = session.execute(_ATTEMPT, {"id": submission_id}).one()
    if attempt.state != "unknown":
        raise Conflict("not_unknown", "The outcome of this file is known")
    return attempt


def _lock_verdict(session: Session, submission_id: UUID) -> Row[tuple[object, ...]]:
    row = session.execute(_PROPOSED, {"id": submission_id}).one_or_none()
    if row is None:
        raise NotFound("no_verdict", "Nobody has said what became of this file")
    return row


def _decide(session: Session, verdict_id: UUID, state: str, actor: Actor, now: datetime) -> None:
    values = {"id": verdict_id, "state": state, "now": now}
    session.execute(_DECIDE, values | {"person": actor.id, "name": actor.name})


def _check_words(words: str, field: str, missing: str) -> str:
    plain = words.strip()
    if not plain:
        raise Invalid(FieldError(field, missing))
    if len(plain) > _MAXIMUM_TEXT:
        raise Invalid(FieldError(field, "Enter at most 2,000 characters"))
    return plain
