"""The planner asks little, never in vain, and always the same."""

from datetime import date
from itertools import product
from random import Random

import pytest

from gateway.eligibility import RuleSet, evaluate, load_rule_set, next_question
from gateway.eligibility.decision import decide, starting_values
from tests.gateway.eligibility.rule_sets import of_criteria, warm_home

DAY = date(2026, 5, 1)
BOOL = {"type": "bool"}


def seeded(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - a sample, not a secret


def asked(rules: RuleSet, truth: dict[str, object]) -> list[str]:
    given: dict[str, object] = {}
    while (name := next_question(rules, given, DAY)) is not None:
        assert name not in given
        given[name] = truth[name]
    return list(given)


def test_an_attribute_that_cannot_change_the_outcome_is_never_asked() -> None:
    rules = load_rule_set(warm_home())
    refused = {"in_scotland": False, "born": "1990-01-01"}
    assert next_question(rules, refused, DAY) is None
    everything = {
        "born": "1990-01-01",
        "in_scotland": True,
        "benefit": "universal_credit",
        "children": 0,
        "tenant_of": "own",
    }
    assert set(asked(rules, everything)) == everything.keys(), "neither savings nor heating"


def test_what_matters_only_for_the_amount_is_asked_last_and_only_of_the_eligible() -> None:
    rules = load_rule_set(warm_home())
    truth = {
        "born": "1990-01-01",
        "in_scotland": True,
        "benefit": "none",
        "savings": 100,
        "children": 2,
        "tenant_of": "own",
    }
    assert asked(rules, truth)[-1] == "children"
    assert "children" not in asked(rules, {**truth, "savings": 9_000_000})


def test_the_dear_question_waits_for_the_cheap_ones() -> None:
    attributes = {"secret": {**BOOL, "source": "document"}, "easy": BOOL}
    rules = load_rule_set(of_criteria(attributes, "secret", "easy"))
    assert next_question(rules, {}, DAY) == "easy"
    assert next_question(rules, {"easy": False}, DAY) is None


def test_a_list_is_asked_before_what_its_items_are_compared_with() -> None:
    attributes = {"limit": {"type": "int"}, "ages": {"type": "list", "of": "int"}}
    rules = load_rule_set(of_criteria(attributes, "ages.exists(a, a < limit)"))
    assert next_question(rules, {"ages": []}, DAY) is None
    assert next_question(rules, {"ages": [3]}, DAY) == "limit"


def test_the_same_answers_give_the_same_question() -> None:
    for seed in range(20):
        data = random_rule_set(seeded(seed))
        assert asked(load_rule_set(data), truth_of(seed)) == asked(
            load_rule_set(data), truth_of(seed)
        )


NAMES = [f"q{index}" for index in range(6)]
ATTRIBUTES: dict[str, object] = {
    name: BOOL if index % 2 else {"type": "enum", "values": ["x", "y", "z"]}
    for index, name in enumerate(NAMES)
}


def condition(random: Random, name: str) -> str:
    if ATTRIBUTES[name] == BOOL:
        return name if random.random() < 0.7 else f"!{name}"
    return random.choice([f"{name} == 'x'", f"{name} in ['x', 'y']", f"{name} != 'z'"])


def random_rule_set(random: Random) -> dict[str, object]:
    """Up to four criteria of one to three conditions, as real schemes have them."""

    def criterion() -> str:
        names = random.sample(NAMES, random.randint(1, 3))
        return random.choice([" && ", " || ", " || "]).join(condition(random, n) for n in names)

    expressions = [criterion() for _ in range(random.randint(2, 4))]
    data = of_criteria(ATTRIBUTES, *expressions)
    if random.random() < 0.3:
        data["criteria"][-1]["severity"] = "referral"  # type: ignore[index]  # another shape would fail the test
    return data


def truth_of(seed: int) -> dict[str, object]:
    random = seeded(seed + 1000)
    return {
        name: random.random() < 0.5 if ATTRIBUTES[name] == BOOL else random.choice("xyz")
        for name in NAMES
    }


def values_of(name: str) -> list[object]:
    return [True, False] if ATTRIBUTES[name] == BOOL else ["x", "y", "z"]


@pytest.mark.parametrize("seed", range(30))
def test_on_every_path_a_question_can_change_the_outcome_and_the_end_is_the_truth(
    seed: int,
) -> None:
    rules = load_rule_set(random_rule_set(seeded(seed)))

    def outcomes(given: dict[str, object], names: list[str]) -> set[str]:
        return {
            evaluate(rules, {**given, **dict(zip(names, values, strict=True))}, DAY, "en").outcome
            for values in product(*(values_of(name) for name in names))
        }

    given: dict[str, object] = {}
    truth = truth_of(seed)
    while (name := next_question(rules, given, DAY)) is not None:
        others = [other for other in NAMES if other not in given and other != name]
        rows = [
            {
                evaluate(
                    rules, {**given, name: v, **dict(zip(others, rest, strict=True))}, DAY, "en"
                ).outcome
                for v in values_of(name)
            }
            for rest in product(*(values_of(other) for other in others))
        ]
        assert any(len(row) > 1 for row in rows), f"{name} cannot change the outcome"
        given[name] = truth[name]
    rest = [name for name in NAMES if name not in given]
    assert outcomes(given, rest) == {evaluate(rules, given, DAY, "en").outcome}


def test_at_least_thirty_percent_fewer_questions_than_in_fixed_order() -> None:
    """Against the fairest form: in file order, only what is used, stopping early."""
    random = seeded(42)
    planned = in_order = whole_form = 0
    for seed in range(150):
        rules = load_rule_set(random_rule_set(random))
        used = {name for c in rules.criteria for name in c.expression.names}
        truth = truth_of(seed)
        planned += len(asked(rules, truth))
        whole_form += len(used)
        in_order += _asked_in_order(rules, [name for name in NAMES if name in used], truth)
    figures = f"planned {planned}, in order {in_order}, whole form {whole_form}"
    assert planned <= 0.7 * in_order, figures
    assert planned <= 0.5 * whole_form, figures


def _asked_in_order(rules: RuleSet, names: list[str], truth: dict[str, object]) -> int:
    for count in range(len(names) + 1):
        known = {name: truth[name] for name in names[:count]}
        if decide(rules, starting_values(rules, known, DAY)).is_settled:  # type: ignore[arg-type]  # a double, or a value that the test chose
            return count
    return len(names)
