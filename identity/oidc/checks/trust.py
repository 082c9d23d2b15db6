"""Vectors of trust and the claims of a vocabulary, where a profile has them (One Login)."""

import json
from collections.abc import Mapping
from dataclasses import replace

from identity.oidc.draft import Draft
from identity.oidc.errors import ProtocolError
from identity.oidc.onelogin_id_token import CLAIM_NAMES
from identity.oidc.rfc8485_vectors_of_trust import identity_of, read_vtr

_SCOTACCOUNT_CLAIMS = frozenset(
    {
        *("sub", "iss", "aud", "exp", "iat", "nonce", "sid"),
        *("given_name", "family_name", "birth_date", "email", "address"),
    }
)


def check_trust(draft: Draft) -> None:
    """Take ``vtr``; refuses levels and claims that the client may not ask for."""
    if draft.call.profile.bare_id_token:
        _pass_over_claims(draft)
    if not draft.call.profile.vectors_of_trust:
        return
    vtr = read_vtr(draft.params.get("vtr"))
    draft.asked = replace(draft.asked, vtr=vtr)
    options = draft.known_client.options
    wanted = {identity_of(vector) for vector in vtr} - {"P0"}
    if not wanted <= set(options.levels_of_confidence):
        raise ProtocolError("invalid_request", "Request vtr not valid")
    draft.asked = replace(draft.asked, claims=_take_claims(draft))
    if "select_account" in draft.prompt:
        raise ProtocolError(
            "unmet_authentication_requirements", "An account cannot be selected here"
        )
    if not options.max_age_enabled:
        draft.max_age_seconds = None


def _take_claims(draft: Draft) -> dict[str, object]:
    """Return the wanted claims; refuses unknown ones and those not below ``userinfo``."""
    claims = _read(draft)
    members = claims.get("userinfo") or {}
    if set(claims) - {"userinfo"} or not isinstance(members, dict):
        raise ProtocolError("invalid_request", "claims may only have the member userinfo")
    known = {f"{draft.call.issuer.vocabulary}{name}" for name in CLAIM_NAMES}
    allowed = draft.known_client.options.allowed_claims
    if allowed is not None:
        known &= set(allowed)
    if unknown := sorted(set(members) - known):
        raise ProtocolError("invalid_request", f"Claim not allowed: {unknown[0][:80]}")
    return {"userinfo": members} if members else {}


def _read(draft: Draft) -> dict[str, object]:
    """Return the parameter, whose form was checked in the row above."""
    found = json.loads(draft.params.get("claims") or "{}")
    return found if isinstance(found, dict) else {}


def _pass_over_claims(draft: Draft) -> None:
    """Refuse names that ScotAccount does not know; the others come by scopes, so nothing is kept.

    Its ID token never carries more than its own claims, whatever was asked for (1.8).
    """
    for members in _read(draft).values():
        names = set(members) if isinstance(members, Mapping) else set()
        if unknown := sorted(names - _SCOTACCOUNT_CLAIMS):
            raise ProtocolError("invalid_claims", f"Claim not allowed: {unknown[0][:80]}")
    draft.asked = replace(draft.asked, claims={})
