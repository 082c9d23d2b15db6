"""Keeping endpoints: made, changed, given a new secret, switched, tested, replayed, removed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, text, update
from sqlalchemy.orm import Session

from payments.webhooks.actions.announce import tell, wake
from payments.webhooks.models import webhook_endpoint, webhook_secret
from payments.webhooks.queries import (
    Endpoint,
    Secret,
    get_delivery,
    list_endpoints,
    list_secrets,
)
from payments.webhooks.rules import (
    MAXIMUM_DESCRIPTION,
    MAXIMUM_ENDPOINTS,
    ROTATION,
    TEST_EVENT,
    check_types,
    check_url,
    make_secret,
)
from shared import audit
from shared.actors import Actor
from shared.crypto import Sealer
from shared.errors import Conflict, FieldError, Invalid
from shared.ids import new_id

_REPLAY = text(
    """
    INSERT INTO webhook_delivery (endpoint_id, event_id, due_at)
    SELECT :endpoint_id, e.id, :now
      FROM webhook_event e
     WHERE e.organisation = :organisation AND e.occurred_at >= :since
       AND e.type = ANY (:types)
       AND (cast(:client_id AS text) IS NULL OR e.client_id = :client_id)
    ON CONFLICT (endpoint_id, event_id) DO UPDATE
      SET state = 'waiting', attempts = 0, due_at = excluded.due_at, done_at = NULL
    """
)
_AGAIN = text(
    "UPDATE webhook_delivery SET state = 'waiting', attempts = 0, due_at = :now, done_at = NULL"
    " WHERE endpoint_id = :endpoint_id AND event_id = :event_id"
)


@dataclass(frozen=True)
class EndpointPlan:
    """What an endpoint shall be."""

    url: str
    event_types: Sequence[str]
    description: str = ""


def _check(plan: EndpointPlan, allowed_hosts: Collection[str], *, of_program: bool) -> None:
    faults = check_url(plan.url, allowed_hosts)
    faults += check_types(plan.event_types, of_program=of_program)
    if len(plan.description) > MAXIMUM_DESCRIPTION:
        faults.append(FieldError("description", "Enter a description of up to 200 characters"))
    if faults:
        raise Invalid(*faults)


def create_endpoint(
    session: Session,
    sealer: Sealer,
    organisation: str,
    plan: EndpointPlan,
    actor: Actor,
    now: datetime,
    *,
    client_id: str | None = None,
    allowed_hosts: Collection[str] = (),
) -> UUID:
    """Make an endpoint with a first secret; refuses addresses that may not be asked.

    ``client_id`` is the program that keeps it: it hears of that program's own payments only.
    """
    _check(plan, allowed_hosts, of_program=client_id is not None)
    # Two at once do not pass the limit together.
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 43))"),
        {"name": f"webhooks/{organisation}"},
    )
    if len(list_endpoints(session, organisation)) >= MAXIMUM_ENDPOINTS:
        raise Conflict("too_many_webhooks", f"A body has at most {MAXIMUM_ENDPOINTS} webhooks")
    endpoint_id = new_id()
    session.execute(
        insert(webhook_endpoint).values(
            id=endpoint_id,
            organisation=organisation,
            client_id=client_id,
            url=plan.url,
            description=plan.description,
            event_types=sorted(set(plan.event_types)),
            state="enabled",
            state_at=now,
            created_by=actor.name or actor.id,
            created_at=now,
        )
    )
    _add_secret(session, sealer, endpoint_id, now)
    details = {"url": plan.url, "event_types": ", ".join(sorted(set(plan.event_types)))}
    _audit(session, actor, "created", endpoint_id, details)
    return endpoint_id


def change_endpoint(
    session: Session,
    endpoint: Endpoint,
    plan: EndpointPlan,
    actor: Actor,
    *,
    allowed_hosts: Collection[str] = (),
) -> None:
    """Change address, events and description; refuses what making one refuses."""
    _check(plan, allowed_hosts, of_program=endpoint.client_id is not None)
    types = sorted(set(plan.event_types))
    _set(session, endpoint, url=plan.url, event_types=types, description=plan.description)
    details = {
        "url_before": endpoint.url,
        "url": plan.url,
        "event_types_before": ", ".join(endpoint.event_types),
        "event_types": ", ".join(types),
    }
    _audit(session, actor, "changed", endpoint.id, details)


def switch_endpoint(
    session: Session, endpoint: Endpoint, actor: Actor, now: datetime, *, on: bool
) -> None:
    """Switch an endpoint on, with a clean slate, or off; what waits is kept. Twice is once."""
    wanted = "enabled" if on else "switched_off"
    if endpoint.state == wanted:
        return
    _set(
        session,
        endpoint,
        state=wanted,
        state_reason="",
        state_at=now,
        failing_since=None,
        failures=0,
        paused_until=None,
    )
    _audit(session, actor, "switched_on" if on else "switched_off", endpoint.id, {})
    if on:
        wake(session, [endpoint.id])


def remove_endpoint(session: Session, endpoint: Endpoint, actor: Actor, now: datetime) -> None:
    """Remove an endpoint for good: nothing is sent to it again, its history stays."""
    _set(session, endpoint, state="removed", state_at=now)
    session.execute(
        update(webhook_secret)
        .where(webhook_secret.c.endpoint_id == endpoint.id)
        .values(valid_until=now)
    )
    _audit(session, actor, "removed", endpoint.id, {"url": endpoint.url})


def rotate_secret(
    session: Session, sealer: Sealer, endpoint: Endpoint, actor: Actor, now: datetime
) -> None:
    """Give an endpoint a new secret; the one before signs beside it for a day more.

    Secrets that were on their way out end now, so that never more than two are valid.
    """
    secret = webhook_secret.c
    session.execute(
        update(webhook_secret)
        .where(secret.endpoint_id == endpoint.id, secret.valid_until > now)
        .values(valid_until=now)
    )
    session.execute(
        update(webhook_secret)
        .where(secret.endpoint_id == endpoint.id, secret.valid_until.is_(None))
        .values(valid_until=now + ROTATION)
    )
    _add_secret(session, sealer, endpoint.id, now)
    _audit(session, actor, "secret_rotated", endpoint.id, {})


def reveal_secret(
    session: Session, sealer: Sealer, endpoint: Endpoint, actor: Actor, now: datetime
) -> str | None:
    """Return the newest secret in the clear, once; None when it was shown before."""
    current = _current(session, endpoint.id, now)
    shown = session.execute(
        update(webhook_secret)
        .where(webhook_secret.c.id == current.id, webhook_secret.c.shown_at.is_(None))
        .values(shown_at=now)
        .returning(webhook_secret.c.id)
    ).one_or_none()
    if shown is None:
        return None
    _audit(session, actor, "secret_shown", endpoint.id, {})
    return sealer.open(current.sealed, current.aad).decode()


def open_current_secret(session: Session, sealer: Sealer, endpoint_id: UUID, now: datetime) -> str:
    """Return the newest secret again, for the answer to a repeated request."""
    current = _current(session, endpoint_id, now)
    return sealer.open(current.sealed, current.aad).decode()


def send_test(session: Session, endpoint: Endpoint, actor: Actor, now: datetime) -> None:
    """Send an endpoint a test event; refuses one that is not switched on."""
    _need_enabled(endpoint)
    data: dict[str, str | int | None] = {"webhook_id": str(endpoint.id), "note": "A test."}
    subject = f"test-{endpoint.id}"
    tell(session, endpoint.organisation, [endpoint.id], TEST_EVENT, subject, data, now)
    _audit(session, actor, "tested", endpoint.id, {})


def replay_since(
    session: Session, endpoint: Endpoint, since: datetime, actor: Actor, now: datetime
) -> int:
    """Deliver every event since a moment again, also those the endpoint never got.

    Each keeps its ``webhook-id``, so that a receiver can tell what it has. Returns how many.
    """
    _need_enabled(endpoint)
    if since > now:
        raise Invalid(FieldError("since", "Enter a moment that has passed"))
    written = session.execute(
        _REPLAY,
        {
            "endpoint_id": endpoint.id,
            "organisation": endpoint.organisation,
            "since": since,
            "types": list(endpoint.event_types),
            "client_id": endpoint.client_id,
            "now": now,
        },
    )
    count = int(written.rowcount)  # type: ignore[attr-defined]  # an INSERT has a row count
    _audit(session, actor, "replayed", endpoint.id, {"since": since.isoformat(), "count": count})
    if count:
        wake(session, [endpoint.id])
    return count


def replay_message(
    session: Session, endpoint: Endpoint, message_id: UUID, actor: Actor, now: datetime
) -> None:
    """Deliver one message again under its old id; refuses one that was never for this endpoint."""
    _need_enabled(endpoint)
    found = get_delivery(session, endpoint.id, message_id)
    session.execute(_AGAIN, {"endpoint_id": endpoint.id, "event_id": found.event_id, "now": now})
    _audit(session, actor, "replayed", endpoint.id, {"message": found.name, "count": 1})
    wake(session, [endpoint.id])


def _need_enabled(endpoint: Endpoint) -> None:
    if endpoint.state != "enabled":
        raise Conflict("webhook_off", "Switch the webhook on first")


def _current(session: Session, endpoint_id: UUID, now: datetime) -> Secret:
    return next(one for one in list_secrets(session, endpoint_id, now) if one.valid_until is None)


def _add_secret(session: Session, sealer: Sealer, endpoint_id: UUID, now: datetime) -> None:
    made = Secret(new_id(), b"", now, None, None)
    session.execute(
        insert(webhook_secret).values(
            id=made.id,
            endpoint_id=endpoint_id,
            sealed=sealer.seal(make_secret().encode(), made.aad),
            created_at=now,
        )
    )


def _set(session: Session, endpoint: Endpoint, **values: object) -> None:
    session.execute(
        update(webhook_endpoint).where(webhook_endpoint.c.id == endpoint.id).values(**values)
    )


def _audit(
    session: Session,
    actor: Actor,
    deed: str,
    endpoint_id: UUID,
    details: Mapping[str, object],
) -> None:
    audit.record(session, actor, f"payments.webhook.{deed}", "webhook", endpoint_id, details)
