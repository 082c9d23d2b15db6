"""What a body's own provider has to say before its staff are let in; pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from identity.accounts.rules import check_email
from shared.errors import FieldError, Invalid

SHAPES = ("entra", "google", "plain")
ALGORITHMS = ("RS256", "ES256", "PS256")
# Factors of the level policy: what a sign-in at a body's own provider is worth.
ONE_FACTOR = "organisation"
TWO_FACTORS = "organisation_two_factors"
ALWAYS_TWO_FACTORS = "*"
ATTEMPT_LIFE = timedelta(minutes=15)
CALLBACK_PATH = "/identity/sign-in/organisation/callback"
CREDENTIAL_RECORD = "upstream.credential"
_ISSUERS = {
    "entra": "https://login.microsoftonline.com/{tenant}/v2.0",
    "google": "https://accounts.google.com",
}
_MEDIUM = {"entra": ("mfa",), "google": (), "plain": ("mfa", "otp", "hwk", "medium")}
_SKEW_SECONDS = 60
_OLDEST_SECONDS = 600
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_TENANT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Mail of everybody: who has an address there works for nobody.
_PUBLIC_MAIL = frozenset(
    {"gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "yahoo.com"}
    | {"icloud.com", "aol.com", "proton.me", "gmx.com", "mail.com", "btinternet.com"}
)


class UpstreamRefusedError(Exception):
    """What came back from a body's provider cannot be accepted; the text says why."""


@dataclass(frozen=True)
class UpstreamPolicy:
    """What is asked of a body's provider."""

    organisation: str
    shape: str
    issuer: str
    client_id: str
    auth_method: str
    tenant: str
    medium_values: tuple[str, ...]
    enabled: bool
    enforced: bool


@dataclass(frozen=True)
class StaffIdentity:
    """Who a body's provider says is there; ``email`` only where it may be believed."""

    issuer: str
    subject: str
    email: str | None
    name: str
    factor: str


def read_policy(organisation: str, values: Mapping[str, str]) -> UpstreamPolicy:
    """Return the policy that a form describes; refuses what cannot work."""
    shape, tenant = values.get("shape", ""), values.get("tenant", "").strip().lower()
    if shape not in SHAPES:
        raise Invalid(FieldError("shape", "Choose what your organisation signs in with"))
    issuer = values.get("issuer", "").strip() or _ISSUERS.get(shape, "").format(tenant=tenant)
    faults = []
    if shape == "entra" and not _TENANT.fullmatch(tenant):
        faults.append(
            FieldError("tenant", "Enter the tenant id, 32 letters and digits with dashes")
        )
    if shape == "google" and not _DOMAIN.fullmatch(tenant):
        faults.append(FieldError("tenant", "Enter your Google Workspace domain"))
    parts = urlsplit(issuer)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment:
        faults.append(FieldError("issuer", "Enter the issuer's whole address"))
    if not values.get("client_id", "").strip():
        faults.append(FieldError("client_id", "Enter the client id"))
    method = values.get("auth_method", "")
    allowed = ("client_secret_post", "client_secret_basic") + (
        ("private_key_jwt",) if shape == "plain" else ()
    )
    if method not in allowed:
        faults.append(FieldError("auth_method", "Choose how we prove who we are"))
    if faults:
        raise Invalid(*faults)
    always = values.get("two_factors") == "always"
    return UpstreamPolicy(
        organisation=organisation,
        shape=shape,
        issuer=issuer,
        client_id=values["client_id"].strip()[:200],
        auth_method=method,
        tenant=tenant,
        medium_values=(ALWAYS_TWO_FACTORS,) if always else _MEDIUM[shape],
        enabled=False,
        enforced=False,
    )


def check_domain(typed: str) -> str:
    """Return a domain of e-mail addresses; refuses what is none, and mail that anybody can have."""
    domain = typed.strip().lower().removeprefix("@")
    if not _DOMAIN.fullmatch(domain) or len(domain) > 253:  # noqa: PLR2004 - RFC 1035
        raise Invalid(FieldError("domain", "Enter a domain like council.example"))
    if domain in _PUBLIC_MAIL:
        raise Invalid(FieldError("domain", "Everybody can have an address there"))
    return domain


def domain_of(email: str) -> str:
    """Return the domain of an address."""
    return email.rpartition("@")[2]


def read_identity(
    claims: Mapping[str, object], policy: UpstreamPolicy, nonce: str, now: datetime
) -> StaffIdentity:
    """Return who is there; refuses an ID token that is not for us, now, and of this organisation.

    Raises:
        UpstreamRefusedError: says what does not fit (OpenID Connect Core, section 3.1.3.7).
    """
    _check_token(claims, policy, nonce, now)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject or len(subject) > 255:  # noqa: PLR2004 - Core, 2
        raise UpstreamRefusedError("sub is missing")
    _check_organisation(claims, policy)
    said = {str(claims.get("acr", "")), *_texts(claims.get("amr")), *_texts(claims.get("acrs"))}
    is_medium = ALWAYS_TWO_FACTORS in policy.medium_values or bool(said & set(policy.medium_values))
    name = claims.get("name")
    return StaffIdentity(
        issuer=policy.issuer,
        subject=subject,
        email=_email(claims, policy),
        name=name[:80] if isinstance(name, str) and name.isprintable() else "",
        factor=TWO_FACTORS if is_medium else ONE_FACTOR,
    )


def _check_token(
    claims: Mapping[str, object], policy: UpstreamPolicy, nonce: str, now: datetime
) -> None:
    instant = now.timestamp()
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    expires, issued = claims.get("exp"), claims.get("iat")
    if claims.get("iss") != policy.issuer:
        raise UpstreamRefusedError("iss is another issuer")
    if policy.client_id not in audiences:
        raise UpstreamRefusedError("aud is another client")
    if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != policy.client_id:
        raise UpstreamRefusedError("azp is another client")
    if not isinstance(expires, int | float) or expires <= instant - _SKEW_SECONDS:
        raise UpstreamRefusedError("the token has run out")
    if not isinstance(issued, int | float) or not (
        instant - _OLDEST_SECONDS <= issued <= instant + _SKEW_SECONDS
    ):
        raise UpstreamRefusedError("iat is not now")
    if claims.get("nonce") != nonce:
        raise UpstreamRefusedError("nonce does not fit")


def _check_organisation(claims: Mapping[str, object], policy: UpstreamPolicy) -> None:
    """Refuse people of other organisations at a provider that serves many."""
    if policy.shape == "entra" and str(claims.get("tid", "")).lower() != policy.tenant:
        raise UpstreamRefusedError("tid is another tenant")
    if policy.shape == "google" and str(claims.get("hd", "")).lower() != policy.tenant:
        raise UpstreamRefusedError("hd is another domain")


def _email(claims: Mapping[str, object], policy: UpstreamPolicy) -> str | None:
    """Return the address where the provider vouches for it.

    Entra has no ``email_verified``, and its ``email`` can be set to anything: there the address
    counts only in a domain that was confirmed for the body, which the caller checks for all.
    """
    given = claims.get("email")
    if policy.shape == "entra":
        given = given or claims.get("preferred_username")
    elif claims.get("email_verified") is not True:
        return None
    try:
        return check_email(str(given or ""))
    except Invalid:
        return None


def _texts(value: object) -> Sequence[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
