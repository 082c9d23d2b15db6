"""RFC 9701, JWT response for introspection: https://www.rfc-editor.org/rfc/rfc9701
Implemented: sections 4 to 7: asked for with `Accept`, signed for one caller, encrypted if it wants.
Left out: nothing.
By: ourselves on joserfc.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

from collections.abc import Mapping

from identity.oidc.core_encryption import encrypt
from identity.oidc.provider import Call
from identity.relying_parties.profiles import Profile
from identity.relying_parties.rules import RelyingParty

MEDIA_TYPE = "application/token-introspection+jwt"
_TYPE = "token-introspection+jwt"
_REGISTRY_DEFAULT = "RS256"


def wants_signed(accept: str) -> bool:
    """Tell whether a caller asks for a signed answer (section 4)."""
    return any(part.partition(";")[0].strip().lower() == MEDIA_TYPE for part in accept.split(","))


def default_algorithm(profile: Profile) -> str:
    """Return what signs where a caller registered nothing: RS256 (section 6), where there is it."""
    if _REGISTRY_DEFAULT in profile.key_algorithms:
        return _REGISTRY_DEFAULT
    return profile.access_token_algorithm


def sign_introspection(call: Call, caller: RelyingParty, answer: Mapping[str, object]) -> str:
    """Return an answer as a JWT for this caller alone (section 5)."""
    options = caller.options
    algorithm = options.introspection_signed_response_alg or default_algorithm(call.profile)
    claims = {
        "iss": call.issuer.url,
        "aud": caller.client_id,
        "iat": int(call.now.timestamp()),
        "token_introspection": dict(answer),
    }
    signed = call.keys.sign(algorithm, claims, typ=_TYPE)
    alg, enc = (
        options.introspection_encrypted_response_alg,
        options.introspection_encrypted_response_enc,
    )
    return encrypt(caller, signed, alg, enc, cty=_TYPE) if alg else signed
