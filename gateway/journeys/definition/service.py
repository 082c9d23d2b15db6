"""A definition made ready to run: its rule set, its compiled conditions, its pages."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from pydantic import ValidationError

from gateway.eligibility.expression import BOOL, Checked, ExpressionError, Kind, check, parse
from gateway.eligibility.loader import load_rule_set
from gateway.eligibility.reader import DefinitionError
from gateway.eligibility.rule_set import RuleSet
from gateway.journeys.definition import model
from gateway.journeys.definition.kinds import condition_names, rules_data
from gateway.journeys.definition.model import Definition
from shared.errors import FieldError

PageKind = Literal["question", "result", "sign_in", "verify", "review"]
_STEP_PAGES: dict[str, PageKind] = {
    "check": "result",
    "sign_in": "sign_in",
    "verify": "verify",
    "review": "review",
}


@dataclass(frozen=True)
class Page:
    """One address of a journey: a question of an attribute, or the page of a step."""

    key: str
    kind: PageKind
    step: str
    attribute: str = ""


@dataclass(frozen=True)
class Service:
    """One version of a public service."""

    definition: Definition
    version: str
    rule_set: RuleSet
    conditions: Mapping[str, Checked]

    @property
    def id(self) -> str:
        """Return the service's id, which is its address."""
        return self.definition.id

    @cached_property
    def pages(self) -> Mapping[str, Page]:
        """Return every page by its address."""
        return {page.key: page for page in all_pages(self.definition, self.rule_set)}

    @cached_property
    def kinds(self) -> Mapping[str, Kind]:
        """Return the kinds of the names that conditions read."""
        return condition_names(self.definition)

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Return the languages, the default first."""
        return tuple(self.definition.languages)

    def step(self, step_id: str) -> model.Step:
        """Return a step; raises KeyError for one that the definition does not have."""
        for step in self.definition.steps:
            if step.id == step_id:
                return step
        raise KeyError(step_id)

    def attribute(self, name: str) -> model.Attribute:
        """Return an attribute; raises KeyError for an unknown one."""
        return self.definition.attributes[name]


def page_key(attribute: str) -> str:
    """Return the address part of an attribute's question."""
    return attribute.replace("_", "-")


def all_pages(definition: Definition, rule_set: RuleSet) -> Iterator[Page]:
    """Yield the pages in the order of the steps; an attribute asked twice comes twice."""
    for step in definition.steps:
        if isinstance(step, model.Check):
            for name in rule_set.attributes:
                if name in definition.attributes and definition.attributes[name].is_asked:
                    yield Page(page_key(name), "question", step.id, name)
        if isinstance(step, model.Collect):
            for ask in step.asks:
                yield Page(page_key(ask.attribute), "question", step.id, ask.attribute)
        if step.kind in _STEP_PAGES:
            yield Page(step.id, _STEP_PAGES[step.kind], step.id)


def version_of(body: Mapping[str, object]) -> str:
    """Return the version of a definition: 16 characters of the SHA-256 of its JSON.

    The order of the members counts: the first language is the default one, and attributes that
    are worth the same are asked in the order in which they stand.
    """
    canonical = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def load_service(body: Mapping[str, object]) -> Service:
    """Return a definition ready to run.

    Raises DefinitionError with every fault of form, of the rules and of the conditions, each with
    its place.
    """
    definition = _parse(body)
    complete = [name for name, state in definition.languages.items() if state == "complete"]
    faults: list[FieldError] = []
    rule_set: RuleSet | None = None
    try:
        rule_set = load_rule_set(rules_data(definition), complete)
    except DefinitionError as error:
        faults += [FieldError(f"rules.{fault.field}", fault.message) for fault in error.fields]
    conditions: dict[str, Checked] = {}
    names = condition_names(definition)
    for place, expression in written_conditions(definition):
        try:
            conditions[place] = check(parse(expression), names, BOOL)
        except ExpressionError as error:
            faults += [FieldError(f"{place}.when", str(mistake)) for mistake in error.all]
    if faults or rule_set is None:
        raise DefinitionError(tuple(faults))
    return Service(definition, version_of(body), rule_set, conditions)


def written_conditions(definition: Definition) -> Iterator[tuple[str, str]]:
    """Yield each condition with its place: a step's id, or a step's id and an attribute."""
    for step in definition.steps:
        when = getattr(step, "when", None)
        if isinstance(when, str):
            yield f"steps.{step.id}", when
        for ask in step.asks if isinstance(step, model.Collect) else ():
            if ask.when is not None:
                yield f"steps.{step.id}.{ask.attribute}", ask.when


def _parse(body: Mapping[str, object]) -> Definition:
    try:
        return Definition.model_validate(body)
    except ValidationError as error:
        raise DefinitionError(
            tuple(
                FieldError(_place(fault["loc"]), fault["msg"].removeprefix("Value error, "))
                for fault in error.errors(include_url=False)
            )
        ) from error


def _place(location: tuple[int | str, ...]) -> str:
    kinds = {"root"}
    return ".".join(str(part) for part in location if part not in kinds) or "definition"
