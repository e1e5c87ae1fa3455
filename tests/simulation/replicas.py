"""Several controllers that share the work: each may be stopped for a while and go on, be killed, or end in good order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from random import Random
from typing import Any, TypeVar

from argosy.errors import Unavailable
from argosy.kube.contract import Kube, Listing, Object, Resource, WatchEvent
from argosy.kube.fence import ask_before_sending
from argosy.kube.resources import PODS
from controller.leases import Leases, Terms
from controller.service import Controller
from tests.simulation.loop import LoopClock

T = TypeVar("T")

REPLICAS = 3
TERMS = Terms(namespace="argosy", shards=4)


class Wire:
    """A replica's way to the API: nothing goes out or comes in while the replica is stopped, nor ever once it is killed.

    A request that has gone out is carried out all the same. What the replica works out for itself while it is stopped, as
    no stopped process would, makes things only worse: all of that is sent the moment it goes on.
    """

    def __init__(self, inner: Kube, *, frozen: bool) -> None:
        self._inner = inner
        self._frozen = frozen
        self._goes_on = asyncio.Event()
        self._goes_on.set()
        self._killed = False
        self._stops_before_pod = False
        self._stopped_at = self._missed = 0.0
        self.stopped = asyncio.Event()

    def uptime(self) -> float:
        """The clock by which the replica tells whether it is trusted; on a machine that was frozen it stood still."""
        now = LoopClock().now()
        if not self._frozen:
            return now
        return (now if self._goes_on.is_set() else self._stopped_at) - self._missed

    def stop(self) -> None:
        """As SIGSTOP does."""
        self._stops_before_pod = False
        self._stopped_at = LoopClock().now()
        self._goes_on.clear()
        self.stopped.set()

    def stop_before_next_pod(self) -> None:
        """At the worst moment: when it has decided, and not yet done."""
        self._stops_before_pod = True

    def go_on(self) -> None:
        """As SIGCONT does."""
        self._stops_before_pod = False
        if not self._goes_on.is_set():
            self._missed += LoopClock().now() - self._stopped_at
        self._goes_on.set()
        self.stopped.clear()

    def kill(self) -> None:
        """As SIGKILL does."""
        self._killed = True
        self.go_on()

    async def _pass(self, call: Callable[[], Awaitable[T]], *, writes: bool = True) -> T:
        await self._at_work()
        if writes:
            ask_before_sending()
        result = await call()
        await self._at_work()
        return result

    async def _at_work(self) -> None:
        await self._goes_on.wait()
        if self._killed:
            raise Unavailable("killed")

    async def create(self, resource: Resource, obj: Object, **options: Any) -> Object:
        if resource == PODS and self._stops_before_pod:
            self.stop()
        return await self._pass(lambda: self._inner.create(resource, obj, **options))

    async def get(self, resource: Resource, name: str, **options: Any) -> Object:
        return await self._pass(lambda: self._inner.get(resource, name, **options), writes=False)

    async def list(self, resource: Resource, **options: Any) -> Listing:
        return await self._pass(lambda: self._inner.list(resource, **options), writes=False)

    async def watch(self, resource: Resource, **options: Any) -> AsyncIterator[WatchEvent]:
        await self._at_work()
        async for event in self._inner.watch(resource, **options):
            await self._at_work()
            yield event

    async def replace(self, resource: Resource, obj: Object, **options: Any) -> Object:
        return await self._pass(lambda: self._inner.replace(resource, obj, **options))

    async def patch(self, resource: Resource, name: str, patch: Any, **options: Any) -> Object:
        return await self._pass(lambda: self._inner.patch(resource, name, patch, **options))

    async def delete(self, resource: Resource, name: str, **options: Any) -> None:
        await self._pass(lambda: self._inner.delete(resource, name, **options))

    def logs(self, name: str, **options: Any) -> AsyncIterator[bytes]:
        return self._inner.logs(name, **options)


async def replicas(kube: Kube, chance: Random, *, troubling: float, frozen: bool = False) -> None:
    """Keep some replicas at work; something befalls each every `troubling` seconds or so (0: never).

    With `frozen`, one that is stopped does not notice, for its clocks stand still meanwhile.
    """
    async with asyncio.TaskGroup() as group:
        for number in range(REPLICAS):
            group.create_task(_succession(kube, Random(chance.random()), f"r{number}", troubling=troubling, frozen=frozen))


async def _succession(kube: Kube, chance: Random, name: str, *, troubling: float, frozen: bool) -> None:
    """One replica after the other."""
    while True:
        wire = Wire(kube, frozen=frozen)
        leases = Leases(wire, TERMS, replica=name, clock=LoopClock(), uptime=wire.uptime, chance=Random(chance.random()))
        controller = Controller(wire, clock=LoopClock(), chance=Random(chance.random()), leases=leases)
        task = asyncio.ensure_future(controller.run(asyncio.Event()))
        try:
            if not troubling:
                await task
            await _befall(wire, task, chance, troubling=troubling)
        finally:
            task.cancel()
            wire.go_on()
            await asyncio.wait([task])
        if chance.random() < 0.3:
            await asyncio.sleep(chance.expovariate(1 / 5))


async def _befall(wire: Wire, task: "asyncio.Task[None]", chance: Random, *, troubling: float) -> None:
    """Let it live, stop it now and then, and return when it is to end."""
    while True:
        await asyncio.wait([task], timeout=chance.expovariate(1 / troubling))
        if task.done():
            task.result()
        end = chance.choice(("stopped", "stopped", "killed", "in good order"))
        if end == "stopped":
            wire.stop_before_next_pod()
            with suppress(TimeoutError):
                await asyncio.wait_for(wire.stopped.wait(), chance.choice((0.0, 3.0, 30.0)))
            if not wire.stopped.is_set():
                wire.stop()
            await asyncio.sleep(chance.choice((1.0, 17.0, 40.0, 60.0)) * chance.uniform(0.8, 1.2))
            wire.go_on()
            continue
        if end == "killed":
            wire.kill()
        return
