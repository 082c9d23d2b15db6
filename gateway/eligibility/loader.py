"""Turns the plain data of a rule set file into a checked rule set (contract section 5.1)."""

from collections.abc import Mapping, Sequence
from typing import cast

from gateway.eligibility.answers import known_answers
from gateway.eligibility.expression import BOOL, DATE, MONEY, Kind, kind_from
from gateway.eligibility.expression.tokens import RESERVED
from gateway.eligibility.reader import DefinitionError, Reader
from gateway.eligibility.rule_set import (
    DECISION_DATE,
    Attribute,
    Criterion,
    Outcome,
    OutcomeRow,
    Parameter,
    Persona,
    RuleSet,
    Severity,
)
from shared.errors import Invalid

# What asking costs the person; an attribute may state a `cost` of its own instead.
COSTS = {"ask": 1.0, "look_up": 0.2, "sensitive": 3.0, "document": 5.0}

_TOP = frozenset(
    {
        "id",
        "version",
        "legal_reference",
        "languages",
        "attributes",
        "parameters",
        "criteria",
        "outcomes",
        "personas",
    }
)
_CRITERION = frozenset(
    {
        "id",
        "expression",
        "severity",
        "reason_true",
        "reason_false",
        "reason_unknown",
        "to_qualify",
        "legal_reference",
    }
)
_OUTCOME = frozenset({"id", "outcome", "when", "amount", "reason"})
_PERSONA = frozenset({"id", "name", "on_date", "answers", "expect"})
_EXPECT = frozenset({"outcome", "amount_pence", "failed", "asked"})
_SEVERITIES = frozenset({"required", "informative", "referral"})
_ROWS = ("not_eligible", "refer", "eligible")
_OUTCOMES = frozenset({*_ROWS, "cannot_tell"})
_KEPT = RESERVED | {"true", "false", "null", "in", "parameters", "criteria", DECISION_DATE}


def load_rule_set(data: Mapping[str, object], languages: Sequence[str] = ()) -> RuleSet:
    """Check a rule set and make it ready for use.

    `languages` are those of the service definition around it, where the data names none itself.
    Raises DefinitionError with every fault and its place.
    """
    reader = Reader()
    reader.only(data, "", _TOP)
    reader.languages = _languages(reader, data.get("languages", list(languages) or ["en"]))
    attributes = _attributes(reader, data.get("attributes"))
    parameters = _parameters(reader, data.get("parameters"))
    names = {name: attribute.kind for name, attribute in attributes.items()}
    names[DECISION_DATE] = DATE
    names |= {f"parameters.{name}": parameter.kind for name, parameter in parameters.items()}
    criteria = _criteria(reader, data.get("criteria"), names)
    rule_set = RuleSet(
        id=reader.text(data, "id", ""),
        version=str(data.get("version", "")) or reader.text(data, "version", ""),
        legal_reference=reader.text(data, "legal_reference", ""),
        languages=reader.languages,
        attributes=attributes,
        parameters=parameters,
        criteria=criteria,
        outcomes=_outcomes(reader, data.get("outcomes"), criteria, names),
        personas=(),
    )
    personas = _personas(reader, data.get("personas"), rule_set)
    reader.refuse_if_faulty()
    return RuleSet(
        rule_set.id,
        rule_set.version,
        rule_set.legal_reference,
        rule_set.languages,
        attributes,
        parameters,
        criteria,
        rule_set.outcomes,
        personas,
    )


def _languages(reader: Reader, found: object) -> tuple[str, ...]:
    known = [lang for lang in found if lang in {"en", "gd"}] if isinstance(found, list) else []
    if not isinstance(found, list) or not known or len(known) != len(found):
        reader.fault("languages", "a list of languages is needed here: en, gd")
        return ("en",)
    return tuple(dict.fromkeys(known))


def _attributes(reader: Reader, found: object) -> dict[str, Attribute]:
    attributes: dict[str, Attribute] = {}
    for name, raw in reader.mapping(found, "attributes").items():
        place = f"attributes.{name}"
        reader.identifier(name, place)
        if name in _KEPT:
            reader.fault(place, f"{name!r} is a word of the language: choose another name")
        spec = reader.mapping(raw, place)
        kind = _kind(reader, spec, place)
        attributes[name] = Attribute(
            name,
            kind,
            _cost(reader, spec, place),
            _limit(reader, spec, "min", kind, place),
            _limit(reader, spec, "max", kind, place),
        )
    return attributes


def _kind(reader: Reader, spec: Mapping[str, object], place: str) -> Kind:
    try:
        return kind_from(spec)
    except ValueError as error:
        reader.fault(f"{place}.type", str(error))
        return Kind("any")


def _cost(reader: Reader, spec: Mapping[str, object], place: str) -> float:
    cost = spec.get("cost", COSTS.get(str(spec.get("source", "ask")), COSTS["ask"]))
    # Costs only rank questions; the bound keeps a typing slip from ruling the order.
    if isinstance(cost, bool) or not isinstance(cost, int | float) or not 0 < cost <= 1000:  # noqa: PLR2004 - the bounds are in the message
        reader.fault(f"{place}.cost", "a number above 0 is needed here")
        return COSTS["ask"]
    return float(cost)


def _limit(
    reader: Reader, spec: Mapping[str, object], key: str, kind: Kind, place: str
) -> int | None:
    if key not in spec:
        return None
    if kind.base not in {"int", "money", "days"}:
        reader.fault(f"{place}.{key}", "only numbers have a smallest and a largest value")
        return None
    value = reader.value(kind, spec[key], f"{place}.{key}")
    return value if isinstance(value, int) else None


