"""A resource template's work over an API that is slow, forgetful or forbidding at times."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from argosy.clock import SystemClock
from argosy.embedded.store import EmbeddedKube
from argosy.errors import Unavailable
from argosy.kube.answers import error_of
from argosy.kube.contract import Expired, Forbidden, Object, PatchKind, Resource, WatchEvent
from argosy.kube.kinds import ListedKinds
from argosy.kube.resources import CONFIG_MAPS, KNOWN
from controller.pods.assignment import FieldOut, ResourceWork
from controller.resources.carrying_out import carry_out
from controller.resources.contract import WorkFailed

MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: thing}\ndata: {state: new}\n"
FIELDS = (FieldOut("state", json_path="{.data.state}"),)


class Instant:
    """A clock on which every wait is over at once; what happens then is the test's."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.meanwhile: Any = None

    def now(self) -> float:
        return 1_000_000.0 + sum(self.waits)

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        if self.meanwhile is not None:
            await self.meanwhile()
        await asyncio.sleep(0)


class Troubled:
    """The store, which answers with these errors first: `calls` by the name of the call."""

    def __init__(self, kube: EmbeddedKube, **calls: list[Exception | None]) -> None:
        self._kube = kube
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kube, name)

    async def create(self, resource: Resource, obj: Object, *, namespace: str = "", dry_run: bool = False) -> Object:
        troubles = self._calls.get("create") or [None]
        after = self._calls.get("create_after") or [None]
        if (trouble := troubles.pop(0)) is not None:
            raise trouble
        made = await self._kube.create(resource, obj, namespace=namespace)
        if (trouble := after.pop(0)) is not None:
            raise trouble
        return made

    async def watch(self, resource: Resource, **options: Any) -> AsyncIterator[WatchEvent]:
        troubles = self._calls.get("watch") or []
        if troubles and (trouble := troubles.pop(0)) is not None:
            raise trouble
        async for event in self._kube.watch(resource, **options):
            yield event


@pytest.fixture
def store() -> Any:
    kube = EmbeddedKube.open(":memory:", clock=SystemClock(), durable=False)
    yield kube
    kube.close()


async def run(kube: Any, clock: Any, action: str = "create", *, again_since: float | None = None, manifest: str = MANIFEST,
              **work: Any) -> dict[str, str]:
    async with asyncio.timeout(20):
        return await carry_out(kube, ResourceWork(action, "argo", parameters=FIELDS, **work), manifest=manifest, clock=clock,
                               kinds=ListedKinds(lambda: KNOWN), say=lambda _: None, again_since=again_since)


async def test_what_is_unavailable_for_a_moment_is_tried_again(store: EmbeddedKube) -> None:
    clock = Instant()
    kube = Troubled(store, create=[Unavailable("away"), Unavailable("away", retry_after_seconds=7.0), None])
    assert await run(kube, clock) == {"state": "new"}
    assert clock.waits == [pytest.approx(0.1), 7.0]


async def test_a_server_that_fails_inside_again_and_again_has_given_its_answer(store: EmbeddedKube) -> None:
    def failures(number: int) -> list[Exception | None]:
        return [error_of(code, b"so it is") for code in [500, 401] * number][:number]

    assert await run(Troubled(store, create=[*failures(14), None]), Instant()) == {"state": "new"}
    await store.delete(CONFIG_MAPS, "thing", namespace="argo")
    clock = Instant()
    with pytest.raises(WorkFailed, match=r"Error from server \(InternalError\): so it is"):
        await run(Troubled(store, create=failures(15)), clock)
    assert 180 < sum(clock.waits) < 300
    away: list[Exception | None] = [Unavailable("away")] * 40
    assert await run(Troubled(store, create=[*away, None]), Instant()) == {"state": "new"}


async def test_an_object_whose_making_was_not_answered_is_not_taken_for_somebody_elses(store: EmbeddedKube) -> None:
    kube = Troubled(store, create_after=[Unavailable("the answer got lost"), None], create=[None, None])
    assert await run(kube, Instant()) == {"state": "new"}


async def test_an_object_that_was_there_before_is_somebody_elses(store: EmbeddedKube) -> None:
    await store.create(CONFIG_MAPS, {"metadata": {"name": "thing"}}, namespace="argo")
    with pytest.raises(WorkFailed, match=r"Error from server \(AlreadyExists\)"):
        await run(store, Instant())
    with pytest.raises(WorkFailed, match="AlreadyExists"):
        await run(store, Instant(), again_since=SystemClock().now() + 3600)
    assert await run(store, Instant(), again_since=SystemClock().now() - 3600) == {"state": ""}


async def test_a_step_that_runs_again_makes_an_object_of_its_own(store: EmbeddedKube) -> None:
    manifest = MANIFEST.replace("name: thing", "generateName: made-")
    for _ in range(3):
        await run(store, Instant(), manifest=manifest, suffix="abcde")
    names = {item["metadata"]["name"] for item in (await store.list(CONFIG_MAPS, namespace="argo")).items}
    assert len(names) == 3
    assert "made-abcde" in names
    assert await run(store, Instant(), manifest=manifest, suffix="abcde", again_since=SystemClock().now()) == {"state": "new"}
    assert len((await store.list(CONFIG_MAPS, namespace="argo")).items) == 3


@pytest.mark.parametrize("trouble", [Expired("too old"), Unavailable("the connection broke"), Forbidden("you may not watch")])
async def test_a_wait_goes_on_after_a_watch_that_broke(store: EmbeddedKube, trouble: Exception) -> None:
    clock, kube = Instant(), Troubled(store, watch=[trouble, trouble])

    async def finish() -> None:
        await store.patch(CONFIG_MAPS, "thing", {"data": {"state": "done"}}, namespace="argo", kind=PatchKind.MERGE)

    clock.meanwhile = finish
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(run(kube, clock, success_condition="data.state == done"))
        async for event in store.watch(CONFIG_MAPS, namespace="argo"):
            if event.type == "ADDED":
                break
        await asyncio.sleep(0)
        if isinstance(trouble, Expired):
            await finish()
    assert waiting.result() == {"state": "done"}
    assert clock.waits[:1] == ([5.0] if isinstance(trouble, Forbidden) else [] if isinstance(trouble, Expired) else [0.1])


async def test_a_look_at_what_may_be_missing_gives_defaults(store: EmbeddedKube) -> None:
    assert await run(store, Instant(), "get", flags=("--ignore-not-found",)) == {"state": ""}


async def test_replacing_goes_over_what_somebody_else_wrote(store: EmbeddedKube) -> None:
    await store.create(CONFIG_MAPS, {"metadata": {"name": "thing"}, "data": {"other": "x"}}, namespace="argo")
    assert await run(store, Instant(), "replace") == {"state": "new"}
    assert (await store.get(CONFIG_MAPS, "thing", namespace="argo"))["data"] == {"state": "new"}
