"""Values as Go writes them: compact and indented JSON, and what `%v` prints."""

import json
import math
from datetime import datetime
from decimal import Decimal
from typing import Any

from argosy.expressions.durations import Duration
from argosy.expressions.instants import Zone, rfc3339, written


def go_text(value: Any) -> str:
    """A value as a placeholder shows it: text as it is, everything else as compact JSON."""
    if isinstance(value, str):
        return value
    return go_json(value)


def go_json(value: Any) -> str:
    """Compact JSON with sorted keys, fractions as Go writes them, and `<`, `>` and `&` escaped."""
    return _json(value, "", "", ":")


def json_indented(value: Any) -> str:
    """The same over several lines."""
    return _json(value, "\n", "  ", ": ")


def go_value(value: Any) -> str:
    """What Go's `%v` prints: `[1 2]` for a list, `map[a:1]` for a map."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return "[" + " ".join(map(go_value, value)) + "]"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{go_value(value[key])}" for key in sorted(value, key=str)) + "]"
    if value is None:
        return "<nil>"
    if isinstance(value, float):
        return float_text(value, smallest=1e-4, largest=1e6)
    if isinstance(value, datetime):
        return written(value)
    return "true" if value is True else "false" if value is False else str(value)


def float_text(value: float, *, smallest: float = 1e-6, largest: float = 1e21) -> str:
    """A fraction as Go writes it: 1 for 1.0, with an exponent only below `smallest` and from `largest` on."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("+Inf" if value > 0 else "-Inf")
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    digits = repr(value)
    if smallest <= abs(value) < largest:
        return str(int(value)) if value == int(value) else _without_exponent(digits)
    mantissa, power = _scientific(digits)
    width = 1 if largest == 1e21 and power < 0 else 2  # JSON writes 1e-7 where %v writes 1e-07
    return f"{mantissa}e{'-' if power < 0 else '+'}{abs(power):0{width}d}"


def _without_exponent(digits: str) -> str:
    mantissa, _, exponent = digits.partition("e")
    return f"{Decimal(digits):f}" if exponent else mantissa


def _scientific(digits: str) -> tuple[str, int]:
    """The mantissa with one digit before the dot, and the power of ten."""
    sign, figures, exponent = Decimal(digits).as_tuple()
    assert isinstance(exponent, int), "only finite numbers come here"
    text = "".join(map(str, figures))
    power = exponent + len(text) - 1
    rest = text[1:].rstrip("0")
    return f"{'-' if sign else ''}{text[0]}{'.' + rest if rest else ''}", power


def _json(value: Any, line: str, step: str, colon: str) -> str:
    if isinstance(value, list | tuple):
        if not value:
            return "[]"
        items = [_json(item, line + step, step, colon) for item in value]
        return f"[{line + step}{(',' + line + step).join(items)}{line}]"
    if isinstance(value, dict):
        if not value:
            return "{}"
        members = [f"{_string(str(key))}{colon}{_json(value[key], line + step, step, colon)}" for key in sorted(value, key=str)]
        return f"{{{line + step}{(',' + line + step).join(members)}{line}}}"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("JSON cannot hold an infinite number, or one that is no number")
        return float_text(value)
    if isinstance(value, Duration):
        return str(value.nanoseconds)
    if isinstance(value, datetime):
        return f'"{rfc3339(value)}"'
    return _string(str(value)) if isinstance(value, Zone) else str(value)


def _string(value: str) -> str:
    shown = json.dumps(value, ensure_ascii=False)
    for mark, escape in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029")):
        if mark in shown:
            shown = shown.replace(mark, escape)
    return shown
