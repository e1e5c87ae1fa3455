"""Where the store's versions are written: the contract, and the journal that keeps them in memory only."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

Committed = Callable[[int], None]
Failed = Callable[[BaseException], None]


@dataclass(frozen=True, slots=True)
class Version:
    """One revision as it is kept: an object as it was written, or (`gone`) as it was when it went away."""

    rev: int
    shelf: str
    namespace: str
    name: str
    gone: bool
    record: bytes  # uid, labels, fields and owners as JSON: all that the memory needs to know
    body: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """A version as it is read back when the store opens: everything but the body."""

    rev: int
    shelf: str
    namespace: str
    name: str
    gone: bool
    record: bytes
    size: int


class Journal(Protocol):
    """A place that keeps versions. Written in order; `committed` is the last revision that will survive."""

    committed: int

    def load(self) -> tuple[int, Iterable[Kept]]:
        """The revision up to which history is forgotten, and what is kept, in the order of revisions."""

    def connect(self, on_committed: Committed, on_failed: Failed) -> None:
        """Say whom to tell. The calls come from any thread."""

    def append(self, version: Version, forget: list[int], floor: int) -> None:
        """Write a version soon; versions in `forget` are needed no longer, nor is history up to `floor`."""

    def body(self, rev: int) -> bytes:
        """The body of a version that is kept. Raises LookupError if it is forgotten, Unavailable if it cannot be read."""

    def resume(self) -> None:
        """After a failure and a new `load`, take versions again."""

    def close(self) -> None:
        """Write what is left, and let go."""


class MemoryJournal:
    """Keeps versions as long as the process lives: for throw-away systems and for tests."""

    def __init__(self) -> None:
        self.committed = 0
        self._bodies: dict[int, bytes] = {}
        self._on_committed: Committed = lambda _rev: None

    def load(self) -> tuple[int, Iterable[Kept]]:
        return 0, ()

    def connect(self, on_committed: Committed, on_failed: Failed) -> None:  # noqa: ARG002  memory does not fail
        self._on_committed = on_committed

    def append(self, version: Version, forget: list[int], floor: int) -> None:  # noqa: ARG002  nothing to write it to
        self._bodies[version.rev] = version.body
        for rev in forget:
            self._bodies.pop(rev, None)
        self.committed = version.rev
        self._on_committed(version.rev)

    def body(self, rev: int) -> bytes:
        return self._bodies[rev]

    def resume(self) -> None:
        return

    def close(self) -> None:
        self._bodies.clear()
