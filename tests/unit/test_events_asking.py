"""Questions about events that are asked of the bus itself get the answers that a server would give."""

from collections.abc import Awaitable, Callable

import pytest

from argosy.kube.contract import NotFound
from events.asking import BusAnswers
from tests.simulation.loop import LoopClock, simulate
from tests.support.events_world import NS, World, creates, event, sensor

BASE = f"/argosy/v1/namespaces/{NS}"


def play(story: Callable[[World], Awaitable[None]]) -> None:
    async def main() -> None:
        await story(World(LoopClock()))

    simulate(main(), seed=1)


def test_events_are_listed_and_explained():
    async def story(world: World) -> None:
        await world.apply(sensor([creates("t")]))
        async with world.start():
            await world.send(event("e/1"))
            await world.settled(1)
        answers = BusAnswers(world.records)
        (listed,) = await answers.get_json(f"{BASE}/events", {"limit": "5"})
        assert listed["event"]["id"] == "e/1"
        explained = await answers.get_json(f"{BASE}/events/e%2F1")
        assert explained["decisions"][0]["result"]["outcome"] == "done"
        assert await answers.get_json(f"{BASE}/deadletters") == []

    play(story)


def test_what_is_not_known_is_not_found():
    async def story(world: World) -> None:
        answers = BusAnswers(world.records)
        with pytest.raises(NotFound):
            await answers.get_json(f"{BASE}/events/nothing")
        with pytest.raises(NotFound):
            await answers.post_json(f"{BASE}/deadletters/nothing/replay", {})

    play(story)
