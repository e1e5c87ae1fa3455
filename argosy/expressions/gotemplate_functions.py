"""The functions that Go's text templates bring along: comparisons, printf, index, len and the like."""

import html
import json
import re
from typing import Any
from urllib.parse import quote_plus

from argosy.expressions.functions import Function, Table, mapping, takes, text
from argosy.expressions.limits import check_text
from argosy.expressions.operators import BINARY, equal, is_number, kind
from argosy.expressions.rendering import go_value

VERB = re.compile(r"%([-+ #0]*)(\d{1,4})?(?:\.(\d{1,3}))?([a-zA-Z%])")


def truth(value: Any) -> bool:
    """Whether a value counts as true: not nil, false, 0 or empty."""
    return not (value is None or value is False or value == "" or value in (0, [], {}))


def _same(first: Any, *others: Any) -> bool:
    return any(equal(first, other) for other in others)


def _html(*values: Any) -> str:
    return html.escape(_print(*values)).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        if isinstance(value, list | str):
            if type(key) is float and key.is_integer():
                key = int(key)  # noqa: PLW2901 - JSON numbers are fractions
            if type(key) is not int or not 0 <= key < len(value):
                raise IndexError(f"index {go_value(key)} lies outside the {kind(value)}, which has {len(value)} elements")
            value = value[key]
        elif isinstance(value, dict):
            value = value.get(key)
        else:
            raise TypeError(f"index is asked of {kind(value)}; it needs a list or a map")
    return value


def _slice(value: Any, *edges: Any) -> Any:
    if not isinstance(value, list | str):
        raise TypeError(f"slice is asked of {kind(value)}; it needs a list or text")
    start = edges[0] if edges else 0
    end = edges[1] if len(edges) > 1 else len(value)
    if type(start) is not int or type(end) is not int or not 0 <= start <= end <= len(value):
        raise IndexError(f"the slice lies outside the {kind(value)}, which has {len(value)} elements")
    return value[start:end]


def _len(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, list | dict):
        return len(value)
    raise TypeError(f"len is asked of {kind(value)}; it needs text, a list or a map")


def _print(*values: Any) -> str:
    """Values side by side, with a space where neither neighbour is text."""
    out: list[str] = []
    for index, value in enumerate(values):
        if index and not isinstance(value, str) and not isinstance(values[index - 1], str):
            out.append(" ")
        out.append(go_value(value))
    return "".join(out)


def printf(template: Any, *values: Any) -> str:
    """Go's Sprintf for the verbs that have a meaning for JSON data."""
    waiting = list(values)
    used = 0

    def put(match: re.Match[str]) -> str:
        nonlocal used
        if match[4] == "%":
            return "%"
        if used >= len(waiting):
            return f"%!{match[4]}(MISSING)"
        used += 1
        return _padded(_verb(match, waiting[used - 1]), match)

    out = VERB.sub(put, text(template))
    check_text(len(out))
    extra = ", ".join(f"{kind(value)}={go_value(value)}" for value in waiting[used:])
    return f"{out}%!(EXTRA {extra})" if extra else out


def _padded(shown: str, match: re.Match[str]) -> str:
    width = int(match[2] or 0)
    if "-" in match[1]:
        return shown.ljust(width)
    if "0" in match[1] and match[4] in "dfgexX":
        return shown.zfill(width)
    return shown.rjust(width)


def _verb(match: re.Match[str], value: Any) -> str:
    verb, places = match[4], match[3]
    if verb == "v" or (verb == "s" and not is_number(value)) or (verb == "t" and isinstance(value, bool)):
        shown = go_value(value)
        return shown[: int(places)] if places and isinstance(value, str) else shown
    if verb == "q" and isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if verb == "T":
        return kind(value)
    if type(value) is int and verb in "dxXobc":
        sign = "+" if "+" in match[1] and value >= 0 else ""
        return chr(value) if verb == "c" and 0 <= value <= 0x10FFFF else sign + format(value, verb if verb != "c" else "d")
    if isinstance(value, float) and verb in "fFeEgG":
        shown = format(value, f".{places or 6}{verb}") if verb not in "gG" or places else go_value(value)
        return "+" + shown if "+" in match[1] and value >= 0 else shown
    if isinstance(value, str) and verb in "xX":
        return value.encode().hex() if verb == "x" else value.encode().hex().upper()
    return f"%!{verb}({ {'float': 'float64'}.get(kind(value), kind(value)) }={go_value(value)})"


def _set(value: Any, key: Any, item: Any) -> Any:
    mapping(value)[text(key)] = item
    return value


def _unset(value: Any, key: Any) -> Any:
    mapping(value).pop(key, None)
    return value


FUNCTIONS: Table = {
    **takes(1, len=_len, **{"not": lambda value: not truth(value)}),
    **takes(2, ne=lambda left, right: not equal(left, right), unset=_unset),
    **takes(3, set=_set),
    **{name: Function(BINARY[op], 2, 2) for name, op in (("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">="))},
    "eq": Function(_same, 2, None),
    "index": Function(_index, 1, None),
    "slice": Function(_slice, 1, 3),
    "print": Function(_print, 0, None),
    "println": Function(lambda *values: " ".join(map(go_value, values)) + "\n", 0, None),
    "printf": Function(printf, 1, None),
    "html": Function(_html, 1, None),
    "urlquery": Function(lambda *values: quote_plus(_print(*values)), 1, None),
}
