"""The console's pages of webhooks: kept by administrators, seen by auditors."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from payments.payees.deps import settings_of
from payments.runs.access import Staff, require_role
from payments.runs.rules import ADMINISTRATOR, AUDITOR
from payments.settings import PaymentsSettings
from payments.webhooks.actions import endpoints as acts
from payments.webhooks.presenting import (
    EVENT_CHOICES,
    Values,
    present_delivery,
    present_endpoint,
    present_message,
)
from payments.webhooks.queries import (
    get_delivery,
    get_endpoint,
    list_attempts,
    list_deliveries,
    list_endpoints,
)
from payments.webhooks.rules import read_message_name
from shared.clock import LONDON
from shared.errors import FieldError, Invalid, NotFound, Problem
from shared.web.deps import Form, FormDep, NowDep, RuntimeDep, SealerDep, SessionDep
from shared.web.runtime import Runtime

router = APIRouter()

Viewer = Annotated[Staff, Depends(require_role(ADMINISTRATOR, AUDITOR))]
Keeper = Annotated[Staff, Depends(require_role(ADMINISTRATOR))]
SettingsDep = Annotated[PaymentsSettings, Depends(settings_of)]
_SIZE = 50
_DONE = {
    "created": "The webhook was made. Show its secret now and give it to the receiver.",
    "changed": "The webhook was changed.",
    "rotated": "There is a new secret. The old one is valid for 24 hours more.",
    "tested": "A test message is on its way.",
    "replayed": "The messages will be delivered again.",
    "on": "The webhook was switched on.",
    "off": "The webhook was switched off.",
    "removed": "The webhook was removed.",
}


@router.get("/webhooks")
def show_webhooks(
    request: Request, staff: Viewer, session: SessionDep, runtime: RuntimeDep, done: str = ""
) -> Response:
    """List the body's webhooks."""
    found = list_endpoints(session, staff.organisation)
    return runtime.pages.render(
        request,
        "webhooks/list.html",
        endpoints=[present_endpoint(session, one) for one in found],
        may_change=staff.has(ADMINISTRATOR),
        done=_DONE.get(done, ""),
    )


@router.get("/webhooks/new")
def show_new(request: Request, _staff: Keeper, runtime: RuntimeDep) -> Response:
    """Ask for an address and the events it shall hear of."""
    return _form(request, runtime, {"url": "", "description": "", "event_types": []}, None)


@router.post("/webhooks")
def create_webhook(
    request: Request,
    form: FormDep,
    staff: Keeper,
    session: SessionDep,
    runtime: RuntimeDep,
    sealer: SealerDep,
    settings: SettingsDep,
    now: NowDep,
) -> Response:
    """Make a webhook; a refusal names every field."""
    plan = _plan(form)
    try:
        made = acts.create_endpoint(
            session,
            sealer,
            staff.organisation,
            plan,
            staff.actor,
            now,
            allowed_hosts=settings.outbound_allowed_hosts,
        )
    except Problem as problem:
        return _form(request, runtime, _typed(plan), None, problem)
    return RedirectResponse(f"/payments/webhooks/{made}?done=created", 303)


@router.get("/webhooks/{webhook_id}")
def show_webhook(
    request: Request,
    webhook_id: UUID,
    staff: Viewer,
    session: SessionDep,
    runtime: RuntimeDep,
    done: str = "",
) -> Response:
    """Show one webhook: how it is, its last deliveries, what can be done with it."""
    return _show(request, runtime, session, staff, webhook_id, done=_DONE.get(done, ""))


@router.get("/webhooks/{webhook_id}/change")
def show_change(
    request: Request, webhook_id: UUID, staff: Keeper, session: SessionDep, runtime: RuntimeDep
) -> Response:
    """Ask what shall change."""
    found = get_endpoint(session, staff.organisation, webhook_id)
    plan = acts.EndpointPlan(found.url, found.event_types, found.description)
    return _form(request, runtime, _typed(plan), webhook_id)


