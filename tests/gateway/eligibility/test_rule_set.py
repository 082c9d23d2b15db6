from copy import deepcopy
from datetime import date

import pytest

from gateway.eligibility import (
    AnswerError,
    DefinitionError,
    RuleSet,
    evaluate,
    load_rule_set,
    run_personas,
)
from tests.gateway.eligibility.rule_sets import WARM_HOME, of_criteria, reasons, warm_home

DAY = date(2026, 5, 1)
FULL: dict[str, object] = {
    "born": "1990-01-01",
    "in_scotland": True,
    "benefit": "pension_credit",
    "children": 1,
    "tenant_of": "rent",
}


@pytest.fixture
def rules() -> RuleSet:
    return load_rule_set(warm_home())


def test_eligible_with_the_amount_of_the_day(rules: RuleSet) -> None:
    result = evaluate(rules, FULL, DAY, "en")
    assert (result.outcome, result.amount_pence) == ("eligible", 36000)
    assert result.reasons == ("adult: yes", "resident: yes", "low_income: yes")
    assert evaluate(rules, FULL, date(2026, 3, 31), "en").amount_pence == 35000


def test_one_false_required_criterion_refuses_whatever_else_is_missing(rules: RuleSet) -> None:
    result = evaluate(rules, {"in_scotland": False}, DAY, "en")
    assert (result.outcome, result.amount_pence) == ("not_eligible", None)
    assert result.reasons == ("resident: no",)
    assert result.unsettled == ()
    assert [c.verdict for c in result.criteria] == [None, False, None, None, None]


def test_a_refusal_says_what_would_change_it_and_by_which_rule(rules: RuleSet) -> None:
    result = evaluate(rules, {**FULL, "benefit": "none", "savings": 1600000}, DAY, "en")
    income = result.criteria[2]
    assert result.outcome == "not_eligible"
    assert income.to_qualify == "Apply again if you start to get a benefit."
    assert income.legal_reference == "Regulation 4"
    assert result.criteria[0].legal_reference == "Illustrative scheme"
    assert [(r.name, r.value) for r in income.read] == [("benefit", "none"), ("savings", 1600000)]


def test_a_false_referral_refers_only_when_nothing_refuses(rules: RuleSet) -> None:
    other = {**FULL, "tenant_of": "other_scheme"}
    result = evaluate(rules, other, DAY, "en")
    assert (result.outcome, result.reasons) == ("refer", ("our_scheme: no",))
    assert evaluate(rules, {**other, "in_scotland": False}, DAY, "en").outcome == "not_eligible"


def test_a_missing_answer_is_unknown_and_never_no(rules: RuleSet) -> None:
    result = evaluate(rules, {**FULL, "in_scotland": None}, DAY, "en")
    assert (result.outcome, result.unsettled) == ("cannot_tell", ("in_scotland",))
    assert result.reasons == ("resident: not known",)


def test_an_open_amount_is_named_although_the_outcome_is_known(rules: RuleSet) -> None:
    without = {name: value for name, value in FULL.items() if name != "children"}
    result = evaluate(rules, without, DAY, "en")
    assert (result.outcome, result.amount_pence, result.unsettled) == (
        "eligible",
        None,
        ("children",),
    )


def test_before_the_first_value_of_a_parameter_nothing_is_invented(rules: RuleSet) -> None:
    result = evaluate(rules, FULL, date(2025, 3, 31), "en")
    assert result.amount_pence is None
    assert result.unsettled == ()
    assert "base has no value on 2025-03-31" in result.failures


def test_the_result_can_be_computed_again_from_what_it_stores(rules: RuleSet) -> None:
    result = evaluate(rules, FULL, DAY, "en")
    again = evaluate(rules, result.inputs, result.on_date, result.language)
    assert again == result
    assert again.as_dict() == result.as_dict()
    assert result.as_dict()["on_date"] == "2026-05-01"


