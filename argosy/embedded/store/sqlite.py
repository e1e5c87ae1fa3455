"""The journal on disk: one SQLite file, written by one thread that commits many callers' versions at once."""

import fcntl
import os
import queue
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Final, TypeAlias

from argosy.embedded.store.journal import Committed, Failed, Kept, Version
from argosy.embedded.store.refusals import StoreUnreadable
from argosy.errors import Unavailable

_APPLICATION_ID: Final = 0x41524759  # "ARGY", in the file's header
_FORMAT: Final = 1
_CACHE_BYTES: Final = 8 << 20
_BATCH_VERSIONS: Final = 512
_SCHEMA: Final = """
BEGIN;
PRAGMA application_id = 0x41524759;
PRAGMA user_version = 1;
CREATE TABLE versions (
    rev INTEGER PRIMARY KEY, shelf TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, gone INTEGER NOT NULL,
    record BLOB NOT NULL, size INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE history (floor INTEGER NOT NULL);
INSERT INTO history VALUES (0);
COMMIT;
"""

_Work: TypeAlias = tuple[Version, list[int], int]


class SqliteJournal:
    """Keeps versions in the file at `path`; only one process at a time may use it."""

    def __init__(self, path: Path, *, durable: bool) -> None:
        self.committed = 0
        self._path = path
        self._lock = _lock(path)
        try:
            self._reader = _opened(path)
            self._writer = _opened(path)
            self._writer.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
        except BaseException:
            os.close(self._lock)
            raise
        self._bodies: OrderedDict[int, bytes] = OrderedDict()
        self._cached_bytes = 0
        self._work: queue.SimpleQueue[_Work | str] = queue.SimpleQueue()
        self._on_committed: Committed = lambda _rev: None
        self._on_failed: Failed = lambda _error: None
        self._thread = threading.Thread(target=self._write_until_closed, name="store-writer", daemon=True)
        self._thread.start()

    def load(self) -> tuple[int, Iterable[Kept]]:
        self._bodies.clear()
        self._cached_bytes = 0
        try:
            floor = int(self._reader.execute("SELECT floor FROM history").fetchone()[0])
            rows = self._reader.execute(
                "SELECT rev, shelf, namespace, name, gone, record, size FROM versions ORDER BY rev").fetchall()
        except sqlite3.Error as error:
            raise _unreadable(self._path, str(error)) from error
        self.committed = max(floor, rows[-1][0] if rows else 0)
        return floor, (Kept(rev, shelf, namespace, name, bool(gone), record, size)
                       for rev, shelf, namespace, name, gone, record, size in rows)

    def connect(self, on_committed: Committed, on_failed: Failed) -> None:
        self._on_committed = on_committed
        self._on_failed = on_failed

    def append(self, version: Version, forget: list[int], floor: int) -> None:
        self._remember(version.rev, version.body)
        self._work.put((version, forget, floor))

    def body(self, rev: int) -> bytes:
        body = self._bodies.get(rev)
        if body is not None:
            self._bodies.move_to_end(rev)
            return body
        try:
            rows = self._reader.execute("SELECT body FROM versions WHERE rev = ?", (rev,)).fetchall()
        except sqlite3.Error as error:
            raise Unavailable(f"{self._path}: the object store could not be read: {error}") from error
        body = bytes(rows[0][0])
        self._remember(rev, body)
        return body

    def resume(self) -> None:
        self._work.put("resume")

    def close(self) -> None:
        self._work.put("close")
        self._thread.join()
        self._reader.close()
        self._writer.close()
        os.close(self._lock)

    def _remember(self, rev: int, body: bytes) -> None:
        self._bodies[rev] = body
        self._cached_bytes += len(body)
        while self._cached_bytes > _CACHE_BYTES and len(self._bodies) > 1:
            oldest = next(iter(self._bodies))
            if oldest > self.committed:
                return  # the file cannot answer for it yet
            self._cached_bytes -= len(self._bodies.pop(oldest))

    def _write_until_closed(self) -> None:
        failed = closing = False
        while not closing:
            batch: list[_Work] = []
            for work in self._waiting_work():
                if isinstance(work, tuple):
                    batch.append(work)
                elif work == "resume":  # what was sent before it stood on versions that were lost
                    failed = False
                    batch.clear()
                else:
                    closing = True
            if batch and not failed:
                failed = not self._commit(batch)

    def _waiting_work(self) -> Iterable[_Work | str]:
        yield self._work.get()
        for _ in range(_BATCH_VERSIONS):
            try:
                yield self._work.get_nowait()
            except queue.Empty:
                return

    def _commit(self, batch: list[_Work]) -> bool:
        try:
            with self._writer:
                self._writer.execute("BEGIN IMMEDIATE")
                self._writer.executemany(
                    "INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    [(v.rev, v.shelf, v.namespace, v.name, v.gone, v.record, len(v.body), v.body) for v, _, _ in batch])
                forget = [(rev,) for _, revs, _ in batch for rev in revs]
                if forget:
                    self._writer.executemany("DELETE FROM versions WHERE rev = ?", forget)
                    self._writer.execute("UPDATE history SET floor = ?", (batch[-1][2],))
        except sqlite3.Error as error:
            self._on_failed(error)
            return False
        self.committed = batch[-1][0].rev
        self._on_committed(self.committed)
        return True


def _lock(path: Path) -> int:
    """Hold the store for this process. The kernel lets go when the process ends, however it ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unreadable(path, str(error)) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise StoreUnreadable(f"{path}: another process is using this store; stop it, or choose another folder") from None
    return lock


def _opened(path: Path) -> sqlite3.Connection:
    try:
        path.touch(mode=0o600)  # Secrets lie in it
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
    except (OSError, sqlite3.Error) as error:
        raise _unreadable(path, str(error)) from error
    try:
        _prepare(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise _unreadable(path, str(error)) from error
    except StoreUnreadable:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA synchronous = OFF")  # for the schema alone: a half made empty file loses nothing
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application == 0 and not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(_SCHEMA)
        return
    if application != _APPLICATION_ID:
        raise StoreUnreadable(f"{path} is a database of another program, not an object store of Argosy;"
                              " choose another file")
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found != _FORMAT:
        raise StoreUnreadable(f"{path} has format {found}, this Argosy reads format {_FORMAT};"
                              " use the Argosy that wrote it, or a newer one")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA cache_size = -2048")


def _unreadable(path: Path, reason: str) -> StoreUnreadable:
    return StoreUnreadable(f"{path}: the object store cannot be read: {reason}; restore a copy of it,"
                           " or move the file away to begin with an empty store")
