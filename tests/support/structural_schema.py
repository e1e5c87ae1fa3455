"""Kubernetes' rules for the schema of a kind, and what the API server makes of an object by them."""

from collections.abc import Iterator
from typing import Any

Tree = dict[str, Any]
OPEN = "x-kubernetes-preserve-unknown-fields"
EITHER = "x-kubernetes-int-or-string"
MAP_TYPE = "x-kubernetes-map-type"
_KEYS = {"type", "description", "properties", "items", "additionalProperties", "required", OPEN, EITHER, MAP_TYPE}
_TYPES = {"string", "integer", "number", "boolean", "array", "object"}


def violations(schema: Tree, path: str = "") -> Iterator[str]:
    """What the API server would refuse of a schema."""
    if unknown := schema.keys() - _KEYS:
        yield f"{path}: a structural schema has no {sorted(unknown)}"
    kind = schema.get("type")
    if kind not in _TYPES and not (kind is None and (schema.get(OPEN) or schema.get(EITHER))):
        yield f"{path}: has no type of a structural schema, but {kind!r}"
    if MAP_TYPE in schema and (kind != "object" or schema[MAP_TYPE] not in ("atomic", "granular")):
        yield f"{path}: only an object is atomic or granular"
    if kind is not None and schema.get(EITHER):
        yield f"{path}: is int-or-string and has a type"
    if kind not in (None, "object") and schema.get(OPEN):
        yield f"{path}: keeps unknown fields and is no object"
    if "properties" in schema and "additionalProperties" in schema:
        yield f"{path}: has both properties and additionalProperties"
    if kind != "object" and schema.keys() & {"properties", "additionalProperties", "required"}:
        yield f"{path}: has fields and is no object"
    if (kind == "array") != ("items" in schema):
        yield f"{path}: an array has items, and only an array"
    if missing := set(schema.get("required", ())) - schema.get("properties", {}).keys():
        yield f"{path}: requires {sorted(missing)}, which it does not have"
    for name, inner in _inside(schema):
        yield from violations(inner, f"{path}.{name}")


def _inside(schema: Tree) -> Iterator[tuple[str, Tree]]:
    yield from schema.get("properties", {}).items()
    for name in ("items", "additionalProperties"):
        if name in schema:
            yield name, schema[name]


def json_schema(schema: Tree) -> Tree:
    """The same as plain JSON Schema, by which `kubectl create --validate=strict` would be judged."""
    plain = {key: value for key, value in schema.items() if key in ("type", "required")}
    if schema.get(EITHER):
        plain["type"] = ["integer", "string"]
    if "items" in schema:
        plain["items"] = json_schema(schema["items"])
    if "properties" in schema:
        plain["properties"] = {name: json_schema(inner) for name, inner in schema["properties"].items()}
        plain["additionalProperties"] = bool(schema.get(OPEN))
    if "additionalProperties" in schema:
        plain["additionalProperties"] = json_schema(schema["additionalProperties"])
    return plain


def whole_json_schema(schema: Tree) -> Tree:
    """As `json_schema`, for whole objects: their metadata is checked by the API server in its own way."""
    plain = json_schema(schema)
    plain["properties"]["metadata"].pop("additionalProperties", None)
    return plain


def without_nulls(value: Any, schema: Tree) -> Any:
    """The API server drops a field that is null before it looks at the rest, except where anything may stand."""
    if isinstance(value, list):
        return [without_nulls(element, schema.get("items", {})) for element in value]
    if not isinstance(value, dict):
        return value
    known, others = schema.get("properties", {}), schema.get("additionalProperties")
    kept = {}
    for key, entry in value.items():
        inner = known.get(key, others)
        if entry is not None or inner is None or (inner.get(OPEN) and "type" not in inner):
            kept[key] = entry if inner is None else without_nulls(entry, inner)
    return kept
