"""Recursive-descent parser of the restricted CEL syntax (contract section 5.2)."""

from typing import cast

from gateway.eligibility.expression import nodes
from gateway.eligibility.expression.errors import ExpressionError
from gateway.eligibility.expression.tokens import Sort, Token, tokenise

# Python's own stack is the limit behind both: a parenthesis costs up to ten frames here,
# a level of the tree two frames in the evaluator.
MAX_NESTING = 24
MAX_DEPTH = 80

_LOGIC = {"||": 1, "&&": 2}
_RELATION = frozenset(["==", "!=", "<", "<=", ">", ">=", "in"])
_LEVELS = {**_LOGIC, **dict.fromkeys(_RELATION, 3), "+": 4, "-": 4, "*": 5, "/": 5, "%": 5}
_UNARY_LEVEL = 6
_WORDS = {"true": True, "false": False}
_REFUSED = {
    "has": "has() is not allowed: a missing answer is unknown, not false",
    "matches": "regular expressions are not allowed",
    "map": "only exists, all and size work on lists",
    "filter": "only exists, all and size work on lists",
    "exists_one": "only exists, all and size work on lists",
    "double": "numbers with a decimal point are not allowed",
}


def parse_tree(text: str) -> nodes.Node:
    """Parse one expression; refuses anything outside the restricted syntax, with its column."""
    parser = _Parser(tokenise(text))
    root = parser.expression()
    end = parser.peek()
    if end.sort != "end":
        raise ExpressionError(f"{end.text!r} is not expected here", end.column)
    if nodes.depth_of(root) > MAX_DEPTH:
        raise ExpressionError("the expression is nested too deeply", 1)
    return root


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.position = 0
        self.nesting = 0

    def peek(self) -> Token:
        return self.tokens[self.position]

    def take(self) -> Token:
        token = self.tokens[self.position]
        if token.sort != "end":
            self.position += 1
        return token

    def accept(self, operator: str) -> bool:
        token = self.peek()
        if token.sort == "op" and token.text == operator:
            self.position += 1
            return True
        return False

    def expect(self, text: str, sort: Sort = "op") -> Token:
        token = self.take()
        if token.sort != sort or (sort == "op" and token.text != text):
            found = repr(token.text) if token.text else "the end"
            raise ExpressionError(f"{text} is expected here, not {found}", token.column)
        return token

    def expression(self) -> nodes.Node:
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise ExpressionError("the expression is nested too deeply", self.peek().column)
        condition = self.binary(1)
        if self.accept("?"):
            yes = self.expression()
            self.expect(":")
            condition = nodes.Choose(condition.column, condition, yes, self.expression())
        self.nesting -= 1
        return condition

    def binary(self, level: int) -> nodes.Node:
        """Left-associative operators of at least this level (precedence climbing)."""
        if level == _UNARY_LEVEL:
            return self.unary()
        left = self.binary(level + 1)
        while _LEVELS.get(self.operator(), 0) == level:
            operator = self.take().text
            left = _join(operator, left, self.binary(level + 1))
        return left

    def operator(self) -> str:
        token = self.peek()
        if token.sort == "op" or (token.sort == "name" and token.text == "in"):
            return token.text
        return ""

    def unary(self) -> nodes.Node:
        column = self.peek().column
        for sign in ("!", "-"):
            count = 0
            while self.accept(sign):
                count += 1
            if count:
                return _signed(sign, count, self.postfix(), column)
        return self.postfix()

    def postfix(self) -> nodes.Node:
        node = self.primary()
        while self.accept("."):
            word = self.expect("a name", "name")
            if self.accept("("):
                node = self.method(node, word)
            elif isinstance(node, nodes.Name):
                node = nodes.Name(node.column, f"{node.name}.{word.text}")
            else:
                raise ExpressionError(f"{word.text!r} is not a part of this value", word.column)
        if self.operator() == "[":
            raise ExpressionError("picking one item of a list is not allowed", self.peek().column)
        return node

    def primary(self) -> nodes.Node:
        token = self.take()
        if token.sort == "int":
            return nodes.Constant(token.column, int(token.text))
        if token.sort == "string":
            return nodes.Constant(token.column, token.text)
        if token.sort == "name":
            return self.word(token)
        if token.sort == "op" and token.text == "(":
            inner = self.expression()
            self.expect(")")
            return inner
        if token.sort == "op" and token.text == "[":
            return nodes.ListOf(token.column, self.arguments("]"))
        found = f"{token.text!r} is" if token.text else "a value is missing: the end is"
        raise ExpressionError(f"{found} not expected here", token.column)

    def word(self, token: Token) -> nodes.Node:
        if token.text in _WORDS:
            return nodes.Constant(token.column, _WORDS[token.text])
        if token.text == "null":
            raise ExpressionError("null is not a value: a missing answer is unknown", token.column)
        if token.text == "in":
            raise ExpressionError("'in' is not expected here", token.column)
        if not self.accept("("):
            return nodes.Name(token.column, token.text)
        if token.text in _REFUSED:
            raise ExpressionError(_REFUSED[token.text], token.column)
        return nodes.Call(token.column, token.text, self.arguments(")"))

    def method(self, target: nodes.Node, word: Token) -> nodes.Node:
        if word.text == "size":
            self.expect(")")
            return nodes.Call(target.column, "size", (target,))
        if word.text not in {"exists", "all"}:
            message = _REFUSED.get(word.text, f"{word.text!r} is not a function that is known")
            raise ExpressionError(message, word.column)
        variable = self.expect("a name for each item", "name")
        if variable.text in {"true", "false", "null", "in"}:
            raise ExpressionError(f"{variable.text!r} cannot be a name", variable.column)
        self.expect(",")
        body = self.expression()
        self.expect(")")
        macro = cast("nodes.Macro", word.text)
        return nodes.Quantify(target.column, macro, target, variable.text, body)

    def arguments(self, closing: str) -> tuple[nodes.Node, ...]:
        found: list[nodes.Node] = []
        if self.accept(closing):
            return ()
        found.append(self.expression())
        while self.accept(","):
            found.append(self.expression())
        self.expect(closing)
        return tuple(found)


def _join(operator: str, left: nodes.Node, right: nodes.Node) -> nodes.Node:
    column = left.column
    if operator in _LOGIC:
        logic = cast("nodes.LogicOperator", operator)
        if isinstance(left, nodes.Logic) and left.operator == logic:
            return nodes.Logic(column, logic, (*left.operands, right))
        return nodes.Logic(column, logic, (left, right))
    if operator == "in":
        return nodes.Member(column, left, right)
    if operator in _RELATION:
        return nodes.Compare(column, cast("nodes.Comparison", operator), left, right)
    return nodes.Calculate(column, cast("nodes.Arithmetic", operator), left, right)


def _signed(sign: str, count: int, operand: nodes.Node, column: int) -> nodes.Node:
    """Even runs of a sign cancel out, but one pair stays so that the operand's type is checked."""
    make = nodes.Not if sign == "!" else nodes.Negative
    for _ in range(count if count <= 2 else 2 - count % 2):  # noqa: PLR2004 - a pair
        operand = make(column, operand)
    return operand
