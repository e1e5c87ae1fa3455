"""Which variables an expression reads, found without evaluating it."""

from functools import lru_cache

from argosy.expressions.parser import parse
from argosy.expressions.syntax import (
    Binary,
    Call,
    Chain,
    Conditional,
    Constant,
    Let,
    ListOf,
    MapOf,
    Member,
    Name,
    Node,
    Predicate,
    Sequence,
    Slice,
    Unary,
)

NAMESPACES = frozenset(("sprig",))  # functions, not variables
WHOLE = "$env"  # the variables as one map
Path = tuple[str, ...]


def names(source: str) -> frozenset[str]:
    """The dotted names that the expression reads, such as ``tasks.a.outputs.result``."""
    return frozenset(".".join(path) for path in paths(source))


@lru_cache(maxsize=4096)
def paths(source: str) -> tuple[Path, ...]:
    """The same as parts, so that a part may itself hold a dot; in order of first appearance."""
    found: dict[Path, None] = {}
    waiting: list[tuple[Node, frozenset[str]]] = [(parse(source), frozenset())]
    while waiting:
        node, local = waiting.pop()
        if isinstance(node, Name | Member):
            path, below = static_path(node)
            if path and path[0] == WHOLE:
                path = path[1:]
            if path and path[0] not in local and path[0] not in NAMESPACES:
                found[path] = None
            waiting.extend((child, local) for child in reversed(below))
        elif isinstance(node, Let):
            waiting.append((node.body, local | {node.name}))
            waiting.append((node.value, local))
        else:
            waiting.extend((child, local) for child in reversed(_children(node)))
    return tuple(found)


def static_path(node: Node) -> tuple[Path, list[Node]]:
    """The part of a member chain that is known beforehand, and the nodes below it that are not."""
    keys: list[str] = []
    below: list[Node] = []
    while isinstance(node, Member | Chain):
        if isinstance(node, Chain):
            node = node.body
            continue
        key = node.key
        if isinstance(key, Constant) and isinstance(key.value, str):
            keys.append(key.value)
        else:
            keys.clear()
            below.append(key)
        node = node.target
    if isinstance(node, Name):
        return (node.name, *reversed(keys)), below
    return (), [*below, node]


def _children(node: Node) -> list[Node]:
    match node:
        case Call():
            return [*_of_function(node.function), *node.arguments]
        case Unary():
            return [node.operand]
        case Binary():
            return [node.left, node.right]
        case Conditional():
            return [node.test, node.then, node.other]
        case Slice():
            return [node.target, *(edge for edge in (node.low, node.high) if edge is not None)]
        case Chain() | Predicate():
            return [node.body]
        case Sequence():
            return node.parts
        case ListOf():
            return node.items
        case MapOf():
            return [part for member in node.members for part in member]
    return []


def _of_function(function: Node) -> list[Node]:
    """A function's own name is no variable; what a method is called on may be one."""
    return [function.target] if isinstance(function, Member) else []
