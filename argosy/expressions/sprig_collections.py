"""Sprig's functions over lists and maps; none changes what it is given."""

from collections.abc import Callable
from typing import Any

from argosy.expressions.functions import Function, Table, array, integer, mapping, takes, text
from argosy.expressions.limits import check_items
from argosy.expressions.operators import equal


def is_empty(value: Any) -> bool:
    """Whether a value counts as empty: nil, false, 0, and what has no elements."""
    return value is None or value is False or value == "" or value in (0, [], {})


def _dict(*pairs: Any) -> dict[str, Any]:
    values = [*pairs, ""] if len(pairs) % 2 else list(pairs)
    return {text(values[at], "a key"): values[at + 1] for at in range(0, len(values), 2)}


def _set(value: Any, key: Any, item: Any) -> dict[Any, Any]:
    return {**mapping(value), text(key): item}


def _unset(value: Any, key: Any) -> dict[Any, Any]:
    return {name: item for name, item in mapping(value).items() if name != key}


def _pick(value: Any, *names: Any) -> dict[Any, Any]:
    return {name: mapping(value)[name] for name in names if name in mapping(value)}


def _omit(value: Any, *names: Any) -> dict[Any, Any]:
    return {name: item for name, item in mapping(value).items() if name not in names}


def _pluck(key: Any, *maps: Any) -> list[Any]:
    return [mapping(one)[key] for one in maps if key in mapping(one)]


def _keys(*maps: Any) -> list[Any]:
    return [key for one in maps for key in mapping(one)]


def _merge(first: Any, *others: Any) -> dict[Any, Any]:
    """What is set earlier wins; maps are merged member by member."""
    merged = mapping(first)
    for other in others:
        merged = _under(merged, mapping(other), 0)
    return merged


def _merge_overwrite(first: Any, *others: Any) -> dict[Any, Any]:
    merged = mapping(first)
    for other in others:
        merged = _under(mapping(other), merged, 0)
    return merged


def _under(winner: dict[Any, Any], loser: dict[Any, Any], depth: int) -> dict[Any, Any]:
    if depth > 100:
        raise ValueError("the maps are nested too deeply")
    merged = {**loser, **{key: value for key, value in winner.items() if not is_empty(value) or key not in loser}}
    for key, value in merged.items():
        if isinstance(value, dict) and isinstance(loser.get(key), dict) and isinstance(winner.get(key), dict):
            merged[key] = _under(winner[key], loser[key], depth + 1)
    return merged


def _dig(*path_default_map: Any) -> Any:
    if len(path_default_map) < 3:
        raise TypeError("dig takes a path, a default and a map")
    *path, default, found = path_default_map
    for key in path:
        if not isinstance(found, dict) or key not in found:
            return default
        found = found[key]
    return found


def _push(items: Any, item: Any) -> list[Any]:
    check_items(len(array(items)) + 1)
    return [*array(items), item]


def _concat(*lists: Any) -> list[Any]:
    check_items(sum(len(array(items)) for items in lists))
    return [item for items in lists for item in items]


def _uniq(items: Any) -> list[Any]:
    found: list[Any] = []
    check_items(len(array(items)) * 100)
    for item in array(items):
        if not any(equal(item, other) for other in found):
            found.append(item)
    return found


def _without(items: Any, *unwanted: Any) -> list[Any]:
    return [item for item in array(items) if not any(equal(item, other) for other in unwanted)]


def _slice(items: Any, *edges: Any) -> list[Any]:
    start = integer(edges[0]) if edges else 0
    end = integer(edges[1]) if len(edges) > 1 else len(array(items))
    if not 0 <= start <= end <= len(array(items)):
        raise ValueError(f"the slice {start} to {end} lies outside the list, which has {len(array(items))} elements")
    return array(items)[start:end]


def _chunk(size: Any, items: Any) -> list[list[Any]]:
    step = integer(size)
    if step < 1:
        raise ValueError("chunk needs a size of 1 or more")
    return [array(items)[at : at + step] for at in range(0, len(array(items)), step)]


def _coalesce(*values: Any) -> Any:
    return next((value for value in values if not is_empty(value)), None)


def _default(otherwise: Any, *given: Any) -> Any:
    return otherwise if not given or is_empty(given[0]) else given[0]


def _compact(items: Any) -> list[Any]:
    return [item for item in array(items) if not is_empty(item)]


def _prepend(items: Any, item: Any) -> list[Any]:
    return [item, *array(items)]


def _has(item: Any, items: Any) -> bool:
    return items is not None and any(equal(item, other) for other in array(items))


def _at(index: int) -> Callable[[Any], Any]:
    return lambda items: array(items)[index] if array(items) else None


def _copy(value: Any) -> Any:
    from copy import deepcopy

    return deepcopy(value)


WITH_MUST: Table = {
    **takes(
        1,
        first=_at(0),
        last=_at(-1),
        rest=lambda items: array(items)[1:],
        initial=lambda items: array(items)[:-1],
        reverse=lambda items: array(items)[::-1],
        uniq=_uniq,
        compact=_compact,
        deepCopy=_copy,
    ),
    **takes(2, append=_push, push=_push, prepend=_prepend, has=_has, chunk=_chunk),
    "without": Function(_without, 1, None),
    "slice": Function(_slice, 1, 3),
    "merge": Function(_merge, 1, None),
    "mergeOverwrite": Function(_merge_overwrite, 1, None),
}
COLLECTIONS: Table = {
    **WITH_MUST,
    **{"must" + name[0].upper() + name[1:]: function for name, function in WITH_MUST.items()},
    **takes(1, empty=is_empty, values=lambda value: list(mapping(value).values())),
    **takes(
        2,
        get=lambda value, key: mapping(value).get(key, ""),
        unset=_unset,
        hasKey=lambda value, key: key in mapping(value),
        deepEqual=equal,
    ),
    **takes(3, set=_set, ternary=lambda yes, no, test: yes if test is True else no),
    "list": Function(lambda *items: list(items), 0, None),
    "tuple": Function(lambda *items: list(items), 0, None),
    "dict": Function(_dict, 0, None),
    "keys": Function(_keys, 1, None),
    "pick": Function(_pick, 1, None),
    "omit": Function(_omit, 1, None),
    "pluck": Function(_pluck, 1, None),
    "concat": Function(_concat, 0, None),
    "dig": Function(_dig, 3, None),
    "coalesce": Function(_coalesce, 0, None),
    "default": Function(_default, 1, 2),
    "all": Function(lambda *values: not any(map(is_empty, values)), 0, None),
    "any": Function(lambda *values: not all(map(is_empty, values)), 0, None),
}
