"""A body's settings of its own sign-in: provider, domains, trying out, switching on."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from identity.console.access import Member, OwnerDep, go, show
from identity.oidc.access import ProviderDep
from identity.signin.access import VisitorDep
from identity.staff_sign_on import actions
from identity.staff_sign_on.dns_txt import DnsAwayError, read_txt, resolver_address
from identity.staff_sign_on.pages import begin
from identity.staff_sign_on.queries import (
    came_from_upstream,
    get_credential,
    get_upstream,
    list_domains,
)
from identity.staff_sign_on.rules import ALWAYS_TWO_FACTORS, CALLBACK_PATH, SHAPES, read_policy
from identity.staff_sign_on.upstream import UpstreamAwayError, fetch_metadata
from shared.errors import Conflict, FieldError, Invalid, NotFound
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep

router = APIRouter(prefix="/{body}/sign-on")
_MEANINGS = ("shape", "issuer", "tenant", "client_id", "auth_method")


@router.get("")
def show_settings(
    request: Request, runtime: RuntimeDep, provider: ProviderDep, member: OwnerDep
) -> Response:
    """Show how staff sign in, and what there is to do next."""
    return _show(request, runtime, provider, member)


def _show(
    request: Request,
    runtime: RuntimeDep,
    provider: ProviderDep,
    member: Member,
    faults: tuple[FieldError, ...] = (),
    typed: str = "",
) -> Response:
    slug = member.body.slug
    session_of = member.person.session
    with runtime.database.transaction() as session:
        upstream = get_upstream(session, slug)
        domains = list_domains(session, slug)
        came = came_from_upstream(session, session_of.id, session_of.authenticated_at, slug)
    return show(
        request,
        "staff_sign_on/settings.html",
        member=member,
        body=member.body,
        upstream=upstream,
        domains=domains,
        came_this_way=came,
        callback=f"{provider.settings.public_url}{CALLBACK_PATH}",
        jwks=f"{provider.settings.public_url}/identity/staff-sign-on/{slug}/jwks.json",
        typed=typed,
        faults=faults,
    )


@router.get("/provider")
def show_provider(
    request: Request, runtime: RuntimeDep, provider: ProviderDep, member: OwnerDep
) -> Response:
    """Show the form for the organisation's provider, with help for Entra ID and Google."""
    with runtime.database.transaction() as session:
        upstream = get_upstream(session, member.body.slug)
    values: dict[str, str] = {}
    if upstream is not None:
        values = {name: str(getattr(upstream, name)) for name in _MEANINGS}
        always = ALWAYS_TWO_FACTORS in upstream.medium_values
        values["two_factors"] = "always" if always else ""
    return _show_provider(request, provider, member, values)


def _show_provider(
    request: Request,
    provider: ProviderDep,
    member: Member,
    values: dict[str, str],
    faults: tuple[FieldError, ...] = (),
) -> Response:
    return show(
        request,
        "staff_sign_on/provider.html",
        body=member.body,
        values=values,
        shapes=SHAPES,
        callback=f"{provider.settings.public_url}{CALLBACK_PATH}",
        faults=faults,
    )


@router.post("/provider")
def save_provider(
    request: Request,
    form: FormDep,
    runtime: RuntimeDep,
    provider: ProviderDep,
    now: NowDep,
    member: OwnerDep,
) -> Response:
    """Keep the organisation's provider once its discovery document was read."""
    slug, values = member.body.slug, form.plain()
    try:
        policy = read_policy(slug, values)
        fetch_metadata(provider.outbound, policy.issuer)
        with runtime.database.transaction() as session:
            sealed, before = get_credential(session, slug), get_upstream(session, slug)
            keeps = sealed is not None and before is not None and not form.text("secret")
            if keeps and before and before.auth_method == policy.auth_method and sealed:
                credential = actions.open_credential(runtime.sealer, slug, sealed)
            else:
                credential = actions.new_credential(policy, form.text("secret"))
            actions.save_upstream(session, runtime.sealer, member.actor, policy, credential, now)
    except Invalid as refused:
        return _show_provider(request, provider, member, values, refused.fields)
    except UpstreamAwayError as error:
        faults = (FieldError("issuer", "We cannot read a discovery document there"),)
        return _show_provider(request, provider, member, values | {"reason": str(error)}, faults)
    return go(f"/{slug}/sign-on", "saved")


