"""Webhooks for programs: /payments/v1/webhooks; each program keeps its own and sees no other."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from payments.payees.api import Organisation
from payments.payees.deps import settings_of
from payments.runs.queries.runs import find_body_name
from payments.settings import PaymentsSettings
from payments.webhooks.actions import endpoints as acts
from payments.webhooks.queries import (
    Delivery,
    Endpoint,
    get_endpoint_of_client,
    list_deliveries,
    list_endpoints,
)
from payments.webhooks.rules import read_message_name
from shared import idempotency
from shared.errors import FieldError, Invalid
from shared.web.deps import Caller, NowDep, SealerDep, SessionDep, require_scope

router = APIRouter()

Program = Annotated[Caller, Depends(require_scope("payments.write"))]
SettingsDep = Annotated[PaymentsSettings, Depends(settings_of)]
_SIZE = 100


class WebhookBody(BaseModel):
    """An endpoint to make."""

    model_config = ConfigDict(extra="forbid")

    organisation: Organisation
    url: str = Field(max_length=2000)
    event_types: list[Annotated[str, Field(max_length=60)]] = Field(max_length=40)
    description: str = Field("", max_length=200)


class WebhookChange(BaseModel):
    """What shall change of an endpoint; what is not named stays."""

    model_config = ConfigDict(extra="forbid")

    url: str | None = Field(None, max_length=2000)
    event_types: list[Annotated[str, Field(max_length=60)]] | None = Field(None, max_length=40)
    description: str | None = Field(None, max_length=200)
    enabled: bool | None = None


class ReplayBody(BaseModel):
    """What shall be delivered again: everything since a moment, or one message."""

    model_config = ConfigDict(extra="forbid")

    since: AwareDatetime | None = None
    message_id: str | None = Field(None, max_length=40)


class Webhook(BaseModel):
    """An endpoint as it is; ``state`` is enabled, switched_off or suspended."""

    id: str
    organisation: str
    url: str
    description: str
    event_types: list[str]
    state: str
    state_reason: str
    failing_since: datetime | None
    created_at: datetime


class WebhookCreated(Webhook):
    """A new endpoint with its secret, which is told here and never again."""

    secret: str


class NewSecret(BaseModel):
    """A new secret; the one before is valid for a day more."""

    secret: str


class Replayed(BaseModel):
    """How many messages will be delivered again."""

    messages: int


class DeliveryLine(BaseModel):
    """How far one message is."""

    message_id: str
    type: str
    subject: str
    occurred_at: datetime
    state: str
    attempts: int
    last_status: int | None


class Deliveries(BaseModel):
    """A page of deliveries, newest first; ``next`` is the ``before`` of the following page."""

    deliveries: list[DeliveryLine]
    next: int | None


@router.post("/webhooks", status_code=201, response_model=WebhookCreated)
def create_webhook(
    body: WebhookBody,
    session: SessionDep,
    sealer: SealerDep,
    settings: SettingsDep,
    now: NowDep,
    caller: Program,
    idempotency_key: Annotated[str | None, Header(pattern=r"^[A-Za-z0-9-]{1,255}$")] = None,
) -> JSONResponse:
    """Make an endpoint for this program's payments; answers with its secret, this once."""
    scope, digest = f"webhooks/{caller.client_id}", idempotency.request_hash(body.model_dump())
    if idempotency_key is not None:
        known = idempotency.remember(session, scope, idempotency_key, digest)
        if known is not None and isinstance(known.body, dict):
            endpoint_id = UUID(known.body["id"])
            answer = _created(session, sealer, caller, endpoint_id, now)
            return JSONResponse(answer, 201, {"Idempotent-Replayed": "true"})
    if find_body_name(session, body.organisation) is None:
        fault = FieldError("organisation", "This body does not pay through this platform")
        raise Invalid(fault)
    endpoint_id = acts.create_endpoint(
        session,
        sealer,
        body.organisation,
        acts.EndpointPlan(body.url, body.event_types, body.description),
        caller.actor,
        now,
        client_id=caller.client_id,
        allowed_hosts=settings.outbound_allowed_hosts,
    )
    if idempotency_key is not None:
        kept = {"id": str(endpoint_id)}
        idempotency.store(session, scope, idempotency_key, digest, status=201, body=kept)
    return JSONResponse(_created(session, sealer, caller, endpoint_id, now), 201)


@router.get("/webhooks")
def show_webhooks(
    session: SessionDep,
    caller: Program,
    organisation: Annotated[str, Query(max_length=63)],
) -> list[Webhook]:
    """List the endpoints that this program keeps for a body."""
    found = list_endpoints(session, organisation, client_id=caller.client_id)
    return [_answer(one) for one in found]


@router.get("/webhooks/{webhook_id}")
def show_webhook(webhook_id: UUID, session: SessionDep, caller: Program) -> Webhook:
    """Show one endpoint of this program; every other is not found."""
    return _answer(get_endpoint_of_client(session, caller.client_id, webhook_id))


