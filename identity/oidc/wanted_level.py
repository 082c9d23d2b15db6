"""Which level of sign-in a flow wants, whatever its client said it with; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from identity.oidc.flows import FlowView
from identity.signin.levels import LEVELS
from identity.signin.queries import SignedInSession
from identity.signin.rules import is_level_enough


@dataclass(frozen=True)
class Wanted:
    """The lowest level that answers a client, and whether it takes less."""

    level: str
    is_essential: bool


def wanted_level(flow: FlowView) -> Wanted | None:
    """Return what a client wants of the sign-in; None when it wants nothing that we know.

    ``acr_values`` are a wish (Core, 3.1.2.1), an essential ``acr`` (5.5.1.1) and vectors of trust
    (RFC 8485) are demands. The last part of a longer name is the level.
    """
    asked = flow.request.asked
    demanded = _essential(asked.claims)
    demanded = [*demanded, *("medium" if "Cm" in vector else "low" for vector in asked.vtr)]
    for values, is_essential in ((demanded, True), (asked.acr_values, False)):
        levels = _known(values)
        if levels:
            return Wanted(min(levels, key=LEVELS.index), is_essential)
    return None


def needs_step_up(flow: FlowView, signed_in: SignedInSession) -> bool:
    """Tell whether the person is to prove more than the session holds.

    A wish is put before the person once, and not at all when the client forbids to ask.
    """
    wanted = wanted_level(flow)
    if wanted is None or is_level_enough(signed_in.level, wanted.level):
        return False
    waived = flow.level_waived_at is not None and flow.account_id == signed_in.account_id
    return wanted.is_essential or not (waived or "none" in flow.prompt)


def _known(values: Iterable[object]) -> list[str]:
    names = (value.rpartition(":")[2] for value in values if isinstance(value, str))
    return [name for name in names if name in LEVELS]


def _essential(claims: Mapping[str, object]) -> list[object]:
    """Return the values of an essential ``acr`` of the ID token."""
    target = claims.get("id_token")
    wish = target.get("acr") if isinstance(target, Mapping) else None
    if not isinstance(wish, Mapping) or wish.get("essential") is not True:
        return []
    listed = wish.get("values")
    return list(listed) if isinstance(listed, list) else [wish.get("value")]
