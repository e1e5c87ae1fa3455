"""How functions are written down: what they do, and how many arguments they take."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from argosy.expressions.operators import is_number, kind


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language; `most` is None when it takes any number of arguments."""

    act: Callable[..., Any]
    least: int
    most: int | None

    def call(self, name: str, arguments: list[Any]) -> Any:
        """Call it, or say how many arguments it takes."""
        count = len(arguments)
        if count < self.least or (self.most is not None and count > self.most):
            raise TypeError(f"{name} takes {self.takes()}, not {count}")
        return self.act(*arguments)

    def takes(self) -> str:
        """`2 arguments`, `1 to 3 arguments`, `1 or more arguments`."""
        if self.most is None:
            return f"{self.least} or more arguments"
        text = str(self.least) if self.least == self.most else f"{self.least} to {self.most}"
        return f"{text} argument{'' if text == '1' else 's'}"


Table = dict[str, Function]


def takes(count: int, **acts: Callable[..., Any]) -> Table:
    """Functions that take exactly this many arguments."""
    return {name: Function(act, count, count) for name, act in acts.items()}


def text(value: Any, what: str = "the argument") -> str:
    """The value, which must be text."""
    if isinstance(value, str):
        return value
    raise TypeError(f"{what} must be text, not {kind(value)}{'; use string(x)' if is_number(value) else ''}")


def array(value: Any, what: str = "the argument") -> list[Any]:
    """The value, which must be an array."""
    if isinstance(value, list):
        return value
    hint = "; use fromJSON(x) for a list written as text" if isinstance(value, str) else ""
    raise TypeError(f"{what} must be an array, not {kind(value)}{hint}")


def mapping(value: Any, what: str = "the argument") -> dict[Any, Any]:
    """The value, which must be a map."""
    if isinstance(value, dict):
        return value
    hint = "; use fromJSON(x) for a map written as text" if isinstance(value, str) else ""
    raise TypeError(f"{what} must be a map, not {kind(value)}{hint}")


def integer(value: Any, what: str = "the argument") -> int:
    """The value, which must be a whole number."""
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    raise TypeError(f"{what} must be a whole number, not {kind(value)}{'; use asInt(x)' if isinstance(value, str) else ''}")


def number(value: Any, what: str = "the argument") -> int | float:
    """The value, which must be a number."""
    if is_number(value):
        return value  # type: ignore[no-any-return]  # is_number has just looked
    raise TypeError(f"{what} must be a number, not {kind(value)}{'; use asFloat(x)' if isinstance(value, str) else ''}")
