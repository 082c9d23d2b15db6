"""Writing down what happened: the history, the audit trail, and news for the case it belongs to."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy import insert, text, update
from sqlalchemy.orm import Session

from payments.ledger.seal.requests import ask_for_checkpoint
from payments.reports.remittance.actions import after_move
from payments.runs import models
from payments.runs.queries.payments import Payment
from payments.runs.queries.runs import Run
from payments.runs.rules import (
    PAYMENT_MOVES,
    PaymentState,
    RunState,
    can_move_payment,
    can_move_run,
)
from payments.webhooks.actions.announce import (
    announce_fact,
    announce_payments,
    announce_run,
)
from payments.webhooks.rules import RUN_REOPENED
from shared import audit
from shared.actors import Actor
from shared.correlation import correlation_id, set_correlation_id
from shared.errors import Conflict
from shared.ids import new_id
from shared.outbox import enqueue_many

# What the case behind a payment is told, by the state that the payment came to.
NEWS: dict[PaymentState, str] = {
    "approved": "payments.payment.approved",
    "submitted": "payments.payment.sent",
    "paid": "payments.payment.paid",
    "returned": "payments.payment.returned",
    "scheme_rejected": "payments.payment.returned",
    "cancelled": "payments.payment.cancelled",
}

# What a run books up to here goes into the signed log at once.
_SIGNED: frozenset[RunState] = frozenset({"released", "closed"})
_EVENTS = text(
    """
    INSERT INTO run_event (id, organisation, run_id, payment_id, at, kind, state, actor_kind,
                           actor_id, actor_name, details, correlation_id)
    SELECT u.id, :organisation, :run, u.payment_id, :now, :kind, :state, :actor_kind, :actor_id,
           :actor_name, cast(:details AS jsonb), u.correlation_id
      FROM unnest(cast(:ids AS uuid[]), cast(:payments AS uuid[]), cast(:correlations AS text[]))
           AS u(id, payment_id, correlation_id)
    """
)


@contextmanager
def in_story(correlation: str) -> Iterator[None]:
    """Do a block under the correlation id of the request that a payment came with."""
    before = correlation_id()
    set_correlation_id(correlation)
    try:
        yield
    finally:
        set_correlation_id(before)


def note_run(
    session: Session,
    actor: Actor,
    run: Run,
    kind: str,
    now: datetime,
    *,
    state: str | None = None,
    details: Mapping[str, str | int | None] | None = None,
) -> None:
    """Add a line to the history of a run and to the audit trail."""
    _add_event(session, actor, run.organisation, run.id, None, kind, now, state, details or {})
    audit.record(session, actor, f"payments.run.{kind}", "run", run.id, details)


def note_payment(
    session: Session,
    actor: Actor,
    payment: Payment,
    kind: str,
    now: datetime,
    *,
    state: str | None = None,
    details: Mapping[str, str | int | None] | None = None,
) -> None:
    """Add a line to the history of a payment and to the audit trail of its own story."""
    with in_story(payment.correlation_id):
        _add_event(
            session,
            actor,
            payment.organisation,
            payment.run_id,
            payment.id,
            kind,
            now,
            state,
            details or {},
        )
        audit.record(
            session,
            actor,
            f"payments.payment.{kind}",
            "payment",
            payment.public_id,
            {**(details or {}), "state": state},
        )


@dataclass(frozen=True)
class Told:
    """A payment whose history gets a line, with the story that it belongs to."""

    id: UUID
    public_id: str
    correlation: str


class OfRun(Protocol):
    """A run as far as a line of its history needs it."""

    @property
    def id(self) -> UUID:
        """The run's id."""

    @property
    def organisation(self) -> str:
        """The body whose run it is."""


def note_payments(
    session: Session,
    actor: Actor,
    run: OfRun,
    payments: Sequence[Told],
    kind: str,
    now: datetime,
    *,
    state: str | None = None,
    details: Mapping[str, str | int | None] | None = None,
) -> None:
    """Add the same line to the histories of many payments of a run, with two statements."""
    if not payments:
        return
    session.execute(
        _EVENTS,
        {
            "ids": [new_id() for _ in payments],
            "payments": [payment.id for payment in payments],
            "correlations": [payment.correlation for payment in payments],
            "organisation": run.organisation,
            "run": run.id,
            "now": now,
            "kind": kind,
            "state": state,
            "actor_kind": actor.kind,
            "actor_id": actor.id,
            "actor_name": actor.name,
            "details": json.dumps(details or {}),
        },
    )
    audit.record_many(
        session,
        actor,
        f"payments.payment.{kind}",
        "payment",
        [(payment.public_id, payment.correlation) for payment in payments],
        {**(details or {}), "state": state},
    )


