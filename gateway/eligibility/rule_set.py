"""A rule set as it is after loading: typed, checked, immutable (contract section 5.1)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, TypeAlias

from gateway.eligibility.expression import Checked, Evaluated, Kind, Value

Severity: TypeAlias = Literal["required", "informative", "referral"]
Outcome: TypeAlias = Literal["eligible", "not_eligible", "cannot_tell", "refer"]
Texts: TypeAlias = Mapping[str, str]

DECISION_DATE = "decision_date"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One fact about the person; `cost` is what asking for it costs them (a plain question: 1)."""

    name: str
    kind: Kind
    cost: float = 1.0
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A figure of the law with the days from which each value holds, oldest first."""

    name: str
    kind: Kind
    values: tuple[tuple[date, Value], ...]

    def value_on(self, day: date) -> Value | None:
        """The value that holds on a day, or None before the first one."""
        held = [value for start, value in self.values if start <= day]
        return held[-1] if held else None


@dataclass(frozen=True, slots=True)
class Criterion:
    """One condition; what its being false means is its severity."""

    id: str
    expression: Checked
    severity: Severity
    reason_true: Texts
    reason_false: Texts
    reason_unknown: Texts
    to_qualify: Texts
    legal_reference: str


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """One way the decision can go; without `when`, the severities of the criteria decide."""

    id: str
    outcome: Outcome
    when: Checked | None = None
    amount: Checked | None = None
    reason: Texts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Persona:
    """An invented person with the decision that the rules must give them on a day."""

    id: str
    on_date: date
    answers: Mapping[str, object]
    outcome: Outcome
    amount_pence: int | None
    failed: tuple[str, ...] | None
    asked: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class RuleSet:
    """A published set of rules; the rows of `outcomes` are tried in order, the first wins."""

    id: str
    version: str
    legal_reference: str
    languages: tuple[str, ...]
    attributes: Mapping[str, Attribute]
    parameters: Mapping[str, Parameter]
    criteria: tuple[Criterion, ...]
    outcomes: tuple[OutcomeRow, ...]
    personas: tuple[Persona, ...]

    def text(self, texts: Texts, language: str) -> str:
        """A text in a language, in the rule set's first language where there is no other."""
        return texts.get(language) or texts.get(self.languages[0], "")


Known: TypeAlias = Mapping[str, Evaluated]
