"""The runtime's watch may lag behind, break off or start anew; no pod runs twice or is forgotten."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from argosy.clock import SystemClock
from argosy.embedded.pods import ImageTable, PodRuntime
from argosy.embedded.store import EmbeddedKube
from argosy.kube.contract import Expired, Resource, WatchEvent
from argosy.kube.resources import PODS
from argosy.lifecycle import running
from controller.artifacts.folder import FolderStore


class SlowWatch:
    """A store whose watch shows the first event of a pod at once, and holds back what follows until it is let go."""

    def __init__(self, kube: EmbeddedKube) -> None:
        self._kube = kube
        self.go = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kube, name)

    async def watch(self, resource: Resource, **options: Any) -> AsyncIterator[WatchEvent]:
        async for event in self._kube.watch(resource, **options):
            if resource is PODS and event.type != "ADDED":
                await self.go.wait()
            yield event


class BrokenWatch(SlowWatch):
    """A store whose watch breaks off after each event, and now and then says that it has fallen behind."""

    broken = 0

    async def watch(self, resource: Resource, **options: Any) -> AsyncIterator[WatchEvent]:
        async for event in self._kube.watch(resource, **options):
            yield event
            if resource is PODS:
                self.broken += 1
                if self.broken % 2:
                    raise Expired("too old")
                return


def runtime_on(kube: Any, folder: Path) -> PodRuntime:
    return PodRuntime(kube, folder=folder / "runtime", images=ImageTable(), artifacts=FolderStore(folder / "artifacts"),
                      clock=SystemClock(), durable=False, outlive=False)


def counting(name: str, folder: Path) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {
        "restartPolicy": "Never", "volumes": [{"name": "v", "hostPath": {"path": str(folder)}}],
        "containers": [{"name": "main", "image": "busybox", "command": ["sh", "-c", f"echo once >> /v/{name}"],
                        "volumeMounts": [{"name": "v", "mountPath": "/v"}]}]}}


async def phase_of(kube: EmbeddedKube, name: str) -> str:
    async with asyncio.timeout(30):
        async for event in kube.watch(PODS, namespace="default", field_selector=f"metadata.name={name}"):
            phase = event.object.get("status", {}).get("phase", "")
            if phase in ("Succeeded", "Failed"):
                return str(phase)
    raise AssertionError("the watch ended early")


async def test_an_old_event_about_a_pod_that_has_ended_does_not_start_it_again(tmp_path: Path) -> None:
    kube = EmbeddedKube.open(":memory:", clock=SystemClock())
    slow = SlowWatch(kube)
    async with running([runtime_on(slow, tmp_path)]):
        await kube.create(PODS, counting("first", tmp_path))
        assert await phase_of(kube, "first") == "Succeeded"
        while list((tmp_path / "runtime" / "pods").glob("*")):
            await asyncio.sleep(0)
        slow.go.set()
        await kube.create(PODS, counting("second", tmp_path))
        assert await phase_of(kube, "second") == "Succeeded"
    assert (tmp_path / "first").read_text() == "once\n"
    kube.close()


async def test_a_watch_that_keeps_breaking_off_loses_no_pod(tmp_path: Path) -> None:
    kube = EmbeddedKube.open(":memory:", clock=SystemClock())
    async with running([runtime_on(BrokenWatch(kube), tmp_path)]):
        for name in ("a", "b", "c", "d"):
            await kube.create(PODS, counting(name, tmp_path))
        for name in ("a", "b", "c", "d"):
            assert await phase_of(kube, name) == "Succeeded"
            assert (tmp_path / name).read_text() == "once\n"
    kube.close()
