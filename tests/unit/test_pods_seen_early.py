"""The kubelet tells that the containers have ended a second before it gives the pod its phase; we need not wait for it."""

from typing import Any

import pytest

from controller.pods.assignment import ASSIGNMENT_ANNOTATION, Assignment
from controller.pods.seen import read_pod


def container(name: str = "main", **state: Any) -> dict[str, Any]:
    return {"name": name, "state": state}


def ended(exit_code: int = 0) -> dict[str, Any]:
    return {"exitCode": exit_code, "reason": "Completed" if exit_code == 0 else "Error",
            "finishedAt": "2026-01-01T00:00:09Z"}


def pod(*statuses: dict[str, Any], phase: str = "Pending", containers: int = 1, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "step", "annotations": {"workflows.argoproj.io/node-id": "step"}, **metadata},
            "spec": {"containers": [{"name": f"c{number}"} for number in range(containers)]},
            "status": {"phase": phase, "containerStatuses": list(statuses)}}


@pytest.mark.parametrize("phase", ["Pending", "Running"])
def test_a_step_has_succeeded_once_all_its_containers_have(phase: str) -> None:
    seen = read_pod(pod(container(terminated=ended()), phase=phase))
    assert (seen.phase, seen.exit_code, seen.message) == ("Succeeded", 0, "")
    assert seen.finished_at is not None


def test_a_sidecar_that_still_runs_is_waited_for() -> None:
    statuses = container(terminated=ended()), container("proxy", running={})
    assert read_pod(pod(*statuses, phase="Running", containers=2)).phase == "Running"


def test_a_container_without_a_status_yet_is_waited_for() -> None:
    assert read_pod(pod(container(terminated=ended()), containers=2)).phase == "Pending"


@pytest.mark.parametrize(("message", "phase"), [("", "Running"), ('{"argosy": 1, "result": "2"}', "Succeeded")])
def test_what_a_step_should_hand_over_is_waited_for(message: str, phase: str) -> None:
    assignment = Assignment(container="main", result=True).to_json()
    state = {**ended(), "message": message}
    seen = read_pod(pod(container(terminated=state), phase="Running", annotations={
        "workflows.argoproj.io/node-id": "step", ASSIGNMENT_ANNOTATION: assignment}))
    assert seen.phase == phase


def test_a_failure_is_judged_when_the_pod_says_why() -> None:
    assert read_pod(pod(container(terminated=ended(137)), phase="Running")).phase == "Running"


def test_a_pod_that_is_being_deleted_is_judged_at_its_end() -> None:
    seen = read_pod(pod(container(terminated=ended()), phase="Running", deletionTimestamp="2026-01-01T00:00:00Z"))
    assert seen.phase == "Running"
