"""A client's page: its values, keys, history, refusals; changing and switching it off."""

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from identity.client_console import actions
from identity.client_console.access import AtClient, ClientDep
from identity.client_console.checking import Finding, check_configuration
from identity.client_console.keys import KeyFault, read_key_set, read_keys, tell_key
from identity.client_console.presenting import explain, facts_of
from identity.client_console.queries import list_history
from identity.client_console.rules import QUESTIONS
from identity.client_console.snippets import make_env, make_snippets
from identity.client_console.trials import TESTABLE
from identity.console.access import DeveloperDep, MemberDep, go, show
from identity.oidc.access import ProviderDep
from identity.oidc.provider import Provider
from identity.oidc.refusals import list_refusals
from identity.relying_parties.profiles import PROFILES
from shared.errors import Conflict, FieldError, Invalid, NotFound
from shared.guarded_http import OutboundError
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep

router = APIRouter(prefix="/clients/{client}")


@router.get("")
def show_client(
    request: Request,
    session: SessionDep,
    provider: ProviderDep,
    now: NowDep,
    member: MemberDep,
    at: ClientDep,
) -> Response:
    """Show everything about a client that its developers need."""
    party = at.view.party
    issuer = provider.issuers[party.profile]
    refusals = list_refusals(session, party.client_id, now)
    return show(
        request,
        "client_console/client.html",
        member=member,
        body=member.body,
        at=at,
        facts=facts_of(party, issuer),
        answers=at.view.answers,
        keys=[tell_key(jwk) for jwk in at.view.jwks],
        snippets=make_snippets(party, issuer),
        refusals=[explain(refusal) for refusal in refusals[:10]],
        refusal_count=len(refusals),
        history=list_history(session, party.client_id)[:10],
        is_testable=party.profile in TESTABLE and at.view.environment == "sandbox",
        is_known_profile=party.profile in PROFILES,
    )


@router.get("/refusals")
def show_refusals(
    request: Request, session: SessionDep, now: NowDep, member: MemberDep, at: ClientDep
) -> Response:
    """Show the last fifty refusals with what to do about each."""
    found = list_refusals(session, at.view.party.client_id, now)
    return show(
        request,
        "client_console/refusals.html",
        body=member.body,
        at=at,
        refusals=[explain(refusal) for refusal in found],
    )


@router.get("/env")
def download(provider: ProviderDep, _member: MemberDep, at: ClientDep) -> Response:
    """Give the client's values as a file of environment variables, without any secret."""
    content = make_env(at.view.party, provider.issuers[at.view.party.profile])
    name = f"{at.view.party.client_id}.env"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
    return PlainTextResponse(content, headers=headers)


@router.post("/edit/{question}")
def edit(
    session: SessionDep,
    now: NowDep,
    member: DeveloperDep,
    at: ClientDep,
    question: str,
    _form: FormDep,
) -> Response:
    """Begin to change one answer."""
    if question not in QUESTIONS:
        raise NotFound("not_found", "Page not found")
    draft_id = actions.start_draft(session, at.service, at.view.environment, now, view=at.view)
    return go(f"/{member.body.slug}/drafts/{draft_id}/{question}")


@router.get("/keys")
def show_keys(request: Request, _member: DeveloperDep, at: ClientDep) -> Response:
    """Show the keys, to change them over without a break."""
    return _show_keys(request, at)


@router.post("/keys")
def add_keys(
    request: Request,
    form: FormDep,
    runtime: RuntimeDep,
    provider: ProviderDep,
    now: NowDep,
    member: DeveloperDep,
    at: ClientDep,
) -> Response:
    """Add keys, pasted or read anew from the key set's address."""
    try:
        address = at.view.party.options.jwks_uri
        pasted = form.text("keys")
        keys = _read_again(provider, address) if address and not pasted else read_keys(pasted)
        with runtime.database.transaction() as session:
            actions.add_keys(session, member.actor, at.view, keys, now)
    except KeyFault as fault:
        return _show_keys(request, at, (FieldError("keys", str(fault)),))
    except Invalid as refused:
        return _show_keys(request, at, refused.fields)
    return go(f"{at.path}/keys", "key_added")


