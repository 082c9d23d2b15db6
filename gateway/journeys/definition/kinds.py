"""The kinds of a definition's attributes in the expression language."""

from collections.abc import Mapping

from gateway.eligibility.expression import Kind, enum_of, kind_from
from gateway.journeys.definition.model import Attribute, Definition

OUTCOMES = ("eligible", "not_eligible", "refer", "cannot_tell")
_SPECS: dict[str, dict[str, object]] = {
    "yes_no": {"type": "bool"},
    "text": {"type": "string"},
    "name": {"type": "string"},
    "postcode": {"type": "string"},
    "date": {"type": "date"},
    "number": {"type": "int"},
    "money": {"type": "money"},
}


def spec_of(attribute: Attribute) -> dict[str, object] | None:
    """Return the rule set's description of an attribute, None for what no expression can read."""
    values = [option.value for option in attribute.options]
    if attribute.type == "choose_one":
        return {"type": "enum", "values": values}
    if attribute.type == "choose_many":
        return {"type": "list", "of": "enum", "values": values}
    spec = _SPECS.get(attribute.type)
    if spec is None:
        return None
    limits = {"min": attribute.minimum, "max": attribute.maximum}
    if attribute.type in ("number", "money"):
        return {**spec, **{name: limit for name, limit in limits.items() if limit is not None}}
    return dict(spec)


def condition_names(definition: Definition) -> dict[str, Kind]:
    """Return the names that a step's condition may read: attributes and the decision."""
    names = {
        name: kind_from(spec)
        for name, attribute in definition.attributes.items()
        if (spec := spec_of(attribute)) is not None
    }
    return {**names, "decision.outcome": enum_of(*OUTCOMES), "decision.amount": Kind("money")}


def rules_data(definition: Definition) -> Mapping[str, object]:
    """Return the rule set as eligibility loads it: named attributes take the journey's types."""
    data: dict[str, object] = {"id": definition.id, **definition.rules}
    named = data.get("attributes")
    if isinstance(named, list):
        specs: dict[str, object] = {}
        for name in named:
            attribute = definition.attributes.get(name)
            spec = spec_of(attribute) if attribute is not None else None
            source = "sensitive" if attribute and attribute.sensitivity == "special" else "ask"
            specs[str(name)] = {**(spec or {}), "source": source}
        data["attributes"] = specs
    return data
