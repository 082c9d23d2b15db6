"""The ID token and the metadata of the One Login profile, where they differ from plain ones."""

from collections.abc import Mapping

from identity.oidc.authorisations import Authorisation
from identity.oidc.core_subjects import sid_of
from identity.oidc.provider import Call, Issuer
from identity.oidc.rfc8485_vectors_of_trust import CREDENTIALS, HIGHEST_IDENTITY, reached_credential
from identity.relying_parties.rules import RelyingParty

_FOREIGN = frozenset(
    {
        "acr_values_supported",
        "display_values_supported",
        *(
            f"{what}_{kind}_values_supported"
            for what in ("id_token_encryption", "userinfo_encryption")
            for kind in ("alg", "enc")
        ),
        "userinfo_signing_alg_values_supported",
    }
)
CLAIM_NAMES = ("coreIdentityJWT", "address", "passport", "drivingPermit", "returnCode")
_PLAIN_CLAIMS = ("sub", "email", "email_verified", "phone_number", "phone_number_verified")


def trust_claims(
    call: Call, authorisation: Authorisation, client: RelyingParty, *, at_hash: str
) -> dict[str, object]:
    """Return the claims of an ID token; ``vot`` tells the credential part only."""
    issued = int(call.now.timestamp())
    claims: dict[str, object] = {
        "at_hash": at_hash,
        "sub": authorisation.subject,
        "aud": client.client_id,
        "iss": call.issuer.url,
        "vot": reached_credential(authorisation.level),
        "exp": issued + call.profile.id_token_seconds,
        "iat": issued,
        "vtm": trustmark_url(call.issuer),
        "sid": sid_of(authorisation.session_id, client.client_id, call.keys.salt),
        "auth_time": int(authorisation.authenticated_at.timestamp()),
    }
    return claims | ({"nonce": authorisation.nonce} if authorisation.nonce is not None else {})


def trustmark_url(issuer: Issuer) -> str:
    """Return the address that explains what the vectors mean (RFC 8485, section 5)."""
    return f"{issuer.base}/trustmark"


def make_trustmark(issuer: Issuer) -> dict[str, object]:
    """Return what vectors this provider tells, and that it vouches for itself."""
    return {
        "idp": issuer.url,
        "trustmark_provider": issuer.url,
        "C": list(CREDENTIALS),
        "P": [level for level in ("P0", "P1", "P2", "P3") if level <= HIGHEST_IDENTITY],
    }


def trust_metadata(issuer: Issuer, metadata: Mapping[str, object]) -> dict[str, object]:
    """Return the metadata with the members that are this profile's own, without foreign ones."""
    kept = {name: value for name, value in metadata.items() if name not in _FOREIGN}
    return kept | {
        "trustmarks": trustmark_url(issuer),
        "claims_supported": [
            *_PLAIN_CLAIMS,
            "wallet_subject_id",
            *(f"{issuer.vocabulary}{name}" for name in CLAIM_NAMES),
        ],
        "claims_parameter_supported": True,
        "backchannel_logout_session_supported": False,
        "prompt_values_supported": ["none", "login", "consent", "create"],
    }
