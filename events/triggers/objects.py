"""The object that a ``k8s`` or ``argoWorkflow`` trigger names: fetched, filled with parameters, named and labelled."""

import copy
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from argosy.errors import Problem, SpecError, SpecErrors, Unavailable
from argosy.kube.contract import KubeError, NotFound, Object, Resource
from argosy.kube.impersonation import acting_as, service_account
from argosy.kube.kinds import Kinds
from argosy.kube.resources import CONFIG_MAPS, WORKFLOWS
from argosy.manifests import load_manifests
from controller.literals import mark_changed
from events.rules import parameters
from events.rules.event import Json
from events.rules.names import object_name
from events.rules.sensor import SUPPORTED_SOURCES
from events.triggers.contract import Action, Refused, World

INTENT = "argosy.io/intent"  # an annotation: which firing made the object
EVENTS = "argosy.io/events"  # an annotation: the ids of the events behind it


def check_source(template: Mapping[str, Json], where: str) -> Iterable[Problem]:
    """Whether the source is one that can be read."""
    source = template.get("source") or {}
    if not source:
        yield Problem(f"{where}.source", "is missing; write the object below `source.resource`")
    for name in source:
        if name not in SUPPORTED_SOURCES:
            yield Problem(f"{where}.source.{name}", f"is not supported yet; use {', '.join(SUPPORTED_SOURCES)}")


async def check_kind(template: Mapping[str, Json], where: str, kinds: Kinds) -> Iterable[Problem]:
    """Whether the object is of a kind that is served now. What cannot be found out is not told; firing will."""
    resource = (template.get("source") or {}).get("resource")
    if resource is None:
        return ()
    try:
        known = await kinds.of_manifest(str(resource.get("apiVersion")), str(resource.get("kind")))
    except (KubeError, Unavailable):
        return ()
    return () if known else [Problem(f"{where}.source.resource", _not_served(resource), "warning")]


async def fetch(action: Action, world: World) -> Object:
    """The object as the source has it, before its parameters."""
    source = action.template.get("source") or {}
    if source.get("resource") is not None:
        return copy.deepcopy(dict(source["resource"]))
    if source.get("inline") is not None:
        return _parsed(str(source["inline"]), f"{action.where}.source.inline")
    if source.get("configmap") is not None:
        return await _from_config_map(source["configmap"], action, world)
    raise Refused(f"{action.where}.source: names no object; write it below `source.resource`")


def fill(obj: Object, action: Action) -> Object:
    """The object with the trigger's parameters in place. Raises ParameterError, Refused."""
    filled = parameters.apply(
        obj, action.template.get("parameters") or (), action.events, where=f"{action.where}.parameters")
    if not isinstance(filled, dict):
        raise Refused(f"{action.where}.parameters: leave no object behind, but {type(filled).__name__}")
    if filled.get("kind") == WORKFLOWS.kind:
        mark_changed(obj, filled)
    return filled


async def kind_of(obj: Object, where: str, kinds: Kinds) -> Resource:
    """The resource to write to. Raises Refused, KubeError, Unavailable."""
    known = await kinds.of_manifest(str(obj.get("apiVersion")), str(obj.get("kind")))
    if known is None:
        raise Refused(f"{where}.source: {_not_served(obj)}")
    return known


@contextmanager
def rights(action: Action, namespace: str) -> Iterator[None]:
    """Act with the rights of the sensor's service account, if it names one.

    Without one, Argosy's own rights count. They may reach further than those of whoever wrote the sensor, so they are
    used in the sensor's own namespace only. Raises Refused.
    """
    if not action.account and namespace not in ("", action.namespace):
        raise Refused(
            f"{action.where}: acts in namespace {namespace!r}, and the sensor is in {action.namespace!r}: name a service "
            "account that may do so in the sensor's spec.template.serviceAccountName")
    with acting_as(service_account(action.namespace, action.account) if action.account else ""):
        yield


def settle_name(obj: Object, action: Action) -> None:
    """Give the object the name that this firing always gives it."""
    meta = obj.setdefault("metadata", {})
    if not meta.get("name"):
        if not meta.get("generateName"):
            raise Refused(f"{action.where}: the object has neither metadata.name nor metadata.generateName")
        meta["name"] = object_name(str(meta["generateName"]), action.key)


def mark(obj: Object, action: Action, world: World) -> None:
    """Argo's labels, and annotations that lead from the object back to its events."""
    meta = obj.setdefault("metadata", {})
    meta["labels"] = {
        **(meta.get("labels") or {}),
        "events.argoproj.io/sensor": action.sensor,
        "events.argoproj.io/trigger": action.trigger,
        "events.argoproj.io/action-timestamp": str(int(world.clock.now() * 1000)),
    }
    meta["annotations"] = {
        **(meta.get("annotations") or {}),
        INTENT: action.key,
        EVENTS: ",".join(sorted({event.id for event in action.events.values()})),
    }


def made_by(obj: Object, action: Action) -> bool:
    """Whether this very firing made the object."""
    return bool((obj.get("metadata", {}).get("annotations") or {}).get(INTENT) == action.key)


def reference(obj: Object) -> dict[str, Any]:
    """The object's kind, name, namespace and uid."""
    meta = obj.get("metadata", {})
    return {"apiVersion": obj.get("apiVersion"), "kind": obj.get("kind"), "name": meta.get("name"),
            "namespace": meta.get("namespace", ""), "uid": meta.get("uid", "")}


async def _from_config_map(selector: Mapping[str, Json], action: Action, world: World) -> Object:
    name, key = str(selector.get("name", "")), str(selector.get("key", ""))
    where = f"{action.where}.source.configmap"
    try:
        found = await world.kube.get(CONFIG_MAPS, name, namespace=action.namespace)
    except NotFound as error:
        raise Refused(f"{where}: there is no ConfigMap {name!r} in namespace {action.namespace!r}") from error
    text = (found.get("data") or {}).get(key)
    if text is None:
        raise Refused(f"{where}: ConfigMap {name!r} has no key {key!r}")
    return _parsed(str(text), where)


def _not_served(obj: Mapping[str, Json]) -> str:
    return (f"is a {obj.get('kind')} of {obj.get('apiVersion')}, a kind that nothing serves here; "
            "write one that `kubectl api-resources` lists")


def _parsed(text: str, where: str) -> Object:
    try:
        manifests = load_manifests(text, source=where)
    except (SpecError, SpecErrors) as error:
        raise Refused(f"{where}: {error}") from error
    if len(manifests) != 1:
        raise Refused(f"{where}: holds {len(manifests)} objects; a trigger takes one")
    return dict(manifests[0].object)
