"""What a sign-in is worth (GPG 44): a versioned policy as data, and the one way to read it.

The data names every factor that a person can prove, its authentication method references
(RFC 8176), and which factors together reach which level; what reaches none is `low`. A newer
policy is a further entry of the file; sessions name the one that rated them.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

LEVELS = ("low", "medium", "high")


@dataclass(frozen=True)
class Combination:
    """Factors that reach a level: all of one list and, where there is a second, one of it."""

    level: str
    all_of: frozenset[str]
    one_of: frozenset[str]

    def is_met(self, factors: frozenset[str]) -> bool:
        """Tell whether these factors reach the level."""
        return self.all_of <= factors and (not self.one_of or bool(self.one_of & factors))


@dataclass(frozen=True)
class Policy:
    """One version: methods of each factor, and combinations from the highest level down."""

    version: str
    methods: dict[str, tuple[str, ...]]
    combinations: tuple[Combination, ...]

    def level_of(self, factors: Iterable[str]) -> str:
        """Return the level that the proved factors reach together."""
        proved = frozenset(factors)
        met = (one.level for one in self.combinations if one.is_met(proved))
        return max(met, key=LEVELS.index, default=LEVELS[0])

    def methods_of(self, factors: Iterable[str]) -> tuple[str, ...]:
        """Return the method references of the proved factors, each once.

        Raises:
            KeyError: a factor that the policy does not know, which is a mistake of the code.
        """
        found = (method for factor in factors for method in self.methods[factor])
        return tuple(dict.fromkeys(found))


def _read(path: Path) -> dict[str, Policy]:
    stored = json.loads(path.read_text(encoding="utf-8"))
    return {entry["version"]: _policy_of(entry) for entry in stored}


def _policy_of(entry: dict[str, object]) -> Policy:
    factors, levels = entry["factors"], entry["levels"]
    if not isinstance(factors, dict) or not isinstance(levels, list):
        raise TypeError("a policy needs factors and levels")
    combinations = tuple(
        Combination(one["level"], frozenset(one["all_of"]), frozenset(one.get("one_of", ())))
        for one in levels
    )
    if not {name for one in combinations for name in one.all_of | one.one_of} <= set(factors):
        raise ValueError("a policy combines only factors that it names")
    methods = {name: tuple(given) for name, given in factors.items()}
    return Policy(str(entry["version"]), methods, combinations)


POLICIES = _read(Path(__file__).with_name("policies.json"))
CURRENT = POLICIES["gpg44-0.2"]
