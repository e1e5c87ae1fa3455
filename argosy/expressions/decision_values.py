"""How values are compared and calculated in `when` and sensor filters: every number is a fraction, text is text."""

import math
import operator
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from argosy.expressions.patterns import compile_pattern

ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
# Quoted text in one of these forms is an instant, so that 2024-1-2 and its other spellings compare as time.
INSTANT = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d(:\d\d(:\d\d(\.\d{1,9})?)?)?)?(Z|[+-]\d\d:?\d\d)?")


def _divide(left: float, right: float) -> float:
    if right:
        return left / right
    return math.nan if not left or math.isnan(left) else math.copysign(math.inf, left)


def _remainder(left: float, right: float) -> float:
    return math.fmod(left, right) if right else math.nan


def _power(left: float, right: float) -> float:
    try:
        return math.pow(left, right)
    except OverflowError:
        return math.inf


def _shift(left: float, right: float) -> float:
    if not 0 <= right < 64:
        raise ValueError("a shift must be by 0 to 63")
    return float(int(left) << int(right))


ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "%": _remainder,
    "**": _power,
    "&": lambda left, right: float(int(left) & int(right)),
    "|": lambda left, right: float(int(left) | int(right)),
    "^": lambda left, right: float(int(left) ^ int(right)),
    "<<": _shift,
    ">>": lambda left, right: float(int(left) >> int(max(right, 0))),
}


def number(value: Any) -> Any:
    """The value with integers made fractions, all the way down."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return float(value)
    if isinstance(value, list | tuple):
        return [number(item) for item in value]
    return value


def equal(left: Any, right: Any) -> bool:
    """The same kind and the same value: the text "1" is not the number 1."""
    if left is right:
        return True
    if type(left) is not type(right):
        return False
    if isinstance(left, str) and left != right:
        one, other = moment(left), moment(right)
        return isinstance(one, float) and isinstance(other, float) and one == other
    return bool(left == right)


def moment(value: Any) -> Any:
    """Text that is a date or an instant as seconds, everything else as it is."""
    if not isinstance(value, str) or not INSTANT.fullmatch(value):
        return value
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return value
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def search(op: str, text: Any, pattern: Any) -> bool:
    """Whether a regular expression is found anywhere in the text."""
    for side, name in ((text, "before"), (pattern, "after")):
        if not isinstance(side, str):
            raise TypeError(f"'{op}' needs text {name} it, not {shown(side)}; put it in quotes (\")")
    return compile_pattern(pattern).search(text) is not None


def shown(value: Any) -> str:
    """A value as an error names it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"the number {value:g}"
    if isinstance(value, str):
        return f"the text '{value if len(value) <= 40 else value[:37] + '...'}'"
    return "a list" if isinstance(value, list) else "an object"
