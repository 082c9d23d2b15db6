"""Decides a rule set with what is known, and finds what is still missing (section 5.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import product
from math import prod

from gateway.eligibility.expression import Evaluated, Unknown, Value, evaluate
from gateway.eligibility.expression.values import merge
from gateway.eligibility.rule_set import DECISION_DATE, Attribute, Outcome, OutcomeRow, RuleSet

# Up to so many ways to complete the answers are tried out one by one. They settle what
# three-valued logic alone leaves open, such as `a || !a`.
MAX_COMPLETIONS = 128
MAX_RANGE = 16


@dataclass(frozen=True, slots=True)
class Decision:
    """How the rows stand: a settled row and amount, or the attributes that would settle them.

    `outcome` is None while it is open. `amount` is None where the outcome has none.
    """

    verdicts: Mapping[str, Evaluated]
    rows: tuple[OutcomeRow, ...]
    outcome: Outcome | None
    amount: Evaluated | None
    unsettled: Unknown

    @property
    def is_settled(self) -> bool:
        """Whether outcome and amount are both decided."""
        return self.outcome is not None and not isinstance(self.amount, Unknown)


def starting_values(
    rule_set: RuleSet, known: Mapping[str, Evaluated], on_date: date
) -> dict[str, Evaluated]:
    """The names in scope of a decision: answers, the day, and the parameters of that day."""
    values = dict(known)
    values[DECISION_DATE] = on_date
    for name, parameter in rule_set.parameters.items():
        value = parameter.value_on(on_date)
        missing = Unknown(failures=frozenset({f"{name} has no value on {on_date.isoformat()}"}))
        values[f"parameters.{name}"] = missing if value is None else value
    return values


def decide(rule_set: RuleSet, values: Mapping[str, Evaluated]) -> Decision:
    """Decide by three-valued logic alone: sound, quick, and open where a look ahead is needed."""
    verdicts = {c.id: evaluate(c.expression, values) for c in rule_set.criteria}
    scope = {**values, **{f"criteria.{name}": verdict for name, verdict in verdicts.items()}}
    rows: list[OutcomeRow] = []
    doubts: list[Unknown] = []
    for row in rule_set.outcomes:
        applies = _applies(rule_set, row, scope)
        if applies is False:
            continue
        rows.append(row)
        if applies is True:
            break
        doubts.append(merge(applies))
    outcomes: set[Outcome] = {row.outcome for row in rows}
    if len(outcomes) != 1:
        return Decision(verdicts, tuple(rows), None, None, merge(*doubts))
    amount = _amount(tuple(rows), scope, doubts)
    unsettled = amount if isinstance(amount, Unknown) else Unknown()
    return Decision(verdicts, tuple(rows), outcomes.pop(), amount, unsettled)


def _applies(rule_set: RuleSet, row: OutcomeRow, scope: Mapping[str, Evaluated]) -> Evaluated:
    """Whether a row is the decision, given that no row above it is."""
    if row.when is not None:
        return evaluate(row.when, scope)
    if row.outcome == "eligible":
        return True
    severity = "required" if row.outcome == "not_eligible" else "referral"
    verdicts = [scope[f"criteria.{c.id}"] for c in rule_set.criteria if c.severity == severity]
    if any(verdict is False for verdict in verdicts):
        return True
    unknown = [verdict for verdict in verdicts if isinstance(verdict, Unknown)]
    return merge(*unknown) if unknown else False


def _amount(
    rows: tuple[OutcomeRow, ...], scope: Mapping[str, Evaluated], doubts: list[Unknown]
) -> Evaluated | None:
    amounts = [None if row.amount is None else _pence(evaluate(row.amount, scope)) for row in rows]
    known = [amount for amount in amounts if not isinstance(amount, Unknown)]
    if len(known) == len(amounts) and len(set(known)) == 1:
        return known[0]
    return merge(*doubts, *(amount for amount in amounts if isinstance(amount, Unknown)))


def _pence(amount: Evaluated) -> Evaluated:
    if isinstance(amount, int) and amount < 0:
        return Unknown(failures=frozenset({"the amount would be below zero"}))
    return amount


def settle(rule_set: RuleSet, values: Mapping[str, Evaluated]) -> Decision:
    """Decide, and where the answers can be completed in few ways, look at every one of them.

    What all completions agree on is settled; an attribute that changes none is not needed.
    """
    decision = decide(rule_set, values)
    if decision.is_settled or not decision.unsettled.needs:
        return decision
    needs = sorted(decision.unsettled.needs)
    choices = [choices_of(rule_set.attributes[name]) for name in needs]
    if any(not options for options in choices) or prod(map(len, choices)) > MAX_COMPLETIONS:
        return decision
    completed = [
        decide(rule_set, {**values, **dict(zip(needs, answers, strict=True))})
        for answers in product(*choices)
    ]
    return _agree(decision, completed, needs, [len(options) for options in choices])


def _agree(
    decision: Decision, completed: list[Decision], needs: list[str], sizes: list[int]
) -> Decision:
    left = merge(*(each.unsettled for each in completed))
    outcomes = [each.outcome for each in completed]
    outcome = outcomes[0]
    if any(each != outcome for each in outcomes):
        unsettled = Unknown(_relevant(outcomes, needs, sizes), left.failures)
        return replace(decision, unsettled=unsettled)
    if outcome is None:
        return replace(decision, unsettled=left)
    amounts = [each.amount for each in completed]
    unsettled = Unknown(_relevant(amounts, needs, sizes) | left.needs, left.failures)
    amount = unsettled if unsettled.needs or unsettled.failures else amounts[0]
    return replace(decision, outcome=outcome, amount=amount, unsettled=unsettled)


def _relevant(answers: Sequence[object], needs: list[str], sizes: list[int]) -> frozenset[str]:
    """The attributes of which two values, all else equal, give different answers."""
    relevant: set[str] = set()
    stride = len(answers)
    for name, size in zip(needs, sizes, strict=True):
        stride //= size
        block = stride * size
        for index, answer in enumerate(answers):
            base = index - index % block + index % stride
            if answer != answers[base]:
                relevant.add(name)
                break
    return frozenset(relevant)


def choices_of(attribute: Attribute) -> tuple[Value, ...]:
    """Every value that an attribute can have, or none when they are too many to list."""
    if attribute.kind.base == "bool":
        return (True, False)
    if attribute.kind.base == "enum":
        return attribute.kind.values
    if attribute.minimum is None or attribute.maximum is None:
        return ()
    if attribute.maximum - attribute.minimum >= MAX_RANGE:
        return ()
    return tuple(range(attribute.minimum, attribute.maximum + 1))
