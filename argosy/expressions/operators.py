"""What the operators of the expression language do, with Go's numbers: whole and fractional ones are told apart."""

import math
import operator
from collections.abc import Callable
from datetime import datetime
from typing import Any

from argosy.expressions.durations import Duration
from argosy.expressions.limits import check_items, check_text
from argosy.expressions.patterns import compile_pattern

INT_MIN, INT_MAX = -(1 << 63), (1 << 63) - 1
CONTAINERS = (str, list, dict)


def kind(value: Any) -> str:
    """A value's type as the expression language names it."""
    if value is None:
        return "nil"
    for python, name in (
        (bool, "bool"),
        (int, "int"),
        (float, "float"),
        (str, "string"),
        (list, "array"),
        (dict, "map"),
        (datetime, "time"),
        (Duration, "duration"),
    ):
        if isinstance(value, python):
            return name
    return "function"


def is_number(value: Any) -> bool:
    """Whether a value is an int or a float; true and false are neither."""
    return type(value) is int or type(value) is float


def whole(value: int) -> int:
    """An int that fits into 64 bits."""
    if INT_MIN <= value <= INT_MAX:
        return value
    raise ValueError("the number does not fit into 64 bits")


def equal(left: Any, right: Any) -> bool:
    """Equality by value; 1 and 1.0 are equal, 1 and "1" or true are not."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(value, right[key]) for key, value in left.items())
    return bool(left == right)


def mismatch(op: str, left: Any, right: Any) -> TypeError:
    """The error for operands that do not go together."""
    hint = ""
    kinds = {kind(left), kind(right)}
    if "string" in kinds and kinds & {"int", "float"}:
        hint = "; use asInt(x) or asFloat(x) to make a number of text, string(x) to make text of a number"
    elif "nil" in kinds:
        hint = "; use  x ?? default  for a value that may be missing"
    return TypeError(f"'{op}' cannot join {kind(left)} and {kind(right)}{hint}")


def _add(left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        check_text(len(left) + len(right))
        return left + right
    if is_number(left) and is_number(right):
        return _checked(left + right)
    if isinstance(left, datetime) and isinstance(right, Duration):
        return left + right.delta
    if isinstance(left, Duration) and isinstance(right, datetime):
        return right + left.delta
    if isinstance(left, Duration) and isinstance(right, Duration):
        return Duration(left.nanoseconds + right.nanoseconds)
    raise mismatch("+", left, right)


def _subtract(left: Any, right: Any) -> Any:
    if is_number(left) and is_number(right):
        return _checked(left - right)
    if isinstance(left, datetime) and isinstance(right, datetime):
        return Duration.between(left, right)
    if isinstance(left, datetime) and isinstance(right, Duration):
        return left - right.delta
    if isinstance(left, Duration) and isinstance(right, Duration):
        return Duration(left.nanoseconds - right.nanoseconds)
    raise mismatch("-", left, right)


def _multiply(left: Any, right: Any) -> Any:
    if is_number(left) and is_number(right):
        return _checked(left * right)
    if isinstance(left, Duration) and is_number(right):
        return Duration(int(left.nanoseconds * right))
    if isinstance(right, Duration) and is_number(left):
        return Duration(int(right.nanoseconds * left))
    raise mismatch("*", left, right)


def _checked(value: float) -> int | float:
    return whole(value) if isinstance(value, int) else value


def _divide(left: Any, right: Any) -> float:
    if not (is_number(left) and is_number(right)):
        raise mismatch("/", left, right)
    if right:
        return float(left) / float(right)
    return math.nan if not left or math.isnan(left) else math.copysign(math.inf, left) * math.copysign(1, right)


def _remainder(left: Any, right: Any) -> int:
    if type(left) is not int or type(right) is not int:
        raise mismatch("%", left, right) if not (is_number(left) and is_number(right)) else TypeError(
            "'%' needs whole numbers; use int(x)"
        )
    if right == 0:
        raise ValueError("the remainder of a division by zero does not exist")
    return int(math.copysign(abs(left) % abs(right), left))


def _power(left: Any, right: Any) -> float:
    if not (is_number(left) and is_number(right)):
        raise mismatch("**", left, right)
    try:
        return math.pow(left, right)
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan


def _range(left: Any, right: Any) -> list[int]:
    if type(left) is not int or type(right) is not int:
        raise mismatch("..", left, right)
    check_items(right - left + 1)
    return list(range(left, right + 1))


def _ordered(op: str, act: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(left: Any, right: Any) -> bool:
        if is_number(left) and is_number(right):
            return act(left, right)
        if type(left) is type(right) and isinstance(left, str | datetime | Duration):
            return act(left, right)
        raise mismatch(op, left, right)

    return compare


def _within(left: Any, right: Any) -> bool:
    if isinstance(right, list):
        return any(equal(left, item) for item in right)
    if isinstance(right, dict):
        return isinstance(left, str) and left in right
    if right is None:
        return False
    hint = "; use 'contains' for text within text" if isinstance(right, str) else ""
    raise TypeError(f"'in' needs an array or a map after it, not {kind(right)}{hint}")


def _texts(op: str, act: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    def check(left: Any, right: Any) -> bool:
        if left is None or right is None:
            return False
        if not (isinstance(left, str) and isinstance(right, str)):
            raise TypeError(f"'{op}' needs text on both sides, not {kind(right if isinstance(left, str) else left)}")
        return act(left, right)

    return check


BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": _add,
    "-": _subtract,
    "*": _multiply,
    "/": _divide,
    "%": _remainder,
    "**": _power,
    "..": _range,
    "==": equal,
    "!=": lambda left, right: not equal(left, right),
    "<": _ordered("<", operator.lt),
    "<=": _ordered("<=", operator.le),
    ">": _ordered(">", operator.gt),
    ">=": _ordered(">=", operator.ge),
    "in": _within,
    "contains": _texts("contains", lambda left, right: right in left),
    "startsWith": _texts("startsWith", str.startswith),
    "endsWith": _texts("endsWith", str.endswith),
    "matches": _texts("matches", lambda left, right: compile_pattern(right).search(left) is not None),
}