def test_reasons_come_in_the_language_asked_and_fall_back_to_the_first() -> None:
    data = of_criteria({"a": {"type": "bool"}}, "a", languages=["en", "gd"])
    texts = {"en": "You live here.", "gd": "Tha sibh a' fuireach an seo."}
    data["criteria"] = [{"id": "c", "expression": "a", **dict.fromkeys(reasons("c"), texts)}]
    rules = load_rule_set(data)
    assert evaluate(rules, {"a": True}, DAY, "gd").reasons == (texts["gd"],)
    assert evaluate(rules, {"a": True}, DAY, "pl").reasons == (texts["en"],)


def test_rows_with_conditions_are_tried_in_order_before_the_severities() -> None:
    data = of_criteria({"a": {"type": "bool"}, "b": {"type": "bool"}}, "a", "b")
    data["outcomes"] = [
        {
            "id": "both",
            "outcome": "eligible",
            "when": "criteria.c0 && criteria.c1",
            "amount": 200,
            "reason": {"en": "Both."},
        },
        {
            "id": "one",
            "outcome": "eligible",
            "when": "criteria.c0 || criteria.c1",
            "amount": 100,
            "reason": {"en": "One."},
        },
    ]
    rules = load_rule_set(data)

    def decided(**answers: object) -> tuple[str, int | None]:
        result = evaluate(rules, answers, DAY, "en")
        return result.outcome, result.amount_pence

    assert decided(a=True, b=True) == ("eligible", 200)
    assert decided(a=True, b=False) == ("eligible", 100)
    assert decided(a=True) == ("eligible", None)
    assert decided(a=False, b=False) == ("not_eligible", None)
    assert evaluate(rules, {"a": True, "b": True}, DAY, "en").reasons[0] == "Both."


def test_what_every_completion_agrees_on_is_decided() -> None:
    data = of_criteria({"a": {"type": "bool"}, "b": {"type": "bool"}}, "a || !a", "b == b")
    assert evaluate(load_rule_set(data), {}, DAY, "en").outcome == "eligible"
    contradiction = load_rule_set(of_criteria({"a": {"type": "bool"}}, "a", "!a"))
    result = evaluate(contradiction, {}, DAY, "en")
    assert (result.outcome, result.unsettled) == ("not_eligible", ())
    assert result.reasons, "a refusal has a reason even then"


@pytest.mark.parametrize(
    ("answers", "field", "message"),
    [
        ({"born": "1 May"}, "born", "Invalid isoformat"),
        ({"in_scotland": "yes"}, "in_scotland", "true or false"),
        ({"benefit": "lottery"}, "benefit", "one of none"),
        ({"savings": -1}, "savings", "0 or more"),
        ({"savings": 10.5}, "savings", "pence"),
        ({"children": True}, "children", "whole number"),
        ({"children": 13}, "children", "12 or less"),
    ],
)
def test_answers_of_the_wrong_type_are_refused_by_name(
    rules: RuleSet, answers: dict[str, object], field: str, message: str
) -> None:
    with pytest.raises(AnswerError) as refusal:
        evaluate(rules, answers, DAY, "en")
    (fault,) = refusal.value.fields
    assert fault.field == field
    assert message in fault.message


def test_answers_that_the_rules_do_not_know_are_left_alone(rules: RuleSet) -> None:
    result = evaluate(rules, {**FULL, "shoe_size": 44}, DAY, "en")
    assert result.outcome == "eligible"
    assert "shoe_size" not in result.inputs


def test_personas_hold_and_a_broken_one_says_what_differs() -> None:
    data = warm_home()
    assert run_personas(load_rule_set(data)) == ()
    broken = deepcopy(WARM_HOME["personas"])
    assert isinstance(broken, list)
    broken[0]["expect"] = {"outcome": "refer", "amount_pence": 1, "failed": ["adult"], "asked": []}
    failures = run_personas(load_rule_set(warm_home(personas=broken)))
    assert [failure.persona for failure in failures] == ["young mother"] * 4


