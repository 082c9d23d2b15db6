"""What the bank says becomes the state of payments; what contradicts it waits for a person."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from payments.runs import models
from payments.runs.actions.history import move_payments, move_run, note_payment, note_run
from payments.runs.queries.outcomes import Outcome, list_outcomes
from payments.runs.queries.payments import (
    Payment,
    list_payment_events,
    list_run_payments,
    lock_payments,
)
from payments.runs.queries.runs import lock_run
from payments.runs.rules import FINISHED, OUTCOME_STATES, PaymentState, find_path
from shared.actors import SYSTEM, Actor
from shared.logs import get_logger

_BANK = Actor(kind="system", id="bank", name="The bank")
_WITH_REASON = ("scheme_rejected", "returned")


def apply_outcomes(session: Session, batch_id: UUID, now: datetime) -> int:
    """Move payments as one batch of the bank's answers says; returns how many moved.

    Safe to run twice: an answer about a state that a payment has passed changes nothing. An
    answer that contradicts the state is written to the payment's history as a contradiction.
    """
    by_run: dict[tuple[str, UUID], list[Outcome]] = defaultdict(list)
    for outcome in list_outcomes(session, batch_id):
        by_run[outcome.organisation, outcome.run_id].append(outcome)
    moved = 0
    for (organisation, run_id), outcomes in sorted(by_run.items()):
        lock_run(session, organisation, run_id)
        for outcome in outcomes:
            payment = lock_payments(session, [outcome.payment_id])[0]
            moved += _apply(session, payment, outcome, now)
        _advance_run(session, organisation, run_id, now)
    return moved


def _apply(session: Session, payment: Payment, outcome: Outcome, now: datetime) -> int:
    target = OUTCOME_STATES[outcome.kind]
    path = find_path(payment.state, target)
    if path is None:
        _note_contradiction(session, payment, outcome, now)
        return 0
    if not path:
        return 0
    details: dict[str, str | int | None] = {}
    if target in _WITH_REASON:
        details = {"reason_code": outcome.reason_code, "reason": outcome.reason}
        session.execute(
            update(models.payment).where(models.payment.c.id == payment.id).values(**details)
        )
    _walk(session, payment, path, now)
    note_payment(session, _BANK, payment, outcome.kind, now, state=target, details=details)
    return 1


def _walk(session: Session, payment: Payment, path: Sequence[PaymentState], now: datetime) -> None:
    here = payment
    for step in path:
        move_payments(session, [here], step, now)
        here = replace(here, state=step)


def _note_contradiction(
    session: Session, payment: Payment, outcome: Outcome, now: datetime
) -> None:
    known = list_payment_events(session, payment)
    if any(event.details.get("outcome_id") == outcome.id for event in known):
        return
    get_logger().error(
        "payments.outcome_contradicts",
        payment_id=payment.public_id,
        state=payment.state,
        outcome=outcome.kind,
    )
    details = {
        "outcome_id": outcome.id,
        "outcome": outcome.kind,
        "reason_code": outcome.reason_code,
        "reason": outcome.reason,
    }
    note_payment(session, _BANK, payment, "contradicted", now, details=details)


def _advance_run(session: Session, organisation: str, run_id: UUID, now: datetime) -> None:
    """Move a run on as its payments have moved: sent when one is, finished when all are.

    A run whose whole file was refused is finished without ever having been sent.
    """
    states = {payment.state for payment in list_run_payments(session, run_id)}
    sent = states & {"submitted", "accepted", "paid", "returned"}
    run = lock_run(session, organisation, run_id)
    if run.state == "released" and sent:
        move_run(session, run, "submitted", now)
        note_run(session, _BANK, run, "submitted", now, state="submitted")
        run = replace(run, state="submitted")
    if run.state in ("released", "submitted") and states <= FINISHED:
        move_run(session, run, "closed", now)
        note_run(session, SYSTEM, run, "closed", now, state="closed")
