"""Performs the steps of sent applications: claim, call a neighbour, record."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

from gateway.journeys.actions import drafts, effects
from gateway.journeys.actions.moves import FORGET, PERFORM
from gateway.journeys.neighbours import Neighbours, neighbours_of
from shared.clients.base import ServiceUnavailableError
from shared.clients.notifications import Letter
from shared.crypto import Sealer
from shared.errors import Problem
from shared.logs import get_logger
from shared.outbox import Job, handler

# After so many quick attempts the neighbour is away for long: look again every quarter of an hour,
# for as long as it takes. A case is never given up.
_QUICK_ATTEMPTS = 12
_PATIENCE = timedelta(minutes=15)
_REFUSED_FOR_GOOD = 422
_PASSING = frozenset({409, 429})
_NO_MAILBOX_YET = "mailbox_unknown"
_sealers: dict[Path, Sealer] = {}


@handler(PERFORM, lease_seconds=60)
def perform(job: Job) -> None:
    """Perform one step of a case; safe to run twice, and again after any crash in between."""
    instance_id, step = UUID(job.text("instance_id")), job.text("step")
    attempt, sealer = int(job.payload["attempt"]), _sealer(job)
    with job.database.transaction() as session:
        work = effects.claim(session, sealer, instance_id, step, attempt, job.now())
        if work is None:
            job.finish(session)
            return
    try:
        payment_id, message_id, refusal = _call(neighbours_of(job.settings), work)
    except (ServiceUnavailableError, Problem) as error:
        if job.attempt < _QUICK_ATTEMPTS:
            raise
        _postpone(job, instance_id, step, attempt, error)
        return
    with job.database.transaction() as session:
        if isinstance(work, effects.PaymentWork):
            effects.record_payment(
                session,
                sealer,
                instance_id,
                step,
                attempt,
                payment_id=payment_id,
                refusal=refusal,
                now=job.now(),
            )
        else:
            effects.record_letter(
                session, sealer, instance_id, step, attempt, message_id=message_id, now=job.now()
            )
        job.finish(session)


def _postpone(
    job: Job, instance_id: UUID, step: str, attempt: int, error: ServiceUnavailableError | Problem
) -> None:
    """Look again later; a refusal that waiting does not change is told to staff, once."""
    was_told, at = "told" in job.payload, job.now() + _PATIENCE
    with job.database.transaction() as session:
        if isinstance(error, Problem) and not _may_pass(error) and not was_told:
            effects.tell_refusal(
                session, instance_id, step, attempt, status=error.status, code=error.code
            )
            get_logger().error("journeys.step_refused", step=step, code=error.code)
            was_told = True
        effects.postpone(
            session, instance_id, step, attempt, after_job=job.id, at=at, was_told=was_told
        )
        job.finish(session)


def _may_pass(problem: Problem) -> bool:
    """Tell whether a refusal can end by itself: a mailbox is opened, a first call is finished."""
    return problem.status in _PASSING or problem.code == _NO_MAILBOX_YET


@handler(FORGET)
def forget(job: Job) -> None:
    """Drop a draft whose time is over, with everything that was told in it."""
    with job.database.transaction() as session:
        drafts.forget(session, _sealer(job), UUID(job.text("instance_id")), job.now())
        job.finish(session)


def _call(neighbours: Neighbours, work: effects.Work) -> tuple[str | None, str, str]:
    """Return the payment's id, the message's id, and why a payment was refused for good."""
    if isinstance(work, effects.PaymentWork):
        try:
            payment = neighbours.payments.make_payment(
                organisation=work.organisation,
                programme=work.programme,
                subject=work.subject,
                payee=work.payee,
                check_id=work.check_id,
                amount_pence=work.amount_pence,
                reference=work.reference,
                case_reference=work.case_reference,
                idempotency_key=work.key,
                replaces=work.replaces,
            )
        except Problem as problem:
            if problem.status != _REFUSED_FOR_GOOD:
                raise
            return None, "", problem.detail or problem.title
        return payment.payment_id, "", ""
    letter = work.letter
    sent = neighbours.notifications.send_mailbox_message(
        subject=work.subject,
        sender=work.organisation,
        sender_name=work.organisation_name,
        title=letter.title,
        non_sensitive_title=letter.non_sensitive_title,
        summary=letter.summary,
        body=letter.body,
        letter=Letter("decision", letter.facts, letter.recipient_name, letter.recipient_address),
        case_reference=work.case_reference,
        idempotency_key=work.key,
        language=work.language,
        tell_opened=True,
    )
    return None, sent.id, ""


def _sealer(job: Job) -> Sealer:
    path = job.settings.encryption_key_file
    if path not in _sealers:
        _sealers[path] = Sealer(path)
    return _sealers[path]
