"""Runs the invented people of a rule set: the proof that it still decides as intended (4.6)."""

from dataclasses import dataclass

from gateway.eligibility.planner import next_question
from gateway.eligibility.rule_set import Persona, RuleSet
from gateway.eligibility.rules import evaluate


@dataclass(frozen=True, slots=True)
class PersonaFailure:
    """A persona that the rules decide differently from what its author expects."""

    persona: str
    message: str


def run_personas(rule_set: RuleSet) -> tuple[PersonaFailure, ...]:
    """Every difference between expectation and decision; empty when the rules keep their word."""
    return tuple(
        PersonaFailure(persona.id, message)
        for persona in rule_set.personas
        for message in _differences(rule_set, persona)
    )


def questions_asked(rule_set: RuleSet, persona: Persona) -> tuple[str, ...]:
    """The attributes the planner asks a persona for, in order, until it is settled.

    Stops at a question to which the persona has no answer.
    """
    asked: list[str] = []
    given: dict[str, object] = {}
    while True:
        name = next_question(rule_set, given, persona.on_date)
        if name is None or persona.answers.get(name) is None:
            return tuple(asked)
        asked.append(name)
        given[name] = persona.answers[name]


def _differences(rule_set: RuleSet, persona: Persona) -> list[str]:
    result = evaluate(rule_set, persona.answers, persona.on_date, rule_set.languages[0])
    found = [f"expected {persona.outcome}, decided {result.outcome}"]
    found = found if result.outcome != persona.outcome else []
    if persona.amount_pence is not None and result.amount_pence != persona.amount_pence:
        found.append(f"expected {persona.amount_pence} pence, decided {result.amount_pence}")
    failed = tuple(c.id for c in result.criteria if c.verdict is False)
    if persona.failed is not None and set(failed) != set(persona.failed):
        found.append(f"expected {list(persona.failed)} to fail, {list(failed)} did")
    asked = questions_asked(rule_set, persona) if persona.asked is not None else None
    if asked != persona.asked:
        found.append(f"expected the questions {persona.asked}, asked were {asked}")
    return found
