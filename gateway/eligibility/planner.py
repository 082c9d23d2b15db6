"""Chooses the question to ask next: the one that settles most for the least (section 5.3)."""

from collections.abc import Iterator, Mapping
from datetime import date

from gateway.eligibility.answers import known_answers
from gateway.eligibility.decision import choices_of, decide, settle, starting_values
from gateway.eligibility.expression import Evaluated, Value, nodes
from gateway.eligibility.expression.dates import shift
from gateway.eligibility.rule_set import Attribute, RuleSet

# Ages and spans that rules care about, beside the numbers that stand in the rule set itself.
_USUAL_AGES = (0, 5, 17, 40, 70)
_MAX_TRIALS = 12


def next_question(rule_set: RuleSet, answers: Mapping[str, object], on_date: date) -> str | None:
    """The attribute to ask for next, or None when asking cannot change outcome or amount.

    The same rule set, answers and day always give the same question. Raises AnswerError.
    """
    return plan(rule_set, known_answers(rule_set, answers), on_date)


def plan(rule_set: RuleSet, known: Mapping[str, Evaluated], on_date: date) -> str | None:
    """As `next_question`, for answers that were checked before."""
    values = starting_values(rule_set, known, on_date)
    decision = settle(rule_set, values)
    needed = [name for name in rule_set.attributes if name in decision.unsettled.needs]
    if decision.is_settled or not needed:
        return None
    if len(needed) == 1:
        return needed[0]
    landmarks = _landmarks(rule_set)
    gains = {
        name: _gain(rule_set, values, rule_set.attributes[name], landmarks, on_date)
        for name in needed
    }
    return max(needed, key=lambda name: (gains[name], -rule_set.attributes[name].cost))


def _gain(
    rule_set: RuleSet,
    values: Mapping[str, Evaluated],
    attribute: Attribute,
    landmarks: tuple[int, ...],
    on_date: date,
) -> float:
    """How much of what is still needed falls away with this answer, on average, for its cost."""
    before = len(decide(rule_set, values).unsettled.needs)
    trials = trial_answers(attribute, landmarks, on_date)
    fallen = 0.0
    for trial in trials:
        after = decide(rule_set, {**values, attribute.name: trial})
        fallen += before if after.is_settled else before - len(after.unsettled.needs)
    return fallen / len(trials) / attribute.cost


def trial_answers(
    attribute: Attribute, landmarks: tuple[int, ...], on_date: date
) -> tuple[Value, ...]:
    """Answers worth trying: all where they are few, else those around the rule set's numbers."""
    kind = attribute.kind
    choices = choices_of(attribute)
    if choices:
        return choices
    if kind.base == "date":
        return tuple(dict.fromkeys(_dates(landmarks, on_date)))[:_MAX_TRIALS]
    if kind.base == "list":
        values = () if kind.item is None else kind.item.values
        return ((), *((value,) for value in values[: _MAX_TRIALS - 1]))
    if kind.base == "string":
        return ("",)
    around = [n + step for n in landmarks for step in (0, 1)] or [0, 1]
    low, high = attribute.minimum, attribute.maximum
    allowed = [n for n in around if (low is None or n >= low) and (high is None or n <= high)]
    return tuple(dict.fromkeys(allowed or [low or high or 0]))[:_MAX_TRIALS]


def _dates(landmarks: tuple[int, ...], on_date: date) -> Iterator[date]:
    small = [n for n in landmarks if 0 <= n <= 100]  # noqa: PLR2004 - years of a life
    for count in (*small, *_USUAL_AGES):
        yield shift(on_date, -count, "years")
        yield shift(on_date, -count, "weeks")


def _landmarks(rule_set: RuleSet) -> tuple[int, ...]:
    """The numbers that stand in the rule set: its literals and its parameters' values."""
    numbers: set[int] = set()
    for criterion in rule_set.criteria:
        for node in nodes.walk(criterion.expression.root):
            if isinstance(node, nodes.Constant) and type(node.value) is int:
                numbers.add(node.value)
    for parameter in rule_set.parameters.values():
        numbers.update(value for _, value in parameter.values if type(value) is int)
    return tuple(sorted(numbers))
