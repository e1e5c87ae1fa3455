"""One tree laid over another, as Kubernetes' strategic merge does it: maps join, named lists join by name."""

from collections.abc import Mapping
from typing import Any

from controller.engine.contract import Json

# Lists whose entries are told apart by a field; all other lists are replaced as a whole.
LIST_KEYS = {
    "templates": "name", "parameters": "name", "artifacts": "name", "volumes": "name", "env": "name",
    "initContainers": "name", "sidecars": "name", "containers": "name", "imagePullSecrets": "name",
    "volumeMounts": "mountPath", "volumeDevices": "devicePath", "ports": "containerPort", "hostAliases": "ip",
}


def merge(under: Json, over: Json, *, field: str = "") -> Json:
    """`over` laid over `under`; neither is changed."""
    if isinstance(under, Mapping) and isinstance(over, Mapping):
        joined = dict(under)
        for key, value in over.items():
            joined[key] = merge(joined[key], value, field=key) if key in joined else value
        return joined
    key = LIST_KEYS.get(field)
    if key and isinstance(under, list) and isinstance(over, list):
        return _merge_lists(under, over, key)
    return over


def merge_specs(stored: Mapping[str, Json], own: Mapping[str, Json]) -> dict[str, Any]:
    """A workflow's own spec laid over the spec of the template it refers to."""
    joined: dict[str, Any] = merge(stored, own)
    for field in ("suspend",):  # a person's wish about this run, never the template's
        if field in own:
            joined[field] = own[field]
        else:
            joined.pop(field, None)
    for name in ("hooks",):
        if stored.get(name) or own.get(name):
            joined[name] = {**(stored.get(name) or {}), **(own.get(name) or {})}
    _own_parameters_whole(joined, own)
    return joined


def _own_parameters_whole(joined: dict[str, Any], own: Mapping[str, Json]) -> None:
    """A parameter that both set is the workflow's alone: value and valueFrom of two origins must not mix."""
    mine = {item["name"]: item for item in (own.get("arguments") or {}).get("parameters") or ()}
    parameters = (joined.get("arguments") or {}).get("parameters")
    if not mine or not parameters:
        return
    whole = [
        mine[item["name"]] if {"value", "valueFrom", "default"} & mine.get(item["name"], {}).keys() else item
        for item in parameters
    ]
    joined["arguments"] = {**joined["arguments"], "parameters": whole}


def _merge_lists(under: list[Json], over: list[Json], key: str) -> list[Json]:
    if not all(isinstance(item, Mapping) and key in item for item in (*under, *over)):
        return over
    joined = {item[key]: item for item in under}
    for item in over:
        joined[item[key]] = merge(joined[item[key]], item) if item[key] in joined else item
    return list(joined.values())
