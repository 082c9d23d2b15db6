"""OpenID Connect Core, claims: https://openid.net/specs/openid-connect-core-1_0.html
Implemented: sections 5.1 (what accounts know), 5.4, and 5.5 with `essential`, `value`, `values`.
Left out: `claims_locales` (claims have one language), aggregated and distributed claims.
By: ourselves.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

from collections.abc import Iterable

from identity.oidc.authorisations import Authorisation
from identity.oidc.claim_names import (
    ATTRIBUTES,
    SCOPE_CLAIMS,
    Wishes,
    is_as_wished,
    item_of,
    wishes_of,
)
from identity.oidc.provider import Call
from identity.oidc.queries import read_claims

# Roles are no detail of section 5.4, and consoles decide by them before they ask anything else.
_ALWAYS_IN_ID_TOKEN = ("staff",)


def id_token_claims(
    call: Call, authorisation: Authorisation, *, is_alone: bool
) -> dict[str, object]:
    """Return the claims about the person that belong into the ID token.

    Scopes are answered by UserInfo, but by the ID token where no access token is issued.
    """
    scopes = authorisation.scopes
    if not is_alone:
        scopes = tuple(scope for scope in scopes if scope in _ALWAYS_IN_ID_TOKEN)
    wishes = wishes_of(authorisation.asked.claims, "id_token")
    return _claims(call, authorisation, scopes, wishes)


def userinfo_claims(
    call: Call, authorisation: Authorisation, scopes: Iterable[str]
) -> dict[str, object]:
    """Return the claims of UserInfo: those of the token's scopes, and those asked for by name."""
    wishes = wishes_of(authorisation.asked.claims, "userinfo")
    return _claims(call, authorisation, scopes, wishes)


def _claims(
    call: Call, authorisation: Authorisation, scopes: Iterable[str], wishes: Wishes
) -> dict[str, object]:
    by_scope = {name for scope in scopes for name in SCOPE_CLAIMS.get(scope, ())}
    names = {name for name in (*by_scope, *wishes) if _may_see(authorisation, name)}
    if not names:
        return {}
    found = read_claims(
        call.session,
        authorisation.account_id,
        names,
        call.provider.sealer,
        flow_id=authorisation.flow_id,
        session_id=authorisation.session_id,
    )
    return {
        name: value
        for name, value in found.items()
        if name in by_scope or is_as_wished(value, wishes.get(name))
    }


def _may_see(authorisation: Authorisation, name: str) -> bool:
    """Tell whether a claim is one about the person, and agreed to where it comes from the safe."""
    item = item_of(name)
    if item is None:
        return False
    return item not in ATTRIBUTES or item in authorisation.shared_scopes