@router.post("/domains")
def add_domain(
    request: Request,
    form: FormDep,
    runtime: RuntimeDep,
    provider: ProviderDep,
    now: NowDep,
    member: OwnerDep,
) -> Response:
    """Write a domain down."""
    try:
        with runtime.database.transaction() as session:
            actions.add_domain(session, member.actor, member.body.slug, form.text("domain"), now)
    except Invalid as refused:
        return _show(request, runtime, provider, member, refused.fields, form.text("domain"))
    return go(f"/{member.body.slug}/sign-on", "domain_added")


@router.post("/domains/check")
def check_domain(
    request: Request,
    form: FormDep,
    runtime: RuntimeDep,
    provider: ProviderDep,
    now: NowDep,
    member: OwnerDep,
) -> Response:
    """Look for our words in the domain's TXT records, and let it count when they are there."""
    slug, name = member.body.slug, form.text("domain")
    with runtime.database.transaction() as session:
        found = next((one for one in list_domains(session, slug) if one.domain == name), None)
    if found is None:
        raise NotFound("domain_unknown", "This domain is not there")
    try:
        texts = read_txt(found.domain, resolver_address(provider.settings.dns_resolver))
    except DnsAwayError:
        fault = FieldError("domain", "The domain's name server did not answer. Try again later")
        return _show(request, runtime, provider, member, (fault,))
    if found.challenge not in texts:
        fault = FieldError("domain", "The TXT record is not there yet. It can take some hours")
        return _show(request, runtime, provider, member, (fault,))
    try:
        with runtime.database.transaction() as session:
            actions.confirm_domain(session, member.actor, slug, name, by="dns", now=now)
    except Conflict as refused:
        return _show(request, runtime, provider, member, (FieldError("domain", refused.title),))
    return go(f"/{slug}/sign-on", "domain_confirmed")


@router.post("/domains/remove")
def remove_domain(session: SessionDep, form: FormDep, member: OwnerDep) -> Response:
    """Forget a domain; it can be added again."""
    actions.remove_domain(session, member.actor, member.body.slug, form.text("domain"))
    return go(f"/{member.body.slug}/sign-on", "domain_removed")


@router.post("/try")
def try_out(
    request: Request,
    runtime: RuntimeDep,
    provider: ProviderDep,
    visitor: VisitorDep,
    now: NowDep,
    member: OwnerDep,
    _form: FormDep,
) -> Response:
    """Show the way to the organisation's provider, whose answer ties it to this account."""
    with runtime.database.transaction() as session:
        upstream = get_upstream(session, member.body.slug)
    if upstream is None:
        raise NotFound("upstream_unknown", "Your organisation has no sign-in of its own here yet")
    account_id = member.person.account_id
    address, name = begin(runtime, provider, upstream, visitor, now=now, account_id=account_id)
    return show(
        request,
        "staff_sign_on/try.html",
        body=member.body,
        address=address,
        organisation=name,
    )


@router.post("/switch")
def switch(
    request: Request, form: FormDep, runtime: RuntimeDep, provider: ProviderDep, member: OwnerDep
) -> Response:
    """Switch the organisation's sign-in on or off, and whether staff must use it.

    Only who came that way may make it a must, so that nobody shuts everybody out.
    """
    slug, person = member.body.slug, member.person
    state = form.text("state")
    with runtime.database.transaction() as session:
        came = came_from_upstream(session, person.session.id, person.session.authenticated_at, slug)
        if state != "enforced" or came:
            actions.switch_upstream(
                session,
                member.actor,
                slug,
                enabled=state in ("on", "enforced"),
                enforced=state == "enforced",
            )
            return go(f"/{slug}/sign-on", "saved")
    fault = FieldError("state", "Sign in with your organisation yourself first")
    return _show(request, runtime, provider, member, (fault,))
