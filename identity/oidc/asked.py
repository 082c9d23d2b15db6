"""What a client asked for beyond scopes, as it is kept with the flow and with what is issued."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, cast


@dataclass(frozen=True)
class Asked:
    """The further wishes of a request; stored as JSON, members at their defaults are left out.

    Attributes:
        claims: the ``claims`` parameter (Core, section 5.5), checked.
        acr_values: wanted levels, the most wanted first (Core, section 3.1.2.1).
        authorization_details: typed permissions (RFC 9396).
        resources: where the access token will be used (RFC 8707).
        vtr: vectors of trust (RFC 8485), as lists of components.
        jkt: thumbprint of the DPoP key that the code is bound to (RFC 9449, section 10).
        identity_given_up: the identity that ``vtr`` asks for was not proved, and is not told.
        persona: the fictitious person that a sandbox client ordered for this flow.
        faults: the mistakes that it ordered.
    """

    claims: Mapping[str, object] = field(default_factory=dict)
    acr_values: tuple[str, ...] = ()
    authorization_details: tuple[Mapping[str, object], ...] = ()
    resources: tuple[str, ...] = ()
    vtr: tuple[tuple[str, ...], ...] = ()
    jkt: str | None = None
    identity_given_up: bool = False
    persona: str | None = None
    faults: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return the members that say something."""
        return {one.name: value for one in fields(self) if (value := getattr(self, one.name))}

    @classmethod
    def from_json(cls, stored: Mapping[str, object]) -> "Asked":
        """Return what ``as_json`` gave, through JSON or not."""
        members = {name: _frozen(name, value) for name, value in stored.items()}
        return cls(**cast("dict[str, Any]", members))


def _frozen(name: str, value: object) -> object:
    """Return lists as the tuples they were before JSON; ``claims`` and details stay as they are."""
    if name == "vtr":
        return tuple(tuple(vector) for vector in cast("Sequence[Sequence[str]]", value))
    return tuple(value) if isinstance(value, list) else value
