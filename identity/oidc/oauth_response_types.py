"""OAuth 2.0 Multiple Response Types: https://openid.net/specs/oauth-v2-multiple-response-types-1_0.html
Implemented: sections 2.1, 3 and 5: combined types in any order, `query`, `fragment`, `form_post`.
Left out: section 4, the type `none`, and the type `token` alone: OpenID Connect uses neither.
By: ourselves.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

_ORDER = ("code", "id_token", "token")
_IN_FRONT = frozenset({"id_token", "token"})


def canonical_type(response_type: str) -> str:
    """Return a response type with its words in the order of the registry; unknown words stay."""
    words = response_type.split()
    known = [word for word in _ORDER if word in words]
    return " ".join(known) if sorted(known) == sorted(words) else response_type


def default_mode(response_type: str | None) -> str:
    """Return how the answer travels unless asked otherwise; tokens never stand in a query."""
    return "fragment" if brings_tokens(response_type) else "query"


def brings_tokens(response_type: str | None) -> bool:
    """Tell whether the answer itself carries a token, not only a code."""
    return bool(_IN_FRONT & set((response_type or "").split()))


def brings(response_type: str, word: str) -> bool:
    """Tell whether the answer carries ``code``, ``id_token`` or ``token``."""
    return word in response_type.split()
