"""OpenID Connect Back-Channel Logout: https://openid.net/specs/openid-connect-backchannel-1_0.html
Implemented: sections 2.4, 2.5 and 2.7; sent from the outbox until the relying party takes it.
Left out: nothing.
By: ourselves on joserfc.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

import secrets
from uuid import UUID

from identity.oidc.core_subjects import sid_of, subject_of
from identity.oidc.provider import Call
from identity.relying_parties.rules import RelyingParty

EVENT = "http://schemas.openid.net/event/backchannel-logout"
_LIFE_SECONDS = 120


def make_logout_token(call: Call, client: RelyingParty, account_id: UUID, session_id: UUID) -> str:
    """Return the token that tells a client which session of which person has ended."""
    issued = int(call.now.timestamp())
    salt = call.keys.salt
    claims: dict[str, object] = {
        "iss": call.issuer.url,
        "aud": client.client_id,
        "iat": issued,
        "exp": issued + _LIFE_SECONDS,
        "jti": secrets.token_urlsafe(16),
        "events": {EVENT: {}},
        "sub": subject_of(account_id, client, salt),
    }
    if not call.profile.logout_ends_all:
        claims["sid"] = sid_of(session_id, client.client_id, salt)
    return call.keys.sign(client.id_token_alg, claims, typ="logout+jwt")