def _parameters(reader: Reader, found: object) -> dict[str, Parameter]:
    parameters: dict[str, Parameter] = {}
    for name, raw in reader.mapping({} if found is None else found, "parameters").items():
        place = f"parameters.{name}"
        reader.identifier(name, place)
        spec = reader.mapping(raw, place)
        reader.only(spec, place, frozenset({"type", "of", "values", "choices"}))
        kind = _kind(reader, {**spec, "values": spec.get("choices")}, place)
        dated = []
        for at, entry in reader.items(spec.get("values"), f"{place}.values"):
            reader.only(entry, at, frozenset({"from", "value"}))
            start = reader.day(entry.get("from"), f"{at}.from")
            value = reader.value(kind, entry.get("value"), f"{at}.value")
            if value is not None:
                dated.append((start, value))
        starts = [start for start, _ in dated]
        if not dated or len(set(starts)) != len(starts):
            reader.fault(f"{place}.values", "at least one value is needed, each from its own day")
        parameters[name] = Parameter(name, kind, tuple(sorted(dated, key=lambda pair: pair[0])))
    return parameters


def _criteria(reader: Reader, found: object, names: Mapping[str, Kind]) -> tuple[Criterion, ...]:
    criteria: list[Criterion] = []
    for place, raw in reader.items(found, "criteria"):
        reader.only(raw, place, _CRITERION)
        name = reader.text(raw, "id", place)
        reader.identifier(name or "x", f"{place}.id")
        if any(criterion.id == name for criterion in criteria):
            reader.fault(f"{place}.id", f"{name!r} is used twice")
        severity = reader.choice({"severity": "required", **raw}, "severity", place, _SEVERITIES)
        expression = reader.expression(raw, "expression", place, names, BOOL)
        criterion = expression and Criterion(
            id=name,
            expression=expression,
            severity=cast("Severity", severity),
            reason_true=reader.texts(raw, "reason_true", place),
            reason_false=reader.texts(raw, "reason_false", place),
            reason_unknown=reader.texts(raw, "reason_unknown", place),
            to_qualify=reader.texts(raw, "to_qualify", place, optional=True),
            legal_reference=reader.text(raw, "legal_reference", place, optional=True),
        )
        if criterion:
            criteria.append(criterion)
    if not criteria and not reader.faults:
        reader.fault("criteria", "at least one criterion is needed")
    return tuple(criteria)


def _outcomes(
    reader: Reader, found: object, criteria: tuple[Criterion, ...], names: Mapping[str, Kind]
) -> tuple[OutcomeRow, ...]:
    """The rows as written, then the severities' own rows where none was written for them."""
    verdicts = {f"criteria.{criterion.id}": BOOL for criterion in criteria}
    conditional: list[OutcomeRow] = []
    plain: dict[str, OutcomeRow] = {}
    for place, raw in reader.items(found, "outcomes"):
        reader.only(raw, place, _OUTCOME)
        outcome = cast("Outcome", reader.choice(raw, "outcome", place, frozenset(_ROWS)))
        row = OutcomeRow(
            id=reader.text(raw, "id", place, optional=True) or outcome,
            outcome=outcome,
            when=reader.expression(raw, "when", place, verdicts, BOOL) if "when" in raw else None,
            amount=(
                reader.expression(raw, "amount", place, {**names, **verdicts}, MONEY)
                if "amount" in raw
                else None
            ),
            reason=reader.texts(raw, "reason", place, optional="when" not in raw),
        )
        if "when" in raw:
            conditional.append(row)
        elif outcome in plain:
            reader.fault(place, f"{outcome} stands here twice without a condition")
        else:
            plain[outcome] = row
    rest = [plain.get(o, OutcomeRow(o, cast("Outcome", o))) for o in _ROWS]
    return (*conditional, *rest)


def _personas(reader: Reader, found: object, rule_set: RuleSet) -> tuple[Persona, ...]:
    personas: list[Persona] = []
    for place, raw in reader.items(found, "personas"):
        reader.only(raw, place, _PERSONA)
        answers = reader.mapping(raw.get("answers"), f"{place}.answers")
        for name in answers:
            if name not in rule_set.attributes:
                reader.fault(f"{place}.answers.{name}", "there is no such attribute")
        _check_answers(reader, rule_set, answers, place)
        expect = reader.mapping(raw.get("expect"), f"{place}.expect")
        reader.only(expect, f"{place}.expect", _EXPECT)
        amount = expect.get("amount_pence")
        personas.append(
            Persona(
                id=reader.text(raw, "id", place),
                on_date=reader.day(raw.get("on_date"), f"{place}.on_date"),
                answers=answers,
                outcome=cast(
                    "Outcome", reader.choice(expect, "outcome", f"{place}.expect", _OUTCOMES)
                ),
                amount_pence=amount if isinstance(amount, int) else None,
                failed=_words(expect.get("failed")),
                asked=_words(expect.get("asked")),
            )
        )
    return tuple(personas)


def _check_answers(
    reader: Reader, rule_set: RuleSet, answers: Mapping[str, object], place: str
) -> None:
    try:
        known_answers(rule_set, answers)
    except Invalid as refusal:
        for fault in refusal.fields:
            reader.fault(f"{place}.answers.{fault.field}", fault.message)


def _words(found: object) -> tuple[str, ...] | None:
    return tuple(str(word) for word in found) if isinstance(found, list) else None


__all__ = ["COSTS", "DefinitionError", "load_rule_set"]
