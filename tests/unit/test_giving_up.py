"""A workflow that cannot go on is ended, told so, and cleared away as any other; and it harms only itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from typing import Any

import pytest

from argosy.kube.contract import Forbidden, Invalid, Kube, KubeError, NotFound, Object, Resource, WatchEvent
from argosy.kube.resources import EVENTS, PODS, WORKFLOWS
from argosy.lifecycle import running
from controller.admission import refuse
from controller.leases import Leases, Terms
from controller.pods.manifest import WORKFLOW_LABEL
from controller.reconcile import Reconciler
from controller.service import Controller
from controller.sharding import claim_on
from tests.support.still_controller import OVER, PATIENCE_SECONDS, World, graph, task, world
from tests.support.troubled_kube import Call, TroubledKube, refusing

NAMELESS = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}


@asynccontextmanager
async def controlled(w: World, **troubles: Any) -> AsyncIterator[None]:
    kube: Any = TroubledKube(w.kube, **troubles)
    async with running([Controller(kube, clock=w.clock, chance=Random(1))]):
        yield


async def create(w: World, name: str, spec: Object, **more: Any) -> None:
    await w.kube.create(WORKFLOWS, {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name},
                                    "spec": spec, **more}, namespace="default")


async def is_gone(w: World, resource: Resource, name: str) -> None:
    """Return once there is no such object, or it is about to go as soon as its kubelet has ended it."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                if (await w.kube.get(resource, name, namespace="default"))["metadata"].get("deletionTimestamp"):
                    return
            except NotFound:
                return
            w.clock.move(1)
            await asyncio.sleep(0)


async def ends(w: World, pod: Object) -> None:
    await w.end(pod)
    assert (await w.over())["status"]["phase"] == "Succeeded"


async def test_a_claim_template_without_a_name_is_refused_and_the_controller_serves_on() -> None:
    async with world() as w:
        spec = graph(task("a"), volumeClaimTemplates=[NAMELESS], volumeClaimGC={"strategy": "OnWorkflowCompletion"},
                     ttlStrategy={"secondsAfterCompletion": 60})
        async with controlled(w):
            await create(w, "nameless", spec)
            over = await w.over()
            assert over["status"]["phase"] == "Failed"
            assert "spec.volumeClaimTemplates[0].metadata.name: is required" in over["status"]["message"]
            await is_gone(w, WORKFLOWS, "nameless")
            await w.submit(graph(task("a")))
            await ends(w, await w.pod("a"))


@pytest.mark.parametrize("status", [
    {"phase": "Running", "conditions": 5}, {"phase": ["Running"], "nodes": {}}, {"phase": "Running", "nodes": [1]},
])
async def test_a_damaged_status_is_ended_and_the_controller_serves_on(status: Object) -> None:
    async with world() as w, controlled(w):
        await create(w, "damaged", graph(task("a")), status=status)
        assert (await w.over())["status"]["phase"] == "Error"
        await w.kube.delete(WORKFLOWS, "damaged", namespace="default")
        await w.submit(graph(task("a")))
        await ends(w, await w.pod("a"))