FAULTS: list[tuple[dict[str, object], str]] = [
    ({"colour": "red"}, "colour"),
    ({"id": ""}, "id"),
    ({"languages": ["en", "fr"]}, "languages"),
    ({"attributes": []}, "attributes"),
    ({"attributes": {"born": {"type": "float"}}}, "attributes.born.type"),
    ({"attributes": {"e": {"type": "enum"}}}, "attributes.e.type"),
    ({"attributes": {"e": {"type": "enum", "values": [True]}}}, "attributes.e.type"),
    ({"attributes": {"decision_date": {"type": "date"}}}, "attributes.decision_date"),
    ({"attributes": {"a b": {"type": "date"}}}, "attributes.a b"),
    ({"attributes": {"a": {"type": "bool", "min": 1}}}, "attributes.a.min"),
    ({"attributes": {"a": {"type": "bool", "cost": 0}}}, "attributes.a.cost"),
    ({"parameters": {"p": {"type": "money", "values": []}}}, "parameters.p.values"),
    (
        {"parameters": {"p": {"type": "money", "values": [{"from": "soon", "value": 1}]}}},
        "parameters.p.values[0].from",
    ),
    (
        {"parameters": {"p": {"type": "money", "values": [{"from": "2026-01-01", "value": 1.5}]}}},
        "parameters.p.values[0].value",
    ),
    ({"criteria": []}, "criteria"),
    ({"criteria": [{"id": "c", **reasons("c")}]}, "criteria[0].expression"),
    ({"criteria": [{"id": "c", "expression": "nobody", **reasons("c")}]}, "criteria[0].expression"),
    ({"criteria": [{"id": "c", "expression": "in_scotland"}]}, "criteria[0].reason_false"),
    (
        {"criteria": [{"id": "c", "expression": "true", "severity": "grave", **reasons("c")}]},
        "criteria[0].severity",
    ),
    (
        {"criteria": [{"id": "c", "expression": "true", **reasons("c")}] * 2, "outcomes": []},
        "criteria[1].id",
    ),
    ({"outcomes": [{"outcome": "cannot_tell"}]}, "outcomes[0].outcome"),
    ({"outcomes": [{"outcome": "eligible", "amount": "in_scotland"}]}, "outcomes[0].amount"),
    ({"outcomes": [{"outcome": "refer", "when": "in_scotland"}]}, "outcomes[0].when"),
    ({"outcomes": [{"outcome": "refer", "when": "criteria.adult"}]}, "outcomes[0].reason"),
    ({"outcomes": [{"outcome": "refer"}] * 2}, "outcomes[1]"),
    (
        {
            "personas": [
                {
                    "id": "p",
                    "on_date": "2026-01-01",
                    "answers": {"born": 3, "x": 1},
                    "expect": {"outcome": "refer"},
                }
            ]
        },
        "personas[0].answers.born",
    ),
    (
        {
            "personas": [
                {
                    "id": "p",
                    "on_date": "2026-01-01",
                    "answers": {"x": 1},
                    "expect": {"outcome": "refer"},
                }
            ]
        },
        "personas[0].answers.x",
    ),
]


@pytest.mark.parametrize(("changes", "place"), FAULTS, ids=[place for _, place in FAULTS])
def test_a_fault_is_named_with_its_place(changes: dict[str, object], place: str) -> None:
    with pytest.raises(DefinitionError) as refusal:
        load_rule_set(warm_home(**changes))
    assert place in [fault.field for fault in refusal.value.fields]


def test_all_faults_come_at_once() -> None:
    data = of_criteria({"a": {"type": "bool"}}, "a == 1", "b", colour="red")
    with pytest.raises(DefinitionError) as refusal:
        load_rule_set(data)
    places = [fault.field for fault in refusal.value.fields]
    assert places == ["colour", "criteria[0].expression", "criteria[1].expression"]


def test_a_missing_translation_is_a_fault() -> None:
    with pytest.raises(DefinitionError, match="no text in gd"):
        load_rule_set(warm_home(), languages=["en", "gd"])
