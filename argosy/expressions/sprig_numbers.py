"""Sprig's arithmetic: whole numbers unless the name ends in f; text that is no number counts as 0."""

import math
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import reduce
from typing import Any

from argosy.expressions.functions import Function, Table, integer, takes
from argosy.expressions.limits import check_items
from argosy.expressions.operators import whole


def to_int64(value: Any) -> int:
    """The whole number that a value stands for, 0 when it stands for none."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return whole(int(value)) if math.isfinite(value) else 0
    return _from_text(value.strip()) if isinstance(value, str) and len(value) < 100 else 0


def _from_text(source: str) -> int:
    digits = source.lstrip("+-")
    ahead, dot, after = digits.partition(".")
    if dot and not after.strip("0"):
        digits = ahead
    try:
        octal = len(digits) > 1 and digits[0] == "0" and digits.isdigit()
        found = int(digits, 8) if octal else int(digits, 0)
    except ValueError:
        return 0
    return whole(-found if source.startswith("-") else found)


def to_float64(value: Any) -> float:
    """The fraction that a value stands for, 0 when it stands for none."""
    if isinstance(value, int | float):
        return float(value)
    try:
        return float(value) if isinstance(value, str) and len(value) < 400 else 0.0
    except ValueError:
        return 0.0


def _decimal(value: Any) -> Decimal:
    try:
        return Decimal(repr(to_float64(value)))
    except InvalidOperation:
        return Decimal(0)


def _divide(left: Any, right: Any) -> int:
    dividend, divisor = to_int64(left), to_int64(right)
    if divisor == 0:
        raise ValueError("division by zero")
    quotient = abs(dividend) // abs(divisor)
    return quotient if (dividend < 0) == (divisor < 0) else -quotient


def _remainder(left: Any, right: Any) -> int:
    return to_int64(left) - to_int64(right) * _divide(left, right)


def _whole_over(act: Callable[[int, int], int]) -> Callable[..., int]:
    return lambda *values: whole(reduce(act, map(to_int64, values)))


def _fraction_over(act: Callable[[Decimal, Decimal], Decimal]) -> Callable[..., float]:
    def calculate(*values: Any) -> float:
        try:
            return float(reduce(act, map(_decimal, values)))
        except (InvalidOperation, ZeroDivisionError):
            raise ValueError("division by zero") from None

    return calculate


def _round(value: Any, places: Any, up_from: Any = 0.5) -> float:
    power = 10.0 ** integer(places)
    scaled = to_float64(value) * power
    if not math.isfinite(scaled):
        return scaled
    fraction = abs(math.fmod(scaled, 1))
    if fraction >= to_float64(up_from):
        return (math.ceil(scaled) if scaled >= 0 else math.floor(scaled)) / power
    return (math.floor(scaled) if scaled >= 0 else math.ceil(scaled)) / power


def _until_step(start: Any, stop: Any, step: Any) -> list[int]:
    first, last, by = integer(start), integer(stop), integer(step)
    if by == 0 or (last < first) != (by < 0):
        return []
    check_items(abs(last - first) // abs(by) + 1)
    return list(range(first, last, by))


def _until(count: Any) -> list[int]:
    return _until_step(0, count, -1 if integer(count) < 0 else 1)


def _seq(*edges: Any) -> str:
    numbers = [integer(edge) for edge in edges]
    first, step, last = 1, 1, 0
    if len(numbers) == 1:
        last = numbers[0]
    elif len(numbers) == 2:
        first, last = numbers
    elif len(numbers) == 3:
        first, step, last = numbers
    else:
        return ""
    if len(numbers) < 3 and last < first:
        step = -1
    if step == 0 or (last < first) != (step < 0):
        return "" if last != first else str(first)
    check_items(abs(last - first) // abs(step) + 1)
    return " ".join(map(str, range(first, last + (1 if step > 0 else -1), step)))


def _octal(value: Any) -> int:
    try:
        return int(str(value), 8)
    except ValueError:
        return 0


NUMBERS: Table = {
    **takes(
        1,
        atoi=to_int64,
        int64=to_int64,
        int=to_int64,
        float64=to_float64,
        toDecimal=_octal,
        until=_until,
        add1=lambda value: whole(to_int64(value) + 1),
        add1f=lambda value: float(_decimal(value) + 1),
        ceil=lambda value: float(_decimal(value).to_integral_value("ROUND_CEILING")),
        floor=lambda value: float(_decimal(value).to_integral_value("ROUND_FLOOR")),
    ),
    **takes(2, sub=_whole_over(lambda a, b: a - b), div=_divide, mod=_remainder),
    **takes(3, untilStep=_until_step),
    "add": Function(_whole_over(lambda a, b: a + b), 1, None),
    "mul": Function(_whole_over(lambda a, b: a * b), 1, None),
    "max": Function(_whole_over(max), 1, None),
    "biggest": Function(_whole_over(max), 1, None),
    "min": Function(_whole_over(min), 1, None),
    "addf": Function(_fraction_over(lambda a, b: a + b), 1, None),
    "subf": Function(_fraction_over(lambda a, b: a - b), 1, None),
    "mulf": Function(_fraction_over(lambda a, b: a * b), 1, None),
    "divf": Function(_fraction_over(lambda a, b: a / b), 1, None),
    "maxf": Function(lambda *values: max(map(to_float64, values)), 1, None),
    "minf": Function(lambda *values: min(map(to_float64, values)), 1, None),
    "round": Function(_round, 2, 3),
    "seq": Function(_seq, 0, None),
}
