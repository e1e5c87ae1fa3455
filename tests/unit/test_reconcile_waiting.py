"""A reconciler that cannot begin yet waits between its tries, however often it is woken, but not for what is gone."""

import asyncio
from random import Random
from typing import Any

from argosy.clock import SystemClock
from argosy.embedded.store import EmbeddedKube
from argosy.errors import Unavailable
from argosy.kube.resources import WORKFLOWS
from controller.announcing import Announcer
from controller.outfitting import AsWritten
from controller.reconcile import Reconciler
from controller.sweeping import Sweeper

FAILURES = 3
FLOW = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "flow"}, "spec": {
    "entrypoint": "main", "templates": [{"name": "main", "container": {"image": "busybox", "command": ["true"]}}]}}


class CountingClock(SystemClock):
    """Its sleeps are over at once, and counted."""

    def __init__(self) -> None:
        self.sleeps = 0

    async def sleep(self, seconds: float) -> None:
        self.sleeps += 1
        await asyncio.sleep(0)


class Away:
    """A store that refuses its first listings before anybody else gets a turn, as a fence does."""

    def __init__(self, kube: EmbeddedKube) -> None:
        self.kube = kube
        self.refused = 0
        self.answered = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.kube, name)

    async def list(self, *given: Any, **options: Any) -> Any:
        if self.refused < FAILURES:
            self.refused += 1
            raise Unavailable("not now")
        self.answered.set()
        return await self.kube.list(*given, **options)


def reconciler_of(kube: Any, workflow: Any, clock: SystemClock) -> Reconciler:
    parts: Any = {"clock": clock, "chance": Random(1)}
    return Reconciler(kube, workflow, **parts, sweeper=Sweeper(kube, **parts), announcer=Announcer(kube, **parts),
                      outfitter=AsWritten())


async def test_it_waits_after_each_failure_however_often_it_is_woken() -> None:
    clock = CountingClock()
    kube = EmbeddedKube.open(":memory:", clock=clock, durable=False)
    away = Away(kube)
    made = await kube.create(WORKFLOWS, FLOW, namespace="default")
    reconciler = reconciler_of(away, made, clock)
    reconciler.workflow_changed({**made, "metadata": {**made["metadata"], "resourceVersion": "999"}})
    task = asyncio.ensure_future(reconciler.run())
    await asyncio.wait_for(away.answered.wait(), 20)
    assert clock.sleeps == FAILURES
    task.cancel()
    kube.close()


async def test_it_comes_to_its_end_where_the_workflow_is_gone_or_another_has_its_name() -> None:
    kube = EmbeddedKube.open(":memory:", clock=SystemClock(), durable=False)
    for made_anew in (False, True):
        first = await kube.create(WORKFLOWS, FLOW, namespace="default")
        await kube.delete(WORKFLOWS, "flow", namespace="default")
        if made_anew:
            await kube.create(WORKFLOWS, FLOW, namespace="default")
        await asyncio.wait_for(reconciler_of(kube, first, SystemClock()).run(), 20)
    assert "status" not in await kube.get(WORKFLOWS, "flow", namespace="default")
    kube.close()
