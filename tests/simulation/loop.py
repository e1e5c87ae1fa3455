"""An event loop for simulation: time jumps to the next timer, and the order of what is ready comes from a seed."""

import asyncio
import selectors
from collections.abc import Coroutine
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")

START = 1_800_000_000.0  # where simulated time begins, in seconds since 1970


class Stuck(AssertionError):
    """Nothing is ready and no timer is set: somebody waits for what will never come."""


class _NoWaiting(selectors.SelectSelector):
    """Instead of waiting for input, let the loop's clock jump."""

    loop: "JumpingLoop"

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Stuck("the simulation waits for ever")
        self.loop.moment += timeout
        return []


class JumpingLoop(asyncio.SelectorEventLoop):
    """Runs callbacks in an order drawn from `chance`; its time moves only when nothing is ready."""

    def __init__(self, chance: Random) -> None:
        selector = _NoWaiting()
        selector.loop = self
        self.moment = START
        self._chance = chance
        super().__init__(selector)
        self._clock_resolution = 1e-6  # a float near START cannot tell a nanosecond, so a timer would never be due

    def time(self) -> float:
        return self.moment

    def _run_once(self) -> None:
        ready = list(self._ready)  # type: ignore[attr-defined]  # the base class's queue of callbacks
        self._chance.shuffle(ready)
        self._ready.clear()  # type: ignore[attr-defined]  # as above
        self._ready.extend(ready)  # type: ignore[attr-defined]  # as above
        super()._run_once()  # type: ignore[misc]  # the step that the base class repeats


class LoopClock:
    """The `Clock` of a jumping loop."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


def simulate(main: Coroutine[Any, Any, T], *, seed: int) -> T:
    """Run `main` to its end on a fresh loop with this seed."""
    loop = JumpingLoop(Random(seed))
    try:
        return loop.run_until_complete(main)
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.close()
