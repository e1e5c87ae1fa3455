"""Variables: what a placeholder or an expression may read at one place, looked up only when it is read.

A `Scope` is layers, nearest first. A layer is asked for one dotted name and answers with a value, with None (known,
but absent: the output of a skipped node without a default), or with MISSING.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from argosy.expressions import MISSING, ExpressionError
from argosy.placeholders import fill, never
from controller.engine.contract import Json
from controller.engine.errors import USER_ERRORS, NodeError


class Layer(Protocol):
    """A source of variables."""

    def read(self, tag: str) -> Json:
        """The value of a dotted name, None where it is absent, MISSING where it is unknown."""

    def known(self) -> Iterable[str]:
        """Names to suggest to somebody who mistyped one."""


class Values:
    """A layer of values that are known already."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Json]) -> None:
        self._values = values

    def read(self, tag: str) -> Json:
        return self._values.get(tag, MISSING)

    def known(self) -> Iterable[str]:
        return self._values


class Scope(Mapping[str, Any]):
    """Layers of variables as one mapping, nearest layer first."""

    __slots__ = ("_layers",)

    def __init__(self, *layers: Layer) -> None:
        self._layers = layers

    def above(self, *layers: Layer) -> "Scope":
        """A scope in which these layers come first."""
        return Scope(*layers, *self._layers)

    def read(self, tag: str) -> Json:
        """The value of a dotted name, None where it is absent, MISSING where it is unknown."""
        for layer in self._layers:
            value = layer.read(tag)
            if value is not MISSING:
                return value
        return MISSING

    def __getitem__(self, tag: str) -> Json:
        value = self.read(tag)
        if value is MISSING:
            raise KeyError(tag)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(tag for layer in self._layers for tag in layer.known()))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def filled(tree: Json, scope: Scope, *, keep: Any = never) -> Json:
    """The tree with its placeholders filled in. Raises NodeError with a text for a person."""
    try:
        return fill(tree, scope, keep=keep)
    except NodeError:
        raise
    except USER_ERRORS as error:
        raise NodeError(str(error)) from error


def evaluated(source: str, scope: Scope) -> Json:
    """The value of an expression that stands without braces. Raises NodeError with a text for a person."""
    from argosy.expressions import evaluate
    from argosy.placeholders.formulas import environment

    try:
        return evaluate(source, environment(source, scope))
    except NodeError:
        raise
    except USER_ERRORS as error:
        raise NodeError(str(error)) from error


def is_true(source: str, scope: Scope) -> bool:
    """Whether an expression holds; one that is neither true nor false is the user's mistake."""
    value = evaluated(source, scope)
    if not isinstance(value, bool):
        raise NodeError(f"the expression {source!r} gives {value!r}; it must be true or false")
    return value


__all__ = [
    "ExpressionError", "Layer", "Scope", "Values", "evaluated", "filled", "is_true",
]
