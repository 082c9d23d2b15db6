"""Remittance advice: chosen by programme, one for each payee of a run, sent once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.reports.remittance.models import remittance_setting
from payments.runs.queries.runs import find_programme
from shared import audit
from shared.actors import Actor
from shared.errors import FieldError, Invalid
from shared.outbox import enqueue

SEND_WHEN = ("never", "sent", "paid")
# Payments of a run move in parts; the advice waits until the last part has had its time.
_PATIENCE = timedelta(minutes=5)
_STATES = {"sent": ("submitted", "accepted", "paid"), "paid": ("paid",)}
_RUN_STATES = ("submitted", "closed")

_WANTED = text(
    "SELECT s.send_when FROM run r JOIN remittance_setting s ON s.programme_id = r.programme_id"
    " WHERE r.id = :run AND s.send_when <> 'never'"
)
_PLAN = text(
    """
    INSERT INTO remittance_advice (organisation, run_id, payee_id, payments, pence, created_at)
    SELECT min(p.organisation), p.run_id, p.payee_id, count(*), sum(p.amount_pence), :now
      FROM payment p
     WHERE p.run_id = :run AND p.payee_id IS NOT NULL AND p.state = ANY (:states)
     GROUP BY p.run_id, p.payee_id
    ON CONFLICT (run_id, payee_id) DO NOTHING
    """
)
_RECORD = text(
    """
    UPDATE remittance_advice a
       SET state = n.state, message_id = nullif(n.message_id, ''), problem = n.problem,
           done_at = :now
      FROM unnest(cast(:ids AS uuid[]), cast(:states AS text[]), cast(:messages AS text[]),
                  cast(:problems AS text[])) AS n (id, state, message_id, problem)
     WHERE a.id = n.id AND a.state = 'waiting'
    """
)


@dataclass(frozen=True)
class Result:
    """What became of one advice: sent, no_address or failed."""

    id: UUID
    state: str
    message_id: str = ""
    problem: str = ""


def choose(
    session: Session, programme_slug: str, send_when: str, actor: Actor, now: datetime
) -> None:
    """Say when payees of a programme are told; refuses unknown programmes and moments."""
    programme = find_programme(session, actor.organisation or "", programme_slug)
    if programme is None or send_when not in SEND_WHEN:
        raise Invalid(FieldError("send_when", "Select when payees are told"))
    values = {"send_when": send_when, "changed_by_name": actor.name, "changed_at": now}
    session.execute(
        insert(remittance_setting)
        .values(programme_id=programme.id, **values)
        .on_conflict_do_update(index_elements=["programme_id"], set_=values)
    )
    details = {"programme": programme.slug, "send_when": send_when}
    audit.record(session, actor, "payments.remittance.chosen", "programme", programme.id, details)


def after_move(session: Session, run_id: UUID, state: str, now: datetime) -> None:
    """Have advice planned where a run came to a state in which its payees may be told.

    Costs one read by key for each run and state; a programme that sends none costs nothing more.
    """
    if state not in _RUN_STATES or session.execute(_WANTED, {"run": run_id}).first() is None:
        return
    enqueue(
        session,
        "payments.remittance.plan",
        {"run_id": str(run_id)},
        key=f"{run_id}/{state}",
        due_at=now + _PATIENCE,
    )


def plan_advice(session: Session, run_id: UUID, now: datetime) -> int:
    """Write one advice for each payee of a run that has none yet; returns how many are new.

    Payments without a payee of the master have nobody to tell here: a case tells its own person.
    """
    wanted = session.execute(_WANTED, {"run": run_id}).scalar_one_or_none()
    if wanted is None:
        return 0
    values = {"run": run_id, "states": list(_STATES[wanted]), "now": now}
    planned = int(session.execute(_PLAN, values).rowcount)  # type: ignore[attr-defined]  # an INSERT has a row count
    if planned:
        enqueue(session, "payments.remittance.send", {"run_id": str(run_id)})
    return planned


def record_results(session: Session, results: Sequence[Result], now: datetime) -> None:
    """Write down what became of advice; one that is done already stays as it is."""
    session.execute(
        _RECORD,
        {
            "ids": [one.id for one in results],
            "states": [one.state for one in results],
            "messages": [one.message_id for one in results],
            "problems": [one.problem for one in results],
            "now": now,
        },
    )
