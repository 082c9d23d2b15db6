"""The claims parameter (Core, section 5.5)."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace

from identity.oidc.claim_names import scope_of
from identity.oidc.draft import Draft
from identity.oidc.errors import ProtocolError

_TARGETS = ("userinfo", "id_token")
_LONGEST = 8192


def check_claims(draft: Draft) -> None:
    """Take single claims that the client asks for by name (Core, section 5.5).

    What is not known here, or not registered for the client, is passed over as section 5.5 wants;
    a parameter of the wrong shape is refused.
    """
    value = draft.params.get("claims")
    if value is None:
        return
    if len(value) > _LONGEST:
        raise ProtocolError("invalid_request", f"claims must have at most {_LONGEST} letters")
    kept: dict[str, object] = {}
    for target, wishes in _read(value).items():
        known = {name: wish for name, wish in wishes.items() if _may_ask(draft, name)}
        if known:
            kept[target] = known
    draft.asked = replace(draft.asked, claims=kept)


def _may_ask(draft: Draft, name: str) -> bool:
    if name not in draft.call.profile.claims:
        return False
    allowed, needed = draft.known_client.options.allowed_claims, scope_of(name)
    if needed is not None and needed not in draft.known_client.scopes:
        return False
    return allowed is None or name in allowed or needed is None


def _read(value: str) -> dict[str, Mapping[str, Mapping[str, object] | None]]:
    """Return the wishes by target; refuses every other shape."""
    try:
        claims = json.loads(value, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("invalid_request", "claims is not JSON") from error
    if not isinstance(claims, dict):
        raise ProtocolError("invalid_request", "claims must be an object")
    for target in _TARGETS:
        wishes = {} if claims.get(target) is None else claims[target]
        if not isinstance(wishes, dict):
            raise ProtocolError("invalid_request", f"claims: {target} must be an object")
        if not all(_is_wish(wish) for wish in wishes.values()):
            raise ProtocolError("invalid_claims", f"claims: a member of {target} is malformed")
    _check_storable(claims)
    return {target: claims.get(target) or {} for target in _TARGETS}


def _is_wish(wish: object) -> bool:
    """Tell whether a member is null or an object of the form of section 5.5.1."""
    if wish is None:
        return True
    if not isinstance(wish, dict):
        return False
    return isinstance(wish.get("essential", False), bool) and isinstance(
        wish.get("values", []), list
    )


def _check_storable(claims: object) -> None:
    """Refuse letters that no text may hold: half a surrogate pair, or a zero."""
    written = json.dumps(claims, ensure_ascii=False)
    try:
        written.encode()
    except UnicodeEncodeError as error:
        raise ProtocolError("invalid_request", "claims has broken letters") from error
    if "\\u0000" in written:
        raise ProtocolError("invalid_request", "claims has broken letters")


def _refuse_constant(name: str) -> object:
    raise ValueError(name)


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(number)
    return value
