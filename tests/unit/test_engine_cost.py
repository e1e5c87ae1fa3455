"""Cost follows the change, not the size: the engine's steps and touched entries per event are the same at any size."""

from collections.abc import Callable
from typing import Any

import pytest

from controller.engine import PodSeen, Run

POD: dict[str, Any] = {"name": "p", "container": {"image": "x"}}
Shape = Callable[[int], dict[str, Any]]


def _workflow(*templates: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "wf"}, "spec": {"entrypoint": "m", "templates": [*templates, POD], **spec}}


def wide(size: int) -> dict[str, Any]:
    return _workflow({"name": "m", "steps": [[{"name": "a", "template": "p", "withSequence": {"count": size}}]]})


def narrow_gate(size: int) -> dict[str, Any]:
    return {**wide(size), "spec": {**wide(size)["spec"], "parallelism": 7}}


def wide_graph(size: int) -> dict[str, Any]:
    loop = {"name": "a", "template": "p", "withSequence": {"count": size}}
    return _workflow({"name": "m", "parallelism": 50, "dag": {"tasks": [loop, {"name": "z", "template": "p", "depends": "a"}]}})


def long_graph(size: int) -> dict[str, Any]:
    tasks = [{"name": f"t{i}", "template": "p", **({"dependencies": [f"t{i - 1}"]} if i else {})} for i in range(size)]
    return _workflow({"name": "m", "dag": {"tasks": tasks}})


def long_steps(size: int) -> dict[str, Any]:
    return _workflow({"name": "m", "steps": [[{"name": f"t{i}", "template": "p"}] for i in range(size)]})


def _cost_per_event(shape: Shape, size: int) -> tuple[float, float]:
    run, now, events = Run.load(shape(size)), 1.0, 0
    waiting = list(run.advance(now).create)
    while waiting:
        coming = []
        for pod in waiting:
            for seen in (PodSeen(pod.node_id, "Running"), PodSeen(pod.node_id, "Succeeded", exit_code=0)):
                run.observe(seen)
                coming += run.advance(now).create
                now, events = now + 0.01, events + 1
        waiting = coming
    assert run.status["phase"] == "Succeeded"
    return run.steps / events, run.nodes.work / events


@pytest.mark.parametrize("shape", [wide, narrow_gate, wide_graph, long_graph, long_steps])
def test_the_cost_of_an_event_does_not_grow_with_the_workflow(shape: Shape) -> None:
    small, large = _cost_per_event(shape, 100), _cost_per_event(shape, 3_000)
    assert large[0] <= small[0] * 1.1
    assert large[1] <= small[1] * 1.1


def test_one_event_touches_only_what_it_changes() -> None:
    run = Run.load(wide(2_000))
    pods = run.advance(1.0).create
    run.observe(PodSeen(pods[1234].node_id, "Running"))
    changes = run.advance(2.0)
    assert changes.changed_nodes == (pods[1234].node_id,)
    run.observe(PodSeen(pods[1234].node_id, "Succeeded"))
    changes = run.advance(3.0)
    assert len(changes.changed_nodes) <= 3  # the pod, and the progress of what contains it


def test_neither_length_nor_depth_meets_the_recursion_limit() -> None:
    run = Run.load(_workflow({"name": "m", "dag": {"tasks": [
        {"name": f"t{i}", "template": "p", "when": "false", **({"dependencies": [f"t{i - 1}"]} if i else {})}
        for i in range(5_000)
    ]}}))
    run.advance(1.0)
    assert run.status["phase"] == "Succeeded"
