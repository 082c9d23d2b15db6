"""Who does something: handed to every action, written to every audit line."""

from dataclasses import dataclass, field
from typing import Literal

ActorKind = Literal["citizen", "staff", "service", "system"]


@dataclass(frozen=True)
class Actor:
    """A person, a program or the platform itself, with what it may do."""

    kind: ActorKind
    id: str
    organisation: str | None = None
    roles: frozenset[str] = field(default_factory=frozenset)
    name: str = ""
    # What gives a person roles for now that are not theirs, such as an emergency; told in audit.
    under: str = ""


SYSTEM = Actor(kind="system", id="system", name="Clachan")