@router.patch("/webhooks/{webhook_id}")
def change_webhook(
    webhook_id: UUID,
    body: WebhookChange,
    session: SessionDep,
    settings: SettingsDep,
    now: NowDep,
    caller: Program,
) -> Webhook:
    """Change an endpoint, or switch it on or off."""
    found = get_endpoint_of_client(session, caller.client_id, webhook_id)
    plan = acts.EndpointPlan(
        found.url if body.url is None else body.url,
        found.event_types if body.event_types is None else body.event_types,
        found.description if body.description is None else body.description,
    )
    if plan != acts.EndpointPlan(found.url, found.event_types, found.description):
        hosts = settings.outbound_allowed_hosts
        acts.change_endpoint(session, found, plan, caller.actor, allowed_hosts=hosts)
    if body.enabled is not None:
        acts.switch_endpoint(session, found, caller.actor, now, on=body.enabled)
    return _answer(get_endpoint_of_client(session, caller.client_id, webhook_id))


@router.delete("/webhooks/{webhook_id}", status_code=204)
def remove_webhook(webhook_id: UUID, session: SessionDep, now: NowDep, caller: Program) -> Response:
    """Remove an endpoint for good."""
    found = get_endpoint_of_client(session, caller.client_id, webhook_id)
    acts.remove_endpoint(session, found, caller.actor, now)
    return Response(status_code=204)


@router.post("/webhooks/{webhook_id}/rotate-secret")
def rotate_webhook_secret(
    webhook_id: UUID, session: SessionDep, sealer: SealerDep, now: NowDep, caller: Program
) -> NewSecret:
    """Give an endpoint a new secret; both sign for a day."""
    found = get_endpoint_of_client(session, caller.client_id, webhook_id)
    acts.rotate_secret(session, sealer, found, caller.actor, now)
    secret = acts.reveal_secret(session, sealer, found, caller.actor, now)
    return NewSecret(secret=secret or "")


@router.post("/webhooks/{webhook_id}/test", status_code=202)
def test_webhook(webhook_id: UUID, session: SessionDep, now: NowDep, caller: Program) -> Replayed:
    """Send a `webhook.test` message."""
    found = get_endpoint_of_client(session, caller.client_id, webhook_id)
    acts.send_test(session, found, caller.actor, now)
    return Replayed(messages=1)


@router.post("/webhooks/{webhook_id}/replay", status_code=202)
def replay_webhook(
    webhook_id: UUID, body: ReplayBody, session: SessionDep, now: NowDep, caller: Program
) -> Replayed:
    """Deliver one message again, or everything since a moment, each under its old id."""
    found = get_endpoint_of_client(session, caller.client_id, webhook_id)
    if (body.since is None) == (body.message_id is None):
        raise Invalid(FieldError("since", "Send either since or message_id"))
    if body.since is not None:
        return Replayed(messages=acts.replay_since(session, found, body.since, caller.actor, now))
    message = read_message_name(body.message_id or "")
    if message is None:
        raise Invalid(FieldError("message_id", "That is not the id of a message"))
    acts.replay_message(session, found, message, caller.actor, now)
    return Replayed(messages=1)


@router.get("/webhooks/{webhook_id}/deliveries")
def show_deliveries(
    webhook_id: UUID,
    session: SessionDep,
    caller: Program,
    state: Annotated[str, Query(pattern="^(waiting|delivered|given_up)?$")] = "",
    payment_id: Annotated[str, Query(max_length=64)] = "",
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> Deliveries:
    """List what was delivered to an endpoint, and what waits, newest first."""
    found = get_endpoint_of_client(session, caller.client_id, webhook_id)
    lines = list_deliveries(
        session, found.id, state=state, subject=payment_id, before=before, limit=_SIZE
    )
    following = lines[-1].event_id if len(lines) == _SIZE else None
    return Deliveries(deliveries=[_line(one) for one in lines], next=following)


def _created(
    session: SessionDep, sealer: SealerDep, caller: Caller, endpoint_id: UUID, now: datetime
) -> dict[str, object]:
    found = get_endpoint_of_client(session, caller.client_id, endpoint_id)
    secret = acts.reveal_secret(
        session, sealer, found, caller.actor, now
    ) or acts.open_current_secret(session, sealer, endpoint_id, now)
    made = WebhookCreated(**_answer(found).model_dump(), secret=secret)
    return made.model_dump(mode="json")


def _answer(one: Endpoint) -> Webhook:
    return Webhook(
        id=str(one.id),
        organisation=one.organisation,
        url=one.url,
        description=one.description,
        event_types=list(one.event_types),
        state=one.state,
        state_reason=one.state_reason,
        failing_since=one.failing_since,
        created_at=one.created_at,
    )


def _line(one: Delivery) -> DeliveryLine:
    return DeliveryLine(
        message_id=one.name,
        type=one.type,
        subject=one.subject,
        occurred_at=one.occurred_at,
        state=one.state,
        attempts=one.attempts,
        last_status=one.last_status,
    )
