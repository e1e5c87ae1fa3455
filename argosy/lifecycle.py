"""One contract for everything that lives long: it runs inside a task group, tells when it serves, and ends when told.

A service is an object with ``async def run(self, ready)``: it sets `ready` once it serves, and returns only when it is
cancelled (it must clean up and let the cancellation pass) or its work is over. `running` starts several of them in
order, each after the one before is ready, and ends them in the reverse order.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol


class Service(Protocol):
    """Something that is started, serves until it is cancelled, and cleans up behind itself."""

    async def run(self, ready: asyncio.Event) -> None:
        """Serve. Set `ready` once others may rely on it."""


@asynccontextmanager
async def running(services: Sequence[Service]) -> AsyncIterator[asyncio.TaskGroup]:
    """Start `services` in order; leave the block, and they are cancelled last first.

    A service that fails, or returns before it was ready, ends the block with its error (in an ExceptionGroup).
    """
    async with asyncio.TaskGroup() as group:
        tasks: list[asyncio.Task[None]] = []
        for service in services:
            ready = asyncio.Event()
            task = group.create_task(service.run(ready), name=type(service).__name__)
            await _ready_or_over(ready, task)
            tasks.append(task)
        try:
            yield group
        finally:
            for task in reversed(tasks):
                task.cancel()
                await asyncio.wait([task])


async def _ready_or_over(ready: asyncio.Event, task: asyncio.Task[None]) -> None:
    waiter = asyncio.ensure_future(ready.wait())
    try:
        await asyncio.wait([waiter, task], return_when=asyncio.FIRST_COMPLETED)
        if not ready.is_set() and task.done() and not task.cancelled():
            raise task.exception() or RuntimeError(f"{task.get_name()} ended before it was ready")
    finally:
        waiter.cancel()
