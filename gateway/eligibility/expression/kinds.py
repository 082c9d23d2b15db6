"""The types of the expression language and which of them go together (contract section 5.2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Base: TypeAlias = Literal["bool", "int", "money", "days", "date", "string", "enum", "list", "any"]

INTEGERS = frozenset({"int", "money", "days"})
ORDERED = INTEGERS | {"date"}


@dataclass(frozen=True, slots=True)
class Kind:
    """One type: `values` of an enum (or of written-out texts), `item` of a list.

    A literal adapts to its neighbour: the 5 in `savings > 5` is money, and a text compared with
    an enum must be one of its values.
    """

    base: Base
    item: "Kind | None" = None
    values: tuple[str, ...] = ()
    literal: bool = False

    def __str__(self) -> str:
        if self.base == "list" and self.item is not None:
            return f"list of {self.item}"
        if self.base == "enum":
            return f"one of {', '.join(self.values)}"
        return {"bool": "true/false", "int": "number", "string": "text"}.get(self.base, self.base)


BOOL = Kind("bool")
INT = Kind("int")
MONEY = Kind("money")
DAYS = Kind("days")
DATE = Kind("date")
STRING = Kind("string")
# Stands for a part that was refused already, so that one mistake gives one message.
ANY = Kind("any")

_SIMPLE: dict[str, Kind] = {
    "bool": BOOL,
    "int": INT,
    "money": MONEY,
    "days": DAYS,
    "date": DATE,
    "string": STRING,
}


def enum_of(*values: str) -> Kind:
    """The kind of an answer that is one of these values."""
    return Kind("enum", values=values)


def list_of(item: Kind) -> Kind:
    """The kind of a list of such items."""
    return Kind("list", item=item)


def kind_from(spec: Mapping[str, object]) -> Kind:
    """Read a kind from a definition: `type`, `values` of an enum, `of` for a list.

    Raises ValueError with a sentence when the definition is not one.
    """
    name = spec.get("type")
    if isinstance(name, str) and name in _SIMPLE:
        return _SIMPLE[name]
    if name == "enum":
        return enum_of(*_values(spec.get("values")))
    if name == "list":
        return list_of(_item(spec))
    known = ", ".join([*_SIMPLE, "enum", "list"])
    message = f"type must be one of {known}, not {name!r}"
    raise ValueError(message)


def _item(spec: Mapping[str, object]) -> Kind:
    of = spec.get("of", "enum" if "values" in spec else None)
    if of == "list":
        message = "a list of lists is not allowed"
        raise ValueError(message)
    return kind_from({**spec, "type": of})


def _values(found: object) -> tuple[str, ...]:
    if not isinstance(found, list | tuple) or not found:
        message = "an enum needs its values"
        raise ValueError(message)
    texts = tuple(value for value in found if isinstance(value, str) and value)
    if len(texts) != len(found) or len(set(texts)) != len(texts):
        message = "the values of an enum must be different texts (put yes and no in quotes)"
        raise ValueError(message)
    return texts


def common(left: Kind, right: Kind) -> Kind | None:
    """The kind both sides agree on, or None when they cannot be compared or exchanged."""
    if "any" in {left.base, right.base}:
        return right if left.base == "any" else left
    if left.base == right.base:
        return _same_base(left, right)
    for one, other in ((left, right), (right, left)):
        if one.base == "int" and one.literal and other.base in INTEGERS:
            return other
        if one.base == "string" and one.literal and other.base == "enum":
            return other if set(one.values) <= set(other.values) else None
    return None


def _same_base(left: Kind, right: Kind) -> Kind | None:
    if left.base == "list":
        item = common(left.item or ANY, right.item or ANY)
        return None if item is None else list_of(item)
    if left.base == "enum":
        shared = set(left.values) & set(right.values)
        return Kind("enum", values=_union(left, right)) if shared else None
    if left.base == "string":
        both = left.literal and right.literal
        return Kind("string", values=_union(left, right), literal=True) if both else STRING
    return Kind(left.base, literal=left.literal and right.literal)


def _union(left: Kind, right: Kind) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*left.values, *right.values)))
