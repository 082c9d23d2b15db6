"""The claims that the core can tell: which scope stands for which, and what a person agrees to.

Data and pure choices; where the values come from is in ``identity.oidc.queries``.
"""

from collections.abc import Iterable, Mapping
from typing import cast

# OpenID Connect Core, section 5.4, as far as accounts know it; ``staff`` is our own.
SCOPE_CLAIMS: Mapping[str, tuple[str, ...]] = {
    "profile": ("name", "locale"),
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
    "staff": ("staff",),
}
# Checked facts of the safe, which no scope stands for: each is asked for by name.
CHECKED_CLAIMS = ("given_name", "family_name", "birthdate")
CLAIMS = (
    *(name for names in SCOPE_CLAIMS.values() for name in names),
    *CHECKED_CLAIMS,
    "sub",
    "acr",
    "auth_time",
)
# What comes from the safe is agreed to in every flow, the rest once for a client.
ATTRIBUTES = frozenset({"address", *CHECKED_CLAIMS})

_ITEMS: Mapping[str, str] = {
    **{name: scope for scope, names in SCOPE_CLAIMS.items() for name in names},
    **{name: name for name in CHECKED_CLAIMS},
}
Wishes = Mapping[str, Mapping[str, object] | None]


def item_of(claim: str) -> str | None:
    """Return what a person agrees to when a claim is asked for; None for one that tells nothing.

    It is the scope that stands for the claim, or the claim itself where no scope does.
    """
    return _ITEMS.get(claim)


def scope_of(claim: str) -> str | None:
    """Return the scope that a client needs in its registration to ask for a claim."""
    return "profile" if claim in CHECKED_CLAIMS else _ITEMS.get(claim)


def wishes_of(claims: Mapping[str, object], target: str) -> Wishes:
    """Return the claims asked for by name in ``id_token`` or ``userinfo``."""
    return cast("Wishes", claims.get(target) or {})


def asked_items(claims: Mapping[str, object]) -> tuple[str, ...]:
    """Return what a person is to agree to because of ``claims``, each once."""
    names = (name for target in ("userinfo", "id_token") for name in wishes_of(claims, target))
    return tuple(dict.fromkeys(item for name in names if (item := item_of(name))))


def without_items(claims: Mapping[str, object], refused: Iterable[str]) -> dict[str, object]:
    """Return ``claims`` without what a person did not agree to."""
    declined = set(refused)
    return {
        target: {
            name: wish
            for name, wish in wishes_of(claims, target).items()
            if item_of(name) not in declined
        }
        for target in claims
    }


def is_as_wished(value: object, wish: Mapping[str, object] | None) -> bool:
    """Tell whether a value is the one, or one of those, that was asked for (Core, 5.5.1)."""
    if not wish:
        return True
    if "value" in wish:
        return value == wish["value"]
    values = wish.get("values")
    return not isinstance(values, list) or value in values
