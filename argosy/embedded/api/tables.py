"""What `kubectl get` shows: a table for each kind, with Argo's and Kubernetes' own columns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from argosy.clock import from_rfc3339
from argosy.embedded.api import pod_rows
from argosy.kube.contract import Object, Resource

Include: TypeAlias = Literal["None", "Metadata", "Object"]
_NONE = "<none>"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title, and how its cell is read from an object at a moment. `wide` ones show with ``-o wide``."""

    name: str
    cell: Callable[[Object, float], Any]
    wide: bool = False
    type: str = "string"
    format: str = ""

    def definition(self) -> Object:
        """The column as a Table declares it."""
        return {"name": self.name, "type": self.type, "format": self.format, "description": self.name,
                "priority": 1 if self.wide else 0}


def at(*path: str) -> Callable[[Object, float], Any]:
    """A cell that shows the value at `path`, or nothing."""

    def cell(obj: Object, _now: float) -> Any:
        value: Any = obj
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return "" if value is None else value

    return cell


def since(*path: str) -> Callable[[Object, float], str]:
    """A cell that shows how long ago the time at `path` was."""
    read = at(*path)
    return lambda obj, now: age(read(obj, now), now)


def age(time: Any, now: float) -> str:
    """How long ago `time` (RFC 3339) was, as people read it; nothing if there is none yet."""
    if not time:
        return ""
    try:
        return duration(now - from_rfc3339(time))
    except (TypeError, ValueError, AttributeError):
        return "<unknown>"


def duration(seconds: float) -> str:
    """``90s``, ``3m20s``, ``5h``, ``2d4h``: the two leading units, fewer the longer it is, as kubectl writes it."""
    whole = max(0, int(seconds))
    minutes, hours, days, years = whole // 60, whole // 3600, whole // 86400, whole // (365 * 86400)
    if whole < 120:
        return f"{whole}s"
    if minutes < 10:
        return f"{minutes}m" + (f"{whole % 60}s" if whole % 60 else "")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h" + (f"{minutes % 60}m" if minutes % 60 else "")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d" + (f"{hours % 24}h" if hours % 24 else "")
    if years < 2:
        return f"{days}d"
    if years < 8:
        return f"{years}y" + (f"{days % 365}d" if days % 365 else "")
    return f"{years}y"


def _entries(*keys: str) -> Callable[[Object, float], int]:
    return lambda obj, _now: sum(len(obj.get(key) or {}) for key in keys)


def _ports(obj: Object, _now: float) -> str:
    ports = (obj.get("spec") or {}).get("ports") or []
    return ",".join(f"{port.get('port')}/{port.get('protocol') or 'TCP'}" for port in ports) or _NONE


def _modes(obj: Object, _now: float) -> str:
    short = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
    modes = (obj.get("spec") or {}).get("accessModes") or []
    return ",".join(short.get(mode, str(mode)) for mode in modes)


def _about(obj: Object, _now: float) -> str:
    about = obj.get("involvedObject") or {}
    return f"{str(about.get('kind', '')).lower()}/{about.get('name', '')}"


def _last_seen(obj: Object, now: float) -> str:
    series = obj.get("series") or {}
    times = (series.get("lastObservedTime"), obj.get("lastTimestamp"), obj.get("eventTime"), obj.get("firstTimestamp"))
    return age(next((time for time in times if time), None), now)


def _or_none(*path: str) -> Callable[[Object, float], Any]:
    read = at(*path)
    return lambda obj, now: read(obj, now) or _NONE


_AGE = Column("Age", since("metadata", "creationTimestamp"))
_CREATED = Column("Created At", at("metadata", "creationTimestamp"), type="date")
_COLUMNS: Mapping[tuple[str, str], tuple[Column, ...]] = {
    ("argoproj.io", "workflows"): (
        Column("Status", at("status", "phase")), Column("Age", since("status", "startedAt")),
        Column("Message", at("status", "message"))),
    ("", "pods"): (
        Column("Ready", lambda pod, _now: pod_rows.ready(pod)), Column("Status", lambda pod, _now: pod_rows.word(pod)),
        Column("Restarts", lambda pod, _now: pod_rows.restarts(pod)), _AGE,
        Column("IP", _or_none("status", "podIP"), wide=True), Column("Node", _or_none("spec", "nodeName"), wide=True),
        Column("Nominated Node", _or_none("status", "nominatedNodeName"), wide=True),
        Column("Readiness Gates", _or_none("spec", "readinessGates"), wide=True)),
    ("", "namespaces"): (Column("Status", at("status", "phase")), _AGE),
    ("", "configmaps"): (Column("Data", _entries("data", "binaryData")), _AGE),
    ("", "secrets"): (Column("Type", at("type")), Column("Data", _entries("data")), _AGE),
    ("", "services"): (
        Column("Type", at("spec", "type")), Column("Cluster-IP", _or_none("spec", "clusterIP")),
        Column("External-IP", lambda _service, _now: _NONE), Column("Port(s)", _ports), _AGE),
    ("", "persistentvolumeclaims"): (
        Column("Status", at("status", "phase")), Column("Volume", at("spec", "volumeName")),
        Column("Capacity", at("status", "capacity", "storage")), Column("Access Modes", _modes),
        Column("StorageClass", at("spec", "storageClassName")), _AGE),
    ("", "events"): (
        Column("Last Seen", _last_seen), Column("Type", at("type")), Column("Reason", at("reason")),
        Column("Object", _about), Column("Message", lambda event, now: str(at("message")(event, now)).strip())),
    ("coordination.k8s.io", "leases"): (Column("Holder", at("spec", "holderIdentity")), _AGE),
    ("rbac.authorization.k8s.io", "roles"): (_CREATED,),
    ("rbac.authorization.k8s.io", "clusterroles"): (_CREATED,),
}
_NAME = Column("Name", at("metadata", "name"), format="name")


def columns_of(resource: Resource) -> Sequence[Column]:
    """The columns of a kind, the name first."""
    return (_NAME, *_COLUMNS.get((resource.group, resource.plural), (_AGE,)))


def table(
    resource: Resource, items: Sequence[Object], metadata: Object, *, now: float, include: Include = "Metadata",
    with_columns: bool = True,
) -> Object:
    """The Table of `items`. In a watch only the first one declares its columns."""
    columns = columns_of(resource)
    rows = []
    for item in items:
        row: Object = {"cells": [_shown(column, item, now) for column in columns]}
        if include != "None":
            row["object"] = item if include == "Object" else partial(item)
        rows.append(row)
    definitions = [column.definition() for column in columns] if with_columns else []
    return {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "columnDefinitions": definitions,
            "rows": rows}


def _shown(column: Column, item: Object, now: float) -> Any:
    """A cell; an object that is not formed as its kind should be must not hide the others."""
    try:
        value = column.cell(item, now)
    except (TypeError, ValueError, AttributeError, KeyError):
        return "<malformed>"
    return value if isinstance(value, str | int | float | bool) else str(value)


def partial(item: Object) -> Object:
    """Only the object's metadata, as PartialObjectMetadata."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item.get("metadata") or {}}
