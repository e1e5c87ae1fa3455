"""The controller over a real store, with pods that the test itself brings to their end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from argosy.clock import SystemClock
from argosy.embedded.store import EmbeddedKube
from argosy.errors import Unavailable
from argosy.kube.contract import Forbidden, Kube, Object
from argosy.kube.resources import PODS, WORKFLOW_TEMPLATES, WORKFLOWS
from argosy.lifecycle import running
from controller.labels import INSTANCE_LABEL
from controller.service import Controller

CLOCK = SystemClock()


def workflow(name: str, **spec: object) -> Object:
    base = {"entrypoint": "main", "templates": [{"name": "main", "container": {"image": "alpine", "command": ["true"]}}]}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name}, "spec": {**base, **spec}}


@asynccontextmanager
async def controlled(*, instance: str = "") -> AsyncIterator[EmbeddedKube]:
    kube = EmbeddedKube.open(":memory:", clock=CLOCK, durable=False)
    try:
        async with running([Controller(kube, clock=CLOCK, chance=Random(1), instance=instance)]):
            yield kube
    finally:
        kube.close()


async def pod_of(kube: Kube, name: str) -> Object:
    async for event in kube.watch(PODS, namespace="default", label_selector=f"workflows.argoproj.io/workflow={name}"):
        return event.object
    raise AssertionError("a watch does not end")


async def end_pod(kube: Kube, pod: Object, *, exit_code: int = 0) -> None:
    state = {"terminated": {"exitCode": exit_code, "finishedAt": "2026-11-24T08:00:00Z"}}
    status = {"phase": "Failed" if exit_code else "Succeeded", "containerStatuses": [{"name": "main", "state": state}]}
    await kube.patch(PODS, pod["metadata"]["name"], {"status": status}, namespace="default", subresource="status")


async def ended(kube: Kube, name: str) -> Object:
    async with asyncio.timeout(20):
        async for event in kube.watch(WORKFLOWS, namespace="default", field_selector=f"metadata.name={name}"):
            if (event.object.get("status") or {}).get("phase") in ("Succeeded", "Failed", "Error"):
                return event.object
    raise AssertionError("a watch does not end")


async def test_a_workflow_runs_its_pod_and_says_so_in_labels() -> None:
    async with controlled() as kube:
        await kube.create(WORKFLOWS, workflow("hello"), namespace="default")
        await end_pod(kube, await pod_of(kube, "hello"))
        done = await ended(kube, "hello")
    assert done["status"]["phase"] == "Succeeded"
    assert done["metadata"]["labels"]["workflows.argoproj.io/completed"] == "true"
    assert done["status"]["nodes"]["hello"]["outputs"]["exitCode"] == "0"


async def test_one_bad_workflow_harms_only_itself() -> None:
    async with controlled() as kube:
        await kube.create(WORKFLOWS, workflow("bad", templates="nonsense"), namespace="default")
        await kube.create(WORKFLOWS, workflow("worse", entrypoint="missing"), namespace="default")
        await kube.create(WORKFLOWS, workflow("good"), namespace="default")
        await end_pod(kube, await pod_of(kube, "good"))
        assert (await ended(kube, "good"))["status"]["phase"] == "Succeeded"
        for name in ("bad", "worse"):
            status = (await ended(kube, name))["status"]
            assert status["phase"] == "Failed"
            assert status["message"].startswith("invalid spec: ")


class Stubborn:
    """A store that refuses the first writes of workflows: one as a server that is away, one as one that forbids it."""

    def __init__(self, kube: EmbeddedKube) -> None:
        self.kube = kube
        self.left: list[Exception] = [Unavailable("not now"), Forbidden("not you")]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.kube, name)

    async def replace(self, *given: Any, **options: Any) -> Object:
        if self.left:
            raise self.left.pop(0)
        return await self.kube.replace(*given, **options)


async def test_why_a_workflow_ended_is_written_however_often_that_is_refused() -> None:
    kube = EmbeddedKube.open(":memory:", clock=CLOCK, durable=False)
    stubborn: Any = Stubborn(kube)
    async with running([Controller(stubborn, clock=CLOCK, chance=Random(1))]):
        await kube.create(WORKFLOWS, workflow("bad", templates="nonsense"), namespace="default")
        assert (await ended(kube, "bad"))["status"]["message"].startswith("invalid spec: ")
    assert not stubborn.left
    kube.close()


async def test_a_status_that_is_nonsense_harms_only_its_own_workflow() -> None:
    async with controlled() as kube:
        strange = {**workflow("strange"), "status": {"phase": "Running", "nodes": {"strange": 7}}}
        await kube.create(WORKFLOWS, strange, namespace="default")
        await kube.create(WORKFLOWS, workflow("good"), namespace="default")
        await end_pod(kube, await pod_of(kube, "good"))
        assert (await ended(kube, "good"))["status"]["phase"] == "Succeeded"
        assert (await ended(kube, "strange"))["status"]["phase"] == "Error"


async def test_what_a_person_writes_in_between_stays() -> None:
    async with controlled() as kube:
        await kube.create(WORKFLOWS, workflow("hello"), namespace="default")
        pod = await pod_of(kube, "hello")
        await kube.patch(WORKFLOWS, "hello", {"metadata": {"annotations": {"note": "mine"}}}, namespace="default")
        await end_pod(kube, pod)
        assert (await ended(kube, "hello"))["metadata"]["annotations"]["note"] == "mine"


async def test_a_stop_that_is_written_into_the_spec_is_heard() -> None:
    async with controlled() as kube:
        await kube.create(WORKFLOWS, workflow("hello"), namespace="default")
        await pod_of(kube, "hello")
        await kube.patch(WORKFLOWS, "hello", {"spec": {"shutdown": "Terminate"}}, namespace="default")
        done = await ended(kube, "hello")
    assert done["status"]["phase"] == "Failed"
    assert "Terminate" in done["status"]["message"]


async def test_a_deleted_pod_is_an_error_of_its_step() -> None:
    async with controlled() as kube:
        await kube.create(WORKFLOWS, workflow("hello"), namespace="default")
        pod = await pod_of(kube, "hello")
        await kube.patch(PODS, pod["metadata"]["name"], {"status": {"phase": "Running"}}, namespace="default",
                         subresource="status")
        await kube.delete(PODS, pod["metadata"]["name"], namespace="default", grace_seconds=0)
        done = await ended(kube, "hello")
    assert done["status"]["phase"] == "Error"
    assert "deleted" in done["status"]["message"]


async def test_a_missing_template_is_named() -> None:
    async with controlled() as kube:
        asks = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "asks"},
                "spec": {"workflowTemplateRef": {"name": "nowhere"}}}
        await kube.create(WORKFLOWS, asks, namespace="default")
        done = await ended(kube, "asks")
    assert "nowhere" in done["status"]["message"]


async def test_a_stored_template_is_run_by_reference() -> None:
    async with controlled() as kube:
        stored = {**workflow("stored"), "kind": "WorkflowTemplate"}
        await kube.create(WORKFLOW_TEMPLATES, stored, namespace="default")
        refers = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "refers"},
                  "spec": {"workflowTemplateRef": {"name": "stored"}}}
        await kube.create(WORKFLOWS, refers, namespace="default")
        await end_pod(kube, await pod_of(kube, "refers"))
        assert (await ended(kube, "refers"))["status"]["phase"] == "Succeeded"


async def test_a_workflow_of_another_installation_is_left_alone() -> None:
    async with controlled() as kube:
        foreign = workflow("foreign")
        foreign["metadata"]["labels"] = {"workflows.argoproj.io/controller-instanceid": "other"}
        await kube.create(WORKFLOWS, foreign, namespace="default")
        await kube.create(WORKFLOWS, workflow("ours"), namespace="default")
        await end_pod(kube, await pod_of(kube, "ours"))
        await ended(kube, "ours")
        assert "status" not in await kube.get(WORKFLOWS, "foreign", namespace="default")


async def test_an_installation_with_an_instance_id_takes_the_workflows_that_name_it() -> None:
    async with controlled(instance="blue") as kube:
        await kube.create(WORKFLOWS, workflow("unnamed"), namespace="default")
        blue = workflow("blue")
        blue["metadata"]["labels"] = {"workflows.argoproj.io/controller-instanceid": "blue"}
        await kube.create(WORKFLOWS, blue, namespace="default")
        pod = await pod_of(kube, "blue")
        assert pod["metadata"]["labels"]["workflows.argoproj.io/controller-instanceid"] == "blue"
        await end_pod(kube, pod)
        assert (await ended(kube, "blue"))["status"]["phase"] == "Succeeded"
        assert "status" not in await kube.get(WORKFLOWS, "unnamed", namespace="default")


async def test_a_pod_that_comes_after_its_workflows_end_is_deleted() -> None:
    async with controlled() as kube:
        await kube.create(WORKFLOWS, workflow("hello"), namespace="default")
        pod = await pod_of(kube, "hello")
        await end_pod(kube, pod)
        await ended(kube, "hello")
        await kube.delete(PODS, pod["metadata"]["name"], namespace="default", grace_seconds=0)
        again = {**pod, "metadata": {key: value for key, value in pod["metadata"].items()
                                     if key not in ("uid", "resourceVersion", "creationTimestamp")}, "status": {}}
        late = await kube.create(PODS, again, namespace="default")
        async with asyncio.timeout(20):
            async for event in kube.watch(PODS, namespace="default", resource_version=late["metadata"]["resourceVersion"]):
                if event.type == "DELETED" or event.object["metadata"].get("deletionTimestamp"):
                    break


async def test_a_workflow_whose_instance_id_is_taken_off_goes_on_under_the_controller_without_one() -> None:
    kube = EmbeddedKube.open(":memory:", clock=CLOCK, durable=False)
    labelled = workflow("hello")
    labelled["metadata"]["labels"] = {INSTANCE_LABEL: "blue"}
    async with running([Controller(kube, clock=CLOCK, chance=Random(1), instance="blue")]):
        await kube.create(WORKFLOWS, labelled, namespace="default")
        pod = await pod_of(kube, "hello")
    async with running([Controller(kube, clock=CLOCK, chance=Random(2))]):
        await kube.patch(WORKFLOWS, "hello", {"metadata": {"labels": {INSTANCE_LABEL: None}}}, namespace="default")
        await end_pod(kube, pod)
        assert (await ended(kube, "hello"))["status"]["phase"] == "Succeeded"
    assert len((await kube.list(PODS)).items) == 1
    kube.close()
