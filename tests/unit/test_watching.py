"""A consumer of changes never has to compare by itself, and a server that cannot cope is asked ever more seldom."""

import asyncio
from collections.abc import AsyncIterator
from random import Random

import pytest

from argosy.clock import SystemClock
from argosy.kube.contract import Expired, KubeError, Listing, Object, Resource, Unavailable, WatchEvent
from argosy.kube.resources import PODS
from argosy.kube.watching import changes


def pod(name: str, version: int) -> Object:
    return {"metadata": {"name": name, "namespace": "d", "uid": f"uid-{name}", "resourceVersion": str(version)}}


class Scripted:
    """A Kube whose listings and watches are written down beforehand."""

    def __init__(self, listings: list[list[Object]], watches: list[list[WatchEvent | Exception]]) -> None:
        self.listings, self.watches = listings, watches
        self.resumed: list[str] = []

    async def list(self, resource: Resource, *, namespace: str = "", label_selector: str = "") -> Listing:
        return Listing(self.listings.pop(0), "10")

    async def watch(self, resource: Resource, *, namespace: str = "", resource_version: str = "",
                    label_selector: str = "") -> AsyncIterator[WatchEvent]:
        self.resumed.append(resource_version)
        for step in self.watches.pop(0):
            if isinstance(step, Exception):
                raise step
            yield step


class NoWaiting(SystemClock):
    def __init__(self) -> None:
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0)


async def taken(kube: Scripted, count: int) -> list[tuple[str, str]]:
    seen: list[tuple[str, str]] = []
    async for event in changes(kube, PODS, clock=NoWaiting(), chance=Random(1)):  # type: ignore[arg-type]  # the part used
        seen.append((event.type, event.object["metadata"]["name"]))
        if len(seen) == count:
            break
    return seen


async def test_what_vanished_while_nobody_watched_is_told_as_deleted() -> None:
    kube = Scripted([[pod("a", 1), pod("b", 2)], [pod("b", 5), pod("c", 9)]], [[Expired("too old")], []])
    assert await taken(kube, 5) == [
        ("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a"), ("MODIFIED", "b"), ("ADDED", "c")]


async def test_what_a_new_list_shows_unchanged_is_not_told_again() -> None:
    kube = Scripted([[pod("a", 1), pod("b", 2)], [pod("a", 1), pod("b", 2), pod("c", 9)]], [[Expired("too old")], []])
    assert await taken(kube, 3) == [("ADDED", "a"), ("ADDED", "b"), ("ADDED", "c")]


async def test_a_server_that_names_a_time_is_asked_again_then() -> None:
    clock = NoWaiting()
    busy: list[list[WatchEvent | Exception]] = [
        [Unavailable("busy", retry_after_seconds=4)], [WatchEvent("ADDED", pod("a", 11))]]
    async for event in changes(Scripted([[]], busy), PODS, clock=clock, chance=Random(1)):  # type: ignore[arg-type]  # the part used
        assert event.type == "ADDED"
        break
    assert clock.waits == [4]


async def test_a_watch_that_breaks_off_goes_on_where_it_was() -> None:
    watches: list[list[WatchEvent | Exception]] = [
        [WatchEvent("ADDED", pod("a", 11)), Unavailable("gone")], [WatchEvent("BOOKMARK", pod("", 15))],
        [WatchEvent("DELETED", pod("a", 16))]]
    kube = Scripted([[]], watches)
    assert await taken(kube, 2) == [("ADDED", "a"), ("DELETED", "a")]
    assert kube.resumed == ["10", "11", "15"]


class Ailing:
    """A Kube that lists what there is and does not hold a watch; after some lists it is well again."""

    def __init__(self, trouble: Exception | None, *, lists_till_well: int = 1000) -> None:
        self.trouble, self.lists_till_well = trouble, lists_till_well
        self.lists = self.watches = 0

    async def list(self, resource: Resource, *, namespace: str = "", label_selector: str = "") -> Listing:
        self.lists += 1
        return Listing([], "10")

    async def watch(self, resource: Resource, *, namespace: str = "", resource_version: str = "",
                    label_selector: str = "") -> AsyncIterator[WatchEvent]:
        self.watches += 1
        if self.lists >= self.lists_till_well or self.watches >= 100:
            yield WatchEvent("ADDED", pod("a", 11))
        elif self.trouble is not None:
            raise self.trouble


async def waits_until_told(kube: Ailing) -> list[float]:
    clock = NoWaiting()
    async for _ in changes(kube, PODS, clock=clock, chance=Random(1)):  # type: ignore[arg-type]  # the part used
        break
    return clock.waits


@pytest.mark.parametrize("trouble", [None, Expired("too old"), KubeError("internal"), Unavailable("away")])
async def test_a_server_that_holds_no_watch_is_asked_ever_more_seldom(trouble: Exception | None) -> None:
    waits = await waits_until_told(Ailing(trouble))
    assert len(waits) == 99
    assert waits[0] < 0.2
    assert min(waits[20:]) >= 30


async def test_the_time_that_a_server_names_is_kept_within_reason() -> None:
    assert set(await waits_until_told(Ailing(Unavailable("busy", retry_after_seconds=0.0)))) == {0.1}
    assert set(await waits_until_told(Ailing(Unavailable("maintenance", retry_after_seconds=3600.0)))) == {30}


async def test_a_place_to_resume_from_that_always_fails_is_given_up_for_a_new_list() -> None:
    waits = await waits_until_told(Ailing(KubeError("cannot resume there"), lists_till_well=2))
    assert sum(waits) < 5


async def test_a_watch_that_brought_something_or_stood_long_is_followed_by_the_next_at_once() -> None:
    class Quiet(Scripted):
        """Its first watch ends after a while without a word."""

        async def watch(self, resource: Resource, **options: str) -> AsyncIterator[WatchEvent]:
            if not self.resumed:
                clock.passed += 290
            async for event in super().watch(resource, **options):
                yield event

    class Passing(NoWaiting):
        passed = 0.0

        def now(self) -> float:
            return self.passed

    clock = Passing()
    kube = Quiet([[]], [[], [WatchEvent("ADDED", pod("a", 11))], [WatchEvent("ADDED", pod("b", 12))]])
    names = []
    async for event in changes(kube, PODS, clock=clock, chance=Random(1)):  # type: ignore[arg-type]  # the part used
        names.append(event.object["metadata"]["name"])
        if len(names) == 2:
            break
    assert (names, clock.waits) == (["a", "b"], [])
