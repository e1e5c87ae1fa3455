"""The functions that the expression language brings along, and the few that Argo adds."""

import base64
import binascii
import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

from argosy.expressions.durations import Duration
from argosy.expressions.functions import Function, Table, array, integer, mapping, number, takes, text
from argosy.expressions.instants import Zone, read_date, zone
from argosy.expressions.json_reading import from_json
from argosy.expressions.limits import check_items, check_text
from argosy.expressions.operators import equal, is_number, kind, whole
from argosy.expressions.rendering import go_json, go_value, json_indented


def _len(value: Any) -> int:
    if isinstance(value, str | list | dict):
        return len(value)
    raise TypeError(f"len is asked of {kind(value)}; it needs text, an array or a map")


def to_int(value: Any) -> int:
    """The whole number that a number or text stands for."""
    if isinstance(value, str):
        digits = value[1:] if value[:1] in ("+", "-") else value
        if not (digits.isascii() and digits.isdigit() and len(digits) < 25):
            raise ValueError(f"'{_short(value)}' is not a whole number")
        return whole(int(value))
    if not is_number(value):
        raise TypeError(f"{kind(value)} cannot become a whole number")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("this fraction is not finite")
    return whole(int(value))


def to_float(value: Any) -> float:
    """The fraction that a number or text stands for."""
    if isinstance(value, str):
        if value != value.strip() or len(value) > 400:
            raise ValueError(f"'{_short(value)}' is not a number")
        try:
            return float(value)
        except ValueError:
            raise ValueError(f"'{_short(value)}' is not a number") from None
    if not is_number(value):
        raise TypeError(f"{kind(value)} cannot become a number")
    return float(value)


def _short(value: str) -> str:
    return value if len(value) <= 40 else value[:37] + "..."


def _abs(value: Any) -> int | float:
    return abs(number(value))


def _round(value: Any) -> float:
    found = float(number(value))
    return math.copysign(math.floor(abs(found) + 0.5), found) if math.isfinite(found) else found


def _to_whole(act: Callable[[float], int]) -> Callable[[Any], float]:
    return lambda value: float(act(float(number(value)))) if math.isfinite(number(value)) else float(value)


def _numbers(values: tuple[Any, ...], name: str) -> list[int | float]:
    found: list[int | float] = []
    for value in values:
        if isinstance(value, list):
            found.extend(_numbers(tuple(value), name))
        elif is_number(value):
            found.append(value)
        else:
            raise TypeError(f"{name} needs numbers, not {kind(value)}")
    return found


def _largest(*values: Any) -> Any:
    found = _numbers(values, "max")
    return max(found) if found else None


def _smallest(*values: Any) -> Any:
    found = _numbers(values, "min")
    return min(found) if found else None


def _mean(*values: Any) -> float:
    found = _numbers(values, "mean")
    return sum(map(float, found)) / len(found) if found else 0.0


def _median(*values: Any) -> float:
    found = sorted(map(float, _numbers(values, "median")))
    if not found:
        return 0.0
    middle = len(found) // 2
    return found[middle] if len(found) % 2 else (found[middle - 1] + found[middle]) / 2


def _trim(value: Any, letters: Any = None) -> str:
    return text(value).strip(None if letters is None else text(letters)) if letters != "" else text(value)


def _trim_prefix(value: Any, prefix: Any = " ") -> str:
    return text(value).removeprefix(text(prefix))


def _trim_suffix(value: Any, suffix: Any = " ") -> str:
    return text(value).removesuffix(text(suffix))


def _split(value: Any, separator: Any, most: Any = -1) -> list[str]:
    whole_text, mark, limit = text(value), text(separator), integer(most)
    if limit == 0:
        return []
    if not mark:
        letters = list(whole_text)
        if 0 < limit < len(letters):
            return [*letters[: limit - 1], "".join(letters[limit - 1 :])]
        return letters
    return whole_text.split(mark, limit - 1 if limit > 0 else -1)


