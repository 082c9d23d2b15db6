"""The test sign-in: start, what came back, and the address that it comes back to."""

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from identity.client_console.access import ClientDep
from identity.client_console.presenting import advise
from identity.client_console.queries import get_trial
from identity.client_console.trials import TESTABLE, finish_trial, open_result, start_trial
from identity.console.access import DeveloperDep, PersonDep, go, show
from identity.oidc.access import ProviderDep
from shared.errors import Conflict, NotFound
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep

router = APIRouter(prefix="/clients/{client}/trials")
callback_router = APIRouter()


@router.get("")
def show_start(request: Request, member: DeveloperDep, at: ClientDep) -> Response:
    """Say what the test does."""
    is_testable = at.view.party.profile in TESTABLE and at.view.environment == "sandbox"
    return show(
        request, "client_console/trial_start.html", body=member.body, at=at, is_testable=is_testable
    )


@router.post("")
def start(
    request: Request,
    session: SessionDep,
    provider: ProviderDep,
    now: NowDep,
    member: DeveloperDep,
    at: ClientDep,
    _form: FormDep,
) -> Response:
    """Make the companion and show the link on which the test begins."""
    view = at.view
    if view.party.profile not in TESTABLE or view.environment != "sandbox":
        raise Conflict("not_testable", "This client cannot be tested here")
    if view.party.options.disabled_by:
        raise Conflict("client_off", "This client is switched off")
    account_id = member.person.account_id
    address = start_trial(session, provider, member.actor, view, account_id, now)
    return show(request, "client_console/trial_go.html", body=member.body, at=at, address=address)


@router.get("/{trial}")
def show_result(
    request: Request,
    session: SessionDep,
    provider: ProviderDep,
    now: NowDep,
    member: DeveloperDep,
    at: ClientDep,
    trial: UUID,
) -> Response:
    """Show what the service would have got, in plain words."""
    account_id = member.person.account_id
    found = get_trial(session, at.view.party.client_id, trial, account_id, now)
    if found is None or found.result_sealed is None:
        raise NotFound("trial_unknown", "This test is not there any more")
    result = open_result(provider.sealer, found.id, found.result_sealed)
    advice = (
        advise(str(result["error"]), str(result.get("description", "")))
        if "error" in result
        else ""
    )
    return show(
        request,
        "client_console/trial.html",
        body=member.body,
        at=at,
        result=result,
        advice=advice,
    )


@callback_router.get("/trial-callback")
def come_back(
    request: Request, runtime: RuntimeDep, provider: ProviderDep, now: NowDep, person: PersonDep
) -> Response:
    """Take the answer of a test sign-in, once."""
    with runtime.database.transaction() as session:
        done = finish_trial(session, provider, person.account_id, dict(request.query_params), now)
    if done is None:
        raise NotFound("trial_unknown", "This test is not there any more")
    slug, client_id, trial_id = done
    return go(f"/{slug}/clients/{client_id}/trials/{trial_id}")
