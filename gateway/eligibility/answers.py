"""Answers as they come from a form or a store, turned into values of the rules."""

from collections.abc import Mapping
from datetime import date, datetime

from gateway.eligibility.expression import Evaluated, Kind, Unknown, Value
from gateway.eligibility.rule_set import Attribute, RuleSet
from shared.errors import FieldError, Invalid

INT64_MAX = 2**63 - 1


class AnswerError(Invalid):
    """Answers that are not of the type that the rule set declares, each with its attribute."""

    def __init__(self, fields: tuple[FieldError, ...]) -> None:
        super().__init__(*fields, code="answers_invalid")


def known_answers(rule_set: RuleSet, answers: Mapping[str, object]) -> dict[str, Evaluated]:
    """The answers that the rule set has a use for; an absent one or None stays unknown.

    Raises AnswerError with every answer of the wrong type or outside its limits.
    """
    known: dict[str, Evaluated] = {}
    wrong: list[FieldError] = []
    for name, attribute in rule_set.attributes.items():
        raw = answers.get(name)
        if raw is None:
            continue
        try:
            known[name] = _answer(attribute, raw)
        except ValueError as error:
            wrong.append(FieldError(name, str(error)))
    if wrong:
        raise AnswerError(tuple(wrong))
    return known


def _answer(attribute: Attribute, raw: object) -> Evaluated:
    if attribute.kind.base == "list" and attribute.kind.item is not None:
        if not isinstance(raw, list | tuple):
            raise ValueError("this must be a list")
        missing = Unknown(frozenset({attribute.name}))
        item = attribute.kind.item
        return tuple(missing if part is None else value_of(item, part) for part in raw)
    value = value_of(attribute.kind, raw)
    if isinstance(value, int):
        _check_limits(attribute, value)
    return value


def _check_limits(attribute: Attribute, value: int) -> None:
    if attribute.minimum is not None and value < attribute.minimum:
        raise ValueError(f"this must be {attribute.minimum} or more")
    if attribute.maximum is not None and value > attribute.maximum:
        raise ValueError(f"this must be {attribute.maximum} or less")


def value_of(kind: Kind, raw: object) -> Value:
    """A plain value of a kind; dates may be written 2026-04-01. Raises ValueError otherwise."""
    if kind.base == "list" and kind.item is not None and isinstance(raw, list | tuple):
        return tuple(value_of(kind.item, part) for part in raw)
    if kind.base == "bool" and isinstance(raw, bool):
        return raw
    if kind.base in {"int", "money", "days"} and isinstance(raw, int):
        if not isinstance(raw, bool) and abs(raw) <= INT64_MAX:
            return raw
    elif kind.base == "date":
        return _date(raw)
    elif isinstance(raw, str) and (kind.base == "string" or raw in kind.values):
        return raw
    raise ValueError(_EXPECTED.get(kind.base, f"this must be {kind}"))


def _date(raw: object) -> date:
    if isinstance(raw, date) and not isinstance(raw, datetime):
        return raw
    if isinstance(raw, str):
        return date.fromisoformat(raw)
    raise ValueError("this must be a date such as 2026-04-01")


_EXPECTED = {
    "bool": "this must be true or false",
    "int": "this must be a whole number",
    "money": "this must be a whole number of pence",
    "days": "this must be a whole number of days",
    "string": "this must be a text",
    "list": "this must be a list",
}
