"""A process that decides and does is killed at every single call it makes; afterwards each satisfied trigger was done once."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from argosy.clock import new_uid
from argosy.kube.contract import Listing, Object
from argosy.kube.resources import SENSORS
from events.bus.contract import Stream
from events.deciding import Decider
from events.doing import place_name
from events.rules import decision as decisions
from events.rules import state as states
from events.triggers import objects
from tests.simulation.loop import LoopClock, simulate
from tests.support.events_world import Killer, World, creates, event, sensor

SENSOR = sensor(
    [creates("one", conditions="push"), creates("both", conditions="push && tag")], dependencies=["push", "tag"])
EVENTS = [event("p1"), event("t1", "tag"), event("p2"), event("p3"), event("t2", "tag")]


def made(workflows: list[Object]) -> Counter[tuple[str, str]]:
    return Counter((one["metadata"]["labels"]["events.argoproj.io/trigger"],
                    one["metadata"]["annotations"]["argosy.io/events"]) for one in workflows)


EXPECTED = Counter([("one", "p1"), ("one", "p2"), ("one", "p3"), ("both", "p1,t1"), ("both", "p3,t2")])


async def story(killer: Killer) -> World:
    """Run until the killer strikes, then run a second process to the end."""
    world = World(LoopClock())
    await world.apply(SENSOR)
    await world.clock.sleep(2)
    async with world.start_mortal(killer) as running:
        await world.send(*EVENTS)
        await asyncio.wait([running.task], timeout=60)
    async with world.start():
        async with asyncio.timeout(600):
            while not await world.is_quiet() or len(await world.workflows()) < len(EXPECTED):
                await world.clock.sleep(1)
        await world.clock.sleep(60)
    return world


async def check(world: World) -> None:
    assert made(await world.workflows()) == EXPECTED
    assert len(await world.intents()) == len(EXPECTED)
    assert await world.records.list_dead_letters("default") == []
    for one in EVENTS:
        told = await world.records.explain("default", one.id)
        assert {decision["trigger"] for decision in told["decisions"]} == (
            {"one", "both"} if one.subject == "push" else {"both"})
        for decision in told["decisions"]:
            if decision["intent"]:
                assert decision["result"]["outcome"] == "done"


def calls_of_an_undisturbed_run() -> int:
    killer = Killer()

    async def main() -> None:
        await check(await story(killer))

    simulate(main(), seed=0)
    return killer.calls


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_kill_at_any_call_loses_nothing_and_doubles_nothing(after: bool):
    calls = min(calls_of_an_undisturbed_run(), 200)
    assert calls > 40
    for at in range(1, calls + 1):
        async def main(at: int = at) -> None:
            await check(await story(Killer(at, after=after)))

        try:
            simulate(main(), seed=at)
        except BaseException as error:
            error.add_note(f"killed at call {at}")
            raise


def test_two_processes_share_the_work_and_do_each_thing_once():
    async def main() -> None:
        world = World(LoopClock())
        await world.apply(sensor([creates("one")]))
        await world.clock.sleep(2)
        async with world.start(), world.start():
            await world.send(*(event(f"p{number}") for number in range(100)))
            await world.settled(100)
        assert made(await world.workflows()) == Counter(("one", f"p{number}") for number in range(100))

    simulate(main(), seed=5)


async def acknowledge_first(decider, case) -> None:
    await case.delivery.ack()
    await decider_finish(decider, case)


decider_finish = Decider._finish
FAULTS = {
    "the event is acknowledged before the intent is kept": (Decider, "_finish", acknowledge_first),
    "a counted event is not remembered": (states, "find", lambda _state, _event: None),
    "an intent has a fresh id each time": (decisions, "intent_id", lambda *_: new_uid()),
    "an object has a fresh name each time": (objects, "object_name", lambda start, _: start + new_uid()),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(*FAULTS[fault])
    calls = 200
    for at in range(1, calls):
        for after in (False, True):
            async def main(at: int = at, after: bool = after) -> None:
                await check(await story(Killer(at, after=after)))

            try:
                simulate(main(), seed=at)
            except (AssertionError, TimeoutError):
                return
    pytest.fail("no kill showed the fault")


async def of_a_sensor_that_lives(world: World) -> None:
    """What the bus holds of a sensor that two replicas run while a third begins and cannot see it yet."""
    await world.apply(sensor([creates("one", conditions="push && tag")], dependencies=("push", "tag")))
    async with world.start():
        await world.send(event("p1"), event("t1", "tag"))
        await world.settled(1)
        late = Late(world.kube)
        async with world.start(kube=late):
            await world.clock.sleep(20)
            late.shows.set()
            await world.send(event("p2"), event("t2", "tag"))
            await world.settled(2)
    assert made(await world.workflows()) == Counter([("one", "p1,t1"), ("one", "p2,t2")])


class Late:
    """A Kube whose first look at the sensors is from before there were any."""

    def __init__(self, kube: Any) -> None:
        self._kube = kube
        self._looked = False
        self.shows = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kube, name)

    async def list(self, resource: Any, **options: Any) -> Any:
        listing = await self._kube.list(resource, **options)
        if resource is SENSORS and not self._looked:
            self._looked = True
            return Listing([], "1")
        return listing

    async def watch(self, resource: Any, **options: Any) -> Any:
        if resource is SENSORS:
            await self.shows.wait()
            options["resource_version"] = ""
        async for each in self._kube.watch(resource, **options):
            yield each


def test_a_replica_that_begins_leaves_alone_what_another_runs():
    async def main() -> None:
        await of_a_sensor_that_lives(World(LoopClock()))

    simulate(main(), seed=6)


def test_a_replica_takes_its_place_again_where_another_has_given_it_up():
    async def main() -> None:
        world = World(LoopClock())
        made_one = await world.apply(sensor([creates("one")]))
        uid = made_one["metadata"]["uid"]
        async with world.start():
            await world.send(event("p1"))
            await world.settled(1)
            await world.bus.drop_consumer(Stream.EVENTS, "default", uid)
            await world.bus.drop_consumer(Stream.INTENTS, "default", place_name(uid, "one"))
            await world.send(event("p2"))
            await world.settled(2)
        assert made(await world.workflows()) == Counter([("one", "p1"), ("one", "p2")])

    simulate(main(), seed=7)
