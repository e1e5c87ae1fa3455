"""Evaluates an expression's tree over an environment, within limits, with every error at its place in the source."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from argosy.expressions.builtins import BUILTINS
from argosy.expressions.errors import ExpressionError, did_you_mean
from argosy.expressions.functions import Function, Table
from argosy.expressions.limits import Budget, check_items
from argosy.expressions.methods import METHODS
from argosy.expressions.operators import BINARY, is_number, kind, whole
from argosy.expressions.parser import PREDICATES, parse
from argosy.expressions.predicates import PREDICATE_FUNCTIONS
from argosy.expressions.reading import WHOLE, static_path
from argosy.expressions.scopes import StrictMap
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
    Pointer,
    Predicate,
    Sequence,
    Slice,
    Unary,
)

LAZY = ("&&", "||", "??")


def evaluate(source: str, env: Mapping[str, Any]) -> Any:
    """The value of an expression, such as ``asInt(inputs.parameters.x) * 2``, where `env` holds the variables.

    `now()` reads `env["now"]`: the language itself has no clock.
    """
    interpreter = Interpreter(source, env)
    try:
        return interpreter.value(parse(source))
    except RecursionError:
        raise ExpressionError(source, 0, len(source), "the expression is nested too deeply") from None


class _BrokenError(Exception):
    """A `?.` found nil: the chain it stands in is nil."""


@dataclass(slots=True)
class _Focus:
    """What `#`, `#index` and `#acc` mean inside a predicate."""

    item: Any
    index: int
    acc: Any


class Interpreter:
    """One evaluation."""

    def __init__(self, source: str, env: Mapping[str, Any]) -> None:
        self.source = source
        self.env = env
        self.locals: dict[str, Any] = {}
        self.focus: list[_Focus] = []
        self.budget = Budget()
        self.lenient = 0  # above 0 inside what a `??` or `?.` guards, where a missing name is nil

    def value(self, node: Node) -> Any:
        """The value of one node."""
        self.budget.left -= 1
        if self.budget.left < 0:
            self.attempt(node, self.budget.spend)
        return EVALUATE[type(node)](self, node)

    def attempt(self, node: Node, act: Callable[..., Any], *arguments: Any) -> Any:
        """Call something whose plain errors become errors at this node."""
        try:
            return act(*arguments)
        except (TypeError, ValueError, OverflowError, KeyError, IndexError) as error:
            raise self.error(node, str(error)) from None

    def error(self, node: Node, text: str) -> ExpressionError:
        return ExpressionError(self.source, node.start, node.end, text)

    def name(self, node: Name) -> Any:
        if node.name in self.locals:
            return self.locals[node.name]
        if node.name in self.env:
            return self.env[node.name]
        if node.name == WHOLE:
            return dict(self.env)
        if self.lenient:
            return None
        raise self.unknown(node)

    def unknown(self, node: Name) -> ExpressionError:
        known = [*self.locals, *self.env]
        hint = did_you_mean(node.name, known)
        if node.start and self.source[node.start - 1] == "-":
            before = self.source[: node.start - 1].rsplit(".", 1)[-1]
            hint = f"; write a name that holds '-' in brackets, as in  parameters['{before}-{node.name}']"
        elif not hint and not self.env:
            hint = "; no variables are known here; text needs quotes"
        elif not hint:
            hint = f"; known are {', '.join(sorted(map(str, known))[:10])}"
        return self.error(node, f"'{node.name}' is not known here{hint}")

    def pointer(self, node: Pointer) -> Any:
        if not self.focus:
            raise self.error(node, "'#' stands only inside the second argument of filter, map and their kind")
        focus = self.focus[-1]
        if node.name == "":
            return focus.item
        if node.name in ("index", "acc"):
            return focus.index if node.name == "index" else focus.acc
        raise self.error(node, f"'#{node.name}' is not known; there are #, #index and, in reduce, #acc")

    def chain(self, node: Chain) -> Any:
        try:
            return self.value(node.body)
        except _BrokenError:
            return None

    def member(self, node: Member) -> Any:
        self.lenient += node.optional
        try:
            target = self.value(node.target)
            if target is None and node.optional:
                raise _BrokenError
            key_node = node.key
            key = key_node.value if isinstance(key_node, Constant) else self.value(key_node)
            if isinstance(target, dict):
                return target[key] if self.has(target, key) else self.absent(node, target, key)
            return self.attempt(node, _fetch, target, key)
        finally:
            self.lenient -= node.optional

    @staticmethod
    def has(target: dict[Any, Any], key: Any) -> bool:
        return isinstance(key, str) and key in target

    def absent(self, node: Member, target: dict[Any, Any], key: Any) -> Any:
        if not isinstance(key, str):
            raise self.error(node.key, f"a map's keys are text, not {kind(key)}")
        if isinstance(target, StrictMap) and not self.lenient:
            path, _ = static_path(node)
            name = ".".join(path) or key
            raise self.error(node.key, f"'{name}' has no value here{target.hint(name) or did_you_mean(key, target)}")
        return None

    def slice(self, node: Slice) -> Any:
        target = self.value(node.target)
        if not isinstance(target, list | str):
            raise self.error(node, f"{kind(target)} cannot be sliced; only arrays and text can")
        low = self.edge(node.low, len(target), 0)
        high = self.edge(node.high, len(target), len(target))
        return target[min(low, high) : high]

    def edge(self, node: Node | None, length: int, otherwise: int) -> int:
        if node is None:
            return otherwise
        found = self.value(node)
        if type(found) is not int:
            raise self.error(node, f"the edge of a slice is a whole number, not {kind(found)}")
        return max(0, min(length, found + length if found < 0 else found))

    def call(self, node: Call) -> Any:
        function = node.function
        if isinstance(function, Name):
            if function.name in PREDICATES:
                return self.call_predicate(node, function.name)
            found = BUILTINS.get(function.name)
            if found is None:
                raise self.error(function, f"there is no function '{function.name}'{self.like(function.name, BUILTINS)}")
            return self.called(node, function.name, found)
        if isinstance(function, Member) and isinstance(function.key, Constant):
            return self.call_member(node, function, str(function.key.value))
        raise self.error(function, "only functions can be called")

    @staticmethod
    def like(name: str, table: Mapping[str, Any]) -> str:
        return did_you_mean(name, [*table, *PREDICATES]) or "; sprig functions are written sprig.name(...)"

    def call_member(self, node: Call, function: Member, name: str) -> Any:
        target = function.target
        if isinstance(target, Name) and target.name == "sprig" and "sprig" not in self.env:
            found = sprig_functions().get(name)
            if found is None:
                hint = did_you_mean(name, sprig_functions())
                raise self.error(function, f"there is no function 'sprig.{name}'{hint}")
            return self.called(node, f"sprig.{name}", found)
        owner = self.value(target)
        method = METHODS.get((type(owner), name))
        if method is None:
            hint = f"; write {name}(x) instead of x.{name}()" if name in BUILTINS else ""
            raise self.error(function, f"{kind(owner)} has no function '{name}'{hint}")
        arguments = [owner, *map(self.value, node.arguments)]
        return self.attempt(node, method.call, name, arguments)

    def called(self, node: Call, name: str, function: Function) -> Any:
        arguments = [self.value(argument) for argument in node.arguments]
        if name in ("now", "sprig.now") and not arguments:
            arguments = [self.env.get("now")]
        result = self.attempt(node, function.call, name, arguments)
        for value in (result, *arguments):
            if isinstance(value, list | dict):
                self.attempt(node, self.budget.spend, len(value))
            elif isinstance(value, str):
                self.attempt(node, self.budget.spend, len(value) >> 6)
        return result

    def call_predicate(self, node: Call, name: str) -> Any:
        if not node.arguments or (len(node.arguments) < 2 and not PREDICATES[name]):
            raise self.error(node, f"{name} needs an array and what to do with each element, as in  {name}(list, # > 1)")
        if len(node.arguments) > (3 if name in ("reduce", "sortBy") else 2):
            raise self.error(node, f"{name} got more arguments than it takes")
        items = self.value(node.arguments[0])
        body = node.arguments[1] if len(node.arguments) > 1 else None
        extra = [self.value(argument) for argument in node.arguments[2:]]
        assert body is None or isinstance(body, Predicate), "the parser reads the second argument as a predicate"
        each = None if body is None else self.each(body)
        return self.attempt(node, PREDICATE_FUNCTIONS[name], items, each, *extra)

    def each(self, body: Predicate) -> Callable[[Any, int, Any], Any]:
        def evaluate_for(item: Any, index: int, acc: Any = None) -> Any:
            self.focus.append(_Focus(item, index, acc))
            try:
                return self.value(body.body)
            finally:
                self.focus.pop()

        return evaluate_for

    def unary(self, node: Unary) -> Any:
        operand = self.value(node.operand)
        if node.op == "not":
            if isinstance(operand, bool):
                return not operand
            raise self.error(node.operand, f"'not' needs true or false, not {kind(operand)}")
        if not is_number(operand):
            raise self.error(node.operand, f"'{node.op}' needs a number, not {kind(operand)}")
        return operand if node.op == "+" else self.attempt(node, _minus, operand)

    def binary(self, node: Binary) -> Any:
        """Long rows of operators lean to the left; they are walked in a loop, not by going deeper."""
        row = [node]
        while isinstance(row[-1].left, Binary) and row[-1].left.op not in LAZY and row[-1].op not in LAZY:
            row.append(row[-1].left)
        if node.op in LAZY:
            return self.lazy(node)
        result = self.value(row[-1].left)
        for step in reversed(row):
            right = self.value(step.right)
            try:
                result = BINARY[step.op](result, right)
            except (TypeError, ValueError, OverflowError) as error:
                raise ExpressionError(self.source, step.at, step.at + len(step.op), str(error)) from None
            self.budget.left -= len(result) if isinstance(result, list) else 1
        return result

    def lazy(self, node: Binary) -> Any:
        row = [node]
        while isinstance(row[-1].left, Binary) and row[-1].left.op == node.op:
            row.append(row[-1].left)
        sides = [row[-1].left, *(step.right for step in reversed(row))]
        return self.coalesce(sides) if node.op == "??" else self.logic(sides, node.op)

    def coalesce(self, sides: list[Node]) -> Any:
        for side in sides[:-1]:
            self.lenient += 1
            try:
                found = self.value(side)
            finally:
                self.lenient -= 1
            if found is not None:
                return found
        return self.value(sides[-1])

    def logic(self, sides: list[Node], op: str) -> bool:
        for side in sides:
            found = self.value(side)
            if not isinstance(found, bool):
                raise self.error(side, f"'{op}' needs true or false on both sides, not {kind(found)}")
            if found is (op == "||"):
                return found
        return op == "&&"

    def conditional(self, node: Conditional) -> Any:
        test = self.value(node.test)
        if not isinstance(test, bool):
            raise self.error(node.test, f"the condition before '?' must be true or false, not {kind(test)}")
        return self.value(node.then if test else node.other)

    def let(self, node: Let) -> Any:
        found = self.value(node.value)
        before = dict(self.locals)
        self.locals[node.name] = found
        try:
            return self.value(node.body)
        finally:
            self.locals = before

    def sequence(self, node: Sequence) -> Any:
        result = None
        for part in node.parts:
            result = self.value(part)
        return result

    def list_of(self, node: ListOf) -> list[Any]:
        self.attempt(node, check_items, len(node.items))
        return [self.value(item) for item in node.items]

    def map_of(self, node: MapOf) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for key_node, value_node in node.members:
            key = self.value(key_node)
            if not isinstance(key, str):
                raise self.error(key_node, f"a map's keys are text, not {kind(key)}")
            members[key] = self.value(value_node)
        return members


def _fetch(target: Any, key: Any) -> Any:
    if target is None:
        shown = f"'{key}'" if isinstance(key, str) else f"[{key}]"
        raise TypeError(f"{shown} is asked of nil; use  ?.  or  ??  where a value may be missing")
    if isinstance(target, list | str):
        if type(key) is float and key.is_integer():
            key = int(key)
        if type(key) is not int:
            hint = "; use fromJSON(x) to look into JSON text" if isinstance(target, str) else ""
            raise TypeError(f"{kind(target)} has no '{key}'{hint}")
        if not -len(target) <= key < len(target):
            raise IndexError(f"index {key} lies outside the {kind(target)}, which has {len(target)} elements")
        return target[key]
    raise TypeError(f"{kind(target)} has no '{key}'")


def _minus(value: float) -> int | float:
    return whole(-value) if isinstance(value, int) else -value


def sprig_functions() -> Table:
    """The table of sprig functions, which is imported when one is first used."""
    table: Table = importlib.import_module("argosy.expressions.sprig").SPRIG
    return table


EVALUATE: dict[type[Node], Callable[[Interpreter, Any], Any]] = {
    Constant: lambda _, node: node.value,
    Name: Interpreter.name,
    Pointer: Interpreter.pointer,
    Chain: Interpreter.chain,
    Member: Interpreter.member,
    Slice: Interpreter.slice,
    Call: Interpreter.call,
    Unary: Interpreter.unary,
    Binary: Interpreter.binary,
    Conditional: Interpreter.conditional,
    Let: Interpreter.let,
    Sequence: Interpreter.sequence,
    ListOf: Interpreter.list_of,
    MapOf: Interpreter.map_of,
}
