"""Sensors over a bus and a store in memory, on simulated time; and proxies that kill their user at a chosen call."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any, Self

from argosy.clock import Clock
from argosy.embedded.store import EmbeddedKube
from argosy.errors import Unavailable
from argosy.kube.contract import Kube, Object
from argosy.kube.resources import SENSORS, WORKFLOWS
from events.bus.contract import Bus, Stream
from events.bus.memory import MemoryBus
from events.journal import Journal
from events.records import Records
from events.rules.event import Event
from events.service import SensorsService

NS = "default"


def event(id_: str, name: str = "push", *, source: str = "github", data: Any = None, kind: str = "github") -> Event:
    """An event of the test's own making."""
    return Event(id_, source, name, kind, "2026-11-24T10:00:00Z", {"body": {"id": id_}} if data is None else data)


def sensor(
    triggers: Sequence[Object], *, dependencies: Sequence[str | Object] = ("push",), name: str = "sensor",
) -> Object:
    """A Sensor; a dependency given by a word awaits the event of that name from ``github``."""
    full = [{"name": one, "eventSourceName": "github", "eventName": one} if isinstance(one, str) else one
            for one in dependencies]
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Sensor", "metadata": {"name": name, "namespace": NS},
            "spec": {"dependencies": full, "triggers": list(triggers)}}


def creates(name: str, *, conditions: str = "", parameters: Sequence[Object] = (), **more: Any) -> Object:
    """A trigger that creates a Workflow named after the firing."""
    source = {"resource": {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
                           "metadata": {"generateName": f"{name}-"}, "spec": {"entrypoint": "main"}}}
    template: Object = {"name": name, "k8s": {"operation": "create", "source": source, "parameters": list(parameters)}}
    if conditions:
        template["conditions"] = conditions
    return {"template": template, **more}


class Killed(BaseException):
    """The process that made this call is dead."""


class Killer:
    """Kills its victim at the `at`-th call that goes through its proxies, before or after the call has its effect."""

    def __init__(self, at: int | None = None, *, after: bool = False) -> None:
        self.calls, self.at, self.after = 0, at, after
        self.victim: asyncio.Task[Any] | None = None
        self.dead = False

    async def around(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """One call of the victim."""
        if self.dead:
            await self._die()
        self.calls += 1
        fatal = self.calls == self.at
        if fatal and not self.after:
            await self._die()
        result = await call()
        if fatal:
            await self._die()
        return result

    async def _die(self) -> None:
        self.dead = True
        if self.victim is not None:
            self.victim.cancel()
        raise asyncio.CancelledError


class Proxy:
    """Hands every call on to the real thing, past the killer; what comes back and is called itself is watched too."""

    WATCHED = ("fetch", "ack", "nak", "extend")

    def __init__(self, real: Any, killer: Killer) -> None:
        self._real, self._killer = real, killer

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._real, name)
        if not callable(value) or name == "watch":
            return value

        async def call(*given: Any, **named: Any) -> Any:
            result = await self._killer.around(lambda: value(*given, **named))
            if name == "consumer":
                return Proxy(result, self._killer)
            if name == "fetch":
                return [Proxy(one, self._killer) for one in result]
            return result

        return call


class World:
    """What outlives the service: the bus, the store, the clock."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.bus = MemoryBus(clock)
        self.kube = EmbeddedKube.open(":memory:", clock=clock)
        self.journal = Journal(self.bus, NS)
        self.records = Records(self.bus, self.kube, clock)

    async def send(self, *events: Event) -> None:
        """Publish."""
        for one in events:
            await self.journal.accept(one)

    async def apply(self, obj: Object) -> Object:
        """Create a sensor."""
        return await self.kube.create(SENSORS, obj, namespace=NS)

    def start(self, *, bus: Bus | None = None, kube: Kube | None = None) -> "Running":
        """A process that runs the sensors."""
        service = SensorsService(kube or self.kube, bus or self.bus, clock=self.clock, chance=Random(1))
        return Running(service)

    def start_mortal(self, killer: Killer) -> "Running":
        """A process that the killer will kill."""
        running = self.start(bus=Proxy(self.bus, killer), kube=Proxy(self.kube, killer))
        killer.victim = running.task
        return running

    async def workflows(self) -> list[Object]:
        """What was created."""
        return (await self.kube.list(WORKFLOWS, namespace=NS)).items

    async def settled(self, count: int, *, within_seconds: float = 3600.0) -> list[dict[str, Any]]:
        """Wait until so many intents have ended; their outcomes."""
        async with asyncio.timeout(within_seconds):
            while True:
                outcomes = [await self.journal.outcome(id_) for id_ in await self.intents()]
                ended = [one for one in outcomes if one and one["outcome"] != "retrying"]
                if len(ended) >= count:
                    return ended
                await self.clock.sleep(0.5)

    async def intents(self) -> list[str]:
        """The ids of all intents."""
        return [one.subject[2] for one in await self.bus.read(Stream.INTENTS, NS, (...,), last=10_000)]

    async def is_quiet(self) -> bool:
        """Whether every event is decided about and every intent done."""
        for stream in (Stream.EVENTS, Stream.INTENTS):
            for name in await self.bus.consumers(stream, NS):
                place = self.bus._logs[stream, NS].places[name]
                if place.flying or place.next <= max(self.bus._logs[stream, NS].messages, default=0):
                    return False
        return True


class Running:
    """A service that runs."""

    def __init__(self, service: Any) -> None:
        self.service = service
        self.ready = asyncio.Event()
        self.task = asyncio.ensure_future(service.run(self.ready))

    async def __aenter__(self) -> Self:
        waiting = asyncio.ensure_future(self.ready.wait())
        await asyncio.wait((waiting, self.task), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end()

    async def end(self) -> None:
        """Stop it."""
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Unavailable):
            await self.task
