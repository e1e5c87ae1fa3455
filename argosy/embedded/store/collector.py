"""Deleting: marks, grace and finalizers at once, and in the background what a deletion leaves behind.

The collector is a queue of questions ("who depends on this owner that went away?") worked off in small steps on the
event loop, so that a large family never holds up other requests. Nothing of it is stored: when the store opens, the
questions are found again by looking for owners that do not exist and for deletions that are half done.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Final, Literal, TypeAlias

from argosy.clock import Clock, to_rfc3339
from argosy.embedded.store.ledger import Ledger
from argosy.embedded.store.shelves import Entry, Shelf
from argosy.kube.contract import Object, Propagation

FOREGROUND: Final = "foregroundDeletion"
ORPHAN: Final = "orphan"
_STEP_OBJECTS: Final = 50
_NAMESPACES: Final = "/namespaces"

# What "owner" asks of everything that names it as owner; "waiting": whether that owner may go now; of a namespace: its rest.
Question: TypeAlias = Literal["owner", "waiting", "namespace"]
Task: TypeAlias = tuple[Question, str]


class Collector:
    """Works off what deletions leave behind, a few objects at a time."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._tasks: deque[Task] = deque()
        self._queued: set[Task] = set()
        self._handle: asyncio.Handle | None = None
        self._stopped = False
        self._epoch = -1

    def wake(self) -> None:
        """A loop has begun to run: go on with what is left, after a restart with what is found."""
        self._handle = None
        if self._epoch != self._ledger.epoch:
            self._look_for_work()
        self._schedule()

    def stop(self) -> None:
        """Do no more."""
        self._stopped = True
        if self._handle:
            self._handle.cancel()

    def note_written(self, shelf: Shelf, entry: Entry) -> None:
        """An object was created or changed: its owners may not exist, or nothing may hold it any more."""
        for owner in entry.owners:
            if owner not in self._ledger.uids:
                self.ask("owner", owner)
        if shelf.name == _NAMESPACES and entry.deleting:
            self.ask("namespace", entry.name)

    def note_removed(self, entry: Entry) -> None:
        """An object went away: its dependents, its owners waiting for it, and its namespace may go on."""
        if entry.uid in self._ledger.dependents:
            self.ask("owner", entry.uid)
        for owner in entry.blocks:
            if owner in self._ledger.uids:
                self.ask("waiting", owner)
        if entry.namespace and (home := self._ledger.shelf(_NAMESPACES).get("", entry.namespace)) and home.deleting:
            self.ask("namespace", entry.namespace)

    def ask(self, kind: Question, key: str) -> None:
        """Queue a question."""
        task: Task = (kind, key)
        if task not in self._queued:
            self._queued.add(task)
            self._tasks.append(task)
            self._schedule()

    def _look_for_work(self) -> None:
        self._epoch = self._ledger.epoch
        for owner in list(self._ledger.dependents):
            entry = self._ledger.by_uid(owner)
            if entry is None or entry.deleting:
                self.ask("owner", owner)
        for entry in self._ledger.shelf(_NAMESPACES).entries():
            if entry.deleting:
                self.ask("namespace", entry.name)

    def _schedule(self) -> None:
        if self._handle is None and self._tasks and not self._stopped:
            try:
                self._handle = asyncio.get_running_loop().call_soon(self._step)
            except RuntimeError:
                return  # no loop yet: `wake` comes when there is one

    def _step(self) -> None:
        self._handle = None
        if self._epoch != self._ledger.epoch:
            self._look_for_work()
        if not self._tasks:
            return
        task = self._tasks.popleft()
        self._queued.discard(task)
        try:
            if self._answer(task):
                self.ask(*task)
        finally:
            self._schedule()

    def _answer(self, task: Task) -> bool:
        """Do a few steps of what the question asks for; true if more are left."""
        kind, key = task
        if kind == "namespace":
            return self._empty_namespace(key)
        place = self._ledger.uids.get(key)
        if place is None:
            return self._release_dependents(key)
        shelf = self._ledger.shelf(place[0])
        entry = shelf.get(place[1], place[2])
        assert entry is not None, f"{place} is known by its uid alone"
        if not entry.deleting:
            return False
        finalizers = self._ledger.read(entry.rev)["metadata"].get("finalizers") or ()
        if ORPHAN in finalizers:
            return self._orphan_dependents(shelf, entry)
        if FOREGROUND in finalizers:
            return self._delete_family(shelf, entry, begin=kind == "owner")
        return False

    def _dependents(self, uid: str) -> Iterator[tuple[Shelf, Entry]]:
        for shelf_name, namespace, name in list(self._ledger.dependents.get(uid, ())):
            shelf = self._ledger.shelf(shelf_name)
            entry = shelf.get(namespace, name)
            if entry is not None:
                yield shelf, entry

    def _release_dependents(self, uid: str) -> bool:
        """The owner is gone: each dependent loses its reference, or goes too if it has no other owner."""
        family = self._dependents(uid)
        for shelf, entry in islice((each for each in family if not each[1].deleting), _STEP_OBJECTS):
            if any(owner in self._ledger.uids for owner in entry.owners):
                self._drop_owner(shelf, entry, uid)
            else:
                self._delete(shelf, entry, "Background")
        return any(not entry.deleting for _, entry in family)

    def _orphan_dependents(self, shelf: Shelf, entry: Entry) -> bool:
        family = self._dependents(entry.uid)
        for each_shelf, each in islice(family, _STEP_OBJECTS):
            self._drop_owner(each_shelf, each, entry.uid)
        if next(family, None):
            return True
        self._drop_finalizer(shelf, entry, ORPHAN)
        return False

    def _delete_family(self, shelf: Shelf, entry: Entry, *, begin: bool) -> bool:
        """Foreground: first the dependents; the owner when none is left that blocks it."""
        if begin:
            family = self._dependents(entry.uid)
            for each_shelf, each in islice((each for each in family if not each[1].deleting), _STEP_OBJECTS):
                self._delete(each_shelf, each, "Foreground")
            if any(not each.deleting for _, each in family):
                return True
        if not any(entry.uid in each.blocks for _, each in self._dependents(entry.uid)):
            self._drop_finalizer(shelf, entry, FOREGROUND)
        return False

    def _empty_namespace(self, namespace: str) -> bool:
        entries = [(shelf, entry) for shelf in self._ledger.shelves.values()
                   for entry in shelf.rooms.get(namespace, {}).values()]
        untouched = [(shelf, entry) for shelf, entry in entries if not entry.deleting]
        for shelf, entry in untouched[:_STEP_OBJECTS]:
            self._delete(shelf, entry, "Background")
        homes = self._ledger.shelf(_NAMESPACES)
        home = homes.get("", namespace)
        if not entries and home:
            obj = self._ledger.read(home.rev)
            if not obj["metadata"].get("finalizers"):
                finish(self._ledger, self, homes, home, obj)
        return len(untouched) > _STEP_OBJECTS

    def _delete(self, shelf: Shelf, entry: Entry, propagation: Propagation) -> None:
        delete_object(self._ledger, self, shelf, entry, now=self._clock.now(), grace_seconds=None,
                      propagation=propagation)

    def _drop_owner(self, shelf: Shelf, entry: Entry, uid: str) -> None:
        obj = self._ledger.read(entry.rev)
        metadata = obj["metadata"]
        metadata["ownerReferences"] = [owner for owner in metadata["ownerReferences"] if owner["uid"] != uid]
        if not metadata["ownerReferences"]:
            del metadata["ownerReferences"]
        self._ledger.put(shelf, obj, entry)

    def _drop_finalizer(self, shelf: Shelf, entry: Entry, finalizer: str) -> None:
        obj = self._ledger.read(entry.rev)
        obj["metadata"]["finalizers"] = [each for each in obj["metadata"]["finalizers"] if each != finalizer]
        if not finish_if_free(self._ledger, self, shelf, entry, obj):
            self._ledger.put(shelf, obj, entry)


