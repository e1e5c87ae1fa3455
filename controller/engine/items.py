"""Loops: the items of withItems, withParam and withSequence, and what the node of each is called."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controller.engine.contract import Json
from controller.engine.errors import NodeError
from controller.engine.values import from_json, text_of, to_json

LOOPS = ("withItems", "withParam", "withSequence")
MOST_ITEMS = 1_000_000  # of a sequence: more is a mistake, and would only eat the memory


@dataclass(frozen=True, slots=True)
class Item:
    """One turn of a loop: the name of its step or task, and what ``{{item}}`` reads."""

    name: str
    variables: Mapping[str, str]


def is_loop(call: Mapping[str, Json]) -> bool:
    """Whether a step or task is to be expanded."""
    return any(call.get(field) not in (None, "", []) for field in LOOPS)


def items_of(call: Mapping[str, Json]) -> list[Json]:
    """The values to loop over, from a step or task whose loop fields are filled in. Raises NodeError."""
    if call.get("withItems"):
        items = call["withItems"]
        return _parsed(items) if isinstance(items, str) else list(items)
    if call.get("withParam"):
        return _parsed(call["withParam"])
    return list(_sequence(call["withSequence"]))


def item_at(step_name: str, index: int, value: Json) -> Item:
    """The turn for one value."""
    if value is None:
        raise NodeError(f"withItems[{index}] expected string, number, list, or map. received: null")
    variables = {"item": text_of(value)}
    shown = variables["item"]
    if isinstance(value, Mapping):
        parts = {str(key): text_of(part) for key, part in value.items()}
        variables |= {f"item.{key}": part for key, part in parts.items()}
        shown = ",".join(sorted(f"{key}:{part}" for key, part in parts.items()))
    elif isinstance(value, list):
        shown = f"[{' '.join(map(text_of, value))}]"
    return Item(f"{step_name}({index}:{shown.replace('(', '').replace(')', '')})", variables)


def _parsed(text: str) -> list[Json]:
    try:
        values = from_json(text)
    except ValueError as error:
        raise NodeError(f"withParam value could not be parsed as a JSON list: {text.strip()}: {error}") from error
    if values is None:
        return []
    if not isinstance(values, list):
        raise NodeError(f"withParam value could not be parsed as a JSON list: {text.strip()}: it is no list")
    return values


def _sequence(sequence: Mapping[str, Json]) -> Iterator[str]:
    start = _whole(sequence, "start") if "start" in sequence else 0
    if "end" in sequence:
        end = _whole(sequence, "end")
    elif "count" in sequence:
        count = _whole(sequence, "count")
        if count == 0:
            return
        end = start + count - 1
    else:
        raise NodeError("withSequence says neither end nor count; write one of them")
    if abs(end - start) >= MOST_ITEMS:
        raise NodeError(f"withSequence from {start} to {end} has more than {MOST_ITEMS} items")
    form = sequence.get("format") or "%d"
    for number in range(start, end + 1) if start <= end else range(start, end - 1, -1):
        yield _formatted(form, number)


def _formatted(form: str, number: int) -> str:
    try:
        return form.replace("%v", "%d") % number
    except (TypeError, ValueError) as error:
        raise NodeError(f"withSequence.format {form!r} does not fit a number ({error}); write one like %02d") from error


def _whole(sequence: Mapping[str, Any], field: str) -> int:
    try:
        return int(str(sequence[field]).strip())
    except ValueError as error:
        raise NodeError(f"withSequence.{field} is {to_json(sequence[field])}; it must be a whole number") from error
