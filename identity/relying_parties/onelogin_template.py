"""The registration template of One Login as clients of ours (contract, section 3.6); pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, RSAKey
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from identity.relying_parties.options import ClientOptions
from identity.relying_parties.profiles import ONE_LOGIN
from identity.relying_parties.registration_file import Registration
from identity.relying_parties.rules import (
    RelyingParty,
    check_secret,
    default_sector,
    import_public_key,
)
from shared.crypto import hash_token
from shared.errors import FieldError, Invalid


def _none_if_empty(value: object) -> object:
    return value or None


_Text = Annotated[str | None, BeforeValidator(_none_if_empty)]


class _Template(BaseModel):
    """The members of the template; those that only describe a service are read and not kept."""

    model_config = ConfigDict(extra="forbid")

    ClientID: str
    ClientName: Annotated[str, Field(min_length=1, max_length=80)]
    ClientType: Literal["web", "app"] = "web"
    Channel: Literal["WEB", "GENERIC_APP", "STRATEGIC_APP", "web", "generic_app", ""] = "WEB"
    ServiceType: Literal["MANDATORY", "OPTIONAL", ""] = ""
    RedirectUrls: list[str]
    PostLogoutRedirectUrls: list[str] = []
    BackChannelLogoutUri: _Text = None
    LandingPageUrl: _Text = None
    SectorIdentifierUri: _Text = None
    SubjectType: Literal["pairwise", "public"] = "pairwise"
    PublicKeySource: Literal["STATIC", "JWKS"] = "STATIC"
    PublicKey: _Text = None
    JwksUrl: _Text = None
    TokenAuthMethod: Literal["private_key_jwt", "client_secret_post"] = "private_key_jwt"
    ClientSecret: Annotated[_Text, Field(repr=False)] = None
    Scopes: list[str] = ["openid"]
    Claims: list[str] = []
    ClientLoCs: list[Literal["P0", "P1", "P2", "P3"]] = ["P0"]
    IdentityVerificationSupported: bool = False
    IdTokenSigningAlgorithm: Literal["ES256", "RS256"] = "ES256"
    JarValidationRequired: bool = False
    PKCEEnforced: bool = False
    MaxAgeEnabled: bool = False
    PermitMissingNonce: bool = False
    CookieConsentShared: bool = False
    OneLoginService: bool = False
    IsActive: bool = True
    SmokeTest: bool = False
    TestClient: bool = False
    TestClientEmailAllowlist: list[str] = []


def read_templates(content: str, organisation: str) -> list[Registration]:
    """Return the clients of a JSON file: one template, or a list of them.

    ``TestClient`` makes a client of the sandbox. Who may test it, its channel and kind of service
    are for people who read the template; nothing here depends on them.

    Raises:
        Invalid: not JSON, an unknown member, or a member that contradicts another.
    """
    try:
        found = json.loads(content)
        entries = found if isinstance(found, list) else [found]
        templates = [_Template.model_validate(entry) for entry in entries]
    except (ValidationError, ValueError) as error:
        raise Invalid(FieldError("file", str(error))) from error
    return [_registration(template, organisation) for template in templates]


def _registration(template: _Template, organisation: str) -> Registration:
    keys = _keys(template)
    secret = template.ClientSecret if template.TokenAuthMethod == "client_secret_post" else None
    if template.TokenAuthMethod == "client_secret_post" and check_secret(secret or ""):
        raise _fault(template, "ClientSecret", "is missing or too short")
    sector = urlsplit(template.SectorIdentifierUri or "").netloc
    party = RelyingParty(
        client_id=template.ClientID,
        name=template.ClientName,
        organisation=organisation,
        profile=ONE_LOGIN.name,
        auth_method=template.TokenAuthMethod,
        secret_hash=hash_token(secret) if secret else None,
        keys=tuple(keys),
        redirect_uris=tuple(template.RedirectUrls),
        post_logout_uris=tuple(template.PostLogoutRedirectUrls),
        backchannel_logout_uri=template.BackChannelLogoutUri,
        scopes=tuple(template.Scopes),
        grant_types=ONE_LOGIN.grant_types,
        subject_type=template.SubjectType,
        sector=sector or default_sector(tuple(template.RedirectUrls)),
        pkce="required" if template.PKCEEnforced else "exempt",
        landing_page=template.LandingPageUrl or "",
        id_token_alg=template.IdTokenSigningAlgorithm,
        options=_options(template),
    )
    jwks: Sequence[Mapping[str, object]] = [
        {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig"} for key in keys
    ]
    return Registration(party, list(jwks))


def _options(template: _Template) -> ClientOptions:
    levels = tuple(level for level in template.ClientLoCs if level != "P0")
    return ClientOptions(
        require_signed_request_object=template.JarValidationRequired,
        jwks_uri=template.JwksUrl if template.PublicKeySource == "JWKS" else None,
        sector_identifier_uri=template.SectorIdentifierUri,
        application_type="web" if template.ClientType == "web" else "native",
        allowed_claims=tuple(template.Claims),
        levels_of_confidence=levels if template.IdentityVerificationSupported else (),
        permit_missing_nonce=template.PermitMissingNonce,
        max_age_enabled=template.MaxAgeEnabled,
        is_active=template.IsActive,
        environment="sandbox" if template.TestClient else "live",
    )


def _keys(template: _Template) -> list[Key]:
    if template.TokenAuthMethod != "private_key_jwt":
        return []
    if template.PublicKeySource == "JWKS":
        if not template.JwksUrl:
            raise _fault(template, "JwksUrl", "is missing")
        return []
    pem = template.PublicKey or ""
    if "BEGIN" not in pem:
        pem = f"-----BEGIN PUBLIC KEY-----\n{pem}\n-----END PUBLIC KEY-----\n"
    try:
        return [_import(pem.encode())]
    except (JoseError, ValueError, TypeError) as error:
        raise _fault(template, "PublicKey", f"is not accepted: {error}") from error


def _import(pem: bytes) -> Key:
    key: ECKey | RSAKey
    try:
        key = RSAKey.import_key(pem)
    except (JoseError, ValueError, TypeError):
        key = ECKey.import_key(pem)
    return import_public_key(key.as_dict(private=False))


def _fault(template: _Template, member: str, message: str) -> Invalid:
    return Invalid(FieldError(f"{template.ClientID}: {member}", message))
