"""The questions of a registration and what their answers make; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast
from urllib.parse import urlsplit

from identity.accounts.rules import check_email
from identity.client_console.keys import KeyFault, read_keys
from identity.organisations.rules import check_name
from identity.relying_parties.options import ClientOptions
from identity.relying_parties.profiles import PROFILES, Profile
from identity.relying_parties.rules import (
    RelyingParty,
    check_relying_party,
    default_sector,
    import_public_key,
)
from shared.errors import FieldError, Invalid

QUESTIONS = ("name", "software", "redirects", "sign_out", "keys", "scopes", "contacts")
ENVIRONMENTS = ("sandbox", "live")
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_SECRETS = ("client_secret_basic", "client_secret_post")
_MOST_ADDRESSES = 20
_MOST_CONTACTS = 5
_LONGEST_PURPOSE = 300
_LONGEST_ADDRESS = 500
Answers = Mapping[str, object]


@dataclass(frozen=True)
class Raw:
    """What a form sent: single values and lists."""

    values: Mapping[str, Sequence[str]]

    def text(self, name: str) -> str:
        """Return the first value of a field."""
        return next(iter(self.values.get(name, ())), "")

    def lines(self, name: str) -> list[str]:
        """Return the lines of a field that say something, each once."""
        lines = (line.strip() for line in self.text(name).splitlines())
        return list(dict.fromkeys(line for line in lines if line))

    def all(self, name: str) -> list[str]:
        """Return every value of a field."""
        return list(self.values.get(name, ()))


def listed(answers: Answers, name: str) -> list[str]:
    """Return an answer that is a list of texts."""
    return [str(value) for value in cast("list[object]", answers.get(name) or [])]


def purposes_of(answers: Answers) -> dict[str, str]:
    """Return why each scope is asked for."""
    return dict(cast("Mapping[str, str]", answers.get("purposes") or {}))


def jwks_of(answers: Answers) -> list[dict[str, object]]:
    """Return the keys that were given."""
    return list(cast("list[dict[str, object]]", answers.get("jwks") or []))


def profile_of(answers: Answers) -> Profile:
    """Return the profile that was chosen, plain OpenID Connect before that."""
    return PROFILES.get(str(answers.get("profile", "")), PROFILES["oidc"])


def offers_secret(profile: Profile) -> bool:
    """Tell whether clients of a profile may prove themselves with a secret."""
    return "client_secret_basic" in profile.auth_methods


def asked_scopes(profile: Profile) -> tuple[str, ...]:
    """Return the scopes that a service may choose, without ``openid``, which all have."""
    return tuple(scope for scope in profile.scopes if scope not in ("openid", "staff"))


def first_unanswered(answers: Answers) -> str | None:
    """Return the first question without an answer, None when all have one."""
    done = set(listed(answers, "answered"))
    return next((question for question in QUESTIONS if question not in done), None)


def answer(question: str, raw: Raw, answers: Answers, environment: str) -> dict[str, object]:
    """Return the answers with those of one question; refuses what cannot be registered."""
    readers = {
        "name": _name,
        "software": _software,
        "redirects": _redirects,
        "sign_out": _sign_out,
        "keys": _keys,
        "scopes": _scopes,
        "contacts": _contacts,
    }
    given = readers[question](raw, answers, environment)
    done = dict.fromkeys([*listed(answers, "answered"), question])
    if question == "software" and given["profile"] != answers.get("profile"):
        # Another family of clients has other keys and scopes: those are asked again.
        done = dict.fromkeys(name for name in done if name not in ("keys", "scopes"))
        given |= {"scopes": [], "purposes": {}, "credential": "", "jwks": [], "jwks_uri": ""}
    return {**answers, **given, "answered": list(done)}


def _name(raw: Raw, _answers: Answers, environment: str) -> dict[str, object]:
    landing = raw.text("landing_page")
    if landing:
        check_address(landing, "landing_page", environment)
    return {"name": check_name(raw.text("name")), "landing_page": landing}


def _software(raw: Raw, _answers: Answers, _environment: str) -> dict[str, object]:
    profile = raw.text("profile")
    if profile not in PROFILES:
        raise Invalid(FieldError("profile", "Choose what your service works with"))
    return {"profile": profile}


def _redirects(raw: Raw, _answers: Answers, environment: str) -> dict[str, object]:
    given = raw.lines("redirect_uris")
    if not given:
        raise Invalid(FieldError("redirect_uris", "Enter at least one address"))
    _check_addresses(given, "redirect_uris", environment)
    return {"redirect_uris": given}


def _sign_out(raw: Raw, _answers: Answers, environment: str) -> dict[str, object]:
    given = raw.lines("post_logout_uris")
    _check_addresses(given, "post_logout_uris", environment)
    backchannel = raw.text("backchannel_logout_uri")
    if backchannel:
        check_address(backchannel, "backchannel_logout_uri", environment)
    return {"post_logout_uris": given, "backchannel_logout_uri": backchannel}


def _keys(raw: Raw, answers: Answers, environment: str) -> dict[str, object]:
    profile, credential = profile_of(answers), raw.text("credential")
    if credential == "secret" and offers_secret(profile):
        return {"credential": "secret", "jwks": [], "jwks_uri": ""}
    if credential == "jwks_uri":
        address = raw.text("jwks_uri")
        if not address:
            raise Invalid(FieldError("jwks_uri", "Enter the address of your key set"))
        check_address(address, "jwks_uri", environment)
        return {"credential": "jwks_uri", "jwks": [], "jwks_uri": address}
    if credential != "keys":
        raise Invalid(FieldError("credential", "Choose how your service proves who it is"))
    try:
        jwks = read_keys(raw.text("keys"))
    except KeyFault as fault:
        raise Invalid(FieldError("keys", str(fault))) from fault
    return {"credential": "keys", "jwks": jwks, "jwks_uri": ""}


def _scopes(raw: Raw, answers: Answers, _environment: str) -> dict[str, object]:
    offered = asked_scopes(profile_of(answers))
    chosen = [scope for scope in offered if scope in raw.all("scopes")]
    purposes = {scope: raw.text(f"purpose-{scope}").strip() for scope in chosen}
    faults = [
        FieldError(f"purpose-{scope}", message)
        for scope, purpose in purposes.items()
        if (message := _purpose_fault(purpose))
    ]
    if faults:
        raise Invalid(*faults)
    return {"scopes": chosen, "purposes": purposes}


def _purpose_fault(purpose: str) -> str:
    if not purpose:
        return "Say what you need this for"
    return "Use 300 characters or fewer" if len(purpose) > _LONGEST_PURPOSE else ""


def _contacts(raw: Raw, _answers: Answers, _environment: str) -> dict[str, object]:
    given = raw.lines("contacts")
    if not given:
        raise Invalid(FieldError("contacts", "Enter at least one email address"))
    if len(given) > _MOST_CONTACTS:
        raise Invalid(FieldError("contacts", "Enter 5 addresses or fewer"))
    try:
        return {"contacts": [check_email(one) for one in given]}
    except Invalid as refused:
        raise Invalid(FieldError("contacts", refused.fields[0].message)) from refused


def _check_addresses(given: Sequence[str], field: str, environment: str) -> None:
    if len(given) > _MOST_ADDRESSES:
        raise Invalid(FieldError(field, "Enter 20 addresses or fewer"))
    for address in given:
        check_address(address, field, environment)


def check_address(address: str, field: str, environment: str) -> None:
    """Refuse an address that a browser must not be sent to; sandboxes may be on localhost."""
    message = ""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        port_is_good = parts.port is None or parts.port > 0
    except ValueError:
        raise Invalid(FieldError(field, "An address cannot be read")) from None
    if len(address) > _LONGEST_ADDRESS or not host or not port_is_good or " " in address:
        message = "Enter whole addresses, like https://service.example.org/callback"
    elif "#" in address or "*" in address:
        message = "An address must not have # or * in it"
    elif parts.username is not None:
        message = "An address must not have a user name in it"
    elif parts.scheme != "https" and not (
        parts.scheme == "http" and environment == "sandbox" and host in _LOCAL
    ):
        message = "Addresses begin with https://. In the sandbox http://localhost works too"
    if message:
        raise Invalid(FieldError(field, message))


def party_of(
    answers: Answers,
    *,
    client_id: str,
    organisation: str,
    service_id: str,
    environment: str,
    secret_hash: bytes | None,
    before: RelyingParty | None,
) -> RelyingParty:
    """Return the client that the answers describe; what was never asked stays as it was.

    The sector stays for good, because people's subjects hang on it.
    """
    profile = profile_of(answers)
    redirects = tuple(listed(answers, "redirect_uris"))
    scopes = ("openid", *listed(answers, "scopes"))
    options = replace(
        before.options if before else ClientOptions(),
        contacts=tuple(listed(answers, "contacts")),
        environment=environment,
        service_id=service_id,
        jwks_uri=str(answers.get("jwks_uri") or "") or None,
    )
    refreshes = profile.refresh or "offline_access" in scopes
    is_secret = answers.get("credential") == "secret"
    method = before.auth_method if before and before.auth_method in _SECRETS else _SECRETS[0]
    return RelyingParty(
        client_id=client_id,
        name=str(answers.get("name", "")),
        organisation=organisation,
        profile=profile.name,
        auth_method=method if is_secret else "private_key_jwt",
        first_party=before.first_party if before else False,
        secret_hash=secret_hash if is_secret else None,
        keys=tuple(
            import_public_key(jwk)  # type: ignore[arg-type]  # it was checked when it was given
            for jwk in jwks_of(answers)
        ),
        redirect_uris=redirects,
        post_logout_uris=tuple(listed(answers, "post_logout_uris")),
        backchannel_logout_uri=str(answers.get("backchannel_logout_uri") or "") or None,
        scopes=scopes,
        grant_types=("authorization_code", *(("refresh_token",) if refreshes else ())),
        subject_type=before.subject_type if before else "pairwise",
        sector=before.sector
        if before
        else default_sector(redirects) or urlsplit(redirects[0]).netloc,
        pkce=before.pkce if before else "required",
        landing_page=str(answers.get("landing_page") or ""),
        id_token_alg=before.id_token_alg if before else _id_token_alg(profile),
        options=options,
    )


def _id_token_alg(profile: Profile) -> str:
    """Return RS256 where it is offered: every library understands it without being told."""
    offered = profile.id_token_algorithms
    return "RS256" if "RS256" in offered else offered[0]


def check_party(party: RelyingParty, sandbox_keys: frozenset[str], environment: str) -> None:
    """Refuse a client that its profile or its environment does not allow.

    Args:
        party: the client.
        sandbox_keys: thumbprints of the keys that the service uses in the sandbox.
        environment: where the client will be.
    """
    profile = PROFILES[party.profile]
    faults = check_relying_party(
        party,
        auth_methods=profile.auth_methods,
        grant_types=profile.grant_types,
        id_token_algorithms=profile.id_token_algorithms,
        pkce_exemptions=profile.pkce_exemptions,
        production=environment == "live",
    )
    if environment == "live" and sandbox_keys & {key.thumbprint() for key in party.keys}:
        faults.append(
            FieldError("keys", "Use other keys than in the sandbox, where more people know them")
        )
    if faults:
        raise Invalid(*faults)


def answers_of(
    party: RelyingParty, jwks: list[dict[str, object]], purposes: Mapping[str, str]
) -> dict[str, object]:
    """Return a registered client as answers, so that they can be changed."""
    options = party.options
    credential = "keys" if party.auth_method == "private_key_jwt" else "secret"
    return {
        "name": party.name,
        "landing_page": party.landing_page,
        "profile": party.profile,
        "redirect_uris": list(party.redirect_uris),
        "post_logout_uris": list(party.post_logout_uris),
        "backchannel_logout_uri": party.backchannel_logout_uri or "",
        "credential": "jwks_uri" if options.jwks_uri else credential,
        "jwks": jwks,
        "jwks_uri": options.jwks_uri or "",
        "scopes": [scope for scope in party.scopes if scope != "openid"],
        "purposes": dict(purposes),
        "contacts": list(options.contacts),
        "answered": list(QUESTIONS),
    }


def changed_questions(before: Answers, after: Answers) -> list[str]:
    """Return which questions were answered differently."""
    members = {
        "name": ("name", "landing_page"),
        "software": ("profile",),
        "redirects": ("redirect_uris",),
        "sign_out": ("post_logout_uris", "backchannel_logout_uri"),
        "keys": ("credential", "jwks", "jwks_uri"),
        "scopes": ("scopes", "purposes"),
        "contacts": ("contacts",),
    }
    return [
        question
        for question, names in members.items()
        if any(before.get(name) != after.get(name) for name in names)
    ]
