"""The append-only record of who did what, in the same transaction as the deed."""

import json
from collections.abc import Mapping

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
            "details": json.dumps(details or {}, default=str),
        },
    )
