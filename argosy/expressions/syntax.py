"""The tree that an expression is read into; each node knows where in the source it stands."""

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Node:
    """What every part of an expression has: its place."""

    start: int
    end: int


@dataclass(slots=True)
class Constant(Node):
    """A literal."""

    value: Any


@dataclass(slots=True)
class Name(Node):
    """A variable."""

    name: str


@dataclass(slots=True)
class Pointer(Node):
    """`#` in a predicate, or `#acc` and `#index`."""

    name: str


@dataclass(slots=True)
class Member(Node):
    """`target.key`, `target[key]`, and with `optional` `target?.key`."""

    target: Node
    key: Node
    optional: bool


@dataclass(slots=True)
class Chain(Node):
    """A run of members with a `?.` in it: nil as a whole when that finds nil."""

    body: Node


@dataclass(slots=True)
class Slice(Node):
    """`target[low:high]`."""

    target: Node
    low: Node | None
    high: Node | None


@dataclass(slots=True)
class Call(Node):
    """`name(arguments)`, or a function that is a member of something."""

    function: Node
    arguments: list[Node]


@dataclass(slots=True)
class Predicate(Node):
    """The body that `filter`, `map` and their kind evaluate for each element."""

    body: Node


@dataclass(slots=True)
class Unary(Node):
    """`-x`, `+x` and `not x`."""

    op: str
    operand: Node


@dataclass(slots=True)
class Binary(Node):
    """An operator between two operands; `at` is the operator's own place."""

    op: str
    left: Node
    right: Node
    at: int


@dataclass(slots=True)
class Conditional(Node):
    """`test ? then : other`."""

    test: Node
    then: Node
    other: Node


@dataclass(slots=True)
class Let(Node):
    """`let name = value; body`."""

    name: str
    value: Node
    body: Node


@dataclass(slots=True)
class Sequence(Node):
    """`a; b; c`: the value of the last."""

    parts: list[Node]


@dataclass(slots=True)
class ListOf(Node):
    """`[a, b]`."""

    items: list[Node]


@dataclass(slots=True)
class MapOf(Node):
    """`{a: 1, "b": 2, (c): 3}`."""

    members: list[tuple[Node, Node]]