def _read_again(provider: Provider, address: str) -> list[dict[str, object]]:
    try:
        return read_key_set(provider.outbound.get(address).content)
    except OutboundError as error:
        raise KeyFault("We could not read keys at this address") from error


@router.post("/keys/remove")
def remove_key(
    request: Request,
    form: FormDep,
    runtime: RuntimeDep,
    now: NowDep,
    member: DeveloperDep,
    at: ClientDep,
) -> Response:
    """Remove a key once the service signs with another."""
    try:
        with runtime.database.transaction() as session:
            actions.remove_key(session, member.actor, at.view, form.text("kid"), now)
    except (Conflict, Invalid) as refused:
        faults = refused.fields or (FieldError("keys", refused.title),)
        return _show_keys(request, at, faults)
    return go(f"{at.path}/keys", "key_removed")


def _show_keys(request: Request, at: AtClient, faults: tuple[FieldError, ...] = ()) -> Response:
    return show(
        request,
        "client_console/client_keys.html",
        body=at.member.body,
        at=at,
        keys=[tell_key(jwk) for jwk in at.view.jwks],
        has_secret=at.view.party.secret_hash is not None,
        faults=faults,
    )


@router.post("/secret")
def change_secret(
    request: Request,
    session: SessionDep,
    now: NowDep,
    member: DeveloperDep,
    at: ClientDep,
    _form: FormDep,
) -> Response:
    """Make a new secret and show it this once."""
    secret = actions.change_secret(session, member.actor, at.view, now)
    return show(request, "client_console/new_secret.html", body=member.body, at=at, secret=secret)


@router.get("/switch")
def ask_switch(request: Request, _member: DeveloperDep, at: ClientDep) -> Response:
    """Ask before a client is switched off: nobody can sign in with it then."""
    return show(request, "client_console/switch.html", body=at.member.body, at=at)


@router.post("/switch")
def switch(
    session: SessionDep, now: NowDep, member: DeveloperDep, at: ClientDep, form: FormDep
) -> Response:
    """Switch a client off or on again."""
    is_on = form.text("to") == "on"
    actions.switch(session, member.actor, at.view, on=is_on, now=now)
    return go(at.path, "enabled" if is_on else "disabled")


@router.post("/live")
def copy_to_live(
    session: SessionDep, now: NowDep, member: DeveloperDep, at: ClientDep, _form: FormDep
) -> Response:
    """Begin a live client with the answers of this one, but for addresses and keys."""
    answers = at.view.answers | {
        "answered": ["name", "software", "scopes", "contacts"],
        "redirect_uris": [],
        "post_logout_uris": [],
        "backchannel_logout_uri": "",
        "credential": "",
        "jwks": [],
        "jwks_uri": "",
        "landing_page": "",
    }
    draft_id = actions.start_draft(session, at.service, "live", now, answers=answers)
    return go(f"/{member.body.slug}/drafts/{draft_id}")


@router.get("/check")
def show_check(request: Request, _member: MemberDep, at: ClientDep) -> Response:
    """Say what the check looks at."""
    return _show_check(request, at, None)


@router.post("/check")
def check(
    request: Request, provider: ProviderDep, _member: DeveloperDep, at: ClientDep, _form: FormDep
) -> Response:
    """Look at the client's addresses and keys now."""
    issuer = provider.issuers[at.view.party.profile]
    return _show_check(request, at, check_configuration(at.view, issuer, provider.outbound))


def _show_check(request: Request, at: AtClient, findings: list[Finding] | None) -> Response:
    return show(request, "client_console/check.html", body=at.member.body, at=at, findings=findings)