@router.post("/webhooks/{webhook_id}/change")
def change_webhook(
    request: Request,
    webhook_id: UUID,
    form: FormDep,
    staff: Keeper,
    session: SessionDep,
    runtime: RuntimeDep,
    settings: SettingsDep,
) -> Response:
    """Change address, events and description."""
    found = get_endpoint(session, staff.organisation, webhook_id)
    plan = _plan(form)
    try:
        acts.change_endpoint(
            session, found, plan, staff.actor, allowed_hosts=settings.outbound_allowed_hosts
        )
    except Problem as problem:
        return _form(request, runtime, _typed(plan), webhook_id, problem)
    return RedirectResponse(f"/payments/webhooks/{webhook_id}?done=changed", 303)


@router.post("/webhooks/{webhook_id}/secret")
def show_secret(
    request: Request,
    webhook_id: UUID,
    staff: Keeper,
    session: SessionDep,
    runtime: RuntimeDep,
    sealer: SealerDep,
    now: NowDep,
) -> Response:
    """Show the newest secret, once; a second time says that it was shown."""
    found = get_endpoint(session, staff.organisation, webhook_id)
    secret = acts.reveal_secret(session, sealer, found, staff.actor, now)
    return _show(
        request, runtime, session, staff, webhook_id, secret=secret or "", was_shown=secret is None
    )


@router.post("/webhooks/{webhook_id}/rotate")
def rotate(
    webhook_id: UUID, staff: Keeper, session: SessionDep, sealer: SealerDep, now: NowDep
) -> Response:
    """Give the webhook a new secret."""
    found = get_endpoint(session, staff.organisation, webhook_id)
    acts.rotate_secret(session, sealer, found, staff.actor, now)
    return RedirectResponse(f"/payments/webhooks/{webhook_id}?done=rotated", 303)


