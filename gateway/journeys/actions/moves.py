"""The one place that moves an instance: state, revision, event and audit in one transaction."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from gateway.journeys.dossier import Dossier
from gateway.journeys.queries import Instance, seal_name
from gateway.journeys.rules import Move, next_state
from shared import audit
from shared.actors import Actor
from shared.crypto import Sealer
from shared.errors import Conflict
from shared.outbox import enqueue

PERFORM = "gateway.journeys.perform"
FORGET = "gateway.journeys.forget"
# A person's own typing is not an audit event; what it leads to is.
_QUIET: frozenset[Move] = frozenset({"answer", "acknowledge", "check_payee"})

_MOVE = text(
    """
    UPDATE instance
       SET state = :state, step = :step, attempt = :attempt, rev = rev + 1, subject = :subject,
           language = :language, sealed = :sealed, updated_at = :now, expires_at = :expires_at,
           submitted_at = :submitted_at, finished_at = :finished_at
     WHERE id = :id AND rev = :rev
    """
)
_EVENT = text(
    """
    INSERT INTO instance_event
      (instance_id, rev, move, from_state, to_state, step, actor_kind, details, at)
    VALUES (:id, :rev, :move, :from_state, :to_state, :step, :actor_kind,
            cast(:details AS jsonb), :now)
    """
)


def make_move(
    session: Session,
    before: Instance,
    move: Move,
    *,
    actor: Actor,
    now: datetime,
    after: Instance | None = None,
    details: dict[str, str | int] | None = None,
) -> Instance:
    """Move an instance and write the event; ``after`` holds what else changes.

    The details are shown to nobody and hold no personal data. Refuses a move that the table of
    moves does not have, and one of two simultaneous moves.
    """
    state = next_state(before.state, move)
    moved = replace(after or before, state=state, rev=before.rev + 1, updated_at=now)
    updated = session.execute(
        _MOVE,
        {
            "id": before.id,
            "rev": before.rev,
            "state": state,
            "step": moved.step,
            "attempt": moved.attempt,
            "subject": moved.subject,
            "language": moved.language,
            "sealed": moved.sealed,
            "now": now,
            "expires_at": moved.expires_at,
            "submitted_at": moved.submitted_at,
            "finished_at": moved.finished_at,
        },
    )
    if updated.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE has a row count
        raise Conflict(
            "application_changed",
            "Your application was changed in another window",
            detail="Open the page again to see it as it is now.",
        )
    _write_event(session, before, moved, move, actor, now, details or {})
    return moved


def write_beginning(session: Session, instance: Instance, actor: Actor, now: datetime) -> None:
    """Write the first event of a new instance."""
    _write_event(session, instance, instance, "begin", actor, now, {})


def _write_event(
    session: Session,
    before: Instance,
    moved: Instance,
    move: Move,
    actor: Actor,
    now: datetime,
    details: dict[str, str | int],
) -> None:
    session.execute(
        _EVENT,
        {
            "id": moved.id,
            "rev": moved.rev,
            "move": move,
            "from_state": before.state,
            "to_state": moved.state,
            "step": moved.step,
            "actor_kind": actor.kind,
            "details": json.dumps(details),
            "now": now,
        },
    )
    if move not in _QUIET:
        facts = {"service": moved.service_id, "step": moved.step, **details}
        audit.record(
            session,
            actor,
            f"journeys.{move}",
            "application",
            moved.reference,
            facts,
            correlation=moved.correlation_id,
        )


def with_dossier(instance: Instance, sealer: Sealer, dossier: Dossier) -> Instance:
    """Return the instance with what the person told, sealed for it."""
    return replace(instance, sealed=sealer.seal(dossier.to_bytes(), seal_name(instance.id)))


def enqueue_forgetting(session: Session, instance: Instance) -> None:
    """Have a draft dropped when it ends; one that was used since then is looked at again later."""
    enqueue(
        session,
        FORGET,
        {"instance_id": str(instance.id)},
        key=f"{instance.id}/{instance.expires_at.isoformat()}",
        due_at=instance.expires_at,
    )


def draft_expiry(now: datetime, days: int) -> datetime:
    """Return when a draft ends that is used now."""
    return now + timedelta(days=days)


def enqueue_step(session: Session, instance_id: UUID, step: str, attempt: int) -> None:
    """Have a worker perform a step; the same step and attempt twice is one work."""
    enqueue(
        session,
        PERFORM,
        {"instance_id": str(instance_id), "step": step, "attempt": attempt},
        key=f"{instance_id}/{step}/{attempt}",
    )
