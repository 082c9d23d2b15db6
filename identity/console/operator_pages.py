"""What the platform's operators decide: bodies, going live, domains of staff."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from identity.console.access import OperatorDep, go, show
from identity.organisations import actions
from identity.organisations.queries import (
    get_body,
    get_organisation_name,
    get_service,
    list_bodies,
    list_live_requests,
)
from identity.staff_sign_on.actions import confirm_domain
from identity.staff_sign_on.queries import list_unconfirmed_domains
from shared.errors import FieldError, NotFound
from shared.web.deps import FormDep, NowDep, SessionDep

router = APIRouter(prefix="/operations")
_DECISIONS = {"approve": "approved", "refuse": "refused", "suspend": "suspended"}


@router.get("")
def show_requests(request: Request, session: SessionDep, _person: OperatorDep) -> Response:
    """Show everything that waits for a decision."""
    return show(
        request,
        "console/operations.html",
        bodies=list_bodies(session, status="applied"),
        services=[
            (service, get_organisation_name(session, service.organisation))
            for service in list_live_requests(session)
        ],
        domains=list_unconfirmed_domains(session),
    )


@router.get("/bodies")
def show_all(
    request: Request,
    session: SessionDep,
    _person: OperatorDep,
    q: Annotated[str, Query(max_length=100)] = "",
    after: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """Show every body, with search."""
    found = list_bodies(session, after=after, words=q, limit=26)
    return show(request, "console/all_bodies.html", bodies=found[:25], q=q, more=found[25:])


@router.get("/bodies/{body}")
def ask_body(request: Request, session: SessionDep, _person: OperatorDep, body: str) -> Response:
    """Ask what to decide about a body."""
    found = get_body(session, body)
    if found is None:
        raise NotFound("body_unknown", "This organisation is not there for you")
    return show(request, "console/decide_body.html", body=found, values={})


@router.post("/bodies/{body}")
def decide_body(
    request: Request,
    session: SessionDep,
    now: NowDep,
    person: OperatorDep,
    body: str,
    form: FormDep,
) -> Response:
    """Approve, refuse or suspend a body."""
    found = get_body(session, body)
    if found is None:
        raise NotFound("body_unknown", "This organisation is not there for you")
    status, reason = _DECISIONS.get(form.text("decision")), form.text("reason")
    faults = _faults(form.text("decision"), reason, known=status is not None)
    if faults or status is None:
        return show(
            request, "console/decide_body.html", body=found, values=form.plain(), faults=faults
        )
    actions.decide_body(
        session, person.actor, found.slug, status=status, reason=reason[:500], now=now
    )
    return go("/operations", "decided")


@router.get("/services/{service}")
def ask_live(
    request: Request, session: SessionDep, _person: OperatorDep, service: UUID
) -> Response:
    """Ask whether real people may use a service."""
    found = get_service(session, service)
    if found is None:
        raise NotFound("service_unknown", "This service is not there")
    name = get_organisation_name(session, found.organisation)
    return show(
        request, "console/decide_live.html", service=found, organisation_name=name, values={}
    )


@router.post("/services/{service}")
def decide_live(
    request: Request,
    session: SessionDep,
    now: NowDep,
    person: OperatorDep,
    service: UUID,
    form: FormDep,
) -> Response:
    """Answer a request to go live."""
    found = get_service(session, service)
    if found is None:
        raise NotFound("service_unknown", "This service is not there")
    decision, reason = form.text("decision"), form.text("reason")
    faults = _faults(decision, reason, known=decision in ("approve", "refuse"))
    if faults:
        name = get_organisation_name(session, found.organisation)
        return show(
            request,
            "console/decide_live.html",
            service=found,
            organisation_name=name,
            values=form.plain(),
            faults=faults,
        )
    actions.decide_live(
        session, person.actor, found.id, approve=decision == "approve", note=reason[:500], now=now
    )
    return go("/operations", "decided")


@router.post("/domains/{body}/{domain}")
def confirm(
    session: SessionDep,
    now: NowDep,
    person: OperatorDep,
    body: str,
    domain: str,
    _form: FormDep,
) -> Response:
    """Confirm that a domain of e-mail addresses is a body's own."""
    confirm_domain(session, person.actor, body, domain, by="operator", now=now)
    return go("/operations", "decided")


def _faults(decision: str, reason: str, *, known: bool) -> tuple[FieldError, ...]:
    if not known:
        return (FieldError("decision", "Choose what to decide"),)
    if decision != "approve" and not reason:
        return (FieldError("reason", "Say why, so that they know what to do"),)
    return ()
