"""What is in the store right now: a small record of each object, found by name, namespace, label, uid and owner.

Only records live in memory, never bodies. A label is indexed from the first time that a list asks for it.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from argosy.embedded.store.selectors import Selector
from argosy.kube.contract import Object, Resource


@dataclass(frozen=True, slots=True)
class Entry:
    """One version of one object, without its body; `rev` is where the body is kept."""

    namespace: str
    name: str
    uid: str
    rev: int
    size: int
    labels: Mapping[str, str]
    fields: Mapping[str, str]
    owners: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()  # the owners that may not go before this object in a foreground deletion
    deleting: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What one revision did: `before` is None for a new object, `gone` is set when the object went away."""

    shelf: "Shelf"
    before: Entry | None
    after: Entry
    gone: bool = False


def entry_of(shelf_name: str, obj: Object, *, rev: int, size: int) -> Entry:
    """The record of an object as it is written."""
    metadata = obj["metadata"]
    owners = metadata.get("ownerReferences") or ()
    return Entry(
        metadata.get("namespace") or "", metadata["name"], metadata["uid"], rev, size, dict(metadata.get("labels") or {}),
        _fields_of(shelf_name, obj), tuple(owner["uid"] for owner in owners),
        tuple(owner["uid"] for owner in owners if owner.get("blockOwnerDeletion") is True), "deletionTimestamp" in metadata)


def _fields_of(shelf_name: str, obj: Object) -> dict[str, str]:
    metadata = obj["metadata"]
    fields = {"metadata.name": metadata["name"], "metadata.namespace": metadata.get("namespace") or ""}
    wanted = [("status", "phase"), ("spec", "nodeName")]
    if shelf_name == "/events":
        wanted += [("involvedObject", part) for part in (
            "kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")]
        wanted += [("", "reason"), ("", "type"), ("", "reportingComponent"), ("source", "component")]
    elif shelf_name == "/pods":
        wanted += [("spec", "restartPolicy"), ("spec", "serviceAccountName"), ("status", "podIP")]
    elif shelf_name == "/secrets":
        wanted.append(("", "type"))
    for parent, part in wanted:
        holder = obj.get(parent) if parent else obj
        value = holder.get(part) if isinstance(holder, dict) else None
        if isinstance(value, str) and value:
            fields[_field_name(parent, part)] = value
    return fields


def _field_name(parent: str, part: str) -> str:
    if parent == "source":
        return "source"
    return f"{parent}.{part}" if parent else part


@dataclass(slots=True)
class Shelf:
    """All objects of one kind, and the recent changes to them (`first` is the number of the oldest one kept)."""

    name: str
    rooms: dict[str, dict[str, Entry]] = field(default_factory=dict)
    changes: deque[Change] = field(default_factory=deque)
    first: int = 0
    _by_label: dict[str, dict[str, dict[tuple[str, str], Entry]]] = field(default_factory=dict)

    def get(self, namespace: str, name: str) -> Entry | None:
        """The object's record, if it exists."""
        return self.rooms.get(namespace, {}).get(name)

    def put(self, entry: Entry) -> None:
        """Lay an object down, in place of its earlier version."""
        room = self.rooms.setdefault(entry.namespace, {})
        if self._by_label and (before := room.get(entry.name)):
            self._unindex(before)
        room[entry.name] = entry
        for label, values in self._by_label.items():
            if (value := entry.labels.get(label)) is not None:
                values.setdefault(value, {})[entry.namespace, entry.name] = entry

    def remove(self, entry: Entry) -> None:
        """Take an object away."""
        room = self.rooms[entry.namespace]
        self._unindex(room.pop(entry.name))
        if not room:
            del self.rooms[entry.namespace]

    def entries(self) -> Iterator[Entry]:
        """Every object, in no order."""
        for room in self.rooms.values():
            yield from room.values()

    def find(self, namespace: str, selector: Selector) -> list[Entry]:
        """The objects asked for (an empty namespace means all), in the order of `place_of`."""
        found = [entry for entry in self._candidates(namespace, selector)
                 if (not namespace or entry.namespace == namespace) and selector.takes(entry.labels, entry.fields)]
        found.sort(key=place_of)
        return found

    def _candidates(self, namespace: str, selector: Selector) -> Iterable[Entry]:
        name = selector.exact("metadata.name")
        if name is not None:
            rooms = [self.rooms.get(namespace, {})] if namespace else self.rooms.values()
            return [room[name] for room in rooms if name in room]
        for term in selector.labels:
            if term.verb == "in":
                index = self._index(term.key)
                return [entry for value in term.values for entry in index.get(value, {}).values()]
        return self.rooms.get(namespace, {}).values() if namespace else self.entries()

    def _index(self, label: str) -> dict[str, dict[tuple[str, str], Entry]]:
        index = self._by_label.get(label)
        if index is None:
            index = self._by_label[label] = {}
            for entry in self.entries():
                if (value := entry.labels.get(label)) is not None:
                    index.setdefault(value, {})[entry.namespace, entry.name] = entry
        return index

    def _unindex(self, entry: Entry) -> None:
        for label, values in self._by_label.items():
            value = entry.labels.get(label)
            if value is not None:
                values[value].pop((entry.namespace, entry.name), None)
                if not values[value]:
                    del values[value]


def place_of(entry: Entry) -> tuple[str, str]:
    """Where an object stands in a list: in the order of the API server's keys, so namespace a-b comes before a."""
    return f"{entry.namespace}/", entry.name


def shelf_name_of(resource: Resource) -> str:
    """``argoproj.io/workflows``: all versions of a kind lie on one shelf."""
    return f"{resource.group}/{resource.plural}"
