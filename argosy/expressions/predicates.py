"""The functions that look at each element of an array: filter, map, any, reduce and their kind."""

from collections.abc import Callable
from typing import Any

from argosy.expressions.builtins import in_order
from argosy.expressions.functions import array, number
from argosy.expressions.operators import BINARY, kind

Each = Callable[[Any, int, Any], Any]
NOTHING = object()


def _holds(each: Each, item: Any, index: int) -> bool:
    found = each(item, index, None)
    if isinstance(found, bool):
        return found
    raise TypeError(f"the test of each element must give true or false, not {kind(found)}")


def _elements(items: Any) -> list[Any]:
    return list(items.values()) if isinstance(items, dict) else array(items, "the first argument")


def _all(items: Any, each: Each) -> bool:
    return all(_holds(each, item, index) for index, item in enumerate(_elements(items)))


def _any(items: Any, each: Each) -> bool:
    return any(_holds(each, item, index) for index, item in enumerate(_elements(items)))


def _none(items: Any, each: Each) -> bool:
    return not _any(items, each)


def _one(items: Any, each: Each) -> bool:
    return _count(items, each) == 1


def _filter(items: Any, each: Each) -> list[Any]:
    return [item for index, item in enumerate(_elements(items)) if _holds(each, item, index)]


def _map(items: Any, each: Each) -> list[Any]:
    return [each(item, index, None) for index, item in enumerate(_elements(items))]


def _count(items: Any, each: Each | None) -> int:
    if each is None:
        each = _itself
    return sum(_holds(each, item, index) for index, item in enumerate(_elements(items)))


def _itself(item: Any, _index: int, _acc: Any) -> Any:
    return item


def _sum(items: Any, each: Each | None) -> int | float:
    values = _elements(items) if each is None else _map(items, each)
    total: int | float = 0
    for value in values:
        total = BINARY["+"](total, number(value, "each element"))
    return total


def _place(items: list[Any], each: Each, places: range) -> int | None:
    return next((index for index in places if _holds(each, items[index], index)), None)


def _find(items: Any, each: Each) -> Any:
    found = _find_index(items, each)
    return None if found is None else _elements(items)[found]


def _find_index(items: Any, each: Each) -> int | None:
    elements = _elements(items)
    return _place(elements, each, range(len(elements)))


def _find_last(items: Any, each: Each) -> Any:
    found = _find_last_index(items, each)
    return None if found is None else _elements(items)[found]


def _find_last_index(items: Any, each: Each) -> int | None:
    elements = _elements(items)
    return _place(elements, each, range(len(elements) - 1, -1, -1))


def _key(value: Any) -> str:
    from argosy.expressions.rendering import go_value

    return go_value(value)


def _group_by(items: Any, each: Each) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for index, item in enumerate(_elements(items)):
        groups.setdefault(_key(each(item, index, None)), []).append(item)
    return groups


def _count_by(items: Any, each: Each) -> dict[str, int]:
    return {key: len(group) for key, group in _group_by(items, each).items()}


def _sort_by(items: Any, each: Each, order: Any = "asc") -> list[Any]:
    return in_order(_elements(items), _map(items, each), order)


def _reduce(items: Any, each: Each, start: Any = NOTHING) -> Any:
    elements = _elements(items)
    first = 0
    if start is NOTHING:
        if not elements:
            raise ValueError("reduce of an empty array needs a value to start with as its third argument")
        start, first = elements[0], 1
    for index in range(first, len(elements)):
        start = each(elements[index], index, start)
    return start


PREDICATE_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "all": _all,
    "any": _any,
    "none": _none,
    "one": _one,
    "filter": _filter,
    "map": _map,
    "count": _count,
    "sum": _sum,
    "find": _find,
    "findIndex": _find_index,
    "findLast": _find_last,
    "findLastIndex": _find_last_index,
    "groupBy": _group_by,
    "countBy": _count_by,
    "sortBy": _sort_by,
    "reduce": _reduce,
}
