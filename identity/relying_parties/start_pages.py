"""From here to a service: it is asked to begin a sign-in (Core, section 4), or just shown."""

from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends
from starlette.responses import RedirectResponse, Response

from identity.oidc.access import ProviderDep
from identity.relying_parties.checks.addresses import origin_of
from identity.relying_parties.rules import RelyingParty
from shared.errors import Invalid, NotFound
from shared.web.deps import SessionDep, public

router = APIRouter(dependencies=[Depends(public)])


@router.get("/start/{client_id}")
def start(
    client_id: str, provider: ProviderDep, session: SessionDep, target_link_uri: str = ""
) -> Response:
    """Lead to a service, which signs the person in with us at once where it can.

    Who the person is stays here: no hint of it travels along.
    """
    client = provider.clients.find(session, client_id)
    if client is None:
        raise _unknown()
    address = client.options.initiate_login_uri
    if address is None:
        if not client.landing_page:
            raise _unknown()
        return RedirectResponse(client.landing_page, 303)
    told = {"iss": provider.issuers[client.profile].url}
    if target_link_uri:
        if not _is_of(client, target_link_uri):
            raise Invalid(code="target_unknown", title="This address is not one of the service's")
        told["target_link_uri"] = target_link_uri
    separator = "&" if "?" in address else "?"
    return RedirectResponse(f"{address}{separator}{urlencode(told, quote_via=quote)}", 303)


def _is_of(client: RelyingParty, address: str) -> bool:
    """Tell whether an address lies where the client registered one, so nobody is led elsewhere."""
    known = (*client.redirect_uris, client.landing_page, client.options.initiate_login_uri or "")
    try:
        return origin_of(address) in {origin_of(one) for one in known if one} and (
            address.startswith(("https://", "http://"))
        )
    except ValueError:
        return False


def _unknown() -> NotFound:
    return NotFound("service_unknown", "We do not know the way to this service")
