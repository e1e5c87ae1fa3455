"""What time alone will move: wake-ups in order of their time, each forgotten once its owner no longer wants it."""

import heapq
from collections.abc import Callable
from itertools import count


class Timers:
    """Calls to be made at or after a time. A cancelled one is dropped when it reaches the front."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[[], None], Callable[[], bool]]] = []
        self._numbers = count()

    def at(self, when: float, call: Callable[[], None], *, wanted: Callable[[], bool]) -> None:
        """Make `call` at `when`, if `wanted()` still holds then."""
        heapq.heappush(self._heap, (when, next(self._numbers), call, wanted))

    def due(self, now: float) -> list[Callable[[], None]]:
        """Take out the calls whose time has come, in order."""
        calls = []
        while self._heap and self._heap[0][0] <= now:
            _, _, call, wanted = heapq.heappop(self._heap)
            if wanted():
                calls.append(call)
        return calls

    def next_at(self) -> float | None:
        """When the earliest call that is still wanted is to be made."""
        while self._heap and not self._heap[0][3]():
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None
