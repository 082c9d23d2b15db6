"""Sending an application, and deciding it by the rules."""

import json
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from gateway.eligibility.rules import Result, evaluate
from gateway.journeys import queries, route
from gateway.journeys.actions.moves import enqueue_step, make_move, with_dossier
from gateway.journeys.actions.steps import go_on
from gateway.journeys.definition import model
from gateway.journeys.definition.service import Service
from gateway.journeys.dossier import Dossier
from gateway.journeys.models import decision as decision_table
from gateway.journeys.queries import Instance
from gateway.journeys.rules import Move
from shared.actors import SYSTEM, Actor
from shared.clock import london_date
from shared.crypto import Sealer
from shared.errors import Conflict


class AlreadySentError(Conflict):
    """The person has an application that stands against this one: it is given once."""


def submit(
    session: Session, sealer: Sealer, instance_id: UUID, now: datetime, *, language: str = "en"
) -> Instance:
    """Send an application for a decision; sending it twice is one.

    The decision and its letter come in ``language``, the one in which the person sends. Refuses one
    with open questions, one of somebody who has not signed in, and a second one where the service
    gives something once (AlreadySentError).
    """
    held = queries.lock_instance(session, instance_id)
    if held.submitted_at is not None:
        return held
    service = queries.get_service(session, held.service_id, held.version)
    dossier = held.open(sealer)
    signed_in = held.subject is not None
    found = route.walk(service, dossier, london_date(now), is_signed_in=signed_in)
    if found.current is None or found.current.kind != "review":
        raise Conflict("application_incomplete", "Some questions are not answered yet")
    _refuse_a_second(session, service, held, now)
    decide = next(s for s in service.definition.steps if isinstance(s, model.Decide))
    sent = replace(
        with_dossier(held, sealer, replace(dossier, declared=True)),
        step=decide.id,
        attempt=1,
        language=language,
        submitted_at=now,
    )
    actor = Actor("citizen", held.subject or "")
    moved = make_move(session, held, "submit", actor=actor, now=now, after=sent)
    enqueue_step(session, held.id, decide.id, 1)
    return moved


def _refuse_a_second(session: Session, service: Service, held: Instance, now: datetime) -> None:
    """Refuse where another application counts; holds off others of the person until the commit."""
    if service.definition.once is None or held.subject is None:
        return
    queries.lock_person(session, service.id, held.subject)
    other = queries.find_counting_case(session, service, held.subject, now, besides=held.id)
    if other is not None:
        raise AlreadySentError(
            "already_sent",
            "You have already sent an application",
            detail="You can see it among your applications. A second one cannot be sent.",
        )


def decide_by_rules(session: Session, sealer: Sealer, held: Instance, now: datetime) -> Instance:
    """Decide a sent application with what is verified, as of the day it was sent.

    The rules' whole answer is stored and can be computed again; an award without an amount where
    money is to be paid goes to a person.
    """
    service = queries.get_service(session, held.service_id, held.version)
    dossier = held.open(sealer)
    result = decide_again(service, dossier, held)
    step = service.step(held.step)
    if not isinstance(step, model.Decide):
        raise TypeError(f"{held.step} decides nothing")
    verdict = step.outcomes[result.outcome]
    pays = any(isinstance(other, model.Payout) for other in service.definition.steps)
    if verdict == "award" and pays and result.amount_pence is None:
        verdict = "refer"
    session.execute(
        insert(decision_table).values(
            instance_id=held.id,
            outcome=result.outcome,
            amount_pence=result.amount_pence,
            on_date=result.on_date,
            sealed=sealer.seal(
                json.dumps(result.as_dict()).encode(), queries.decision_seal_name(held.id)
            ),
            decided_at=now,
        )
    )
    moves: dict[str, Move] = {"award": "award", "refuse": "refuse"}
    details: dict[str, str | int] = {"outcome": result.outcome}
    if verdict == "refer":
        return make_move(session, held, "refer", actor=SYSTEM, now=now, details=details)
    return go_on(session, sealer, held, moves[verdict], now, details)


def decide_again(service: Service, dossier: Dossier, held: Instance) -> Result:
    """Compute the decision of a sent application; the same every time it is asked for."""
    if held.submitted_at is None:
        raise ValueError("only a sent application is decided")
    day = london_date(held.submitted_at)
    values = route.path_values(service, dossier, day)
    return evaluate(service.rule_set, values, day, held.language)