def _add_event(
    session: Session,
    actor: Actor,
    organisation: str,
    run_id: UUID,
    payment_id: UUID | None,
    kind: str,
    now: datetime,
    state: str | None,
    details: Mapping[str, str | int | None],
) -> None:
    session.execute(
        insert(models.run_event).values(
            id=new_id(),
            organisation=organisation,
            run_id=run_id,
            payment_id=payment_id,
            at=now,
            kind=kind,
            state=state,
            actor_kind=actor.kind,
            actor_id=actor.id,
            actor_name=actor.name,
            details=dict(details),
            correlation_id=correlation_id(),
        )
    )


def move_run(session: Session, run: Run, state: RunState, now: datetime, **values: object) -> Run:
    """Set a locked run's next state and return it so; refuses what the table of moves has not."""
    if not can_move_run(run.state, state):
        raise Conflict("run_state", f"A run that is {run.state} cannot become {state}")
    session.execute(
        update(models.run)
        .where(models.run.c.id == run.id)
        .values(state=state, state_at=now, **values)
    )
    announce_run(session, run.organisation, run.id, run.reference, state, now)
    after_move(session, run.id, state, now)
    if state in _SIGNED:
        ask_for_checkpoint(session, run.organisation, f"{run.id}/{run.round}/{state}")
    return replace(run, state=state)


def reopen_run(session: Session, run: Run, now: datetime) -> Run:
    """Make a locked, closed run one that waits for the bank again, and return it so.

    Nothing is sent again, so nobody is told that the run was sent: listeners hear that it is open.
    """
    if not can_move_run(run.state, "submitted"):
        raise Conflict("run_state", f"A run that is {run.state} cannot be opened again")
    session.execute(
        update(models.run).where(models.run.c.id == run.id).values(state="submitted", state_at=now)
    )
    data = {"run_id": str(run.id), "run": run.reference, "state": "submitted"}
    announce_fact(session, run.organisation, RUN_REOPENED, run.reference, data, now)
    return replace(run, state="submitted")


def move_payments(
    session: Session, payments: Iterable[Payment], state: PaymentState, now: datetime
) -> None:
    """Set the next state of payments of a locked run and tell their cases where that is news.

    Refuses all of them when one may not go there.
    """
    moved = list(payments)
    for payment in moved:
        if not can_move_payment(payment.state, state):
            raise Conflict(
                "payment_state",
                f"Payment {payment.reference} is {payment.state} and cannot become {state}",
            )
    before = [name for name, after in PAYMENT_MOVES.items() if state in after]
    session.execute(
        update(models.payment)
        .where(
            models.payment.c.id.in_([payment.id for payment in moved]),
            models.payment.c.state.in_(before),
        )
        .values(state=state, state_at=now, hold_code=None, hold_reason=None)
    )
    for payment in moved:
        tell_case(session, payment, state, now)
    if moved:
        ids = [payment.id for payment in moved]
        announce_payments(session, moved[0].organisation, ids, state, now)


def tell_case(session: Session, payment: Payment, state: PaymentState, now: datetime) -> None:
    """Enqueue the news for the case that a payment belongs to, under the case's own story."""
    if payment.case_reference is not None:
        told = [(payment.public_id, payment.correlation_id)]
        tell_cases(session, payment.organisation, told, state, now)


def tell_cases(
    session: Session,
    organisation: str,
    told: Sequence[tuple[str, str]],
    state: PaymentState,
    now: datetime,
) -> None:
    """Enqueue the news for the cases of payments, given as (public id, correlation id)."""
    if state not in NEWS:
        return
    works = [
        (
            {
                "event_id": str(new_id()),
                "type": NEWS[state],
                "state": state,
                "organisation": organisation,
                "payment_id": public_id,
                "occurred_at": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            },
            correlation,
        )
        for public_id, correlation in told
    ]
    enqueue_many(session, "payments.runs.tell_gateway", works)
