"""Three-valued evaluator: absent attributes are unknown, never false (contract section 5.2)."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from operator import ge, gt, le, lt
from typing import cast

from gateway.eligibility.expression import nodes
from gateway.eligibility.expression.functions import FUNCTIONS
from gateway.eligibility.expression.tokens import INT64_MAX
from gateway.eligibility.expression.values import (
    Evaluated,
    Unknown,
    Value,
    equal,
    equal_or_unknown,
    merge,
)

MAX_STEPS = 10_000

_TOO_LONG = Unknown(failures=frozenset({f"the rule takes more than {MAX_STEPS} steps"}))
_NO_NUMBER = Unknown(failures=frozenset({"a calculation has no answer"}))
_NO_DATE = Unknown(failures=frozenset({"a date is outside the calendar"}))
_ORDER: dict[str, Callable[[date, date], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}


class _TooManyStepsError(Exception):
    """The evaluation ran out of its budget."""


def evaluate_tree(
    root: nodes.Node, values: Mapping[str, Evaluated], read: dict[str, Evaluated] | None = None
) -> Evaluated:
    """Evaluate a checked tree; never raises: what has no answer is unknown, with the reason.

    `read` collects every name that was looked at, in reading order, with what was found.
    """
    try:
        return _Run(values, {} if read is None else read).visit(root)
    except _TooManyStepsError:
        return _TOO_LONG


class _Run:
    def __init__(self, values: Mapping[str, Evaluated], read: dict[str, Evaluated]) -> None:
        self.values = values
        self.read = read
        self.items: dict[str, Evaluated] = {}
        self.steps = 0

    def visit(self, node: nodes.Node) -> Evaluated:
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise _TooManyStepsError
        return _VISITS[type(node)](self, node)

    def constant(self, node: nodes.Constant) -> Evaluated:
        return node.value

    def name(self, node: nodes.Name) -> Evaluated:
        if node.name in self.items:
            return self.items[node.name]
        found = self.values.get(node.name)
        if found is None:
            found = Unknown(frozenset({node.name}))
        self.read[node.name] = found
        return found

    def list_of(self, node: nodes.ListOf) -> Evaluated:
        return tuple(self.visit(item) for item in node.items)

    def negate(self, node: nodes.Not) -> Evaluated:
        operand = self.visit(node.operand)
        return operand if isinstance(operand, Unknown) else not operand

    def negative(self, node: nodes.Negative) -> Evaluated:
        operand = self.visit(node.operand)
        return operand if isinstance(operand, Unknown) else -cast("int", operand)

    def logic(self, node: nodes.Logic) -> Evaluated:
        decisive = node.operator == "||"
        return _decide(decisive, (self.visit(operand) for operand in node.operands))

    def compare(self, node: nodes.Compare) -> Evaluated:
        left, right = self.visit(node.left), self.visit(node.right)
        if isinstance(left, Unknown) or isinstance(right, Unknown):
            return merge(left, right)
        if node.operator in _ORDER:
            return _ORDER[node.operator](cast("date", left), cast("date", right))
        same = equal(left, right)
        if isinstance(same, Unknown):
            return same
        return same if node.operator == "==" else not same

    def member(self, node: nodes.Member) -> Evaluated:
        item, container = self.visit(node.item), self.visit(node.container)
        if isinstance(container, Unknown):
            return merge(item, container)
        members = cast("tuple[Evaluated, ...]", container)
        return _decide(True, (equal_or_unknown(item, member) for member in members))

    def calculate(self, node: nodes.Calculate) -> Evaluated:
        left, right = self.visit(node.left), self.visit(node.right)
        if isinstance(left, Unknown) or isinstance(right, Unknown):
            return merge(left, right)
        return _calculate(node.operator, cast("int", left), cast("int", right))

    def choose(self, node: nodes.Choose) -> Evaluated:
        condition = self.visit(node.condition)
        if not isinstance(condition, Unknown):
            return self.visit(node.yes if condition else node.no)
        yes, no = self.visit(node.yes), self.visit(node.no)
        if equal_or_unknown(yes, no) is True:
            return yes
        return merge(condition, yes, no)

    def call(self, node: nodes.Call) -> Evaluated:
        arguments = tuple(self.visit(argument) for argument in node.arguments)
        known = tuple(argument for argument in arguments if not isinstance(argument, Unknown))
        if len(known) < len(arguments):
            return merge(*arguments)
        if node.function == "size":
            return len(cast("tuple[Value, ...]", known[0]))
        if node.function == "date":
            return date.fromisoformat(cast("str", known[0]))
        try:
            return FUNCTIONS[node.function].call(known)
        except OverflowError:
            return _NO_DATE

    def quantify(self, node: nodes.Quantify) -> Evaluated:
        container = self.visit(node.container)
        if isinstance(container, Unknown):
            return merge(container, self.body(node, Unknown(container.needs)))
        decisive = node.macro == "exists"
        members = cast("tuple[Evaluated, ...]", container)
        return _decide(decisive, (self.body(node, member) for member in members))

    def body(self, node: nodes.Quantify, item: Evaluated) -> Evaluated:
        self.items[node.variable] = item
        try:
            return self.visit(node.body)
        finally:
            del self.items[node.variable]


# Which truth value decides (false for "and", true for "or") is data here, not a switch.
def _decide(decisive: bool, verdicts: Iterable[Evaluated]) -> Evaluated:  # noqa: FBT001 - the value that decides
    """One decisive verdict settles a chain; else one unknown makes it unknown."""
    unknown: list[Evaluated] = []
    for verdict in verdicts:
        if isinstance(verdict, Unknown):
            unknown.append(verdict)
        elif verdict == decisive:
            return decisive
    return merge(*unknown) if unknown else not decisive


def _calculate(operator: str, left: int, right: int) -> Evaluated:
    """64-bit arithmetic as CEL has it: division cuts towards zero, overflow has no answer."""
    if operator in {"/", "%"} and right == 0:
        return _NO_NUMBER
    if operator == "+":
        answer = left + right
    elif operator == "-":
        answer = left - right
    elif operator == "*":
        answer = left * right
    else:
        quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
        answer = quotient if operator == "/" else left - quotient * right
    return answer if -INT64_MAX <= answer <= INT64_MAX else _NO_NUMBER


_VISITS: dict[type[nodes.Node], Callable[..., Evaluated]] = {
    nodes.Constant: _Run.constant,
    nodes.Name: _Run.name,
    nodes.ListOf: _Run.list_of,
    nodes.Not: _Run.negate,
    nodes.Negative: _Run.negative,
    nodes.Logic: _Run.logic,
    nodes.Compare: _Run.compare,
    nodes.Member: _Run.member,
    nodes.Calculate: _Run.calculate,
    nodes.Choose: _Run.choose,
    nodes.Call: _Run.call,
    nodes.Quantify: _Run.quantify,
}
