"""Type checker: finds every mistake of an expression before it is ever evaluated."""

from collections.abc import Callable, Mapping
from datetime import date

from gateway.eligibility.expression import nodes
from gateway.eligibility.expression.errors import ExpressionError
from gateway.eligibility.expression.functions import FUNCTIONS
from gateway.eligibility.expression.kinds import (
    ANY,
    BOOL,
    DATE,
    INT,
    INTEGERS,
    ORDERED,
    Kind,
    common,
    list_of,
)


def check_tree(root: nodes.Node, names: Mapping[str, Kind], expected: Kind | None = None) -> Kind:
    """The kind of an expression; raises ExpressionError with every mistake that it has."""
    checker = _Checker(names)
    kind = checker.visit(root)
    if expected is not None and common(kind, expected) is None:
        checker.refuse(root, f"this is a {kind}, but a {expected} is needed")
    if checker.errors:
        first, *others = sorted(checker.errors, key=lambda error: error.column)
        first.others = tuple(others)
        raise first
    return kind


class _Checker:
    def __init__(self, names: Mapping[str, Kind]) -> None:
        self.names = dict(names)
        self.errors: list[ExpressionError] = []

    def refuse(self, node: nodes.Node, message: str) -> Kind:
        self.errors.append(ExpressionError(message, node.column))
        return ANY

    def visit(self, node: nodes.Node) -> Kind:
        return _VISITS[type(node)](self, node)

    def expect(self, node: nodes.Node, expected: Kind, what: str) -> None:
        kind = self.visit(node)
        if common(kind, expected) is None:
            self.refuse(node, f"{what} must be a {expected}, not a {kind}")

    def constant(self, node: nodes.Node) -> Kind:
        value = node.value if isinstance(node, nodes.Constant) else 0
        if isinstance(value, bool):
            return BOOL
        if isinstance(value, int):
            return Kind("int", literal=True)
        return Kind("string", values=(value,), literal=True)

    def name(self, node: nodes.Node) -> Kind:
        name = node.name if isinstance(node, nodes.Name) else ""
        if name in self.names:
            return self.names[name]
        return self.refuse(node, f"{name!r} is not known")

    def list_of(self, node: nodes.Node) -> Kind:
        item = ANY
        for child in node.children:
            kind = self.visit(child)
            joined = common(item, kind)
            if joined is None:
                return self.refuse(child, f"a {kind} cannot be in a list of {item}")
            item = joined
        return list_of(item)

    def negate(self, node: nodes.Node) -> Kind:
        self.expect(node.children[0], BOOL, "what stands after '!'")
        return BOOL

    def negative(self, node: nodes.Node) -> Kind:
        kind = self.visit(node.children[0])
        if kind.base in INTEGERS or kind == ANY:
            return kind
        return self.refuse(node, f"a {kind} has no negative")

    def logic(self, node: nodes.Node) -> Kind:
        operator = node.operator if isinstance(node, nodes.Logic) else ""
        for child in node.children:
            self.expect(child, BOOL, f"each side of {operator!r}")
        return BOOL

    def compare(self, node: nodes.Node) -> Kind:
        left, right = (self.visit(child) for child in node.children)
        operator = node.operator if isinstance(node, nodes.Compare) else ""
        kind = common(left, right)
        if kind is None:
            self.refuse(node, _cannot_compare(left, right))
        elif operator not in {"==", "!="} and kind.base not in ORDERED and kind != ANY:
            self.refuse(node, f"a {kind} has no order: use == or !=")
        return BOOL

    def member(self, node: nodes.Node) -> Kind:
        item, container = (self.visit(child) for child in node.children)
        if container.base not in {"list", "any"}:
            self.refuse(node, f"'in' needs a list on its right, not a {container}")
        elif common(item, container.item or ANY) is None:
            self.refuse(node, _cannot_compare(item, container.item or ANY))
        return BOOL

    def calculate(self, node: nodes.Node) -> Kind:
        left, right = (self.visit(child) for child in node.children)
        operator = node.operator if isinstance(node, nodes.Calculate) else ""
        if ANY in (left, right):
            return ANY
        if left.base not in INTEGERS or right.base not in INTEGERS:
            return self.refuse(node, f"{operator!r} works on whole numbers, not {left} and {right}")
        kind = _SCALED.get(operator, _together)(left, right)
        if kind is None:
            return self.refuse(node, f"{operator!r} does not go with {left} and {right}")
        return kind

    def choose(self, node: nodes.Node) -> Kind:
        condition, yes, no = node.children
        self.expect(condition, BOOL, "what stands before '?'")
        left, right = self.visit(yes), self.visit(no)
        kind = common(left, right)
        if kind is None:
            return self.refuse(node, f"both branches must be alike, not {left} and {right}")
        return kind

    def call(self, node: nodes.Node) -> Kind:
        name = node.function if isinstance(node, nodes.Call) else ""
        if name == "size":
            return self.size(node)
        if name == "date":
            return self.date(node)
        function = FUNCTIONS.get(name)
        if function is None:
            return self.refuse(node, f"{name!r} is not a function that is known")
        wanted = len(function.arguments)
        if len(node.children) != wanted:
            return self.refuse(node, f"{name} takes {wanted} values, not {len(node.children)}")
        for number, (child, kind) in enumerate(
            zip(node.children, function.arguments, strict=True), start=1
        ):
            self.expect(child, kind, f"value {number} of {name}")
        return function.result

    def size(self, node: nodes.Node) -> Kind:
        kinds = [self.visit(child) for child in node.children]
        if len(kinds) != 1 or kinds[0].base not in {"list", "any"}:
            self.refuse(node, "size takes one list")
        return INT

    def date(self, node: nodes.Node) -> Kind:
        """A date is written `date('2026-04-01')`: a literal, so that it is checked here."""
        match node.children:
            case (nodes.Constant(value=str(text)),) if _is_date(text):
                return DATE
        self.refuse(node, "a date is written date('2026-04-01')")
        return DATE

    def quantify(self, node: nodes.Node) -> Kind:
        container, body = node.children
        variable = node.variable if isinstance(node, nodes.Quantify) else ""
        kind = self.visit(container)
        if kind.base not in {"list", "any"}:
            return self.refuse(container, f"exists and all need a list, not a {kind}")
        if variable in self.names:
            return self.refuse(node, f"{variable!r} already has a meaning: choose another name")
        self.names[variable] = kind.item or ANY
        self.expect(body, BOOL, "the condition for each item")
        del self.names[variable]
        return BOOL


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _cannot_compare(left: Kind, right: Kind) -> str:
    for text, enum in ((left, right), (right, left)):
        if text.base == "string" and text.literal and enum.base == "enum":
            strange = next(value for value in text.values if value not in enum.values)
            return f"{strange!r} is never the answer: it is {enum}"
    return f"a {left} cannot be compared with a {right}"


def _together(left: Kind, right: Kind) -> Kind | None:
    return common(left, right)


def _product(left: Kind, right: Kind) -> Kind | None:
    if left.base == "int":
        return Kind(right.base, literal=left.literal and right.literal)
    return left if right.base == "int" else None


def _quotient(left: Kind, right: Kind) -> Kind | None:
    if left.base == right.base:
        return Kind("int", literal=left.literal and right.literal)
    return left if right.base == "int" else None


_SCALED: dict[str, Callable[[Kind, Kind], Kind | None]] = {"*": _product, "/": _quotient}
_VISITS: dict[type[nodes.Node], Callable[[_Checker, nodes.Node], Kind]] = {
    nodes.Constant: _Checker.constant,
    nodes.Name: _Checker.name,
    nodes.ListOf: _Checker.list_of,
    nodes.Not: _Checker.negate,
    nodes.Negative: _Checker.negative,
    nodes.Logic: _Checker.logic,
    nodes.Compare: _Checker.compare,
    nodes.Member: _Checker.member,
    nodes.Calculate: _Checker.calculate,
    nodes.Choose: _Checker.choose,
    nodes.Call: _Checker.call,
    nodes.Quantify: _Checker.quantify,
}
