"""Publishing definitions: checked, kept for ever under their version, made the current one."""

import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from gateway.journeys.definition.service import Service, load_service
from gateway.journeys.publishing.checks import check_service
from shared import audit
from shared.actors import Actor


def publish(
    session: Session, body: Mapping[str, object], actor: Actor, now: datetime
) -> tuple[Service, bool]:
    """Publish a definition; tells whether that changed anything.

    The same content is the same version: publishing it again changes nothing. Applications under
    way stay on theirs. Raises DefinitionError with every fault and its place.
    """
    service = load_service(body)
    check_service(service)
    session.execute(
        text(
            """
            INSERT INTO journey_version (service_id, version, body, published_at)
            VALUES (:id, :version, cast(:body AS json), :now)
            ON CONFLICT (service_id, version) DO NOTHING
            """
        ),
        {
            "id": service.id,
            "version": service.version,
            "body": json.dumps(body, ensure_ascii=False),
            "now": now,
        },
    )
    changed = session.execute(
        text(
            """
            INSERT INTO journey (service_id, current_version, published_at)
            VALUES (:id, :version, :now)
            ON CONFLICT (service_id) DO UPDATE
              SET current_version = excluded.current_version, published_at = excluded.published_at
              WHERE journey.current_version <> excluded.current_version
            """
        ),
        {"id": service.id, "version": service.version, "now": now},
    )
    is_new = bool(changed.rowcount)  # type: ignore[attr-defined]  # an INSERT counts
    if is_new:
        facts = {"version": service.version}
        audit.record(session, actor, "journeys.publish", "service", service.id, facts)
    return service, is_new
