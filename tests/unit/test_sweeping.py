"""What the sweeper does when something that it was to clear away cannot be cleared away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest

from argosy.embedded.store import EmbeddedKube
from argosy.errors import ArgosyError
from argosy.kube.contract import Kube, NotFound, Object
from argosy.kube.resources import PODS, WORKFLOWS
from controller.artifacts.garbage import Garbage
from controller.pods.seen import read_pod
from controller.sweeping import Sweeper
from tests.simulation.loop import LoopClock, simulate


def finished(name: str, **spec: Any) -> Object:
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name, "namespace": "default"},
            "spec": spec, "status": {"phase": "Succeeded", "finishedAt": "2026-11-24T08:00:00Z"}}


class Careless(Garbage):
    """Collects nothing and fails as it is told."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.tries = 0

    async def collect(self, kube: Kube, namespace: str, name: str, uid: str) -> None:
        self.tries += 1
        raise self.error


@asynccontextmanager
async def sweeping(garbage: Garbage | None = None) -> AsyncIterator[tuple[EmbeddedKube, Sweeper]]:
    kube = EmbeddedKube.open(":memory:", clock=LoopClock(), durable=False)
    sweeper = Sweeper(lambda _uid: kube, clock=LoopClock(), chance=Random(1), garbage=garbage)
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(sweeper.run())
            yield kube, sweeper
            task.cancel()
    finally:
        kube.close()


async def goes(kube: EmbeddedKube, sweeper: Sweeper, name: str, **spec: Any) -> None:
    """A workflow whose time to live is over is deleted."""
    sweeper.workflow_over(await kube.create(WORKFLOWS, finished(name, ttlStrategy={"secondsAfterCompletion": 0}, **spec),
                                            namespace="default"))
    await asyncio.sleep(1)
    with pytest.raises(NotFound):
        await kube.get(WORKFLOWS, name, namespace="default")


@pytest.mark.parametrize("error", [KeyError("metadata"), ArgosyError("the store of the artifacts is not known")])
def test_what_one_deed_fails_at_ends_no_other_and_is_given_up_after_some_tries(error: Exception) -> None:
    async def tell() -> None:
        careless = Careless(error)
        async with sweeping(careless) as (kube, sweeper):
            waiting = await kube.create(WORKFLOWS, finished("waiting"), namespace="default")
            sweeper.workflow_waits(waiting)
            await asyncio.sleep(0.01)
            assert careless.tries == 1
            await goes(kube, sweeper, "another")
            await asyncio.sleep(3600)
            tries = careless.tries
            assert 1 < tries <= 20
            await asyncio.sleep(3600)
            assert careless.tries == tries

    simulate(tell(), seed=1)


@pytest.mark.parametrize("nonsense", [
    {"volumeClaimTemplates": [{"spec": {}}]}, {"volumeClaimTemplates": [7]}, {"volumeClaimTemplates": "many"},
    {"volumeClaimTemplates": [{"metadata": {"name": "x"}}], "volumeClaimGC": "always"}, {"podGC": 7},
    {"podGC": {"strategy": ["OnPodCompletion"]}}, {"podDisruptionBudget": 7},
])
def test_a_workflow_that_was_refused_for_its_spec_is_cleared_away_as_any_other(
    nonsense: Object, caplog: pytest.LogCaptureFixture,
) -> None:
    async def tell() -> None:
        async with sweeping() as (kube, sweeper):
            await goes(kube, sweeper, "refused", **nonsense)

    simulate(tell(), seed=1)
    assert "a bug of ours" not in caplog.text


@pytest.mark.parametrize("spec", [{"ttlStrategy": 7}, {"templates": "nonsense"}])
def test_a_spec_that_cannot_be_read_deletes_nothing(spec: Object) -> None:
    async def tell() -> None:
        async with sweeping(Careless(KeyError("x"))) as (kube, sweeper):
            sweeper.workflow_over(await kube.create(WORKFLOWS, finished("strange", **spec), namespace="default"))
            await asyncio.sleep(10)
            assert await kube.get(WORKFLOWS, "strange", namespace="default")

    simulate(tell(), seed=1)


def test_what_goes_on_beside_a_step_that_is_over_is_ended_and_the_step_keeps_its_end() -> None:
    async def scene() -> None:
        async with sweeping() as (kube, sweeper):
            pod = await kube.create(PODS, {
                "metadata": {"name": "p", "annotations": {"workflows.argoproj.io/node-id": "n"}}, "spec": {"containers": [
                    {"name": name, "image": "x"} for name in ("main", "proxy")]}}, namespace="default")
            over = {"name": "main", "state": {"terminated": {"exitCode": 0}}}
            status = {"phase": "Running", "containerStatuses": [over, {"name": "proxy", "state": {"running": {}}}]}
            pod = await kube.patch(PODS, "p", {"status": status}, namespace="default", subresource="status")
            sweeper.pod_lingers(pod, workflow_uid="w")
            await asyncio.sleep(29)
            assert "activeDeadlineSeconds" not in (await kube.get(PODS, "p", namespace="default"))["spec"]
            await asyncio.sleep(2)
            pod = await kube.get(PODS, "p", namespace="default")
        assert pod["spec"]["activeDeadlineSeconds"] == 1
        pod["status"] = {"phase": "Failed", "reason": "DeadlineExceeded", "containerStatuses": [
            over, {"name": "proxy", "state": {"terminated": {"exitCode": 137}}}]}
        assert read_pod(pod).phase == "Succeeded"

    simulate(scene(), seed=1)
