"""The store's heart: every change gets the next revision, is journalled, indexed, remembered for a while, and told.

All calls come from one event loop and none waits, so each is a step that nobody sees half done. A change is visible to
other writers at once; readers wait in `settled` until what they saw is committed. Watches follow `Shelf.changes`, which
all of them share: a slow one holds up nobody, and one that falls behind the kept window is told to list again.
"""

import asyncio
from collections import deque
from typing import Final

import orjson

from argosy.embedded.store.journal import Journal, Kept, Version
from argosy.embedded.store.shelves import Change, Entry, Shelf, entry_of
from argosy.errors import ArgosyError, Unavailable
from argosy.kube.contract import BadRequest, Object

MAX_OBJECT_BYTES: Final = 64 << 20
BOOKMARK_EVERY: Final = 1000  # revisions of other things that pass before a quiet watch is told where it stands
_WINDOW_CHANGES: Final = 10_000
_WINDOW_BYTES: Final = 64 << 20


class Ledger:
    """All shelves, the recent history, and the journal below them."""

    def __init__(self, journal: Journal, *, window_changes: int = _WINDOW_CHANGES) -> None:
        self.rev = 0
        self.floor = 0  # history up to here is forgotten
        self.shelves: dict[str, Shelf] = {}
        self.uids: dict[str, tuple[str, str, str]] = {}  # uid -> shelf, namespace, name
        self.dependents: dict[str, dict[tuple[str, str, str], None]] = {}  # owner's uid -> places
        self._journal = journal
        self._window_changes = window_changes
        self._window: deque[Change] = deque()
        self._window_bytes = 0
        self._untold: deque[tuple[int, Shelf]] = deque()
        self._waiters: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._watchers: dict[str, dict[asyncio.Future[None], None]] = {}  # in the order in which they came
        self._loop: asyncio.AbstractEventLoop | None = None
        self.epoch = 0  # rises when the memory is read anew; a watch of an older epoch must end
        self._bookmarked = 0
        self._unusable = ""  # why nothing can be read or written any more
        self._load()
        journal.connect(self._journal_committed, self._journal_failed)

    @property
    def committed(self) -> int:
        """The last revision that will survive."""
        return self._journal.committed

    def bind(self) -> bool:
        """Say that the running loop uses the ledger; true if it is a new one."""
        loop = asyncio.get_running_loop()
        if loop is self._loop:
            return False
        self._loop = loop
        self._waiters.clear()
        self._watchers.clear()
        return True

    def shelf(self, name: str) -> Shelf:
        """The shelf of that name; an empty one is made if nothing of its kind was ever stored."""
        shelf = self.shelves.get(name)
        if shelf is None:
            shelf = self.shelves[name] = Shelf(name)
        return shelf

    def by_uid(self, uid: str) -> Entry | None:
        """The object with that uid, if it exists."""
        place = self.uids.get(uid)
        return self.shelf(place[0]).get(place[1], place[2]) if place else None

    def read(self, rev: int) -> Object:
        """The object as it was at one of its kept revisions; the caller's own copy. Raises LookupError if forgotten."""
        obj: Object = orjson.loads(self.raw(rev))
        return obj

    def raw(self, rev: int) -> bytes:
        """The same as JSON text."""
        if self._unusable:
            raise Unavailable(self._unusable)
        return self._journal.body(rev)

    def put(self, shelf: Shelf, obj: Object, before: Entry | None) -> Entry:
        """Write an object: its metadata.resourceVersion is set here. `before` is the version it replaces."""
        return self._write(shelf, obj, before, gone=False)

    def remove(self, shelf: Shelf, obj: Object, before: Entry) -> Entry:
        """Take an object away; `obj` is what watches are told it was."""
        return self._write(shelf, obj, before, gone=True)

    def _write(self, shelf: Shelf, obj: Object, before: Entry | None, *, gone: bool) -> Entry:
        if self._unusable:
            raise Unavailable(self._unusable)
        rev = self.rev + 1
        obj["metadata"]["resourceVersion"] = str(rev)
        body = as_json(obj)
        entry = entry_of(shelf.name, obj, rev=rev, size=len(body))
        self.rev = rev
        self._apply(Change(shelf, before, entry, gone))
        record = orjson.dumps(
            (entry.uid, entry.labels, entry.fields, entry.owners, entry.blocks, entry.deleting))
        self._untold.append((rev, shelf))
        version = Version(rev, shelf.name, entry.namespace, entry.name, gone, record, body)
        self._journal.append(version, self._forget_old(), self.floor)
        return entry

    def _apply(self, change: Change) -> None:
        shelf, before, after = change.shelf, change.before, change.after
        place = (shelf.name, after.namespace, after.name)
        for owner in before.owners if before else ():
            if (places := self.dependents.get(owner)) is not None:
                places.pop(place, None)
                if not places:
                    del self.dependents[owner]
        if change.gone:
            if before:
                shelf.remove(before)
            self.uids.pop(after.uid, None)
        else:
            shelf.put(after)
            self.uids[after.uid] = place
            for owner in after.owners:
                self.dependents.setdefault(owner, {})[place] = None
        shelf.changes.append(change)
        self._window.append(change)
        self._window_bytes += _held_bytes(change)

    def _forget_old(self) -> list[int]:
        """Drop history beyond the window; the answer names the versions that nobody can ask for any more."""
        forgotten: list[int] = []
        while len(self._window) > 1 and (
                len(self._window) > self._window_changes or self._window_bytes > _WINDOW_BYTES):
            change = self._window.popleft()
            change.shelf.changes.popleft()
            change.shelf.first += 1
            self._window_bytes -= _held_bytes(change)
            self.floor = change.after.rev
            if change.before:
                forgotten.append(change.before.rev)
            if change.gone:
                forgotten.append(change.after.rev)
        return forgotten

    async def settled(self, rev: int) -> None:
        """Wait until everything up to `rev` will survive. Raises Unavailable if it could not be written."""
        if rev <= self._journal.committed:
            return
        future = asyncio.get_running_loop().create_future()
        self._waiters.append((rev, future))
        await future

    async def changed(self, shelf: Shelf) -> None:
        """Wait until something on the shelf is committed, or its watches should look up for another reason."""
        future = asyncio.get_running_loop().create_future()
        watchers = self._watchers.setdefault(shelf.name, {})
        watchers[future] = None
        try:
            await future
        finally:
            watchers.pop(future, None)

    def wake_watches(self) -> None:
        """Have every watch look up."""
        for watchers in self._watchers.values():
            _wake(watchers)

    def close(self) -> None:
        """Commit what is left, and end all watches."""
        self.epoch += 1
        self._unusable = "the object store is closed"
        self._journal.close()
        self.wake_watches()

    def _journal_committed(self, rev: int) -> None:
        loop = self._loop
        if loop is None:
            return
        if _is_running_here(loop):
            self._tell(rev)
            return
        try:
            loop.call_soon_threadsafe(self._tell, rev)
        except RuntimeError:
            return  # the loop has ended, and with it all who could wait

    def _tell(self, rev: int) -> None:
        while self._waiters and self._waiters[0][0] <= rev:
            _, future = self._waiters.popleft()
            if not future.done():
                future.set_result(None)
        while self._untold and self._untold[0][0] <= rev:
            _, shelf = self._untold.popleft()
            if watchers := self._watchers.get(shelf.name):
                _wake(watchers)
        if rev - self._bookmarked >= BOOKMARK_EVERY:
            self._bookmarked = rev
            self.wake_watches()

    def _journal_failed(self, error: BaseException) -> None:
        loop = self._loop
        if loop is not None:
            loop.call_soon_threadsafe(self._start_again, error)

    def _start_again(self, error: BaseException) -> None:
        """The disk refused: what was not committed never happened. Read anew what is there."""
        waiters, self._waiters = self._waiters, deque()
        for _, future in waiters:
            if not future.done():
                future.set_exception(Unavailable(f"the object store could not write to its disk ({error});"
                                                 " the request changed nothing; free some space and repeat it"))
        try:
            self._load()
        except ArgosyError as unreadable:
            self._unusable = str(unreadable)
        self._journal.resume()
        self.wake_watches()

    def _load(self) -> None:
        self.epoch += 1
        self.floor, kept = self._journal.load()
        self.shelves.clear()
        self.uids.clear()
        self.dependents.clear()
        self._window.clear()
        self._untold.clear()
        self._window_bytes = 0
        for version in kept:
            self._load_version(version)
        self.rev = self._journal.committed

    def _load_version(self, version: Kept) -> None:
        shelf = self.shelf(version.shelf)
        uid, labels, fields, owners, blocks, deleting = orjson.loads(version.record)
        entry = Entry(version.namespace, version.name, uid, version.rev, version.size, labels, fields, tuple(owners),
                      tuple(blocks), deleting)
        before = shelf.get(version.namespace, version.name)
        if version.rev <= self.floor:  # an object that has not changed for long: no part of the history
            shelf.put(entry)
            place = (shelf.name, entry.namespace, entry.name)
            self.uids[entry.uid] = place
            for owner in entry.owners:
                self.dependents.setdefault(owner, {})[place] = None
            return
        self._apply(Change(shelf, before, entry, version.gone))


def as_json(obj: Object) -> bytes:
    """The object as it is stored. Raises BadRequest where JSON cannot say it, or it is too large."""
    try:
        body = orjson.dumps(obj)
    except orjson.JSONEncodeError as error:
        raise BadRequest(f"the object cannot be stored as JSON: {error}") from error
    if len(body) > MAX_OBJECT_BYTES:
        raise BadRequest(f"the object has {len(body)} bytes of JSON; the most that is stored is {MAX_OBJECT_BYTES}")
    return body


def _held_bytes(change: Change) -> int:
    """What a change keeps on the disk that would otherwise be gone."""
    return (change.before.size if change.before else 0) + (change.after.size if change.gone else 0)


def _wake(watchers: dict[asyncio.Future[None], None]) -> None:
    for future in watchers:
        if not future.done():
            future.set_result(None)
    watchers.clear()


def _is_running_here(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
