"""What a step costs the API server, and how soon the next one begins: real pods, real store, in this process."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from argosy.clock import SystemClock
from argosy.embedded.pods import ImageTable, PodRuntime
from argosy.embedded.store import EmbeddedKube
from argosy.kube.resources import PODS, WORKFLOWS
from argosy.lifecycle import running
from controller.artifacts.folder import FolderStore
from controller.service import Controller
from tests.bench.counting import CountingKube
from tests.bench.measure import Measure, percentile, seconds_of, spread

_OVER = ("Succeeded", "Failed", "Error")
_CHAIN = 50


@asynccontextmanager
async def system() -> AsyncIterator[tuple[EmbeddedKube, Counter[str]]]:
    """A store, a pod runtime, and a controller whose calls are counted."""
    clock = SystemClock()
    with TemporaryDirectory(prefix="argosy-bench-") as name:
        folder = Path(name)
        kube = EmbeddedKube.open(":memory:", clock=clock, durable=False)
        counting = CountingKube(kube)
        runtime = PodRuntime(kube, folder=folder / "pods", images=ImageTable(()), clock=clock, durable=False, outlive=False,
                             artifacts=FolderStore(folder / "artifacts"), hide=(folder,))
        kube.log_reader = runtime.read_logs
        controller: Any = Controller(counting, clock=clock, chance=Random(1))
        async with running([runtime, controller]):
            yield kube, counting.calls
        kube.close()


def graph(tasks: list[dict[str, Any]], *command: str) -> dict[str, Any]:
    """A workflow that is one graph of steps that run `command`."""
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "bench"},
            "spec": {"entrypoint": "main", "templates": [
                {"name": "main", "dag": {"tasks": tasks}},
                {"name": "leaf", "container": {"image": "alpine", "command": list(command)}}]}}


async def finished(kube: EmbeddedKube, workflow: dict[str, Any]) -> float:
    """Run a workflow to its good end; the seconds that took."""
    started = time.perf_counter()
    await kube.create(WORKFLOWS, workflow, namespace="default")
    async for event in kube.watch(WORKFLOWS):
        status = event.object.get("status") or {}
        if status.get("phase") in _OVER:
            assert status["phase"] == "Succeeded", status.get("message")
            break
    return time.perf_counter() - started


async def _chain(length: int) -> tuple[Counter[str], list[float]]:
    """The controller's calls for a chain of steps, and the time from each step's end to the next one's start.

    Each step prints the moment, and that is all it does: what lies between two of these moments is ours.
    """
    tasks = [{"name": f"t{number}", "template": "leaf", **({"dependencies": [f"t{number - 1}"]} if number else {})}
             for number in range(length)]
    async with system() as (kube, calls):
        await finished(kube, graph(tasks, "date", "+%s.%N"))
        counted = calls.copy()
        moments = []
        for pod in (await kube.list(PODS, namespace="default")).items:
            log = b"".join([part async for part in kube.logs(pod["metadata"]["name"], namespace="default")])
            moments.append(float(log))
    moments.sort()
    return counted, [after - before for before, after in zip(moments, moments[1:], strict=False)]


async def _fan_out(width: int) -> tuple[Counter[str], float]:
    tasks = [{"name": "each", "template": "leaf", "withSequence": {"count": str(width)}}]
    async with system() as (kube, calls):
        seconds = await finished(kube, graph(tasks, "true"))
        return calls.copy(), seconds


def steps(*, quick: bool) -> list[Measure]:
    """A chain for what one step costs and how soon the next begins; a fan-out for what many at once cost."""
    bare = seconds_of(["date", "+%s.%N"])
    calls, waits = asyncio.run(_chain(_CHAIN))
    width = 50 if quick else 200
    wide, seconds = asyncio.run(_fan_out(width))
    known = ("create pods", "replace workflows")
    others = {name: count for name, count in calls.items() if name not in known}
    return [
        Measure("pods created per plain step", calls["create pods"] / _CHAIN, "calls", goal=1.0, gates=True),
        Measure("status writes per plain step of a chain", calls["replace workflows"] / _CHAIN, "calls", goal=3.0, gates=True),
        Measure("other API calls of a whole chain", sum(others.values()), "calls", goal=5, gates=True, more=others),
        Measure("a step's end to the next step's start, p99", percentile(waits, 0.99), "s", bare, "one bare process", 0.05,
                more=spread(waits)),
        Measure(f"fan-out of {width} steps, per step", seconds / width, "s", bare, "one bare process", 0.1,
                more={"in all": f"{seconds:.1f} s"}),
        Measure(f"status writes per step of a fan-out of {width}", wide["replace workflows"] / width, "calls", goal=0.5,
                gates=True),  # one write per event would be three and more
    ]
