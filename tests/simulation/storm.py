"""A Kube that behaves as a bad day does: slow, now and then unreachable, sometimes showing what was true a moment ago.

An error may come before the effect or after it (the request got through and the answer was lost): the caller cannot know.
Some come from a server that is there and in trouble; and a quota may leave no room for a pod just now.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from copy import deepcopy
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

from argosy.kube.answers import ServerFailed
from argosy.kube.contract import Conflict, Expired, Forbidden, Kube, Listing, Object, Resource, Unavailable, WatchEvent
from argosy.kube.resources import PODS

T = TypeVar("T")

_NO_ROOM = (
    Forbidden('pods "w" is forbidden: exceeded quota: few, requested: pods=1, used: pods=9, limited: pods=9'),
    Conflict('Operation cannot be fulfilled on resourcequotas "few": the object has been modified'),
)


@dataclass(frozen=True, slots=True)
class Weather:
    """How bad the day is: mean delay of a call, and how often a call fails, a read is stale, a watch breaks off."""

    delay_seconds: float = 0.02
    failing: float = 0.05
    stale: float = 0.1
    breaking: float = 0.02


class Sniper:
    """Passes calls on to `inner`; now and then, soon after a pod was made, it says that whoever made it must die."""

    def __init__(self, inner: Kube, *, chance: Random, sure: float) -> None:
        self._inner = inner
        self._chance = chance
        self._sure = sure
        self.shot = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def create(self, resource: Resource, obj: Object, **options: Any) -> Object:
        made = await self._inner.create(resource, obj, **options)
        if resource is PODS and self._chance.random() < self._sure:
            self.shot.set()
        return made


CALM = Weather(delay_seconds=0.001, failing=0.0, stale=0.0, breaking=0.0)


class StormyKube:
    """Passes calls on to `inner`, through the weather."""

    def __init__(self, inner: Kube, *, chance: Random, weather: Weather) -> None:
        self._inner = inner
        self._chance = chance
        self._weather = weather
        self._seen: dict[tuple[str, str, str], Object] = {}

    async def _pass_through(self, call: Callable[[], Awaitable[T]]) -> T:
        """The call with a delay on both sides and a possible loss on either."""
        await self._delay()
        if self._chance.random() < self._weather.failing / 2:
            raise self._chance.choice((Unavailable("the request was lost"), ServerFailed("etcdserver: leader changed")))
        result = await call()
        await self._delay()
        if self._chance.random() < self._weather.failing / 2:
            raise self._chance.choice((Unavailable("the answer was lost"), ServerFailed("etcdserver: request timed out")))
        return result

    async def _delay(self) -> None:
        await asyncio.sleep(self._chance.expovariate(1 / self._weather.delay_seconds))

    async def create(self, resource: Resource, obj: Object, *, namespace: str = "", dry_run: bool = False) -> Object:
        if resource is PODS and self._chance.random() < self._weather.failing:
            await self._delay()
            raise self._chance.choice(_NO_ROOM)
        return await self._pass_through(
            lambda: self._inner.create(resource, deepcopy(obj), namespace=namespace, dry_run=dry_run))

    async def get(self, resource: Resource, name: str, *, namespace: str = "") -> Object:
        found = await self._pass_through(lambda: self._inner.get(resource, name, namespace=namespace))
        key = (resource.plural, namespace, name)
        earlier = self._seen.get(key)
        self._seen[key] = deepcopy(found)
        if earlier is not None and self._chance.random() < self._weather.stale:
            return deepcopy(earlier)
        return found

    async def list(self, resource: Resource, **options: Any) -> Listing:
        return await self._pass_through(lambda: self._inner.list(resource, **options))

    async def watch(self, resource: Resource, **options: Any) -> AsyncIterator[WatchEvent]:
        await self._delay()
        if self._chance.random() < self._weather.breaking:
            raise Expired("too old")
        async for event in self._inner.watch(resource, **options):
            await self._delay()
            if self._chance.random() < self._weather.breaking:
                return  # the connection ended before this event got through
            yield event

    async def replace(self, resource: Resource, obj: Object, *, subresource: str = "") -> Object:
        return await self._pass_through(lambda: self._inner.replace(resource, deepcopy(obj), subresource=subresource))

    async def patch(self, resource: Resource, name: str, patch: Any, **options: Any) -> Object:
        return await self._pass_through(lambda: self._inner.patch(resource, name, deepcopy(patch), **options))

    async def delete(self, resource: Resource, name: str, **options: Any) -> None:
        await self._pass_through(lambda: self._inner.delete(resource, name, **options))

    def logs(self, name: str, **options: Any) -> AsyncIterator[bytes]:
        return self._inner.logs(name, **options)