def _split_after(value: Any, separator: Any, most: Any = -1) -> list[str]:
    parts = _split(value, separator, most)
    mark = text(separator)
    return [part + mark for part in parts[:-1]] + parts[-1:]


def _replace(value: Any, old: Any, new: Any, most: Any = -1) -> str:
    whole_text, found, put = text(value), text(old), text(new)
    limit = integer(most)
    times = whole_text.count(found) if limit < 0 else min(limit, whole_text.count(found))
    check_text(len(whole_text) + times * max(0, len(put) - len(found)))
    return whole_text.replace(found, put, limit)


def _repeat(value: Any, times: Any) -> str:
    count = integer(times)
    if count < 0:
        raise ValueError("repeat needs a count of 0 or more")
    check_text(len(text(value)) * count)
    return text(value) * count


def _join(items: Any, glue: Any = "") -> str:
    parts = [text(item, "each element") for item in array(items)]
    check_text(sum(map(len, parts)) + len(text(glue)) * len(parts))
    return text(glue).join(parts)


def _to_base64(value: Any) -> str:
    return base64.b64encode(text(value).encode()).decode()


def _from_base64(value: Any) -> str:
    try:
        return base64.b64decode(text(value).encode(), validate=True).decode(errors="replace")
    except binascii.Error:
        raise ValueError(f"'{_short(text(value))}' is not base64") from None


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list | str) and value else None


def _last(value: Any) -> Any:
    return value[-1] if isinstance(value, list | str) and value else None


def _get(value: Any, key: Any) -> Any:
    if isinstance(value, dict):
        return value.get(key) if isinstance(key, str) else None
    if isinstance(value, list | str) and type(key) is int:
        return value[key] if -len(value) <= key < len(value) else None
    return None


def _take(items: Any, count: Any) -> list[Any]:
    if integer(count) < 0:
        raise ValueError("take needs a count of 0 or more")
    return array(items)[: integer(count)]


def _uniq(items: Any) -> list[Any]:
    found: list[Any] = []
    seen: set[Any] = set()
    for item in array(items):
        simple = isinstance(item, str) or is_number(item)
        if simple and item in seen:
            continue
        if not simple and any(equal(item, other) for other in found):
            continue
        if simple:
            seen.add(item)
        found.append(item)
        check_items(len(found) if simple else len(found) * 200)
    return found


def _concat(*lists: Any) -> list[Any]:
    check_items(sum(len(array(items)) for items in lists))
    return [item for items in lists for item in items]


def _flatten(items: Any) -> list[Any]:
    found: list[Any] = []
    for item in array(items):
        if isinstance(item, list):
            found.extend(_flatten(item))
        else:
            found.append(item)
    return found


def sort_key(value: Any) -> Any:
    """What a value is sorted by; only numbers, texts, instants and lengths of time have an order."""
    if is_number(value) or isinstance(value, str | datetime | Duration):
        return value
    raise TypeError(f"{kind(value)} cannot be put in order")


def in_order(items: list[Any], keys: list[Any], order: Any) -> list[Any]:
    """The items sorted by their keys, which must be of one kind."""
    if order not in ("asc", "desc"):
        raise ValueError("the order is 'asc' or 'desc'")
    kinds = {"number" if is_number(sort_key(key)) else kind(key) for key in keys}
    if len(kinds) > 1:
        raise TypeError(f"{' and '.join(sorted(kinds))} cannot be put in one order")
    places = sorted(range(len(items)), key=keys.__getitem__, reverse=order == "desc")
    return [items[place] for place in places]


def _sort(items: Any, order: Any = "asc") -> list[Any]:
    return in_order(array(items), array(items), order)