async def test_what_cannot_even_be_ended_is_told_in_the_log_and_the_controller_serves_on(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def breaks(*_given: Any, **_options: Any) -> None:
        raise KeyError("apiVersion")

    async with world() as w, controlled(w):
        with monkeypatch.context() as broken:
            broken.setattr("controller.service.refuse", breaks)
            await create(w, "bad", {"entrypoint": "nope", "templates": []})
            async with asyncio.timeout(PATIENCE_SECONDS):
                while "is left where it stands" not in caplog.text:
                    await asyncio.sleep(0)
        await w.submit(graph(task("a")))
        await ends(w, await w.pod("a"))


@pytest.mark.parametrize("answer_comes_first", [True, False])
async def test_a_refused_workflow_has_its_time_to_live_whatever_is_seen_first(*, answer_comes_first: bool) -> None:
    async with world() as w:
        async def late(resource: Resource, _given: Any, call: Call) -> Any:
            written = await call()
            if resource is WORKFLOWS and not answer_comes_first:
                for _ in range(100):  # meanwhile the watch shows it
                    await asyncio.sleep(0)
            return written

        async with controlled(w, replace=late):
            await create(w, "bad", {"entrypoint": "nope", "templates": [], "ttlStrategy": {"secondsAfterFailure": 5}})
            assert (await w.over())["status"]["phase"] == "Failed"
            await is_gone(w, WORKFLOWS, "bad")


async def test_what_still_runs_of_a_workflow_that_was_given_up_is_ended_and_its_pods_go() -> None:
    async with world() as w:
        broken = asyncio.Event()

        async def refuses(resource: Resource, _given: Any, call: Call) -> Any:
            if resource is WORKFLOWS and broken.is_set():
                broken.clear()
                raise Invalid("this cannot be written")
            return await call()

        async with controlled(w, replace=refuses):
            await w.submit(graph(task("a"), task("b"), podGC={"strategy": "OnPodCompletion"}))
            a, b = await w.pod("a"), await w.pod("b")
            await w.kube.patch(PODS, b["metadata"]["name"], {"status": {"phase": "Running"}}, namespace="default",
                               subresource="status")
            broken.set()
            w.clock.move(60)
            await w.end(a)
            assert (await w.over())["status"]["message"] == "this cannot be written"
            await is_gone(w, PODS, b["metadata"]["name"])
            await is_gone(w, PODS, a["metadata"]["name"])


async def test_an_end_that_is_saved_stays_whatever_fails_after_it() -> None:
    async with world() as w:
        async with controlled(w, delete=refusing(PODS, Forbidden("you may not delete this"))):
            daemon = {"name": "server", "daemon": True, "container": {"image": "alpine", "command": ["true"]}}
            spec = graph(task("d", template="server"), task("a", "d"))
            spec["templates"].append(daemon)
            await w.submit(spec)
            server = await w.pod("d")
            ready = {"phase": "Running", "podIP": "10.1.2.3",
                     "containerStatuses": [{"name": "main", "ready": True, "state": {"running": {}}}]}
            await w.kube.patch(PODS, server["metadata"]["name"], {"status": ready}, namespace="default", subresource="status")
            await ends(w, await w.pod("a"))
            await is_gone(w, PODS, server["metadata"]["name"])
            over = await w.over()
        assert over["status"]["phase"] == "Succeeded"
        assert "message" not in over["status"]


class Lagging(TroubledKube):
    """A store whose watch of workflows shows each for the second time only when that is over."""

    async def watch(self, resource: Resource, **options: Any) -> AsyncIterator[WatchEvent]:
        async for event in self.kube.watch(resource, **options):
            yield event
            if resource is WORKFLOWS and event.type == "ADDED":
                await over_for_good(self.kube, event.object["metadata"]["name"])
                yield WatchEvent("MODIFIED", event.object)


async def over_for_good(kube: Kube, name: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not ended(await kube.get(WORKFLOWS, name, namespace="default")):
            await asyncio.sleep(0)
    for _ in range(100):  # whoever ended it hears that it has
        await asyncio.sleep(0)


def ended(workflow: Object) -> bool:
    return (workflow.get("status") or {}).get("phase") in OVER


async def test_a_workflow_that_is_over_is_not_ended_again() -> None:
    async with world() as w:
        await create(w, "done", graph(task("a")), status={"phase": "Succeeded", "finishedAt": "2026-11-24T08:00:00Z"})
        done = await w.kube.get(WORKFLOWS, "done", namespace="default")
        assert await refuse(w.kube, done, "something failed after it", phase="Error", now=w.clock.now()) == done
        assert await w.kube.get(WORKFLOWS, "done", namespace="default") == done


async def test_an_older_sight_of_a_workflow_that_was_given_up_does_not_revive_it(monkeypatch: pytest.MonkeyPatch) -> None:
    taken_up: list[str] = []
    init = Reconciler.__init__

    def counted(self: Reconciler, kube: Kube, workflow: Object, **options: Any) -> None:
        taken_up.append(workflow["metadata"]["name"])
        init(self, kube, workflow, **options)

    monkeypatch.setattr(Reconciler, "__init__", counted)
    async with world() as w:
        lagging: Any = Lagging(w.kube)
        async with running([Controller(lagging, clock=w.clock, chance=Random(1))]):
            for name in ("bad", "worse"):
                await create(w, name, {"entrypoint": "nope", "templates": []})
                await over_for_good(w.kube, name)
    assert taken_up == ["bad", "worse"]


def replica(kube: Any, name: str, w: World) -> Controller:
    leases = Leases(kube, Terms("default", shards=1), replica=name, clock=w.clock, uptime=w.clock.now, chance=Random(2))
    return Controller(kube, clock=w.clock, chance=Random(1), leases=leases)


async def test_a_workflow_that_a_replica_cannot_take_over_is_ended_and_the_replica_serves_on() -> None:
    async with world() as w:
        one, may_not = AsyncExitStack(), TroubledKube(w.kube, patch=refusing(WORKFLOWS, Forbidden("you may not claim this")))
        await one.enter_async_context(running([replica(w.kube, "one", w)]))
        async with running([replica(may_not, "two", w)]):
            await w.submit(graph(task("a")))
            await w.pod("a")
            await one.aclose()
            over = await w.over()
            assert (over["status"]["phase"], over["status"]["message"]) == ("Error", "you may not claim this")
            await create(w, "next", graph(task("a")))
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not (await w.kube.list(PODS, namespace="default", label_selector=f"{WORKFLOW_LABEL}=next")).items:
                    await asyncio.sleep(0)
            reasons = [event["reason"] for event in (await w.kube.list(EVENTS, namespace="default")).items]
            assert "WorkflowFailed" in reasons


async def test_a_claim_that_is_refused_for_now_is_laid_a_little_later() -> None:
    class Failed(KubeError):
        status = 500

    async with world() as w:
        async with running([replica(w.kube, "one", w)]):
            await w.submit(graph(task("a")))
            pod = await w.pod("a")
        failing = TroubledKube(w.kube, patch=refusing(WORKFLOWS, Failed("etcdserver: leader changed")))
        async with running([replica(failing, "two", w)]):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not await is_claimed_by(w, "two"):
                    w.clock.move(0.1)
                    await asyncio.sleep(0)
            await ends(w, pod)


async def is_claimed_by(w: World, replica_name: str) -> bool:
    claim = claim_on(await w.kube.get(WORKFLOWS, "w", namespace="default"))
    return claim is not None and claim.holder.startswith(replica_name)
