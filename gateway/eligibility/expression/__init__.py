"""The restricted CEL language of eligibility rules and of journey conditions (section 5.2).

parsed = parse("age_on(born, decision_date) >= 16")
checked = check(parsed, {"born": DATE, "decision_date": DATE}, BOOL)
evaluate(checked, {"decision_date": today})      # Unknown(needs={"born"})
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.eligibility.expression import nodes
from gateway.eligibility.expression.checker import check_tree
from gateway.eligibility.expression.errors import ExpressionError
from gateway.eligibility.expression.evaluator import MAX_STEPS, evaluate_tree
from gateway.eligibility.expression.kinds import (
    BOOL,
    DATE,
    DAYS,
    INT,
    MONEY,
    STRING,
    Kind,
    enum_of,
    kind_from,
    list_of,
)
from gateway.eligibility.expression.parser import parse_tree
from gateway.eligibility.expression.tokens import MAX_CHARACTERS
from gateway.eligibility.expression.values import Evaluated, Unknown, Value

__all__ = [
    "BOOL",
    "DATE",
    "DAYS",
    "INT",
    "MAX_CHARACTERS",
    "MAX_STEPS",
    "MONEY",
    "STRING",
    "Checked",
    "Evaluated",
    "Expression",
    "ExpressionError",
    "Kind",
    "Unknown",
    "Value",
    "check",
    "enum_of",
    "evaluate",
    "kind_from",
    "list_of",
    "names_in",
    "parse",
]


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression, its types not checked yet."""

    text: str
    root: nodes.Node


@dataclass(frozen=True, slots=True)
class Checked:
    """An expression whose types are right: the only thing that can be evaluated."""

    text: str
    root: nodes.Node
    kind: Kind
    names: frozenset[str]


def parse(text: str) -> Expression:
    """Parse an expression; raises ExpressionError with the column of what is refused."""
    return Expression(text, parse_tree(text))


def check(
    expression: Expression, names: Mapping[str, Kind], expected: Kind | None = None
) -> Checked:
    """Check the types against the names in scope (dotted ones too, as `parameters.rate`).

    Raises ExpressionError whose `all` holds every mistake.
    """
    kind = check_tree(expression.root, names, expected)
    used = names_in(expression) & names.keys()
    return Checked(expression.text, expression.root, kind, frozenset(used))


def evaluate(
    checked: Checked, values: Mapping[str, Evaluated], read: dict[str, Evaluated] | None = None
) -> Evaluated:
    """The value, or Unknown with the names that may still decide it; never raises.

    A name that is not in `values` is unknown. Lists are tuples. `read` collects what was read.
    """
    return evaluate_tree(checked.root, values, read)


def names_in(expression: Expression) -> frozenset[str]:
    """Every name that is written in an expression, loop variables included."""
    return frozenset(
        node.name for node in nodes.walk(expression.root) if isinstance(node, nodes.Name)
    )
