"""An event loop for simulation: time jumps to the next timer, and the order of what is ready comes from a seed."""

import asyncio
import selectors
from collections.abc import Coroutine
from contextlib import suppress
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")

_LAST_SECONDS = 600.0  # of simulated time
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


class _Numbered(asyncio.Task[Any]):
    """A task whose hash is its number: sets of tasks, of which asyncio has many, are walked in the same order every time."""

    _number = 0

    def __hash__(self) -> int:
        return self._number


class JumpingLoop(asyncio.SelectorEventLoop):
    """Runs callbacks in an order drawn from `chance`; its time moves only when nothing is ready."""

    def __init__(self, chance: Random) -> None:
        selector = _NoWaiting()
        selector.loop = self
        self.moment = START
        self._chance = chance
        super().__init__(selector)
        self._tasks_made = 0
        self.set_task_factory(self._numbered)
        self._clock_resolution = 1e-6  # a float near START cannot tell a nanosecond, so a timer would never be due

    def time(self) -> float:
        return self.moment

    def _numbered(self, loop: asyncio.AbstractEventLoop, work: Any, **given: Any) -> _Numbered:
        task = _Numbered(work, loop=loop, **given)
        self._tasks_made += 1
        task._number = self._tasks_made
        return task

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
        _end(loop)
        loop.close()


def _end(loop: JumpingLoop) -> None:
    """Let what still runs come to its end, so that nothing is left to be torn down in whatever order."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        with suppress(Stuck):
            loop.run_until_complete(asyncio.wait(left, timeout=_LAST_SECONDS))
