"""The two database halves of a step that acts outside: claim it, and record what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from gateway.journeys import letters, queries
from gateway.journeys.actions.moves import PERFORM, make_move
from gateway.journeys.actions.steps import go_on
from gateway.journeys.actions.submission import decide_by_rules
from gateway.journeys.definition import model
from gateway.journeys.models import letter as letter_table
from gateway.journeys.models import payout as payout_table
from gateway.journeys.queries import Instance
from gateway.journeys.rules import effect_key
from shared import audit
from shared.actors import SYSTEM
from shared.clock import london_date
from shared.crypto import Sealer
from shared.outbox import enqueue


@dataclass(frozen=True)
class PaymentWork:
    """A payment to be asked for."""

    key: str
    organisation: str
    programme: str
    subject: str
    payee: Mapping[str, str]
    check_id: str
    amount_pence: int
    reference: str
    case_reference: str
    # The payment that came back, which this one is instead of: it is no new cost to the body.
    replaces: str = ""


@dataclass(frozen=True)
class LetterWork:
    """A letter to be put into the person's mailbox."""

    key: str
    organisation: str
    organisation_name: str
    subject: str
    letter: letters.Letter
    case_reference: str
    language: str


Work = PaymentWork | LetterWork


def claim(
    session: Session, sealer: Sealer, instance_id: UUID, step_id: str, attempt: int, now: datetime
) -> Work | None:
    """Prepare a step's call to another service; None when nothing (more) is to be done.

    A decision needs no call and is made here.
    """
    held = queries.lock_instance(session, instance_id)
    service = queries.get_service(session, held.service_id, held.version)
    step = service.step(step_id)
    if isinstance(step, model.Payout):
        return _claim_payment(session, sealer, held, step, attempt, now)
    if held.step != step_id or held.attempt != attempt:
        return None
    if isinstance(step, model.Decide):
        if held.state == "submitted":
            decide_by_rules(session, sealer, held, now)
        return None
    if isinstance(step, model.Issue | model.Notify):
        return _claim_letter(session, sealer, held, step)
    raise TypeError(f"{step_id} cannot be performed")


def _claim_payment(
    session: Session,
    sealer: Sealer,
    held: Instance,
    step: model.Payout,
    attempt: int,
    now: datetime,
) -> PaymentWork | None:
    dossier = held.open(sealer)
    decision = queries.find_decision(session, sealer, held.id)
    check, answer = dossier.payee_check, dossier.answers.get(step.payee)
    if decision is None or decision.amount_pence is None or answer is None or check is None:
        raise LookupError(f"{held.reference} has nothing to pay with")
    payouts = queries.list_payouts(session, held.id)
    present = next((p for p in payouts if p.step == step.id and p.attempt == attempt), None)
    if present is None:
        if held.step != step.id or held.attempt != attempt:
            return None
        insert_payout(session, held.id, step.id, attempt, decision.amount_pence, now)
    elif present.payment_id is not None or present.state == "refused":
        return None
    details = answer.value if isinstance(answer.value, Mapping) else {}
    service = queries.get_service(session, held.service_id, held.version)
    return PaymentWork(
        key=effect_key(held.id, step.id, attempt),
        organisation=service.definition.organisation.id,
        programme=step.programme,
        subject=held.subject or "",
        payee={str(name): str(value) for name, value in details.items()},
        check_id=check.check_id,
        amount_pence=decision.amount_pence,
        # On the payee's statement: a case's reference is short and plain enough for Bacs.
        reference=held.reference,
        case_reference=held.reference,
        replaces=_payment_before(payouts, step.id, attempt),
    )


def _payment_before(payouts: Sequence[queries.Payout], step_id: str, attempt: int) -> str:
    """Return the payment of the last attempt before this one; empty at the first."""
    earlier = {
        one.attempt: one.payment_id
        for one in payouts
        if one.step == step_id and one.attempt < attempt and one.payment_id is not None
    }
    return earlier[max(earlier)] if earlier else ""


def insert_payout(
    session: Session, instance_id: UUID, step: str, attempt: int, amount_pence: int, now: datetime
) -> None:
    """Write down an attempt to pay before it is asked for."""
    session.execute(
        insert(payout_table).values(
            instance_id=instance_id,
            step=step,
            attempt=attempt,
            amount_pence=amount_pence,
            state="requested",
            reason="",
            requested_at=now,
            changed_at=now,
        )
    )


