"""OpenID Connect Core, ID token: https://openid.net/specs/openid-connect-core-1_0.html
Implemented: sections 2, 3.1.3.6 (`at_hash`) and 5.4; the bare shape of ScotAccount.
Left out: encryption (section 10.2), aggregated and distributed claims (section 5.6).
By: ourselves on joserfc.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

import base64
import hashlib
import secrets
from collections.abc import Mapping

from identity.oidc.authorisations import Authorisation
from identity.oidc.core_subjects import sid_of
from identity.oidc.onelogin_id_token import trust_claims
from identity.oidc.provider import Call
from identity.relying_parties.rules import RelyingParty
from identity.sandbox.faults import sign_with_faults


def make_id_token(
    call: Call,
    authorisation: Authorisation,
    client: RelyingParty,
    access_token: str,
    details: Mapping[str, object],
) -> str:
    """Return the signed ID token of a code or refresh; ``typ`` stays out of its header.

    Args:
        call: issuer, keys and time.
        authorisation: what the person allowed.
        client: for whom the token is; its registered algorithm signs.
        access_token: what ``at_hash`` is made of.
        details: claims of the scopes ``profile``, ``email`` and ``staff``.
    """
    faults = authorisation.asked.faults
    if call.profile.vectors_of_trust:
        vouched = trust_claims(call, authorisation, client, at_hash=_half_hash(access_token))
        return sign_with_faults(call.keys, client.id_token_alg, vouched, faults, "id_token")
    issued = int(call.now.timestamp())
    claims: dict[str, object] = {
        "iss": call.issuer.url,
        "sub": authorisation.subject,
        "aud": client.client_id,
        "iat": issued,
        "exp": issued + call.profile.id_token_seconds,
        "jti": secrets.token_urlsafe(16),
        "sid": sid_of(authorisation.session_id, client.client_id, call.keys.salt),
    }
    if authorisation.nonce is not None:
        claims["nonce"] = authorisation.nonce
    if not call.profile.bare_id_token:
        claims |= {
            "auth_time": int(authorisation.authenticated_at.timestamp()),
            "acr": authorisation.level,
            "amr": list(authorisation.methods),
            "at_hash": _half_hash(access_token),
            **details,
        }
    return sign_with_faults(call.keys, client.id_token_alg, claims, faults, "id_token")


def _half_hash(token: str) -> str:
    """Return the left half of the SHA-256, which goes with ES256, RS256 and PS256."""
    digest = hashlib.sha256(token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
