"""RFC 8707, resource indicators: https://www.rfc-editor.org/rfc/rfc8707
Implemented: section 2 at every endpoint that begins something, section 2.2 at the token endpoint.
Left out: nothing.
By: ourselves.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from identity.oidc.asked import Asked
from identity.oidc.authorisations import Authorisation
from identity.oidc.errors import ProtocolError
from identity.oidc.parameters import Parameters
from identity.oidc.provider import Call
from identity.relying_parties.rules import RelyingParty, is_resource

_MOST = 10
# Refusals that must leave a code or token as it was: the client may ask again.
_HARMLESS = frozenset({"invalid_target", "invalid_authorization_details"})


def take_resources(call: Call, client: RelyingParty, params: Parameters) -> tuple[str, ...]:
    """Return where the client wants to use its token, empty where it does not say.

    Raises:
        ProtocolError: ``invalid_target``: malformed, or not registered for this client.
    """
    asked = tuple(dict.fromkeys(params.all("resource")))
    if len(asked) > _MOST:
        raise ProtocolError("invalid_target", f"At most {_MOST} resources at a time")
    for resource in asked:
        if not is_resource(resource):
            raise ProtocolError("invalid_target", "resource must be an absolute URI, no fragment")
        if resource not in offered_to(call, client):
            raise ProtocolError("invalid_target", f"Not registered: {resource[:100]}")
    return asked


def offered_to(call: Call, client: RelyingParty) -> tuple[str, ...]:
    """Return what a client may name: what it registered, this issuer, and the platform's APIs.

    The platform's own address is for the platform's own clients.
    """
    own = (call.provider.settings.public_url,) if client.first_party else ()
    return (*client.options.resources, call.issuer.url, *own)


def narrow_to(
    call: Call, params: Parameters, client: RelyingParty, found: Authorisation
) -> Authorisation:
    """Return an authorisation as the token request narrows it (section 2.2).

    Where the person's request named resources, only those can follow, and this issuer itself.
    """
    asked = take_resources(call, client, params)
    if not asked:
        return found
    granted = found.asked.resources
    if granted and not set(asked) <= {*granted, call.issuer.url}:
        raise ProtocolError("invalid_target", "A resource goes beyond what was granted")
    return with_resources(found, asked)


def with_resources(found: Authorisation, resources: Iterable[str]) -> Authorisation:
    """Return an authorisation whose next token is for these resources."""
    asked: Asked = replace(found.asked, resources=tuple(resources))
    return replace(found, asked=asked)


def audience_of(resources: tuple[str, ...], default: str) -> str | list[str]:
    """Return ``aud``: one value as a string, several as a list."""
    if not resources:
        return default
    return resources[0] if len(resources) == 1 else list(resources)


def is_meant_for(audience: object, *places: str) -> bool:
    """Tell whether a token's ``aud`` names one of these places."""
    named = audience if isinstance(audience, list) else [audience]
    return any(place in named for place in places)


@contextmanager
def harmless_refusals(call: Call, params: Parameters) -> Iterator[None]:
    """Undo what a token request spent when its target is refused, so that it can be asked again.

    Costs nothing for requests that do not narrow.
    """
    if not (params.all("resource") or params.all("authorization_details")):
        yield
        return
    refusal: ProtocolError | None = None
    with call.session.begin_nested() as savepoint:
        try:
            yield
        except ProtocolError as error:
            refusal = error
            if error.error in _HARMLESS:
                savepoint.rollback()
    if refusal is not None:
        raise refusal
