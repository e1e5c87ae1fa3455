"""Parallelism: a gate lets so many in at once and keeps the others in the order of the tree (first child first)."""

import heapq
from itertools import count
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from controller.engine.frame import Setting

Place = tuple[int, ...]


class Waiter(Protocol):
    """Something that wants to pass a gate."""

    @property
    def place(self) -> Place:
        """What orders those who wait."""

    @property
    def setting(self) -> "Setting":
        """What it will run in."""

    def start(self) -> None:
        """Come to the gate (again)."""

    def let_in(self) -> None:
        """It may go on."""

    def dismiss(self) -> None:
        """It will never be let in."""


class Gate:
    """At most `limit` are inside at once (0: no limit).

    Who comes to a limited gate waits until all other work is done, so that the order in which things happened to be
    told does not matter: `Turnstile` then lets in those who come first in the tree.
    """

    __slots__ = ("_numbers", "_turnstile", "_waiting", "inside", "limit")

    def __init__(self, limit: int, turnstile: "Turnstile") -> None:
        self.limit = limit
        self.inside = 0
        self._turnstile = turnstile
        self._waiting: list[tuple[Place, int, Waiter, bool]] = []
        self._numbers = count()

    def enter(self, waiter: Waiter, *, takes_room: bool = True, again: bool = False) -> bool:
        """Go in where there is no limit, else wait for `let_in`. With `again` it was inside before: it enters anyway."""
        if again or not self.limit:
            self.inside += takes_room
            return True
        heapq.heappush(self._waiting, (waiter.place, next(self._numbers), waiter, takes_room))
        self._turnstile.look_at(self)
        return False

    def leave(self) -> None:
        """One who took room is gone."""
        self.inside -= 1
        assert self.inside >= 0, "more left a gate than had entered it"
        self._turnstile.look_at(self)

    @property
    def next_place(self) -> Place | None:
        """The place of the one who would be let in now, None where nobody would."""
        return self._waiting[0][0] if self._waiting and self.inside < self.limit else None

    def let_one_in(self) -> None:
        """Let in the one who comes first in the tree."""
        _, _, waiter, takes_room = heapq.heappop(self._waiting)
        self.inside += takes_room
        waiter.let_in()

    def dismiss(self) -> list[Waiter]:
        """Send home all who wait, in their order."""
        waiters = [entry[2] for entry in sorted(self._waiting, key=lambda entry: entry[:2])]
        self._waiting.clear()
        return waiters


class Turnstile:
    """All gates at which somebody could be let in; the first in the tree comes first."""

    def __init__(self) -> None:
        self._gates: list[tuple[Place, int, Gate]] = []
        self._numbers = count()

    def look_at(self, gate: Gate) -> None:
        """Something changed at this gate."""
        place = gate.next_place
        if place is not None:
            heapq.heappush(self._gates, (place, next(self._numbers), gate))

    def let_one_in(self) -> bool:
        """Let in one, if anybody may be; False where nobody may."""
        while self._gates:
            place, _, gate = heapq.heappop(self._gates)
            if gate.next_place == place:
                gate.let_one_in()
                self.look_at(gate)
                return True
            self.look_at(gate)
        return False
