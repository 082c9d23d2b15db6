"""How a name check came to its answer, step by step, for the person or program that asked."""

from dataclasses import dataclass

from payments.payees.actions import CheckResult
from payments.payees.confirmation.matching import (
    best_decision,
    normalise,
)
from payments.payees.modulus.check import ModulusAnswer
from payments.payees.rules import GROUP_TITLES, POLICY_VERSION, Policy

POLICY_TEXTS: dict[Policy, str] = {
    "pass": "A payment to exactly these details goes on.",
    "warn": "A payment goes on with a warning.",
    "hold": "A payment is held until the name is corrected or another person decides.",
    "block": "A payment is held: the details have to be corrected, or another person decides.",
}
_RULES: dict[str, str] = {
    "BAMM": "The type of account is another: the bank holds it as a business account.",
    "BANM": "The type of account is another: the bank holds it as a business account.",
    "PAMM": "The type of account is another: the bank holds it as a personal account.",
    "PANM": "The type of account is another: the bank holds it as a personal account.",
}


@dataclass(frozen=True)
class Step:
    """One thing that was compared or decided, and what came of it."""

    what: str
    finding: str


def explain(result: CheckResult, asked: str, account_type: str) -> list[Step]:
    """Return what was compared and which rule decided, in order.

    The bank decides; where it lets its name be shown, our own comparison stands beside its answer.
    """
    steps = [
        Step("Account number", _tell_modulus(result.modulus)),
        Step("Name as it is compared", " ".join(normalise(asked)) or "–"),
    ]
    code = result.reason_code
    group = GROUP_TITLES[result.outcome.group]
    steps.append(Step("The bank's answer", f"{group} ({code})" if code else group))
    if result.rule:
        steps.append(Step("The rule the bank names", result.rule))
    if code in _RULES:
        steps.append(Step("Type of account", _RULES[code]))
    if result.matched_name:
        decision, _ = best_decision(account_type, asked, [result.matched_name])
        steps.append(Step("Our comparison with the name the bank holds", decision.rule))
    policy = POLICY_TEXTS[result.outcome.policy]
    steps.append(Step("What follows", f"{policy} ({POLICY_VERSION})"))
    return steps


def _tell_modulus(modulus: ModulusAnswer) -> str:
    """Return the sentence of a modulus check with the working of each row and the tables' date."""
    rows = [
        f"{row.sort_codes} {row.method}"
        + (f", exception {row.exception}" if row.exception else "")
        + f": total {row.total}, remainder {row.remainder}"
        for row in modulus.rows
    ]
    version = [f"tables of {modulus.table_version}"] if modulus.table_version else []
    working = "; ".join((*rows, *version))
    return f"{modulus.explanation} ({working})" if working else modulus.explanation