@router.post("/webhooks/{webhook_id}/test")
def send_test(
    request: Request,
    webhook_id: UUID,
    staff: Keeper,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Send a test message."""
    found = get_endpoint(session, staff.organisation, webhook_id)
    try:
        acts.send_test(session, found, staff.actor, now)
    except Problem as problem:
        return _show(request, runtime, session, staff, webhook_id, problem=problem)
    return RedirectResponse(f"/payments/webhooks/{webhook_id}?done=tested", 303)


@router.post("/webhooks/{webhook_id}/replay")
def replay(
    request: Request,
    webhook_id: UUID,
    form: FormDep,
    staff: Keeper,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Deliver one message again, or all since a moment."""
    found = get_endpoint(session, staff.organisation, webhook_id)
    try:
        message = read_message_name(form.text("message"))
        if message is not None:
            acts.replay_message(session, found, message, staff.actor, now)
        else:
            acts.replay_since(session, found, _moment(form.text("since")), staff.actor, now)
    except Problem as problem:
        return _show(request, runtime, session, staff, webhook_id, problem=problem)
    return RedirectResponse(f"/payments/webhooks/{webhook_id}?done=replayed", 303)


@router.post("/webhooks/{webhook_id}/switch")
def switch(
    webhook_id: UUID, form: FormDep, staff: Keeper, session: SessionDep, now: NowDep
) -> Response:
    """Switch the webhook on or off."""
    found = get_endpoint(session, staff.organisation, webhook_id)
    on = form.text("to") == "on"
    acts.switch_endpoint(session, found, staff.actor, now, on=on)
    return RedirectResponse(f"/payments/webhooks/{webhook_id}?done={'on' if on else 'off'}", 303)


@router.get("/webhooks/{webhook_id}/remove")
def confirm_removal(
    request: Request, webhook_id: UUID, staff: Keeper, session: SessionDep, runtime: RuntimeDep
) -> Response:
    """Ask whether the webhook shall really go."""
    found = get_endpoint(session, staff.organisation, webhook_id)
    return runtime.pages.render(
        request, "webhooks/remove.html", endpoint=present_endpoint(session, found)
    )


@router.post("/webhooks/{webhook_id}/remove")
def remove(webhook_id: UUID, staff: Keeper, session: SessionDep, now: NowDep) -> Response:
    """Remove the webhook for good."""
    found = get_endpoint(session, staff.organisation, webhook_id)
    acts.remove_endpoint(session, found, staff.actor, now)
    return RedirectResponse("/payments/webhooks?done=removed", 303)


@router.get("/webhooks/{webhook_id}/deliveries")
def show_deliveries(
    request: Request,
    webhook_id: UUID,
    staff: Viewer,
    session: SessionDep,
    runtime: RuntimeDep,
    state: Annotated[str, Query(pattern="^(waiting|delivered|given_up)?$")] = "",
    q: Annotated[str, Query(max_length=64)] = "",
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> Response:
    """List deliveries, newest first, found by state, message, payment or run."""
    found = get_endpoint(session, staff.organisation, webhook_id)
    message = read_message_name(q.strip())
    lines = list_deliveries(
        session,
        found.id,
        state=state,
        subject="" if message else q.strip(),
        message_id=message,
        before=before,
        limit=_SIZE,
    )
    return runtime.pages.render(
        request,
        "webhooks/deliveries.html",
        endpoint=present_endpoint(session, found),
        deliveries=[present_delivery(found.id, one) for one in lines],
        older=lines[-1].event_id if len(lines) == _SIZE else None,
        state=state,
        q=q,
    )


@router.get("/webhooks/{webhook_id}/deliveries/{message}")
def show_delivery(
    request: Request,
    webhook_id: UUID,
    message: str,
    staff: Viewer,
    session: SessionDep,
    runtime: RuntimeDep,
) -> Response:
    """Show one message: what it says and each attempt to deliver it."""
    found = get_endpoint(session, staff.organisation, webhook_id)
    message_id = read_message_name(message)
    if message_id is None:
        raise NotFound("message_not_found", "There is no such message")
    delivery = get_delivery(session, found.id, message_id)
    return runtime.pages.render(
        request,
        "webhooks/delivery.html",
        endpoint=present_endpoint(session, found),
        may_change=staff.has(ADMINISTRATOR),
        **present_message(found.id, delivery, list_attempts(session, found.id, delivery.event_id)),
    )


def _show(
    request: Request,
    runtime: Runtime,
    session: Session,
    staff: Staff,
    webhook_id: UUID,
    *,
    done: str = "",
    secret: str = "",
    was_shown: bool = False,
    problem: Problem | None = None,
) -> Response:
    found = get_endpoint(session, staff.organisation, webhook_id)
    return runtime.pages.render(
        request,
        "webhooks/webhook.html",
        problem=problem,
        endpoint=present_endpoint(session, found),
        deliveries=[
            present_delivery(found.id, one) for one in list_deliveries(session, found.id, limit=10)
        ],
        may_change=staff.has(ADMINISTRATOR),
        done=done,
        secret=secret,
        was_shown=was_shown,
    )


def _form(
    request: Request,
    runtime: Runtime,
    values: Values,
    webhook_id: UUID | None,
    problem: Problem | None = None,
) -> Response:
    return runtime.pages.render(
        request,
        "webhooks/form.html",
        problem=problem,
        values=values,
        choices=EVENT_CHOICES,
        webhook_id=webhook_id,
    )


def _plan(form: Form) -> acts.EndpointPlan:
    return acts.EndpointPlan(form.text("url"), form.all("event_types"), form.text("description"))


def _typed(plan: acts.EndpointPlan) -> Values:
    return {
        "url": plan.url,
        "description": plan.description,
        "event_types": list(plan.event_types),
    }


def _moment(text: str) -> datetime:
    """Return the instant of a day and time as people in Scotland write it."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=LONDON).astimezone(UTC)
    except ValueError as error:
        message = "Enter a day and time, such as 2026-11-22 09:30"
        raise Invalid(FieldError("since", message)) from error