def delete_object(
    ledger: Ledger, collector: Collector, shelf: Shelf, entry: Entry, *, now: float, grace_seconds: int | None,
    propagation: Propagation,
) -> None:
    """Delete an object, or mark it where something must happen first."""
    obj = ledger.read(entry.rev)
    metadata = obj["metadata"]
    before = dict(metadata)
    grace = _grace_seconds(shelf, obj, grace_seconds)
    _mark(metadata, now=now, grace=grace)
    _add_finalizer(ledger, entry, metadata, propagation)
    if shelf.name == _NAMESPACES:
        obj["status"] = {**(obj.get("status") or {}), "phase": "Terminating"}
    elif not metadata.get("finalizers") and metadata["deletionGracePeriodSeconds"] == 0:
        finish(ledger, collector, shelf, entry, obj)
        return
    if metadata != before:
        ledger.put(shelf, obj, entry)
    if shelf.name == _NAMESPACES:
        collector.ask("namespace", entry.name)
    elif {FOREGROUND, ORPHAN} & set(metadata.get("finalizers") or ()):
        collector.ask("owner", entry.uid)


def finish_if_free(ledger: Ledger, collector: Collector, shelf: Shelf, entry: Entry, obj: Object) -> bool:
    """Take a marked object away if nothing holds it any more; true if it went."""
    metadata = obj["metadata"]
    held = (
        "deletionTimestamp" not in metadata or metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds")
        or shelf.name == _NAMESPACES)
    if held:
        return False
    finish(ledger, collector, shelf, entry, obj)
    return True


def finish(ledger: Ledger, collector: Collector, shelf: Shelf, entry: Entry, obj: Object) -> None:
    """Take an object away for good."""
    ledger.remove(shelf, obj, entry)
    collector.note_removed(entry)


def _grace_seconds(shelf: Shelf, obj: Object, asked: int | None) -> int:
    """How long a pod may take to end: nothing for what never started or is over already; other kinds have no grace."""
    if shelf.name != "/pods":
        return 0
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    phase = status.get("phase") or "Pending"
    started = spec.get("nodeName") or status.get("startTime") or phase != "Pending"
    if not started or phase in ("Succeeded", "Failed"):
        return 0
    wanted: int = spec.get("terminationGracePeriodSeconds", 30) if asked is None else asked
    return max(0, wanted)


def _mark(metadata: Object, *, now: float, grace: int) -> None:
    earlier = metadata.get("deletionGracePeriodSeconds")
    if "deletionTimestamp" in metadata and earlier is not None and earlier <= grace:
        return  # a later request may shorten the time that is left, not lengthen it
    metadata["deletionTimestamp"] = to_rfc3339(now + grace)
    metadata["deletionGracePeriodSeconds"] = grace


def _add_finalizer(ledger: Ledger, entry: Entry, metadata: Object, propagation: Propagation) -> None:
    if propagation == "Background" or entry.uid not in ledger.dependents:
        return
    finalizer = FOREGROUND if propagation == "Foreground" else ORPHAN
    if finalizer not in (metadata.get("finalizers") or ()):
        metadata["finalizers"] = [*(metadata.get("finalizers") or ()), finalizer]
