"""The syntax tree of an expression: every node knows its column."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Comparison: TypeAlias = Literal["==", "!=", "<", "<=", ">", ">="]
Macro: TypeAlias = Literal["exists", "all"]
LogicOperator: TypeAlias = Literal["&&", "||"]
Arithmetic: TypeAlias = Literal["+", "-", "*", "/", "%"]


@dataclass(frozen=True, slots=True)
class Node:
    """What every node has: the column where it starts, counted from 1."""

    column: int = field(compare=False)

    @property
    def children(self) -> tuple["Node", ...]:
        """The nodes below this one, in reading order."""
        return ()


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """A literal: true, 12 or 'text'."""

    value: bool | int | str


@dataclass(frozen=True, slots=True)
class Name(Node):
    """An attribute, a loop variable, or a dotted name such as `parameters.rate`."""

    name: str


@dataclass(frozen=True, slots=True)
class ListOf(Node):
    """A list written out: `['a', 'b']`."""

    items: tuple[Node, ...]

    @property
    def children(self) -> tuple[Node, ...]:
        """The items."""
        return self.items


@dataclass(frozen=True, slots=True)
class Not(Node):
    """`!operand`."""

    operand: Node

    @property
    def children(self) -> tuple[Node, ...]:
        """The operand."""
        return (self.operand,)


@dataclass(frozen=True, slots=True)
class Negative(Node):
    """`-operand`."""

    operand: Node

    @property
    def children(self) -> tuple[Node, ...]:
        """The operand."""
        return (self.operand,)


@dataclass(frozen=True, slots=True)
class Logic(Node):
    """A whole chain `a && b && c`, or the same with `||`, flat so that it may be long."""

    operator: LogicOperator
    operands: tuple[Node, ...]

    @property
    def children(self) -> tuple[Node, ...]:
        """The operands."""
        return self.operands


@dataclass(frozen=True, slots=True)
class Compare(Node):
    """Two values compared."""

    operator: Comparison
    left: Node
    right: Node

    @property
    def children(self) -> tuple[Node, ...]:
        """Left and right."""
        return (self.left, self.right)


@dataclass(frozen=True, slots=True)
class Member(Node):
    """`item in list`."""

    item: Node
    container: Node

    @property
    def children(self) -> tuple[Node, ...]:
        """Item and list."""
        return (self.item, self.container)


@dataclass(frozen=True, slots=True)
class Calculate(Node):
    """Integer arithmetic."""

    operator: Arithmetic
    left: Node
    right: Node

    @property
    def children(self) -> tuple[Node, ...]:
        """Left and right."""
        return (self.left, self.right)


@dataclass(frozen=True, slots=True)
class Choose(Node):
    """`condition ? yes : no`."""

    condition: Node
    yes: Node
    no: Node

    @property
    def children(self) -> tuple[Node, ...]:
        """Condition and both branches."""
        return (self.condition, self.yes, self.no)


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function call."""

    function: str
    arguments: tuple[Node, ...]

    @property
    def children(self) -> tuple[Node, ...]:
        """The arguments."""
        return self.arguments


@dataclass(frozen=True, slots=True)
class Quantify(Node):
    """`list.exists(x, body)` or `list.all(x, body)`."""

    macro: Macro
    container: Node
    variable: str
    body: Node

    @property
    def children(self) -> tuple[Node, ...]:
        """The list and the body."""
        return (self.container, self.body)


def walk(root: Node) -> Iterator[Node]:
    """Every node of the tree, the root first."""
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(node.children))


def depth_of(root: Node) -> int:
    """How many levels the tree has (without recursion, so that any tree can be measured)."""
    deepest = 0
    pending = [(root, 1)]
    while pending:
        node, level = pending.pop()
        deepest = max(deepest, level)
        pending.extend((child, level + 1) for child in node.children)
    return deepest
