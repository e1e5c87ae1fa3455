"""Strategic merge: lists of named things are merged by their key, where a plain merge patch would replace them.

`kubectl apply`, `edit` and `patch` speak it for Kubernetes' own kinds. Beside plain fields a patch may hold directives:
``$patch`` (replace, delete), ``$retainKeys``, ``$setElementOrder/<list>`` and ``$deleteFromPrimitiveList/<list>``.
"""

from collections.abc import Mapping
from typing import Any, Final

from argosy.kube.contract import BadRequest

# Kubernetes declares these per type; the names of the lists alone tell them apart. All other lists are replaced whole.
_MERGE_KEYS: Final[Mapping[str, str]] = {
    "conditions": "type", "containers": "name", "env": "name", "ephemeralContainers": "name", "hostAliases": "ip",
    "hostIPs": "ip", "imagePullSecrets": "name", "initContainers": "name", "ownerReferences": "uid", "podIPs": "ip",
    "resourceClaims": "name", "schedulingGates": "name", "secrets": "name", "topologySpreadConstraints": "topologyKey",
    "volumeDevices": "devicePath", "volumeMounts": "mountPath", "volumes": "name",
}
_SETS: Final = frozenset({"finalizers"})
_ORDER: Final = "$setElementOrder/"
_DELETE: Final = "$deleteFromPrimitiveList/"


def strategically_merged(target: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """`target` with the patch laid over it; neither is changed."""
    directive = patch.get("$patch", "merge")
    if directive not in ("merge", "replace", "delete"):
        raise BadRequest(f"$patch is {directive!r}; use merge, replace or delete")
    if directive == "delete":
        return {}
    result = dict(target) if directive == "merge" else {}
    if isinstance(kept := patch.get("$retainKeys"), list):
        result = {key: value for key, value in result.items() if key in kept}
    for key, value in patch.items():
        if not key.startswith("$"):
            _lay(result, key, value)
    for key, value in patch.items():
        if key.startswith(_DELETE) and isinstance(value, list):
            field = key.removeprefix(_DELETE)
            result[field] = [item for item in result.get(field) or () if item not in value]
        elif key.startswith(_ORDER) and isinstance(value, list):
            field = key.removeprefix(_ORDER)
            if isinstance(result.get(field), list):
                result[field] = _ordered(result[field], value, field)
    return result


def _lay(result: dict[str, Any], key: str, value: Any) -> None:
    if value is None or (isinstance(value, dict) and value.get("$patch") == "delete"):
        result.pop(key, None)
    elif isinstance(value, dict):
        old = result.get(key)
        result[key] = strategically_merged(old if isinstance(old, dict) else {}, value)
    elif isinstance(value, list):
        old = result.get(key)
        result[key] = _merged_list(old if isinstance(old, list) else [], value, key)
    else:
        result[key] = value


def _merged_list(old: list[Any], patch: list[Any], field: str) -> list[Any]:
    if field in _SETS:
        return [*old, *(item for item in patch if item not in old)]
    key = _merge_key(field, [*old, *patch])
    if not key or not all(isinstance(item, dict) for item in (*old, *patch)):
        return patch
    if {"$patch": "replace"} in patch:
        return [item for item in patch if item != {"$patch": "replace"}]
    result = list(old)
    for item in patch:
        if key not in item:
            raise BadRequest(f"an item of {field} in the patch lacks {key!r}, which says what it is to be merged with")
        at = next((number for number, each in enumerate(result) if each.get(key) == item[key]), None)
        if item.get("$patch") == "delete":
            if at is not None:
                del result[at]
        elif at is None:
            result.append(strategically_merged({}, item))
        else:
            result[at] = strategically_merged(result[at], item)
    return result


def _merge_key(field: str, items: list[Any]) -> str:
    if field == "ports":  # a container's ports and a Service's have the same name and different keys
        of_container = any(isinstance(item, dict) and "containerPort" in item for item in items)
        return "containerPort" if of_container else "port"
    return _MERGE_KEYS.get(field, "")


def _ordered(items: list[Any], order: list[Any], field: str) -> list[Any]:
    """The items that `order` names take its order among themselves; the others stay where they are."""
    key = _merge_key(field, [*items, *order])

    def identity(item: Any) -> Any:
        return item.get(key) if isinstance(item, dict) else item

    wanted = [identity(item) for item in order]
    places = [number for number, item in enumerate(items) if identity(item) in wanted]
    named = sorted((items[number] for number in places), key=lambda item: wanted.index(identity(item)))
    result = list(items)
    for number, item in zip(places, named, strict=True):
        result[number] = item
    return result
