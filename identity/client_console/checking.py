"""Live facts of a client: do its addresses answer, are its keys there and strong."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from identity.client_console.keys import KeyFault, read_key_set, thumbprint
from identity.client_console.queries import ClientView
from identity.oidc.discovery import make_discovery
from identity.oidc.provider import Issuer
from shared.guarded_http import GuardedHttp, OutboundError
from shared.web.pages import translate

Outcome = Literal["good", "look", "bad"]
_MOST_ASKED = 8


@dataclass(frozen=True)
class Finding:
    """What was looked at, and what came of it."""

    subject: str
    outcome: Outcome
    words: str


def check_configuration(view: ClientView, issuer: Issuer, outbound: GuardedHttp) -> list[Finding]:
    """Return what is well and what is not; asks the client's addresses, so hold no transaction."""
    return [
        *_addresses(view, outbound),
        *_keys(view, outbound),
        *_protocol(view, issuer),
    ]


def _addresses(view: ClientView, outbound: GuardedHttp) -> Iterator[Finding]:
    party = view.party
    addresses = [*party.redirect_uris, *party.post_logout_uris]
    if party.backchannel_logout_uri:
        addresses.append(party.backchannel_logout_uri)
    for address in list(dict.fromkeys(addresses))[:_MOST_ASKED]:
        yield _address(address, view.environment, outbound)


def _address(address: str, environment: str, outbound: GuardedHttp) -> Finding:
    if urlsplit(address).hostname in ("localhost", "127.0.0.1", "::1"):
        words = translate("This is your own computer, which we cannot look at. That is fine here.")
        return Finding(address, "good" if environment == "sandbox" else "bad", words)
    try:
        outbound.get(address, accept="text/html")
    except OutboundError as error:
        if str(error).startswith("answered with"):
            # A redirect address asked without a code may well answer with a refusal.
            return Finding(address, "good", translate("A server answers at this address."))
        words = translate("Nothing answers at this address from the outside:")
        return Finding(address, "look", f"{words} {error}")
    return Finding(address, "good", translate("A server answers at this address."))


def _keys(view: ClientView, outbound: GuardedHttp) -> Iterator[Finding]:
    party = view.party
    if party.auth_method != "private_key_jwt":
        yield Finding(
            "client_secret",
            "look" if view.environment == "live" else "good",
            translate("The client proves itself with a secret. Keys are safer."),
        )
        return
    address = party.options.jwks_uri
    if address:
        yield _key_set(view, address, outbound)
    for jwk in view.jwks:
        yield Finding(
            str(jwk.get("kid", "")), "good", translate("This key is registered and strong enough.")
        )


def _key_set(view: ClientView, address: str, outbound: GuardedHttp) -> Finding:
    try:
        served = {thumbprint(jwk) for jwk in read_key_set(outbound.get(address).content)}
    except OutboundError as error:
        words = translate("Your key set cannot be read:")
        return Finding(address, "bad", f"{words} {error}")
    except KeyFault as fault:
        return Finding(address, "bad", translate(str(fault)))
    if served & {thumbprint(jwk) for jwk in view.jwks}:
        return Finding(address, "good", translate("Your key set is served and fits."))
    words = translate("Your key set serves other keys than are registered. Read it again.")
    return Finding(address, "bad", words)


def _protocol(view: ClientView, issuer: Issuer) -> Iterator[Finding]:
    metadata = make_discovery(issuer)
    party = view.party
    offered = metadata.get("scopes_supported")
    unknown = [
        scope for scope in party.scopes if isinstance(offered, list) and scope not in offered
    ]
    if unknown:
        words = translate("This is not offered any more:")
        yield Finding("scope", "bad", f"{words} {', '.join(unknown)}")
    yield Finding(
        f"{issuer.url}/.well-known/openid-configuration",
        "good",
        translate("Your library finds everything else here by itself."),
    )
    if party.options.disabled_by:
        yield Finding(party.client_id, "bad", translate("The client is switched off."))
    if not party.backchannel_logout_uri:
        yield Finding(
            "backchannel_logout_uri",
            "look",
            translate("Your service is not told when people sign out elsewhere."),
        )
