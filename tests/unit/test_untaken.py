"""CronWorkflows and WorkflowEventBindings: nothing acts upon them yet, and whoever wrote one hears of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from argosy.clock import SystemClock
from argosy.embedded.store import EmbeddedKube
from argosy.kube.contract import Forbidden, Kube, Listing, NotFound, Object, Resource
from argosy.kube.resources import CRON_WORKFLOWS, EVENTS, WORKFLOW_EVENT_BINDINGS
from argosy.lifecycle import running
from controller.labels import INSTANCE_LABEL
from controller.untaken import Untaken

CLOCK = SystemClock()
SPECS: dict[str, Any] = {
    "CronWorkflow": {"schedules": ["* * * * *"], "workflowSpec": {"workflowTemplateRef": {"name": "greeter"}}},
    "WorkflowEventBinding": {"event": {"selector": "true"}, "submit": {"workflowTemplateRef": {"name": "greeter"}}},
}
WARNING = {"type": "SpecWarning", "status": "True", "message": (
    "spec: is kept, but not run yet: submit its workflow by hand, or use an EventSource and a Sensor")}


def written(kind: str, name: str, *, instance: str = "", **status: Any) -> Object:
    labels = {"labels": {INSTANCE_LABEL: instance}} if instance else {}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": {"name": name, **labels}, "spec": SPECS[kind],
            **({"status": status} if status else {})}


@asynccontextmanager
async def store() -> AsyncIterator[EmbeddedKube]:
    kube = EmbeddedKube.open(":memory:", clock=CLOCK, durable=False)
    try:
        yield kube
    finally:
        kube.close()


def untaken(kube: Kube, **options: str) -> Untaken:
    return Untaken(kube, clock=CLOCK, chance=Random(1), **options)


async def warned(kube: Kube, name: str, *, namespace: str = "default") -> Object:
    """The CronWorkflow, once it tells that nothing acts upon it."""
    async with asyncio.timeout(20):
        async for event in kube.watch(CRON_WORKFLOWS, namespace=namespace, field_selector=f"metadata.name={name}"):
            if WARNING in (event.object.get("status") or {}).get("conditions", []):
                return event.object
    raise AssertionError("a watch does not end")


async def event_about(kube: Kube, kind: str) -> Object:
    async with asyncio.timeout(20):
        async for event in kube.watch(EVENTS, namespace="default"):
            if event.object["involvedObject"]["kind"] == kind:
                return event.object
    raise AssertionError("a watch does not end")


async def events(kube: Kube) -> list[str]:
    return [each["involvedObject"]["name"] for each in (await kube.list(EVENTS)).items]


async def test_a_cron_workflow_tells_that_it_is_not_run() -> None:
    async with store() as kube, running([untaken(kube)]):
        await kube.create(CRON_WORKFLOWS, written("CronWorkflow", "nightly"), namespace="default")
        await warned(kube, "nightly")
        told = await event_about(kube, "CronWorkflow")
    assert (told["type"], told["reason"], told["message"]) == ("Warning", "NotActedUpon", WARNING["message"])


async def test_a_binding_has_no_status_so_an_event_tells_it() -> None:
    async with store() as kube, running([untaken(kube)]):
        await kube.create(WORKFLOW_EVENT_BINDINGS, written("WorkflowEventBinding", "pushes"), namespace="default")
        told = await event_about(kube, "WorkflowEventBinding")
    assert told["message"] == "spec: is kept, but has no effect yet: use an EventSource and a Sensor"


async def test_it_is_told_once_however_many_tell_it_and_however_often_they_start() -> None:
    async with store() as kube:
        await kube.create(CRON_WORKFLOWS, written("CronWorkflow", "first"), namespace="default")
        async with running([untaken(kube), untaken(kube)]):
            before = await warned(kube, "first")
        async with running([untaken(kube)]):
            await kube.create(CRON_WORKFLOWS, written("CronWorkflow", "second"), namespace="default")
            await warned(kube, "second")
        after = await kube.get(CRON_WORKFLOWS, "first", namespace="default")
        assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
        assert sorted(await events(kube)) == ["first", "second"]


async def test_what_stands_in_its_status_stays() -> None:
    before = {"type": "SubmissionError", "status": "True", "message": "no such template"}
    async with store() as kube, running([untaken(kube)]):
        obj = written("CronWorkflow", "nightly", active=[], conditions=[before])
        await kube.create(CRON_WORKFLOWS, obj, namespace="default")
        found = await warned(kube, "nightly")
    assert found["status"] == {"active": [], "conditions": [before, WARNING]}


async def test_conditions_that_are_none_harm_nobody_else() -> None:
    async with store() as kube, running([untaken(kube)]):
        for name, status in (("a", {"conditions": "x"}), ("b", {"conditions": [None]})):
            await kube.create(CRON_WORKFLOWS, written("CronWorkflow", name) | {"status": status}, namespace="default")
        await kube.create(CRON_WORKFLOWS, written("CronWorkflow", "sound"), namespace="default")
        await warned(kube, "sound")


async def test_what_is_another_installations_is_left_to_it() -> None:
    async with store() as kube:
        for name, instance, namespace in (("argos", "", "default"), ("ours", "blue", "default"), ("far", "blue", "other")):
            await kube.create(CRON_WORKFLOWS, written("CronWorkflow", name, instance=instance), namespace=namespace)
        async with running([untaken(kube, instance="blue", namespace="default")]):
            await warned(kube, "ours")
        assert await events(kube) == ["ours"]
        async with running([untaken(kube)]):
            await warned(kube, "argos")
        assert sorted(await events(kube)) == ["argos", "ours"]


class Closed:
    """An API server that does not serve these kinds, or does not let them be seen."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def list(self, resource: Resource, **_: Any) -> Listing:
        self.asked.append(resource.plural)
        raise (NotFound if resource is CRON_WORKFLOWS else Forbidden)("no")


async def test_a_cluster_without_the_kinds_or_without_the_right_has_nobody_to_tell() -> None:
    kube = Closed()
    async with asyncio.timeout(20):
        await untaken(kube).run(asyncio.Event())  # type: ignore[arg-type]  # it asks for nothing else
    assert sorted(kube.asked) == ["cronworkflows", "workfloweventbindings"]
