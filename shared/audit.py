"""The append-only record of who did what, in the same transaction as the deed."""

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.actors import Actor
from shared.correlation import correlation_id
from shared.ids import new_id

_INSERT = text(
    """
    INSERT INTO audit_event (id, correlation_id, actor_kind, actor_id, actor_organisation,
                             actor_name, action, object_type, object_id, details)
    VALUES (:id, :correlation_id, :actor_kind, :actor_id, :actor_organisation,
            :actor_name, :action, :object_type, :object_id, cast(:details AS jsonb))
    """
)
_INSERT_MANY = text(
    """
    INSERT INTO audit_event (id, correlation_id, actor_kind, actor_id, actor_organisation,
                             actor_name, action, object_type, object_id, details)
    SELECT u.id, u.correlation_id, :actor_kind, :actor_id, :actor_organisation, :actor_name,
           :action, :object_type, u.object_id, cast(:details AS jsonb)
      FROM unnest(cast(:ids AS uuid[]), cast(:correlations AS text[]), cast(:objects AS text[]))
           AS u(id, correlation_id, object_id)
    """
)


def record(
    session: Session,
    actor: Actor,
    action: str,
    object_type: str,
    object_id: object,
    details: Mapping[str, object] | None = None,
    *,
    correlation: str | None = None,
) -> None:
    """Write one audit line; ``details`` hold facts and ids, never secrets or whole bank details."""
    session.execute(
        _INSERT,
        {
            "id": new_id(),
            "correlation_id": correlation or correlation_id(),
            "actor_kind": actor.kind,
            "actor_id": actor.id,
            "actor_organisation": actor.organisation,
            "actor_name": actor.name,
            "action": action,
            "object_type": object_type,
            "object_id": str(object_id),
            "details": _write(actor, details),
        },
    )


def record_many(
    session: Session,
    actor: Actor,
    action: str,
    object_type: str,
    objects: Sequence[tuple[object, str]],
    details: Mapping[str, object] | None = None,
) -> None:
    """Write one line for each of many objects, given as (id, correlation id), with one statement.

    What was done to each is the same; ``details`` hold what ``record`` allows.
    """
    if not objects:
        return
    session.execute(
        _INSERT_MANY,
        {
            "ids": [new_id() for _ in objects],
            "correlations": [correlation for _, correlation in objects],
            "objects": [str(object_id) for object_id, _ in objects],
            "actor_kind": actor.kind,
            "actor_id": actor.id,
            "actor_organisation": actor.organisation,
            "actor_name": actor.name,
            "action": action,
            "object_type": object_type,
            "details": _write(actor, details),
        },
    )


def _write(actor: Actor, details: Mapping[str, object] | None) -> str:
    """Return the details as JSON, with what the actor acts under where that is not their own."""
    under = {"under": actor.under} if actor.under else {}
    return json.dumps({**(details or {}), **under}, default=str)
