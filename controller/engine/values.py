"""Values as text: how a YAML scalar, a list of items or an artifact reads where a placeholder puts it into a string."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from controller.engine.contract import Json


def text_of(value: Json) -> str:
    """A parameter's value as the string it stands for: 1 is "1", true is "true", a list or map is its JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return to_json(value)


def to_json(value: Json, *, sort: bool = True) -> str:
    """Compact JSON, with sorted keys as Go writes a map unless told otherwise."""
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS | (orjson.OPT_SORT_KEYS if sort else 0)).decode()
    except TypeError:  # an integer beyond 64 bits
        import json

        return json.dumps(value, separators=(",", ":"), sort_keys=sort, ensure_ascii=False)


def from_json(text: str) -> Json:
    """Parse JSON; raises ValueError."""
    return orjson.loads(text)


def named(items: Iterable[Mapping[str, Json]] | None) -> dict[str, Mapping[str, Json]]:
    """Parameters or artifacts by name."""
    return {item["name"]: item for item in items or ()}


def parameters_json(parameters: Iterable[Mapping[str, Any]] | None) -> str:
    """The list of parameters as ``{{inputs.parameters}}`` and ``{{workflow.parameters}}`` show it."""
    fields = ("name", "default", "value", "valueFrom", "globalName", "enum", "description")
    shown = []
    for parameter in parameters or ():
        entry = {field: parameter[field] for field in fields if field in parameter}
        for field in ("default", "value"):
            if field in entry:
                entry[field] = text_of(entry[field])
        shown.append(entry)
    return orjson.dumps(shown).decode()
