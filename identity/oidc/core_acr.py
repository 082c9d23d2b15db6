"""OpenID Connect Core, acr and levels: https://openid.net/specs/openid-connect-core-1_0.html
Implemented: `acr_values` (3.1.2.1), `acr` (2) and essential `acr` (5.5.1.1); levels of GPG 44.
Left out: nothing.
By: ourselves.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

from collections.abc import Iterable

from identity.oidc.asked import Asked
from identity.oidc.claim_names import wishes_of
from identity.signin.levels import LEVELS
from identity.signin.rules import is_level_enough

URN = "urn:clachan:acr:gpg44:"
_LEVEL_OF = {**{level: level for level in LEVELS}, **{f"{URN}{level}": level for level in LEVELS}}
ACR_VALUES = tuple(_LEVEL_OF)


def known_values(values: Iterable[object]) -> tuple[str, ...]:
    """Return the values that name a level here, in their order."""
    return tuple(value for value in values if isinstance(value, str) and value in _LEVEL_OF)


def reaches(level: str, value: str) -> bool:
    """Tell whether a session's level is at least the one that a value names."""
    return value in _LEVEL_OF and is_level_enough(level, _LEVEL_OF[value])


def essential_acr(asked: Asked) -> tuple[str, ...] | None:
    """Return the values of which one must be reached; None where ``acr`` is only a wish.

    Values that are not known here stay: when all are unknown, nothing can be reached.
    """
    wish = wishes_of(asked.claims, "id_token").get("acr")
    if not wish or wish.get("essential") is not True:
        return None
    listed = wish.get("values")
    values = listed if isinstance(listed, list) else [wish["value"]] if "value" in wish else []
    return tuple(str(value) for value in values) if values else None


def acr_of(level: str, asked: Asked) -> str:
    """Return ``acr`` in the client's own words: its first wish that was reached, else the level."""
    wish = wishes_of(asked.claims, "id_token").get("acr") or {}
    listed = wish.get("values")
    named = [*(listed if isinstance(listed, list) else []), wish.get("value")]
    wanted = (*asked.acr_values, *known_values(named))
    return next((value for value in wanted if reaches(level, value)), level)
