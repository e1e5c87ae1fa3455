"""How kubectl reads an unquoted YAML scalar: the words and numbers of YAML 1.1, as Go's yaml.v2 understands them.

`y`, `no` and `on` are booleans, ``010`` is eight, ``0o17`` fifteen and ``1e3`` a thousand, but ``12:30:45`` and
``2026-11-24`` are text. Whole floats become whole numbers, because they pass through JSON on their way.
"""

import math
import re
from decimal import Decimal
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_WHOLE = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<binary>[01]+)|0[oO]?(?P<octal>[0-7]+)|(?P<decimal>0|[1-9][0-9]*))")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_BASES = {"hex": 16, "binary": 2, "octal": 8, "decimal": 10}
_NUMBER_BEGINS_WITH = frozenset("0123456789+-.")
_LONGEST_NUMBER = 4000  # digits; Python refuses to convert more than 4300


def plain_scalar(text: str) -> Scalar:
    """What an unquoted scalar means."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_BEGINS_WITH or len(text) > _LONGEST_NUMBER:
        return text
    bare = text.replace("_", "")
    whole = _WHOLE.fullmatch(bare)
    if whole:
        base = whole.lastgroup or "decimal"
        number = int(whole[base], _BASES[base])
        return -number if whole["sign"] == "-" else number
    if _FLOAT.fullmatch(bare):
        value = float(bare)
        return text if math.isinf(value) else through_json(value)
    return text


def through_json(value: float) -> int | float:
    """A float as it arrives after JSON: whole numbers lose their point, as long as JSON writes them without exponent."""
    return int(value) if value.is_integer() and abs(value) < 1e21 else value


def float_text(value: float) -> str:
    """A number without exponent, with as few digits as tell it from its neighbours."""
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
