"""Changing a part of an object: which patch kinds a kind takes, JSON merge patch (RFC 7386) and JSON patch (RFC 6902)."""

import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import orjson

from argosy.embedded.store.refusals import invalid
from argosy.embedded.store.rules import is_custom
from argosy.kube.contract import BadRequest, Invalid, Object, PatchKind, Resource
from argosy.kube.strategic_merge import strategically_merged

_MOST_OPERATIONS: Final = 10_000
_MOST_COPIED_BYTES: Final = 64 << 20

_Edit: TypeAlias = Callable[[Any, str], None]


def patched(resource: Resource, obj: Object, patch: Any, kind: PatchKind) -> Object:
    """The object with the patch laid over it. `obj` is left as it was; what is not touched is shared with it."""
    match kind:
        case PatchKind.JSON:
            try:
                result = edited(obj, patch)
            except Invalid as error:
                raise invalid(resource, obj["metadata"]["name"], "patch", str(error)) from error
        case PatchKind.STRATEGIC if is_custom(resource):
            raise BadRequest(f"{kind} is only for Kubernetes' own kinds, not for {resource.kind}; send {PatchKind.MERGE}")
        case PatchKind.STRATEGIC | PatchKind.APPLY if not is_custom(resource):
            result = strategically_merged(obj, _mapping(patch))
        case _:
            result = merged(obj, _mapping(patch))
    if not isinstance(result, dict):
        raise BadRequest(f"the patch turns the object into a {type(result).__name__}; it must stay a mapping")
    return result


def _mapping(patch: Any) -> dict[str, Any]:
    if not isinstance(patch, dict):
        raise BadRequest(f"the patch must be a mapping, found {type(patch).__name__}")
    return patch


def merged(target: Any, patch: Any) -> Any:
    """`target` with a JSON merge patch laid over it; null takes a key away."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def edited(tree: Any, operations: Any) -> Any:
    """`tree` after the operations of a JSON patch. Raises BadRequest for a malformed patch, Invalid if one fails."""
    if not isinstance(operations, list) or not all(isinstance(each, dict) for each in operations):
        raise BadRequest("a JSON patch must be a list of operations such as "
                         '{"op": "replace", "path": "/spec/suspend", "value": true}')
    if len(operations) > _MOST_OPERATIONS:
        raise BadRequest(f"the JSON patch has {len(operations)} operations; the most is {_MOST_OPERATIONS}")
    copied = 0
    for number, operation in enumerate(operations):
        try:
            tree = _operated(tree, operation)
        except _Failed as error:
            raise Invalid(f"operation {number} ({operation.get('op')} {operation.get('path')}): {error}") from error
        if operation.get("op") == "copy":
            copied += len(orjson.dumps(_value_at(tree, _pointer(operation, "from"))))
            if copied > _MOST_COPIED_BYTES:
                raise BadRequest(f"the JSON patch copies more than {_MOST_COPIED_BYTES} bytes")
    return tree


class _Failed(Exception):
    """An operation that is well formed but cannot be done on this object."""


def _operated(tree: Any, operation: dict[str, Any]) -> Any:
    path = _pointer(operation, "path")
    match operation.get("op"):
        case "add":
            return _add(tree, path, _value(operation))
        case "remove":
            return _edited_at(tree, path, _remove)
        case "replace":
            _value_at(tree, path)
            return _add(_edited_at(tree, path, _remove), path, _value(operation)) if path else _value(operation)
        case "move":
            source = _pointer(operation, "from")
            if path[:len(source)] == source and path != source:
                raise _Failed("an object cannot be moved into itself")
            value = _value_at(tree, source)
            return _add(_edited_at(tree, source, _remove), path, value)
        case "copy":
            return _add(tree, path, _value_at(tree, _pointer(operation, "from")))
        case "test":
            found, wanted = _value_at(tree, path), _value(operation)
            if orjson.dumps(found, option=orjson.OPT_SORT_KEYS) != orjson.dumps(wanted, option=orjson.OPT_SORT_KEYS):
                raise _Failed(f"the value there is {found!r}, not {wanted!r}")
            return tree
        case other:
            raise BadRequest(f"a JSON patch has no operation {other!r}; use add, remove, replace, move, copy or test")


def _value(operation: dict[str, Any]) -> Any:
    if "value" not in operation:
        raise BadRequest(f"the operation {operation.get('op')} {operation.get('path')} needs a value")
    return operation["value"]


def _pointer(operation: dict[str, Any], key: str) -> list[str]:
    """The steps of a JSON pointer (RFC 6901)."""
    text = operation.get(key)
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise BadRequest(f"the operation {operation.get('op')!r} needs {key!r}, a pointer such as /metadata/labels/app,"
                         f" found {text!r}")
    return [step.replace("~1", "/").replace("~0", "~") for step in text.split("/")[1:]]


def _value_at(tree: Any, path: list[str]) -> Any:
    for step in path:
        tree = _child(tree, step)
    return tree


def _child(tree: Any, step: str) -> Any:
    if isinstance(tree, list):
        return tree[_index(tree, step, len(tree) - 1)]
    if isinstance(tree, dict) and step in tree:
        return tree[step]
    raise _Failed(f"there is nothing at {step!r}")


def _index(items: list[Any], step: str, most: int) -> int:
    if not re.fullmatch(r"0|[1-9][0-9]{0,9}", step) or int(step) > most:
        raise _Failed(f"the list has {len(items)} items and none at {step!r}")
    return int(step)


def _add(tree: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value

    def insert(parent: Any, step: str) -> None:
        if isinstance(parent, list):
            parent.insert(len(parent) if step == "-" else _index(parent, step, len(parent)), value)
        else:
            parent[step] = value

    return _edited_at(tree, path, insert)


def _remove(parent: Any, step: str) -> None:
    _child(parent, step)
    del parent[int(step) if isinstance(parent, list) else step]


def _edited_at(tree: Any, path: list[str], edit: _Edit) -> Any:
    """A new tree in which `edit` has changed the parent of `path`; all beside the path is shared."""
    if not path:
        raise _Failed("the whole object cannot be removed or moved")
    if not isinstance(tree, dict | list):
        raise _Failed(f"there is no mapping or list that could hold {path[0]!r}")
    result = tree.copy()
    if len(path) == 1:
        edit(result, path[0])
    elif isinstance(result, list):
        index = _index(result, path[0], len(result) - 1)
        result[index] = _edited_at(result[index], path[1:], edit)
    else:
        result[path[0]] = _edited_at(_child(result, path[0]), path[1:], edit)
    return result
