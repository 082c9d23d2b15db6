"""Rule sets that the tests share: plain data as a definition file would hold it."""

from copy import deepcopy


def reasons(name: str) -> dict[str, dict[str, str]]:
    return {
        "reason_true": {"en": f"{name}: yes"},
        "reason_false": {"en": f"{name}: no"},
        "reason_unknown": {"en": f"{name}: not known"},
    }


WARM_HOME: dict[str, object] = {
    "id": "warm-home",
    "version": "1",
    "legal_reference": "Illustrative scheme",
    "attributes": {
        "born": {"type": "date"},
        "in_scotland": {"type": "bool"},
        "benefit": {"type": "enum", "values": ["none", "pension_credit", "universal_credit"]},
        "savings": {"type": "money", "source": "sensitive", "min": 0},
        "children": {"type": "int", "min": 0, "max": 12},
        "tenant_of": {"type": "enum", "values": ["own", "rent", "other_scheme"]},
        "heating": {"type": "string"},
    },
    "parameters": {
        "base": {
            "type": "money",
            "values": [
                {"from": "2025-04-01", "value": 30000},
                {"from": "2026-04-01", "value": 31000},
            ],
        },
        "per_child": {"type": "money", "values": [{"from": "2025-04-01", "value": 5000}]},
    },
    "criteria": [
        {"id": "adult", "expression": "age_on(born, decision_date) >= 16", **reasons("adult")},
        {"id": "resident", "expression": "in_scotland", **reasons("resident")},
        {
            "id": "low_income",
            "expression": "benefit != 'none' || savings < 1600000",
            "to_qualify": {"en": "Apply again if you start to get a benefit."},
            "legal_reference": "Regulation 4",
            **reasons("low_income"),
        },
        {
            "id": "our_scheme",
            "expression": "tenant_of != 'other_scheme'",
            "severity": "referral",
            **reasons("our_scheme"),
        },
        {
            "id": "electric",
            "expression": "heating == 'electric'",
            "severity": "informative",
            **reasons("electric"),
        },
    ],
    "outcomes": [
        {"outcome": "eligible", "amount": "parameters.base + parameters.per_child * children"}
    ],
    "personas": [
        {
            "id": "young mother",
            "on_date": "2026-05-01",
            "answers": {
                "born": "1999-02-03",
                "in_scotland": True,
                "benefit": "universal_credit",
                "tenant_of": "rent",
                "children": 2,
            },
            "expect": {"outcome": "eligible", "amount_pence": 41000, "failed": []},
        }
    ],
}


def warm_home(**changes: object) -> dict[str, object]:
    return {**deepcopy(WARM_HOME), **changes}


def of_criteria(
    attributes: dict[str, object], *expressions: str, **more: object
) -> dict[str, object]:
    """A bare rule set with required criteria c0, c1, …"""
    return {
        "id": "bare",
        "version": "1",
        "legal_reference": "none",
        "attributes": attributes,
        "criteria": [
            {"id": f"c{index}", "expression": expression, **reasons(f"c{index}")}
            for index, expression in enumerate(expressions)
        ],
        **more,
    }
