"""Words of the client pages: facts to copy, refusals explained."""

from dataclasses import dataclass
from datetime import datetime

from identity.oidc.provider import Issuer
from identity.oidc.refusals import Refusal
from identity.relying_parties.rules import RelyingParty
from shared.web.pages import translate

# Which advice belongs to a refusal: by its error and by words of our own description.
_MATCHES = (
    ("", "redirect_uri", "redirect"),
    ("", "PKCE", "pkce"),
    ("invalid_client", "made this signature", "key"),
    ("invalid_client", "aud of", "audience"),
    ("invalid_client", "used before", "reused"),
    ("invalid_client", "expired", "clock"),
    ("invalid_client", "issued", "clock"),
    ("invalid_client", "wrong secret", "secret"),
    ("invalid_client", "", "method"),
    ("invalid_grant", "refresh token", "rotation"),
    ("invalid_grant", "code_verifier", "verifier"),
    ("invalid_grant", "", "code"),
    ("invalid_scope", "", "scope"),
    ("unauthorized_client", "", "registered"),
    ("unsupported_response_type", "", "response"),
    ("unsupported_grant_type", "", "grant"),
    ("invalid_token", "", "token"),
    ("insufficient_scope", "", "narrow"),
    ("invalid_request", "Missing parameter", "missing"),
    ("invalid_request", "post_logout_redirect_uri", "logout"),
    ("invalid_dpop_proof", "", "dpop"),
    ("invalid_request_object", "", "object"),
)
# What a developer does about a refusal.
_ADVICE = {
    "redirect": (
        "The address to come back to is not one of those you registered. Compare them "
        "letter for letter: http or https, port, slash at the end."
    ),
    "pkce": (
        "Your library did not send a PKCE challenge. Switch PKCE with S256 on in its settings."
    ),
    "key": (
        "The assertion was signed with a key that is not registered. Register the public "
        "key that belongs to the private key your service uses."
    ),
    "audience": (
        "The audience of the assertion is wrong. Set it to the token endpoint or the issuer."
    ),
    "reused": "Make a new assertion with a new jti for every request.",
    "clock": "The clock of your server may be wrong, or an old assertion is used again.",
    "secret": (
        "The secret is not the one that is registered, or your library sends it in "
        "another way. Give your client a new secret if you have lost it."
    ),
    "method": (
        "Your service did not prove who it is. Check that it uses the method that is "
        "registered: a signed assertion or a secret."
    ),
    "rotation": "A refresh token works once. Keep the new one that comes with each answer.",
    "verifier": "The PKCE verifier is not well formed. Let your library make it.",
    "code": (
        "A code works once, for a minute, with the same redirect address and PKCE "
        "verifier that it was asked for with. Do not send the same code twice."
    ),
    "scope": ("Your service asked for something that is not registered for it, or forgot openid."),
    "registered": "This client is not registered for what it tried to do.",
    "response": "Only response_type=code is offered to this client.",
    "grant": "This grant type is not offered to services of this kind.",
    "token": "The access token has run out, was revoked, or comes from another environment.",
    "narrow": "The access token was given for less than this endpoint needs.",
    "missing": "A parameter is missing. Our description names it.",
    "logout": "The address after signing out is not one of those you registered.",
    "dpop": "The DPoP proof does not fit the request. Make a new one for each request.",
    "object": "The signed request could not be used. Check its key, audience and times.",
}
_GENERAL = "Compare what your service sent with the documentation of this error."


@dataclass(frozen=True)
class Explained:
    """A refusal with what to do about it, in the reader's language."""

    at: datetime
    endpoint: str
    error: str
    description: str
    advice: str


def explain(refusal: Refusal) -> Explained:
    """Return a refusal with advice."""
    advice = advise(refusal.error, refusal.description)
    return Explained(refusal.at, refusal.endpoint, refusal.error, refusal.description, advice)


def advise(error: str, description: str) -> str:
    """Return what a developer does about an error, in the reader's language."""
    for code, words, key in _MATCHES:
        if code in ("", error) and words in description:
            return translate(_ADVICE[key])
    return translate(_GENERAL)


def facts_of(party: RelyingParty, issuer: Issuer) -> list[tuple[str, str]]:
    """Return the values that a service needs, by what they are called in documentation."""
    return [
        ("client_id", party.client_id),
        ("issuer", issuer.url),
        ("discovery", f"{issuer.url}/.well-known/openid-configuration"),
        ("scope", " ".join(party.scopes)),
        ("token_endpoint_auth_method", party.auth_method),
        ("id_token_signed_response_alg", party.id_token_alg),
    ]
