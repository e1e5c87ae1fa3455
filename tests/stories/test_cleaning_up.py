"""What becomes of pods, claims, budgets and workflows that are over; and what is told of workflows on the way."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any

import pytest

from argosy.embedded.store import EmbeddedKube
from argosy.kube.contract import Forbidden, Kube, NotFound, Object, Resource, Unavailable, WatchEvent
from argosy.kube.resources import EVENTS, PERSISTENT_VOLUME_CLAIMS, POD_DISRUPTION_BUDGETS, PODS, WORKFLOWS
from controller.service import Controller
from tests.simulation.kubelet import Kubelet
from tests.simulation.loop import LoopClock, simulate

CONTAINER = {"image": "alpine", "command": ["true"]}
ENDS = ("Succeeded", "Failed", "Error")


def workflow(*, name: str = "w", steps: int = 2, fails: bool = False, **spec: Any) -> Object:
    """Steps one after the other; the last may be sure to fail."""
    order = [[{"name": f"s{number}", "template": "sure"}] for number in range(steps)]
    if fails:
        order.append([{"name": "last", "template": "fails"}])
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name, "namespace": "default"},
            "spec": {"entrypoint": "main", "templates": [
                {"name": "main", "steps": order}, {"name": "sure", "container": CONTAINER},
                {"name": "fails", "container": CONTAINER}], **spec}}


class Place:
    """A store, a kubelet whose pods fail where their name says so, and controllers that come and go."""

    def __init__(self, kube: EmbeddedKube, group: asyncio.TaskGroup) -> None:
        self.kube = kube
        self._group = group
        self._controller: asyncio.Task[None] | None = None

    def start(self, kube: Kube | None = None) -> None:
        service = Controller(kube or self.kube, clock=LoopClock(), chance=Random(1))
        self._controller = self._group.create_task(service.run(asyncio.Event()))

    async def kill(self) -> None:
        assert self._controller is not None
        self._controller.cancel()
        await asyncio.wait([self._controller])

    async def submit(self, obj: Object) -> Object:
        return await self.kube.create(WORKFLOWS, obj, namespace="default")

    async def until(self, resource: Resource, holds: Callable[[WatchEvent], bool]) -> Object:
        async for event in self.kube.watch(resource, namespace="default"):
            if holds(event):
                return event.object
        raise AssertionError("a watch of the store has no end")

    async def end_of(self, name: str = "w") -> Object:
        return await self.until(WORKFLOWS, lambda event: event.object["metadata"]["name"] == name and (
            event.object.get("status") or {}).get("phase") in ENDS)

    async def names(self, resource: Resource) -> list[str]:
        listing = await self.kube.list(resource, namespace="default")
        return sorted(item["metadata"]["name"] for item in listing.items)

    async def templates_of_pods(self) -> list[str]:
        return [name.rsplit("-", 1)[0] for name in await self.names(PODS)]


@asynccontextmanager
async def place() -> AsyncIterator[Place]:
    kube = EmbeddedKube.open(":memory:", clock=LoopClock(), durable=False)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(Kubelet(kube, seed=1, failing=0.0, sure_to_fail="fails").run())]
            yield (there := Place(kube, group))
            with suppress(AssertionError):
                await there.kill()
            for task in tasks:
                task.cancel()
    finally:
        kube.close()


def story(tell: Callable[[], Coroutine[Any, Any, None]]) -> None:
    simulate(tell(), seed=7)


# ---- pods ----


@pytest.mark.parametrize(("strategy", "fails", "left"), [
    ("OnPodCompletion", True, []),
    ("OnPodSuccess", True, ["w-fails"]),
    ("OnWorkflowCompletion", True, []),
    ("OnWorkflowSuccess", True, ["w-fails", "w-sure", "w-sure"]),
    ("OnWorkflowSuccess", False, []),
])
def test_pods_go_as_the_workflow_says(strategy: str, *, fails: bool, left: list[str]) -> None:
    async def tell() -> None:
        async with place() as there:
            there.start()
            await there.submit(workflow(fails=fails, podGC={"strategy": strategy}))
            await there.end_of()
            await asyncio.sleep(60)
            assert await there.templates_of_pods() == left

    story(tell)


def test_pods_stay_where_nobody_asks_for_their_end() -> None:
    async def tell() -> None:
        async with place() as there:
            there.start()
            await there.submit(workflow())
            await there.end_of()
            await asyncio.sleep(3600)
            assert len(await there.names(PODS)) == 2

    story(tell)


def test_only_pods_that_the_selector_takes_go() -> None:
    async def tell() -> None:
        obj = workflow(podGC={"strategy": "OnPodCompletion", "labelSelector": {"matchLabels": {"gc": "yes"}}}, fails=True)
        obj["spec"]["templates"][1]["metadata"] = {"labels": {"gc": "yes"}}
        async with place() as there:
            there.start()
            await there.submit(obj)
            await there.end_of()
            await asyncio.sleep(60)
            assert await there.templates_of_pods() == ["w-fails"]

    story(tell)


def test_a_pod_is_kept_for_as_long_as_the_delay_says() -> None:
    async def tell() -> None:
        async with place() as there:
            there.start()
            await there.submit(workflow(steps=1, podGC={"strategy": "OnPodCompletion", "deleteDelayDuration": "30s"}))
            await there.end_of()
            await asyncio.sleep(29)
            assert len(await there.names(PODS)) == 1
            await asyncio.sleep(2)
            assert await there.names(PODS) == []

    story(tell)


def test_pods_that_a_killed_controller_left_behind_are_deleted_by_the_next_one() -> None:
    async def tell() -> None:
        async with place() as there:
            there.start()
            await there.submit(workflow(podGC={"strategy": "OnWorkflowCompletion", "deleteDelayDuration": "30s"}))
            await there.end_of()
            await there.kill()
            assert len(await there.names(PODS)) == 2
            there.start()
            await asyncio.sleep(60)
            assert await there.names(PODS) == []

    story(tell)


def test_a_finished_workflow_that_the_watch_still_shows_as_running_is_not_begun_again() -> None:
    async def tell() -> None:
        async with place() as there:
            there.start()
            await there.submit(workflow(podGC={"strategy": "OnPodCompletion", "deleteDelayDuration": "0s"}))
            early = await there.until(WORKFLOWS, lambda event: (event.object.get("status") or {}).get("phase") == "Running")
            end = await there.end_of()
            await asyncio.sleep(1)
            assert await there.names(PODS) == []
            service = Controller(there.kube, clock=LoopClock(), chance=Random(2))
            service._note_end(end)
            async with asyncio.TaskGroup() as group:
                service._group = group
            service._workflow_event(WatchEvent("MODIFIED", early))
            assert await there.names(PODS) == []

    story(tell)


# ---- workflows ----


@pytest.mark.parametrize("killed", [False, True])
def test_a_finished_workflow_is_deleted_when_its_time_has_come(*, killed: bool) -> None:
    async def tell() -> None:
        async with place() as there:
            there.start()
            await there.submit(workflow(ttlStrategy={"secondsAfterSuccess": 100, "secondsAfterCompletion": 10_000}))
            await there.end_of()
            if killed:
                await there.kill()
                there.start()
            await asyncio.sleep(98)
            assert await there.names(WORKFLOWS) == ["w"]
            await asyncio.sleep(4)
            assert await there.names(WORKFLOWS) == []

    story(tell)


def test_a_workflow_whose_time_came_while_nobody_was_there_is_deleted_at_once() -> None:
    async def tell() -> None:
        async with place() as there:
            there.start()
            await there.submit(workflow(ttlStrategy={"secondsAfterCompletion": 5}))
            await there.end_of()
            await there.kill()
            await asyncio.sleep(3600)
            there.start()
            await asyncio.sleep(1)
            assert await there.names(WORKFLOWS) == []

    story(tell)


def test_a_workflow_that_was_given_more_time_lives_on_until_then() -> None:
    async def tell() -> None:
        async with place() as there:
            there.start()
            await there.submit(workflow(ttlStrategy={"secondsAfterCompletion": 10}))
            await there.end_of()
            patch = {"spec": {"ttlStrategy": {"secondsAfterCompletion": 100}}}
            await there.kube.patch(WORKFLOWS, "w", patch, namespace="default")
            await asyncio.sleep(50)
            assert await there.names(WORKFLOWS) == ["w"]
            await asyncio.sleep(60)
            assert await there.names(WORKFLOWS) == []

    story(tell)


def test_a_finished_workflow_may_still_be_given_a_time_to_live() -> None:
    async def tell() -> None:
        async with place() as there:
            there.start()
            await there.submit(workflow())
            await there.end_of()
            await asyncio.sleep(100)
            patch = {"spec": {"ttlStrategy": {"secondsAfterCompletion": 10}}}
            await there.kube.patch(WORKFLOWS, "w", patch, namespace="default")
            await asyncio.sleep(1)
            assert await there.names(WORKFLOWS) == []

    story(tell)


def test_a_workflow_that_another_controller_looks_after_is_left_alone() -> None:
    async def tell() -> None:
        obj = workflow(ttlStrategy={"secondsAfterCompletion": 5})
        obj["metadata"]["labels"] = {"workflows.argoproj.io/controller-instanceid": "other"}
        obj["status"] = {"phase": "Succeeded", "finishedAt": "2020-01-01T00:00:00Z"}
        async with place() as there:
            there.start()
            await there.submit(obj)
            await asyncio.sleep(60)
            assert await there.names(WORKFLOWS) == ["w"]

    story(tell)


# ---- what came along ----


@pytest.mark.parametrize(("gc", "fails", "left"), [
    (None, False, []), (None, True, ["w-data"]), ({"strategy": "OnWorkflowCompletion"}, True, [])])
def test_claims_and_budgets_that_a_workflow_brought_along_go_with_it(gc: Any, *, fails: bool, left: list[str]) -> None:
    async def tell() -> None:
        obj = workflow(fails=fails, podDisruptionBudget={"minAvailable": "{{workflow.parameters.least}}"},
                       arguments={"parameters": [{"name": "least", "value": "50%"}]},
                       volumeClaimTemplates=[{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}],
                       **({"volumeClaimGC": gc} if gc else {}))
        async with place() as there:
            there.start()
            await there.submit(obj)
            await there.until(PODS, lambda event: event.type == "ADDED")
            budget = await there.kube.get(POD_DISRUPTION_BUDGETS, "w", namespace="default")
            assert budget["spec"] == {"selector": {"matchLabels": {"workflows.argoproj.io/workflow": "w"}},
                                      "minAvailable": "50%"}
            assert await there.names(PERSISTENT_VOLUME_CLAIMS) == ["w-data"]
            await there.end_of()
            await asyncio.sleep(5)
            assert await there.names(POD_DISRUPTION_BUDGETS) == []
            assert await there.names(PERSISTENT_VOLUME_CLAIMS) == left

    story(tell)


# ---- what is told ----


@pytest.mark.parametrize(("fails", "told"), [
    (False, [("Normal", "WorkflowRunning", "Workflow Running"), ("Normal", "WorkflowSucceeded", "Workflow completed")]),
    (True, [("Normal", "WorkflowRunning", "Workflow Running"),
            ("Warning", "WorkflowFailed", "child 'w-")]),
])
def test_events_tell_how_a_workflow_began_and_ended(*, fails: bool, told: list[tuple[str, str, str]]) -> None:
    async def tell() -> None:
        async with place() as there:
            there.start()
            made = await there.submit(workflow(fails=fails))
            await there.end_of()
            await asyncio.sleep(5)
            events = (await there.kube.list(EVENTS, namespace="default")).items
            events.sort(key=lambda event: event["firstTimestamp"])
            shown = [(event["type"], event["reason"], event["message"]) for event in events]
            assert [each[:2] for each in shown] == [each[:2] for each in told]
            assert all(part in message for (*_, message), (*_, part) in zip(shown, told, strict=True))
            assert {event["involvedObject"]["uid"] for event in events} == {made["metadata"]["uid"]}

    story(tell)


class NoEvents:
    """A Kube that takes no Events: it refuses each, or is never there for them."""

    def __init__(self, inner: Kube, error: Exception) -> None:
        self._inner, self._error = inner, error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def create(self, resource: Resource, obj: Object, **options: Any) -> Object:
        if resource is EVENTS:
            raise self._error
        return await self._inner.create(resource, obj, **options)


@pytest.mark.parametrize("error", [Forbidden("may not create events"), Unavailable("nobody answers")])
def test_a_workflow_does_not_mind_that_its_events_are_not_taken(error: Exception) -> None:
    async def tell() -> None:
        async with place() as there:
            there.start(NoEvents(there.kube, error))  # type: ignore[arg-type]  # a Kube by way of __getattr__
            await there.submit(workflow())
            assert (await there.end_of())["status"]["phase"] == "Succeeded"
            with suppress(NotFound):
                assert await there.names(EVENTS) == []

    story(tell)


class Full:
    """A Kube whose quota lets in no pod until somebody lifts it."""

    def __init__(self, inner: Kube) -> None:
        self._inner = inner
        self.lifted = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def create(self, resource: Resource, obj: Object, **options: Any) -> Object:
        if resource is PODS and not self.lifted:
            raise Forbidden('pods "w" is forbidden: exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1')
        return await self._inner.create(resource, obj, **options)


def test_a_step_that_a_quota_keeps_out_says_so_and_runs_once_there_is_room() -> None:
    async def tell() -> None:
        async with place() as there:
            kube = Full(there.kube)
            there.start(kube)  # type: ignore[arg-type]  # a Kube by way of __getattr__
            await there.submit(workflow(steps=1))
            await asyncio.sleep(100)
            status = (await there.kube.get(WORKFLOWS, "w", namespace="default"))["status"]
            (node,) = [node for node in status["nodes"].values() if node["type"] == "Pod"]
            assert (node["phase"], "exceeded quota: few" in node["message"]) == ("Pending", True)
            kube.lifted = True
            assert (await there.end_of())["status"]["phase"] == "Succeeded"

    story(tell)


class Strict:
    """A Kube whose admission lets in no pod, for good."""

    def __init__(self, inner: Kube) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def create(self, resource: Resource, obj: Object, **options: Any) -> Object:
        if resource is PODS:
            raise Forbidden('admission webhook "policy" denied the request: no latest tags')
        return await self._inner.create(resource, obj, **options)


def test_a_pod_that_admission_refuses_is_an_error_with_its_words() -> None:
    async def tell() -> None:
        async with place() as there:
            there.start(Strict(there.kube))  # type: ignore[arg-type]  # a Kube by way of __getattr__
            await there.submit(workflow(steps=1))
            status = (await there.end_of())["status"]
            (node,) = [node for node in status["nodes"].values() if node["type"] == "Pod"]
            assert node["phase"] == "Error"
            assert "no latest tags" in node["message"]

    story(tell)
