"""Pods that are made before their nodes are saved, and a controller that is killed in between.

The clock stands still, so that the save which follows a save is put off until the test moves it.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager

import pytest

from tests.simulation import faults
from tests.support.still_controller import World, graph, task, world


async def until_ahead(place: World) -> None:
    """`a` has succeeded and the pod of `b`, which follows it, is there; neither is saved."""
    await place.end(await place.pod("a"))
    await place.pod("b")
    saved = await place.saved()
    assert saved["a"] != "Succeeded"
    assert "b" not in saved


async def test_what_follows_a_success_is_made_before_that_is_saved_and_taken_up_after_a_kill() -> None:
    async with world() as place:
        await place.submit(graph(task("a"), task("b", "a")))
        async with place.controller():
            await until_ahead(place)
        before = await place.pods()
        async with place.controller():
            await place.end(await place.pod("b"))
            place.clock.move(1)
            assert (await place.over())["status"]["phase"] == "Succeeded"
        assert await place.pods() == before
        assert await place.saved() == {"w": "Succeeded", "a": "Succeeded", "b": "Succeeded"}


async def test_what_happened_first_counts_first_though_nobody_saw_it_then() -> None:
    """With failFast, a failure lets nothing more begin; but what had begun before it is not forgotten."""
    async with world() as place:
        spec = graph(task("a"), task("b", "a"), task("c"))
        spec["templates"][0]["failFast"] = True
        await place.submit(spec)
        async with place.controller():
            await place.pod("c")
            await until_ahead(place)
        await place.end(await place.pod("c"), exit_code=1)
        async with place.controller():
            await place.end(await place.pod("b"))
            place.clock.move(1)
            await place.over()
        assert await place.saved() == {"w": "Failed", "a": "Succeeded", "b": "Succeeded", "c": "Failed"}


async def test_a_stop_while_nobody_was_there_ends_the_pods_that_were_made_ahead() -> None:
    async with world() as place:
        await place.submit(graph(task("a"), task("b", "a")))
        async with place.controller():
            await until_ahead(place)
        await place.wish(shutdown="Terminate")
        async with place.controller():
            await place.over()
        assert await place.saved() == {"w": "Failed", "a": "Succeeded", "b": "Failed"}
        assert "b" not in await place.pods()


async def test_a_deadline_that_passed_while_nobody_was_there_counts_from_when_the_pod_was_made() -> None:
    async with world() as place:
        await place.submit(graph(task("a"), task("b", "a"), activeDeadlineSeconds=60))
        async with place.controller():
            await until_ahead(place)
        place.clock.move(120)
        async with place.controller():
            await place.over()
        assert await place.saved() == {"w": "Failed", "a": "Succeeded", "b": "Failed"}


async def test_a_pod_made_ahead_keeps_its_place_among_those_that_wait() -> None:
    """Two at a time; `b` was let in when `a` ended. That `x` and `z` come before it in the graph does not change that."""
    async with world() as place:
        await place.submit(graph(task("a"), task("x", "y"), task("z", "y"), task("b", "a"), task("y"), parallelism=2))
        async with place.controller():
            await place.pod("y")
            await until_ahead(place)
        await place.end(await place.pod("y"))
        async with place.controller():
            await place.pod("x")
            assert (await place.saved())["b"] == "Pending"
            assert "z" not in await place.saved()
            for name in ("b", "x", "z"):
                await place.end(await place.pod(name))
                place.clock.move(1)
            assert (await place.over())["status"]["phase"] == "Succeeded"


async def test_an_attempt_after_a_failure_is_saved_before_it_is_made() -> None:
    async with world() as place:
        await place.submit(graph(task("a"), leaf={"retryStrategy": {"limit": 1}}))
        async with place.controller():
            await place.end(await place.pod("a(0)"), exit_code=1)
            await place.pod("a(1)")
            assert (await place.saved())["a(0)"] == "Failed"
            assert "a(1)" in await place.saved()
            await place.end(await place.pod("a(1)"))
            place.clock.move(1)
            assert (await place.over())["status"]["phase"] == "Succeeded"


@pytest.mark.parametrize(("fault", "story"), [
    (faults.act_ahead_of_everything, test_an_attempt_after_a_failure_is_saved_before_it_is_made),
    (faults.do_not_catch_up, test_a_deadline_that_passed_while_nobody_was_there_counts_from_when_the_pod_was_made),
    (faults.let_others_in_before_pods_that_exist, test_a_pod_made_ahead_keeps_its_place_among_those_that_wait),
])
async def test_a_planted_fault_spoils_a_story(
    fault: Callable[[], AbstractContextManager[None]], story: Callable[[], Awaitable[None]],
) -> None:
    with fault(), pytest.raises((AssertionError, BaseExceptionGroup)):
        await story()