def _claim_letter(
    session: Session, sealer: Sealer, held: Instance, step: model.Issue | model.Notify
) -> LetterWork:
    service = queries.get_service(session, held.service_id, held.version)
    decision = queries.find_decision(session, sealer, held.id)
    facts = letters.CaseFacts(
        reference=held.reference,
        outcome="" if decision is None else decision.outcome,
        amount_pence=None if decision is None else decision.amount_pence,
        decided_date=date.min if decision is None else london_date(decision.decided_at),
        reasons=() if decision is None else letters.reasons_of(decision.result),
    )
    written = letters.write_letter(service, step, held.open(sealer), facts, held.language)
    organisation = service.definition.organisation
    return LetterWork(
        key=effect_key(held.id, step.id, held.attempt),
        organisation=organisation.id,
        organisation_name=letters.words_of(organisation.name, held.language),
        subject=held.subject or "",
        letter=written,
        case_reference=held.reference,
        language=held.language,
    )


def record_payment(
    session: Session,
    sealer: Sealer,
    instance_id: UUID,
    step_id: str,
    attempt: int,
    *,
    payment_id: str | None,
    refusal: str,
    now: datetime,
) -> None:
    """Record that the payment was taken over, or refused for good; a second time changes nothing.

    News of the payment may have come before this: they are kept.
    """
    held = queries.lock_instance(session, instance_id)
    recorded = session.execute(
        text(
            """
            UPDATE payout
               SET payment_id = coalesce(payment_id, cast(:payment_id AS text)),
                   state = CASE WHEN state <> 'requested' THEN state
                                WHEN cast(:payment_id AS text) IS NULL THEN 'refused'
                                ELSE 'accepted' END,
                   reason = CASE WHEN state = 'requested' THEN :reason ELSE reason END,
                   changed_at = :now
             WHERE instance_id = :id AND step = :step AND attempt = :attempt
               AND (state = 'requested' OR payment_id IS NULL) AND state <> 'refused'
            """
        ),
        {
            "payment_id": payment_id,
            "reason": refusal,
            "now": now,
            "id": instance_id,
            "step": step_id,
            "attempt": attempt,
        },
    )
    if recorded.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE has a row count
        return
    details: dict[str, str | int] = {"attempt": attempt, "payment_id": payment_id or "refused"}
    if held.step == step_id and held.state == "awarded" and attempt == held.attempt:
        go_on(session, sealer, held, "request_payment", now, details)
    else:
        make_move(session, held, "request_payment", actor=SYSTEM, now=now, details=details)


def record_letter(
    session: Session,
    sealer: Sealer,
    instance_id: UUID,
    step_id: str,
    attempt: int,
    *,
    message_id: str,
    now: datetime,
) -> None:
    """Record that the mailbox has taken a letter; a second time changes nothing."""
    held = queries.lock_instance(session, instance_id)
    if held.step != step_id or held.attempt != attempt:
        return
    session.execute(
        insert(letter_table).values(
            instance_id=instance_id,
            step=step_id,
            attempt=attempt,
            message_id=message_id,
            sent_at=now,
        )
    )
    go_on(session, sealer, held, "send_letter", now, {"message_id": message_id})


def tell_refusal(
    session: Session, instance_id: UUID, step_id: str, attempt: int, *, status: int, code: str
) -> None:
    """Write down for staff that a neighbour refuses a step: it goes on only when they act."""
    held = queries.lock_instance(session, instance_id)
    audit.record(
        session,
        SYSTEM,
        "journeys.step_refused",
        "application",
        held.reference,
        {"step": step_id, "attempt": attempt, "status": status, "code": code},
        correlation=held.correlation_id,
    )


def postpone(
    session: Session,
    instance_id: UUID,
    step_id: str,
    attempt: int,
    *,
    after_job: int,
    at: datetime,
    was_told: bool = False,
) -> None:
    """Try a step again later, when the neighbour has been away longer than retries last."""
    payload: dict[str, str | int] = {
        "instance_id": str(instance_id),
        "step": step_id,
        "attempt": attempt,
    }
    enqueue(
        session,
        PERFORM,
        {**payload, "told": 1} if was_told else payload,
        key=f"{instance_id}/{step_id}/{attempt}/after-{after_job}",
        due_at=at,
    )
