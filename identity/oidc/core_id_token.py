"""OpenID Connect Core, ID token: https://openid.net/specs/openid-connect-core-1_0.html
Implemented: sections 2, 3.1.3.6, 3.3.2.11, 5.4, 5.5 and 10.2; the bare shape of ScotAccount.
Left out: aggregated and distributed claims (section 5.6).
By: ourselves on joserfc.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

import base64
import hashlib
import secrets

from identity.oidc.authorisations import Authorisation
from identity.oidc.core_acr import acr_of
from identity.oidc.core_claims import id_token_claims
from identity.oidc.core_encryption import encrypt_id_token
from identity.oidc.core_subjects import sid_of
from identity.oidc.onelogin_id_token import trust_claims
from identity.oidc.provider import Call
from identity.relying_parties.rules import RelyingParty
from identity.sandbox.faults import sign_with_faults


def make_id_token(
    call: Call,
    authorisation: Authorisation,
    client: RelyingParty,
    access_token: str | None,
    *,
    code: str | None = None,
    state: str | None = None,
    is_alone: bool = False,
) -> str:
    """Return a signed ID token, encrypted where registered; ``typ`` stays out of its header.

    Args:
        call: issuer, keys and time.
        authorisation: what the person allowed.
        client: for whom the token is; its registered algorithm signs.
        access_token: what ``at_hash`` is made of; None where none comes with the ID token.
        code: what ``c_hash`` is made of, in an answer that brings both.
        state: what ``s_hash`` is made of, in an answer that comes through the browser.
        is_alone: no access token is issued, so that scopes are answered here (section 5.4).
    """
    faults = authorisation.asked.faults
    if call.profile.vectors_of_trust:
        at_hash = half_hash(access_token or "", client.id_token_alg)
        vouched = trust_claims(call, authorisation, client, at_hash=at_hash)
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
            **id_token_claims(call, authorisation, is_alone=is_alone),
            "auth_time": int(authorisation.authenticated_at.timestamp()),
            "acr": acr_of(authorisation.level, authorisation.asked),
            "amr": list(authorisation.methods),
        }
        hashed = {"at_hash": access_token, "c_hash": code, "s_hash": state}
        claims |= {
            name: half_hash(value, client.id_token_alg)
            for name, value in hashed.items()
            if value is not None
        }
    signed = sign_with_faults(call.keys, client.id_token_alg, claims, faults, "id_token")
    return encrypt_id_token(client, signed)


def half_hash(value: str, algorithm: str) -> str:
    """Return the left half of the hash that goes with a signature's algorithm (3.1.3.6)."""
    sizes = {"256": hashlib.sha256, "384": hashlib.sha384}
    digest = sizes.get(algorithm[-3:], hashlib.sha512)(value.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