def _from_pairs(pairs: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in array(pairs):
        if not isinstance(pair, list) or len(pair) != 2:
            raise TypeError("fromPairs needs an array of pairs, such as [['a', 1], ['b', 2]]")
        found[text(pair[0], "a key")] = pair[1]
    return found


def _now(now: Any, place: Any = None) -> datetime:
    moment = now.astimezone(place.info) if isinstance(now, datetime) and isinstance(place, Zone) else now
    if isinstance(moment, datetime):
        return moment
    if isinstance(moment, str):
        return read_date(moment)
    raise ValueError("the present time is not known here")


def _duration(value: Any) -> Duration:
    return Duration.parse(text(value))


def _jsonpath(value: Any, path: Any) -> Any:
    from argosy.expressions.jsonpath import find

    return find(from_json(text(value, "the JSON text")), text(path, "the path"))


def _bits(act: Callable[[int, int], int]) -> Callable[[Any, Any], int]:
    def calculate(left: Any, right: Any) -> int:
        result = act(integer(left), integer(right)) & ((1 << 64) - 1)
        return result - (1 << 64) if result >> 63 else result

    return calculate


def _shift(value: int, by: int, *, left: bool) -> int:
    if not 0 <= by < 64:
        raise ValueError("a shift must be by 0 to 63")
    return value << by if left else value >> by


BUILTINS: Table = {
    **takes(
        1,
        len=_len,
        type=kind,
        abs=_abs,
        ceil=_to_whole(math.ceil),
        floor=_to_whole(math.floor),
        round=_round,
        int=to_int,
        asInt=to_int,
        float=to_float,
        asFloat=to_float,
        string=go_value,
        upper=lambda value: text(value).upper(),
        lower=lambda value: text(value).lower(),
        toJSON=json_indented,
        toJson=go_json,
        fromJSON=lambda value: from_json(text(value)),
        toBase64=_to_base64,
        fromBase64=_from_base64,
        duration=_duration,
        timezone=lambda value: zone(text(value)),
        first=_first,
        last=_last,
        keys=lambda value: list(mapping(value)),
        values=lambda value: list(mapping(value).values()),
        toPairs=lambda value: [[key, item] for key, item in mapping(value).items()],
        fromPairs=_from_pairs,
        reverse=lambda items: array(items)[::-1],
        uniq=_uniq,
        flatten=_flatten,
        bitnot=lambda value: ~integer(value),
    ),
    **takes(
        2,
        indexOf=lambda value, part: text(value).find(text(part)),
        lastIndexOf=lambda value, part: text(value).rfind(text(part)),
        hasPrefix=lambda value, part: text(value).startswith(text(part)),
        hasSuffix=lambda value, part: text(value).endswith(text(part)),
        repeat=_repeat,
        get=_get,
        take=_take,
        jsonpath=_jsonpath,
        bitand=_bits(lambda left, right: left & right),
        bitor=_bits(lambda left, right: left | right),
        bitxor=_bits(lambda left, right: left ^ right),
        bitnand=_bits(lambda left, right: left & ~right),
        bitshl=_bits(lambda value, by: _shift(value, by, left=True)),
        bitshr=_bits(lambda value, by: _shift(value, by, left=False)),
        bitushr=_bits(lambda value, by: _shift(value & ((1 << 64) - 1), by, left=False)),
    ),
    "trim": Function(_trim, 1, 2),
    "trimPrefix": Function(_trim_prefix, 1, 2),
    "trimSuffix": Function(_trim_suffix, 1, 2),
    "split": Function(_split, 2, 3),
    "splitAfter": Function(_split_after, 2, 3),
    "replace": Function(_replace, 3, 4),
    "join": Function(_join, 1, 2),
    "max": Function(_largest, 1, None),
    "min": Function(_smallest, 1, None),
    "mean": Function(_mean, 1, None),
    "median": Function(_median, 1, None),
    "concat": Function(_concat, 1, None),
    "sort": Function(_sort, 1, 2),
    "now": Function(_now, 0, 2),
    "date": Function(read_date, 1, 3),
}
