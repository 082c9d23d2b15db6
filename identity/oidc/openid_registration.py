"""OpenID Connect Dynamic Client Registration: https://openid.net/specs/openid-connect-registration-1_0.html
Implemented: sections 2, 3, 5 (sector identifiers are read and must list every redirect URI).
Left out: symmetric signatures and secrets that are kept readable; section 2.1's languages.
By: ourselves.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

import json
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from joserfc.jwk import Key

from identity.oidc.offers import check_offers, offers_of
from identity.oidc.provider import Issuer
from identity.oidc.rfc7591_registration import ClientMetadata, bad_metadata, options_of
from identity.relying_parties.checks.addresses import (
    AddressRules,
    address_fault,
    link_fault,
    origin_of,
    redirect_fault,
)
from identity.relying_parties.rules import (
    RelyingParty,
    check_relying_party,
    default_sector,
    import_public_key,
)
from shared.guarded_http import GuardedHttp, OutboundError

_NEEDED_GRANT = {
    "code": "authorization_code",
    "id_token": "implicit",
    "token": "implicit",
}
_BY_BROWSER = frozenset(_NEEDED_GRANT.values())
# A program of its own has been given scopes by a person of the platform, never by itself.
_NOT_BY_ITSELF = frozenset({"client_credentials"})
_NOT_FOR_STRANGERS = frozenset({"staff"})
_SECURE = (
    "jwks_uri",
    "sector_identifier_uri",
    "initiate_login_uri",
    "backchannel_logout_uri",
    "backchannel_client_notification_endpoint",
)
_IN_FRONT = ("frontchannel_logout_uri",)
_LINKS = ("logo_uri", "client_uri", "policy_uri", "tos_uri")
_AFTER_LOGOUT = "post_logout_redirect_uris"
_MOST_KEYS = 30


@dataclass(frozen=True)
class Policy:
    """What a registration may do beyond what its issuer offers.

    Attributes:
        organisation: the public body that answers for the client.
        certification: confidential clients may leave PKCE out, as the conformance plans do (Q1).
        production: then nothing is relaxed beyond that.
    """

    organisation: str
    certification: bool
    production: bool
    allowed_hosts: frozenset[str]

    @property
    def addresses(self) -> AddressRules:
        """What addresses are measured by."""
        return AddressRules(self.allowed_hosts, loopback=not self.production)


@dataclass(frozen=True)
class Prepared:
    """A client that may be stored, and its keys as they were sent."""

    party: RelyingParty
    jwks: list[dict[str, object]]


def read_sector(outbound: GuardedHttp, metadata: ClientMetadata) -> None:
    """Read the document of a sector and see that it lists every redirect URI (section 5).

    Call it outside of transactions.

    Raises:
        ProtocolError: ``invalid_client_metadata``: not to be read, or a redirect URI is missing.
    """
    member = "sector_identifier_uri"
    address = metadata.sector_identifier_uri
    if address is None:
        return
    try:
        listed = json.loads(outbound.get(address).content)
    except OutboundError as error:
        raise bad_metadata(member, str(error)) from error
    except (ValueError, RecursionError) as error:
        raise bad_metadata(member, "does not serve JSON") from error
    if not isinstance(listed, list):
        raise bad_metadata(member, "does not serve a list")
    if missing := [uri for uri in metadata.redirect_uris if uri not in listed]:
        raise bad_metadata(member, f"does not list {missing[0]}")


def prepare_client(
    metadata: ClientMetadata, issuer: Issuer, policy: Policy, client_id: str
) -> Prepared:
    """Return the client that the metadata describes, as this issuer can serve it.

    Raises:
        ProtocolError: ``invalid_redirect_uri`` or ``invalid_client_metadata``, naming the member.
    """
    metadata = _with_grants(metadata, issuer)
    check_offers(metadata, issuer)
    _check_addresses(metadata, policy.addresses)
    method = metadata.token_endpoint_auth_method
    confidential = method != "none"
    jwks, keys = _keys(metadata)
    if method == "private_key_jwt" and not keys and metadata.jwks_uri is None:
        raise bad_metadata("jwks", "or jwks_uri is needed for private_key_jwt")
    relaxed = policy.certification and confidential
    host = urlsplit(metadata.redirect_uris[0]).hostname if metadata.redirect_uris else None
    party = RelyingParty(
        client_id=client_id,
        name=metadata.client_name or host or client_id,
        organisation=policy.organisation,
        profile=issuer.profile.name,
        auth_method=method,
        keys=keys,
        redirect_uris=metadata.redirect_uris,
        post_logout_uris=metadata.post_logout_redirect_uris,
        backchannel_logout_uri=metadata.backchannel_logout_uri,
        scopes=_scopes(metadata, issuer),
        grant_types=metadata.grant_types or (),
        subject_type=metadata.subject_type,
        sector=_sector(metadata, client_id),
        pkce="exempt" if relaxed else "required",
        landing_page=metadata.client_uri or "",
        id_token_alg=metadata.id_token_signed_response_alg,
        options=options_of(
            metadata,
            response_types=metadata.response_types or (),
            permit_missing_nonce=relaxed and not policy.production,
            session_state=policy.certification,
        ),
    )
    _check_party(party, issuer, policy)
    return Prepared(party, jwks)


def _check_party(party: RelyingParty, issuer: Issuer, policy: Policy) -> None:
    """Measure the client by the rules for every client, however it is registered."""
    profile = issuer.profile
    faults = check_relying_party(
        party,
        auth_methods=profile.auth_methods,
        grant_types=tuple(offers_of(issuer, "grant_types")),
        id_token_algorithms=profile.id_token_algorithms,
        pkce_exemptions=profile.pkce_exemptions,
        production=policy.production,
    )
    if faults:
        raise bad_metadata(faults[0].field, faults[0].message)


def _with_grants(metadata: ClientMetadata, issuer: Issuer) -> ClientMetadata:
    """Return the metadata with response and grant types that belong together (RFC 7591, 2.1)."""
    grants = metadata.grant_types
    if metadata.response_types is not None:
        types = metadata.response_types
    else:
        types = ("code",) if grants is None or "authorization_code" in grants else ()
    needed = {_NEEDED_GRANT.get(word, "") for one in types for word in one.split()} - {""}
    if grants is None:
        grants = tuple(sorted(needed))
    if lacking := sorted(needed - set(grants)):
        raise bad_metadata("grant_types", f"must name {lacking[0]} for these response_types")
    if unused := sorted(_BY_BROWSER & set(grants) - needed):
        raise bad_metadata("response_types", f"must name one for the grant {unused[0]}")
    if refused := sorted(_NOT_BY_ITSELF & set(grants)):
        raise bad_metadata("grant_types", f"{refused[0]} is given by the platform's operator only")
    if not grants:
        raise bad_metadata("grant_types", "must name one")
    if needed and not metadata.redirect_uris:
        raise bad_metadata("redirect_uris", "must name at least one address")
    # `code token` and `token code` are one response type; ours is the one that discovery names.
    offered = {frozenset(one.split()): one for one in offers_of(issuer, "response_types")}
    return metadata.model_copy(
        update={
            "grant_types": grants,
            "response_types": tuple(offered.get(frozenset(one.split()), one) for one in types),
        }
    )


def _check_addresses(metadata: ClientMetadata, rules: AddressRules) -> None:
    native = metadata.application_type == "native"
    implicit = "implicit" in (metadata.grant_types or ())
    # Only a browser reaches the person's own computer; what we ask ourselves is elsewhere.
    ours = replace(rules, loopback=False)
    found = [
        *(
            ("redirect_uris", uri, redirect_fault(uri, rules, native=native, implicit=implicit))
            for uri in metadata.redirect_uris
        ),
        *(
            (_AFTER_LOGOUT, uri, redirect_fault(uri, rules, native=native, implicit=False))
            for uri in metadata.post_logout_redirect_uris
        ),
        *(
            ("request_uris", uri, address_fault(uri.partition("#")[0], ours))
            for uri in metadata.request_uris
        ),
        *((name, uri, address_fault(uri, ours)) for name, uri in _given(metadata, _SECURE)),
        *((name, uri, address_fault(uri, rules)) for name, uri in _given(metadata, _IN_FRONT)),
        *((name, uri, link_fault(uri)) for name, uri in _given(metadata, _LINKS)),
    ]
    for member, uri, fault in found:
        if fault:
            raise bad_metadata(member, f"{uri[:100]} {fault}")
    shown = metadata.frontchannel_logout_uri
    if shown is not None and origin_of(shown) not in map(origin_of, metadata.redirect_uris):
        raise bad_metadata("frontchannel_logout_uri", "must be at the place of a redirect URI")


def _given(metadata: ClientMetadata, members: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(name, uri) for name in members if (uri := getattr(metadata, name)) is not None]


def _keys(metadata: ClientMetadata) -> tuple[list[dict[str, object]], tuple[Key, ...]]:
    """Return the keys as sent and as imported; they come by value or by address, never both."""
    if metadata.jwks is None:
        return [], ()
    if metadata.jwks_uri is not None:
        raise bad_metadata("jwks", "must not be sent beside jwks_uri")
    listed = metadata.jwks.get("keys")
    if not isinstance(listed, list) or not 0 < len(listed) <= _MOST_KEYS:
        raise bad_metadata("jwks", f"must have one to {_MOST_KEYS} keys")
    if not all(isinstance(entry, dict) for entry in listed):
        raise bad_metadata("jwks", "must be a key set")
    try:
        return listed, tuple(import_public_key(entry) for entry in listed)
    except ValueError as error:
        raise bad_metadata("jwks", f"a key {error}") from error


def _scopes(metadata: ClientMetadata, issuer: Issuer) -> tuple[str, ...]:
    offered = [scope for scope in issuer.profile.scopes if scope not in _NOT_FOR_STRANGERS]
    if metadata.scope is None:
        return tuple(offered)
    asked = metadata.scope.split()
    if not (given := tuple(scope for scope in offered if scope in asked)):
        raise bad_metadata("scope", "names nothing that is offered here")
    return given


def _sector(metadata: ClientMetadata, client_id: str) -> str:
    """Return whose subjects the client shares (Core, section 8.1)."""
    if metadata.sector_identifier_uri is not None:
        return urlsplit(metadata.sector_identifier_uri).netloc
    if metadata.application_type == "native" or not metadata.redirect_uris:
        # Many apps come back to the same loopback address; they are not one sector.
        return client_id
    if sector := default_sector(metadata.redirect_uris):
        return sector
    if metadata.subject_type == "public":
        return client_id
    raise bad_metadata("sector_identifier_uri", "is needed when redirect URIs have several hosts")
