"""Where the request really stands: in the address, in a signed object, or pushed ahead."""

from contextlib import suppress
from dataclasses import replace

from identity.oidc.checks.response_mode import check_response_mode
from identity.oidc.draft import Draft
from identity.oidc.errors import PageError, ProtocolError
from identity.oidc.oauth_response_types import brings
from identity.oidc.parameters import Parameters
from identity.oidc.pushed import URN, open_pushed
from identity.oidc.rfc9101_request_objects import read_request_object
from identity.oidc.rfc9449_dpop import check_jkt


def take_request(draft: Draft) -> None:
    """Replace what a browser brought by the request that it names (RFC 9101, RFC 9126).

    Until that is done only the address outside can be told of a refusal, if it is registered.
    """
    try:
        _take(draft)
    except PageError:
        raise
    except ProtocolError as error:
        outside = draft.params.get("redirect_uri")
        if outside is None or outside not in draft.known_client.redirect_uris:
            raise PageError(error.error, error.description) from error
        draft.redirect_uri = outside
        # A mode that is wrong itself leaves the usual one in place, and the first refusal counts.
        with suppress(ProtocolError):
            check_response_mode(draft)
        raise


def take_object(draft: Draft) -> None:
    """Replace a pushed request by the signed object in it (RFC 9126, section 3)."""
    token = draft.params.get("request")
    if token is not None:
        _unpack(draft, token)
    elif draft.known_client.options.require_signed_request_object:
        raise ProtocolError("invalid_request", "This client signs its requests")


def take_jkt(draft: Draft) -> None:
    """Take the key that the code will be bound to (RFC 9449, section 10).

    A client whose tokens are bound gets none through the browser, where no key is shown.
    """
    options = draft.known_client.options
    bound = options.dpop_bound_access_tokens or options.tls_client_certificate_bound_access_tokens
    if bound and brings(draft.response_type, "token"):
        raise ProtocolError(
            "unauthorized_client", "A token that is bound to a key cannot stand in the answer"
        )
    jkt = check_jkt(draft.params.get("dpop_jkt"))
    if jkt is not None:
        draft.asked = replace(draft.asked, jkt=jkt)


def _take(draft: Draft) -> None:
    client, profile = draft.known_client, draft.call.profile
    token, reference = draft.params.get("request"), draft.params.get("request_uri")
    if token is not None and reference is not None:
        raise ProtocolError("invalid_request", "request and request_uri cannot be combined")
    if reference is not None and reference.startswith(URN) and profile.pushed_requests:
        draft.pushed, draft.params = open_pushed(draft.call, reference, client.client_id)
        return
    if profile.requires_pushed or client.options.require_pushed_authorization_requests:
        raise ProtocolError("invalid_request", "This client sends its requests ahead to /par")
    if reference is not None:
        known = profile.request_objects and client.options.request_uris
        if not known or draft.fetched is None:
            raise ProtocolError("request_uri_not_supported", "request_uri is not supported")
        _unpack(draft, draft.fetched.object_or_refusal())
    elif token is not None:
        _unpack(draft, token)
    elif client.options.require_signed_request_object:
        raise ProtocolError("invalid_request", "This client signs its requests")


def _unpack(draft: Draft, token: str) -> None:
    """Take the parameters of an object; those outside count only where nobody has to sign."""
    call, client = draft.call, draft.known_client
    if not call.profile.request_objects:
        raise ProtocolError("request_not_supported", "Request objects are not supported")
    inside = read_request_object(call, client, token)
    names = {name for name, _ in inside.pairs} | {"request", "request_uri"}
    if call.profile.dated_requests or client.options.require_signed_request_object:
        names |= {name for name, _ in draft.params.pairs if name != "client_id"}
    outside = [pair for pair in draft.params.pairs if pair[0] not in names]
    draft.params = Parameters.of([*outside, *inside.pairs])
