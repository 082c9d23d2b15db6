"""What an expression can be worth: a value, or unknown together with what would settle it."""

from dataclasses import dataclass
from datetime import date
from typing import TypeAlias, Union

Value: TypeAlias = Union[bool, int, str, date, tuple["Evaluated", ...]]  # noqa: UP007 - recursive


@dataclass(frozen=True, slots=True)
class Unknown:
    """No value yet: `needs` are the absent attributes that may still decide it.

    `failures` are sentences about arithmetic that has no answer (a division by zero, a date
    outside the calendar, a parameter that has no value on the day): asking does not help there.
    """

    needs: frozenset[str] = frozenset()
    failures: frozenset[str] = frozenset()


Evaluated: TypeAlias = Union[Value, Unknown]  # noqa: UP007 - recursive


def merge(*parts: Evaluated) -> Unknown:
    """One unknown that carries what all unknown parts need; known parts add nothing."""
    needs: frozenset[str] = frozenset()
    failures: frozenset[str] = frozenset()
    for part in parts:
        if isinstance(part, Unknown):
            needs |= part.needs
            failures |= part.failures
        elif isinstance(part, tuple):
            inner = merge(*part)
            needs |= inner.needs
            failures |= inner.failures
    return Unknown(needs, failures)


def equal(left: Value, right: Value) -> bool | Unknown:
    """Compare two known values; lists are unknown as long as an item decides it and is unknown."""
    if not isinstance(left, tuple) or not isinstance(right, tuple):
        return left == right
    if len(left) != len(right):
        return False
    verdicts = [equal_or_unknown(one, other) for one, other in zip(left, right, strict=True)]
    if any(verdict is False for verdict in verdicts):
        return False
    return True if all(verdict is True for verdict in verdicts) else merge(*verdicts)


def equal_or_unknown(left: Evaluated, right: Evaluated) -> bool | Unknown:
    """Compare two values of which either may be unknown."""
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return merge(left, right)
    return equal(left, right)
