"""Going from one step of a sent application to the next."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from gateway.eligibility.expression import Evaluated
from gateway.journeys import queries, route
from gateway.journeys.actions.moves import enqueue_step, make_move
from gateway.journeys.definition.service import Service
from gateway.journeys.queries import Instance
from gateway.journeys.rules import Move
from shared.actors import SYSTEM
from shared.crypto import Sealer


def go_on(
    session: Session,
    sealer: Sealer,
    held: Instance,
    move: Move,
    now: datetime,
    details: dict[str, str | int] | None = None,
) -> Instance:
    """Make the move that was just done and have the step after it performed.

    After the last step the case is complete.
    """
    service = queries.get_service(session, held.service_id, held.version)
    step = route.next_effect(service, held.step, condition_values(session, sealer, service, held))
    after = replace(held, step=step.id, attempt=1)
    moved = make_move(session, held, move, actor=SYSTEM, now=now, after=after, details=details)
    if step.kind == "done":
        ended = replace(moved, finished_at=now)
        return make_move(session, moved, "finish", actor=SYSTEM, now=now, after=ended)
    enqueue_step(session, held.id, step.id, 1)
    return moved


def condition_values(
    session: Session, sealer: Sealer, service: Service, held: Instance
) -> dict[str, Evaluated]:
    """Return what the conditions of later steps read: the answers and the decision."""
    values: dict[str, Evaluated] = dict(route.scope_values(service, held.open(sealer)))
    decision = queries.find_decision(session, sealer, held.id)
    if decision is not None:
        values["decision.outcome"] = decision.outcome
        if decision.amount_pence is not None:
            values["decision.amount"] = decision.amount_pence
    return values
