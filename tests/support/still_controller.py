"""A controller on a clock that a test moves by hand, over a real store whose writes are counted and whose pods it ends."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from argosy.clock import to_rfc3339
from argosy.embedded.store import EmbeddedKube
from argosy.kube.contract import Object
from argosy.kube.resources import PODS, WORKFLOWS
from argosy.lifecycle import running
from controller.operations_nodes import read_nodes
from controller.service import Controller

OVER = ("Succeeded", "Failed", "Error")
PATIENCE_SECONDS = 20


class HandClock:
    """Time stands still until somebody moves it."""

    def __init__(self) -> None:
        self._now = 1_800_000_000.0
        self._moved = asyncio.Event()

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        until = self._now + seconds
        while self._now < until:
            await self._moved.wait()

    def move(self, seconds: float) -> None:
        self._now += seconds
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()


class World:
    """The store, the clock, and who works in it."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.kube = EmbeddedKube.open(":memory:", clock=self.clock, durable=False)
        self.writes: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.kube, name)
        if name not in ("create", "replace", "patch", "delete"):
            return method

        def counted(resource: Any, *given: Any, **options: Any) -> Any:
            self.writes[f"{name} {resource.plural}"] += 1
            return method(resource, *given, **options)

        return counted

    @asynccontextmanager
    async def controller(self) -> AsyncIterator[None]:
        """A controller, killed at the end of the block."""
        counting: Any = self
        async with running([Controller(counting, clock=self.clock, chance=Random(1))]):
            yield

    async def submit(self, spec: Object) -> None:
        flow = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "w"}, "spec": spec}
        await self.kube.create(WORKFLOWS, flow, namespace="default")

    async def wish(self, **spec: Any) -> None:
        await self.kube.patch(WORKFLOWS, "w", {"spec": spec}, namespace="default")

    async def pod(self, display_name: str) -> Object:
        """The pod of that step, once there is one."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for event in self.kube.watch(PODS, namespace="default"):
                name = event.object["metadata"]["annotations"]["workflows.argoproj.io/node-name"]
                if name.removeprefix("w.") == display_name:
                    return event.object
        raise AssertionError("a watch does not end")

    async def end(self, pod: Object, *, exit_code: int = 0) -> None:
        """Its command ends."""
        state = {"terminated": {"exitCode": exit_code, "finishedAt": to_rfc3339(self.clock.now())}}
        status = {"phase": "Failed" if exit_code else "Succeeded", "containerStatuses": [{"name": "main", "state": state}]}
        await self.kube.patch(PODS, pod["metadata"]["name"], {"status": status}, namespace="default", subresource="status")

    async def pods(self) -> dict[str, str]:
        """The uid of every pod by its step."""
        listing = await self.kube.list(PODS, namespace="default")
        return {pod["metadata"]["annotations"]["workflows.argoproj.io/node-name"].removeprefix("w."): pod["metadata"]["uid"]
                for pod in listing.items}

    async def saved(self) -> dict[str, str]:
        """The phase of every step as it is saved."""
        flow = await self.kube.get(WORKFLOWS, "w", namespace="default")
        return {node["name"].removeprefix("w."): node["phase"] for node in read_nodes(flow).values()}

    async def over(self) -> Object:
        """The workflow, once it has ended."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for event in self.kube.watch(WORKFLOWS, namespace="default"):
                if (event.object.get("status") or {}).get("phase") in OVER:
                    return event.object
        raise AssertionError("a watch does not end")


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """A fresh one."""
    made = World()
    try:
        yield made
    finally:
        made.kube.close()


def graph(*tasks: Object, leaf: Object | None = None, **spec: Any) -> Object:
    """A spec whose entry is a graph of these tasks; `leaf` is added to the template that they all run."""
    container = {"image": "alpine", "command": ["true"]}
    dag = {"failFast": False, "tasks": list(tasks)}
    return {"entrypoint": "main", "templates": [
        {"name": "main", "dag": dag}, {"name": "leaf", "container": container, **(leaf or {})}], **spec}


def task(name: str, *after: str, **more: Any) -> Object:
    """A task that runs the leaf after others."""
    return {"name": name, "template": "leaf", **({"dependencies": list(after)} if after else {}), **more}
