"""Reads plain mappings and keeps every fault with its place."""

from collections.abc import Mapping
from datetime import date

from gateway.eligibility.answers import value_of
from gateway.eligibility.expression import Checked, ExpressionError, Kind, Value, check, parse
from shared.errors import FieldError, Invalid

_NAME = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"


class DefinitionError(Invalid):
    """A definition that cannot be used; `fields` hold every fault with its place."""

    def __init__(self, fields: tuple[FieldError, ...]) -> None:
        super().__init__(*fields, code="definition_invalid", title="The definition has faults")

    def __str__(self) -> str:
        return "; ".join(f"{fault.field}: {fault.message}" for fault in self.fields)


class Reader:
    """Collects faults while a definition is read; `refuse_if_faulty` raises them together."""

    def __init__(self, languages: tuple[str, ...] = ()) -> None:
        self.faults: list[FieldError] = []
        self.languages = languages

    def fault(self, place: str, message: str) -> None:
        """Keep one fault."""
        self.faults.append(FieldError(place, message))

    def refuse_if_faulty(self) -> None:
        """Raise DefinitionError with every fault that was kept, if there is one."""
        if self.faults:
            raise DefinitionError(tuple(self.faults))

    def mapping(self, found: object, place: str) -> Mapping[str, object]:
        """A mapping with text keys; an empty one, and a fault, for anything else."""
        if isinstance(found, Mapping) and all(isinstance(key, str) for key in found):
            return found
        self.fault(place, "this must be a mapping of names to values")
        return {}

    def items(self, found: object, place: str) -> list[tuple[str, Mapping[str, object]]]:
        """A list of mappings, each with its place; absent means empty."""
        if found is None:
            return []
        if not isinstance(found, list | tuple):
            self.fault(place, "this must be a list")
            return []
        places = [f"{place}[{index}]" for index in range(len(found))]
        return [(at, self.mapping(part, at)) for at, part in zip(places, found, strict=True)]

    def only(self, data: Mapping[str, object], place: str, allowed: frozenset[str]) -> None:
        """Refuse keys that nobody would read."""
        for key in data:
            if key not in allowed:
                known = ", ".join(sorted(allowed))
                self.fault(f"{place}.{key}" if place else key, f"not known here; known: {known}")

    def text(
        self, data: Mapping[str, object], key: str, place: str, *, optional: bool = False
    ) -> str:
        """A text that is not empty."""
        found = data.get(key)
        if isinstance(found, str) and found.strip():
            return found.strip()
        if not (optional and found is None):
            self.fault(f"{place}.{key}" if place else key, "a text is needed here")
        return ""

    def identifier(self, name: str, place: str) -> None:
        """Refuse what cannot be a name in an expression."""
        if not name or name[0].isdigit() or any(sign not in _NAME for sign in name):
            self.fault(place, f"{name!r} must be made of letters, digits and underscores")

    def texts(
        self, data: Mapping[str, object], key: str, place: str, *, optional: bool = False
    ) -> dict[str, str]:
        """A text in each language of the definition."""
        found, at = data.get(key), f"{place}.{key}" if place else key
        if found is None and optional:
            return {}
        texts = self.mapping(found, at)
        missing = [lang for lang in self.languages if lang not in texts]
        if missing:
            self.fault(at, f"no text in {', '.join(missing)}")
        self.only(texts, at, frozenset(self.languages))
        return {lang: self.text(texts, lang, at) for lang in texts}

    def choice(
        self, data: Mapping[str, object], key: str, place: str, known: frozenset[str]
    ) -> str:
        """One of a few words."""
        found = data.get(key)
        if isinstance(found, str) and found in known:
            return found
        self.fault(f"{place}.{key}", f"one of {', '.join(sorted(known))} is needed here")
        return ""

    def day(self, found: object, place: str) -> date:
        """A calendar day."""
        value = self.value(Kind("date"), found, place)
        return value if isinstance(value, date) else date.min

    def value(self, kind: Kind, found: object, place: str) -> Value | None:
        """A value of a kind."""
        try:
            return value_of(kind, found)
        except ValueError as error:
            self.fault(place, str(error))
            return None

    def expression(
        self,
        data: Mapping[str, object],
        key: str,
        place: str,
        names: Mapping[str, Kind],
        kind: Kind,
    ) -> Checked | None:
        """An expression of a kind over these names; each mistake is a fault with its column."""
        found, at = data.get(key), f"{place}.{key}"
        if isinstance(found, bool | int):
            found = str(found).lower()
        if not isinstance(found, str):
            self.fault(at, "an expression is needed here")
            return None
        try:
            return check(parse(found), names, kind)
        except ExpressionError as error:
            for mistake in error.all:
                self.fault(at, str(mistake))
            return None
