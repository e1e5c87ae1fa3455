"""What the engine costs per node event, at growing size and in two shapes: it must not grow with the workflow."""

import gc
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from controller.engine import Run
from controller.engine.contract import PodSeen, WantedPod
from tests.bench.measure import Measure

SAMPLE = 2_000  # events of one size that are timed; all of them would tell nothing more
_LEAF = {"name": "leaf", "container": {"image": "alpine", "command": ["true"]}}
Workflow = dict[str, Any]


def workflow_of(tasks: list[dict[str, Any]]) -> Workflow:
    """A workflow that is one graph of plain steps."""
    return {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
        "metadata": {"name": "bench", "namespace": "default", "uid": "u"},
        "spec": {"entrypoint": "main", "templates": [{"name": "main", "dag": {"tasks": tasks}}, _LEAF]},
    }


def fan_out(size: int) -> Workflow:
    """As many steps as wanted, all at once."""
    return workflow_of([{"name": "each", "template": "leaf", "withSequence": {"count": str(size)}}])


def ladder(size: int) -> Workflow:
    """Diamonds in a row: one step, two beside each other, one that waits for both, and so on."""
    tasks: list[dict[str, Any]] = []
    for number in range(size):
        row, place = divmod(number, 3)
        before = [] if not row else [f"t{3 * row - 1}", f"t{3 * row - 2}"]
        after = before if not place else [f"t{3 * row}"]
        tasks.append({"name": f"t{number}", "template": "leaf", "dependencies": after})
    return workflow_of(tasks)


@dataclass(slots=True)
class Cost:
    """What the events of one workflow cost, on average."""

    seconds: float
    steps: float  # of work, as the engine counts them
    touched: float  # entries of the status that were looked at or written


class _Drive:
    """A workflow under way whose pods end in the order in which they were wanted."""

    def __init__(self, workflow: Workflow) -> None:
        self.run = Run.load(workflow)
        self.now = 1000.0
        self.waiting: list[WantedPod] = list(self.run.advance(self.now).create)

    def play(self, events: int) -> Cost:
        """Let some pods run and end, each told on its own."""
        steps, touched, told = self.run.steps, self.run.nodes.work, 0
        started = time.process_time()
        while told < events and self.waiting:
            pod = self.waiting.pop()
            for seen in (PodSeen(pod.node_id, "Running", started_at=self.now),
                         PodSeen(pod.node_id, "Succeeded", exit_code=0, finished_at=self.now)):
                self.run.observe(seen)
                self.waiting += self.run.advance(self.now).create
                self.now += 0.001
                told += 1
        spent = time.process_time() - started
        return Cost(spent / told, (self.run.steps - steps) / told, (self.run.nodes.work - touched) / told)


def _cost(shape: Callable[[int], Workflow], size: int) -> Cost:
    drive = _Drive(shape(size))
    Random(1).shuffle(drive.waiting)
    gc.collect()
    gc.disable()  # the collector's walks are the size of the heap, not the work of the engine
    try:
        events = min(2 * size, SAMPLE) // 4
        costs = [drive.play(events) for _ in range(4)]
    finally:
        gc.enable()
    return min(costs, key=lambda cost: cost.seconds)


def engine(*, quick: bool) -> list[Measure]:
    """Time and work per node event, each at the largest size beside the smallest; memory per node."""
    sizes = (100, 1_000, 10_000) if quick else (100, 1_000, 10_000, 100_000)
    found = []
    for name, shape in (("fan-out", fan_out), ("ladder", ladder)):
        costs = {size: _cost(shape, size) for size in sizes}
        times = {size: cost.seconds for size, cost in costs.items()}
        least, most = costs[sizes[0]], costs[sizes[-1]]
        micros = {f"{size:,} nodes": f"{seconds * 1e6:.0f} us" for size, seconds in times.items()}
        found += [
            Measure(f"engine time per node event, {name}, worst of all sizes", max(times.values()) * 1e6, "us",
                    min(times.values()) * 1e6, "the best size", goal=2 * min(times.values()) * 1e6, more=micros),
            Measure(f"engine steps per node event, {name} of {sizes[-1]:,}", most.steps, "steps", least.steps,
                    f"of {sizes[0]}", goal=1.1 * least.steps + 0.1, gates=True),
            Measure(f"status entries touched per node event, {name}", most.touched, "entries", least.touched,
                    f"of {sizes[0]}", goal=1.1 * least.touched + 0.1, gates=True),
        ]
    return [*found, _memory(2_000)]


def _memory(size: int) -> Measure:
    gc.collect()
    tracemalloc.start()
    drive = _Drive(fan_out(size))
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(drive.waiting) == size, f"{len(drive.waiting)} pods wanted of {size}"
    return Measure("engine memory per node that waits for its pod", held / size / 1024, "KiB")
