"""The life of a signing key: which states follow which, and when."""

from datetime import datetime, timedelta

ALGORITHMS = ("ES256", "RS256", "PS256", "EdDSA")
RSA_BITS = 2048
# Longer than the longest token and any client's copy of the key set; `id_token_hint` profits too.
OVERLAP = timedelta(days=30)

# Public halves that are of no more use than recognising an old `id_token_hint` go after this.
KEPT = timedelta(days=365)

MOVES: dict[str, frozenset[str]] = {
    "next": frozenset({"active"}),
    "active": frozenset({"retiring"}),
    "retiring": frozenset({"retired"}),
    "retired": frozenset(),
}
PUBLISHED = frozenset({"active", "next", "retiring"})


def is_overlap_over(retiring_at: datetime, now: datetime) -> bool:
    """Tell whether nothing that the key signed is still of use."""
    return now - retiring_at >= OVERLAP


def is_rotation_due(activated_at: datetime, every_days: int, now: datetime) -> bool:
    """Tell whether a key has signed for as long as the setting says; 0 days means for ever."""
    return every_days > 0 and now - activated_at >= timedelta(days=every_days)


def publish_order(state: str, activated_at: datetime | None) -> tuple[int, float]:
    """Return where a key stands in the set: the active first, then next, then by age.

    Some clients take the first key without looking at ``kid``.
    """
    rank = {"active": 0, "next": 1}.get(state, 2)
    return rank, -(activated_at.timestamp() if activated_at else 0.0)
