"""What `@reverse`, `@keys`, `@flatten` and the other modifiers of a GJSON path do to a value."""

import json
from collections.abc import Callable
from typing import Any

from argosy.expressions.missing import MISSING
from argosy.expressions.quoted import read_json

MAX_DEPTH = 100


def _same(value: Any, _argument: str) -> Any:
    return value


def _keys(value: Any, _argument: str) -> Any:
    if isinstance(value, dict):
        return list(value)
    return [None] * len(value) if isinstance(value, list) else []


def _values(value: Any, _argument: str) -> Any:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else [value]


def _reverse(value: Any, _argument: str) -> Any:
    if isinstance(value, list):
        return value[::-1]
    return dict(reversed(value.items())) if isinstance(value, dict) else value


def _flatten(value: Any, argument: str) -> Any:
    """One level, or all levels with `{"deep":true}`."""
    if not isinstance(value, list):
        return value
    deep = _options(argument).get("deep") is True
    return _flat(value, MAX_DEPTH if deep else 1)


def _flat(items: list[Any], levels: int) -> list[Any]:
    out: list[Any] = []
    for item in items:
        if isinstance(item, list):
            out.extend(_flat(item, levels - 1) if levels > 1 else item)
        else:
            out.append(item)
    return out


def _join(value: Any, argument: str) -> Any:
    """Many objects as one: the last value of a key wins, or every key is kept once with `{"preserve":true}`."""
    if not isinstance(value, list):
        return value
    joined: dict[str, Any] = {}
    keep_first = _options(argument).get("preserve") is True
    for item in value:
        for key, member in item.items() if isinstance(item, dict) else ():
            if not (keep_first and key in joined):
                joined[key] = member
    return joined


def _group(value: Any, _argument: str) -> Any:
    """An object of lists as a list of objects."""
    if not isinstance(value, dict):
        return MISSING
    columns = {key: column for key, column in value.items() if isinstance(column, list)}
    rows = max((len(column) for column in columns.values()), default=0)
    return [{key: column[row] for key, column in columns.items() if row < len(column)} for row in range(rows)]


def _to_text(value: Any, _argument: str) -> Any:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _from_text(value: Any, _argument: str) -> Any:
    if not isinstance(value, str):
        return value
    found, end = read_json(value.strip(), 0)
    return found if end == len(value.strip()) else MISSING


def _options(argument: str) -> dict[str, Any]:
    found, _ = read_json(argument, 0)
    return found if isinstance(found, dict) else {}


MODIFIERS: dict[str, Callable[[Any, str], Any]] = {
    "this": _same,
    "valid": _same,
    "ugly": _same,
    "pretty": _same,
    "keys": _keys,
    "values": _values,
    "reverse": _reverse,
    "flatten": _flatten,
    "join": _join,
    "group": _group,
    "tostr": _to_text,
    "fromstr": _from_text,
}
