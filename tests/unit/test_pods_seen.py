"""What a Pod's status means for its node: realistic statuses, as kubelets and control planes write them."""

from typing import Any

import pytest

from controller.engine import PodGone
from controller.pods.assignment import ASSIGNMENT_ANNOTATION, ArtifactOut, Assignment, Handover
from controller.pods.manifest import NODE_ID_ANNOTATION
from controller.pods.seen import node_id_of, read_gone, read_pod

STARTED, ENDED = "2026-11-24T08:00:00Z", "2026-11-24T08:00:07Z"


def pod(status: dict[str, Any], *, deleted: bool = False, native: tuple[str, ...] = (), **annotations: str) -> dict[str, Any]:
    """One of our pods with this status."""
    metadata: dict[str, Any] = {"name": "w-1", "namespace": "ns", "annotations": {NODE_ID_ANNOTATION: "n-1", **annotations}}
    if deleted:
        metadata["deletionTimestamp"] = ENDED
    inits = [{"name": name, "restartPolicy": "Always"} for name in native]
    return {"metadata": metadata, "spec": {"nodeName": "node-1", "initContainers": inits}, "status": {
        "startTime": STARTED, "podIP": "10.0.0.7", **status}}


def ended(code: int, reason: str = "", *, name: str = "main", message: str = "") -> dict[str, Any]:
    """The status of a container that has terminated."""
    return {"name": name, "ready": False, "state": {"terminated": {
        "exitCode": code, "reason": reason or ("Completed" if code == 0 else "Error"), "startedAt": STARTED,
        "finishedAt": ENDED, **({"message": message} if message else {})}}}


def waiting(reason: str, message: str = "", *, name: str = "main") -> dict[str, Any]:
    return {"name": name, "ready": False, "state": {"waiting": {"reason": reason, **({"message": message} if message else {})}}}


def runs(*, name: str = "main", ready: bool = True) -> dict[str, Any]:
    return {"name": name, "ready": ready, "state": {"running": {"startedAt": STARTED}}}


def disrupted(reason: str, message: str) -> list[dict[str, Any]]:
    return [{"type": "PodScheduled", "status": "True"},
            {"type": "DisruptionTarget", "status": "True", "reason": reason, "message": message}]


UNSCHEDULABLE = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                  "message": "0/3 nodes are available: 3 Insufficient cpu."}]
BACK_OFF = 'Back-off pulling image "no/such:1"'
LOW_MEMORY = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 91Mi. "
SHUTDOWN = "Pod was terminated in response to imminent node shutdown."


# ---- what has not begun ----

PENDING = {
    "just made": ({}, ""),
    "being made": ({"containerStatuses": [waiting("ContainerCreating")]}, "ContainerCreating"),
    "no node has room": ({"conditions": UNSCHEDULABLE}, "Unschedulable: 0/3 nodes are available: 3 Insufficient cpu."),
    "held back by a scheduling gate": (
        {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]}, "SchedulingGated"),
    "image pull failing": ({"containerStatuses": [waiting("ImagePullBackOff", BACK_OFF)]}, f"ImagePullBackOff: {BACK_OFF}"),
    "image not found": ({"containerStatuses": [waiting("ErrImagePull", "not found")]}, "ErrImagePull: not found"),
    "image name that is none": (
        {"containerStatuses": [waiting("InvalidImageName", 'Failed to apply default image tag "A:B:C"')]},
        'InvalidImageName: Failed to apply default image tag "A:B:C"'),
    "ConfigMap missing": (
        {"containerStatuses": [waiting("CreateContainerConfigError", 'configmap "x" not found')]},
        'CreateContainerConfigError: configmap "x" not found'),
    "container cannot be made": (
        {"containerStatuses": [waiting("CreateContainerError", "context deadline exceeded")]},
        "CreateContainerError: context deadline exceeded"),
    "init container's image missing": (
        {"initContainerStatuses": [waiting("ImagePullBackOff", BACK_OFF, name="first")],
         "containerStatuses": [waiting("PodInitializing")]}, f"ImagePullBackOff: {BACK_OFF}"),
    "a sidecar's image missing": (
        {"containerStatuses": [waiting("ContainerCreating"), waiting("ErrImagePull", name="beside")]}, "ErrImagePull"),
}


@pytest.mark.parametrize("case", PENDING)
def test_a_pod_that_has_not_begun_says_what_it_waits_for(case: str) -> None:
    status, message = PENDING[case]
    seen = read_pod(pod({"phase": "Pending", **status}))
    assert (seen.phase, seen.message, seen.exit_code, seen.finished_at) == ("Pending", message, None, None)


# ---- what the user's program did ----

OWN = {
    "it failed": ({"containerStatuses": [ended(3)]}, "main: Error (exit code 3)"),
    "it failed and said why": (
        {"containerStatuses": [ended(1, message="no such table\n")]}, "main: Error (exit code 1): no such table"),
    "it used too much memory": ({"containerStatuses": [ended(137, "OOMKilled")]}, "main: OOMKilled (exit code 137)"),
    "its program does not exist": (
        {"containerStatuses": [ended(128, "StartError", message='exec: "foo": executable file not found in $PATH')]},
        'main: StartError (exit code 128): exec: "foo": executable file not found in $PATH'),
    "it took too long": (
        {"reason": "DeadlineExceeded", "message": "Pod was active on the node longer than the specified deadline",
         "containerStatuses": [ended(137)]}, "Pod was active on the node longer than the specified deadline"),
    "it took too long and the kubelet says no more": (
        {"reason": "DeadlineExceeded"}, "Pod was active on the node longer than the specified deadline"),
    "an init container failed": (
        {"initContainerStatuses": [ended(0, name="first"), ended(2, name="second")],
         "containerStatuses": [waiting("PodInitializing")]}, "second: Error (exit code 2)"),
    "a sidecar failed by itself": (
        {"containerStatuses": [ended(0), ended(1, name="beside")]}, "beside: Error (exit code 1)"),
    "the kubelet says something else": ({"message": "sandbox broke"}, "sandbox broke"),
}


@pytest.mark.parametrize("case", OWN)
def test_what_the_users_program_did_is_failed(case: str) -> None:
    status, message = OWN[case]
    seen = read_pod(pod({"phase": "Failed", **status}))
    assert (seen.phase, seen.message, seen.lost) == ("Failed", message, False)


# ---- what the cluster did to it ----

LOST = {
    "evicted": ({"reason": "Evicted", "message": LOW_MEMORY, "containerStatuses": [ended(137)]}, LOW_MEMORY.strip()),
    "evicted before it began": ({"reason": "Evicted", "message": LOW_MEMORY}, LOW_MEMORY.strip()),
    "preempted by the kubelet": (
        {"reason": "Preempting", "message": "Preempted in order to admit critical pod"},
        "Preempted in order to admit critical pod"),
    "preempted by the scheduler": (
        {"conditions": disrupted("PreemptionByScheduler", "default-scheduler: preempting to accommodate a higher priority pod"),
         "containerStatuses": [ended(143)]},
        "pod lost: PreemptionByScheduler: default-scheduler: preempting to accommodate a higher priority pod"),
    "its node drained": (
        {"conditions": disrupted("EvictionByEvictionAPI", "Eviction API: evicting"), "containerStatuses": [ended(143)]},
        "pod lost: EvictionByEvictionAPI: Eviction API: evicting"),
    "its node tainted": (
        {"conditions": disrupted("DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint"),
         "containerStatuses": [ended(137)]},
        "pod lost: DeletionByTaintManager: Taint manager: deleting due to NoExecute taint"),
    "its node removed": (
        {"conditions": disrupted("DeletionByPodGC", "PodGC: node no longer exists"), "containerStatuses": [runs()]},
        "pod lost: DeletionByPodGC: PodGC: node no longer exists"),
    "its node lost": (
        {"reason": "NodeLost", "message": "Node node-1 which was running pod w-1 is unresponsive",
         "containerStatuses": [runs()]}, "Node node-1 which was running pod w-1 is unresponsive"),
    "its node shut down": ({"reason": "Terminated", "message": SHUTDOWN, "containerStatuses": [ended(143)]}, SHUTDOWN),
    "its node is shutting down": (
        {"reason": "NodeShutdown", "message": "Pod was rejected as the node is shutting down."},
        "Pod was rejected as the node is shutting down."),
    "its node was full": (
        {"reason": "OutOfcpu", "message": "Pod was rejected: Node didn't have enough resource: cpu"},
        "Pod was rejected: Node didn't have enough resource: cpu"),
    "its node no longer matches": ({"reason": "NodeAffinity"}, "pod lost: NodeAffinity"),
    "its node came back without it": (
        {"containerStatuses": [ended(137, "ContainerStatusUnknown", message="The container could not be located")]},
        "main: ContainerStatusUnknown (exit code 137): The container could not be located"),
    "failed before it began": (
        {"containerStatuses": [waiting("ContainerCreating", "no stock")]},
        "Pod failed before main container starts due to ContainerCreating: no stock"),
    "nothing is known": ({}, "can't find failed message for pod w-1 namespace ns"),
    "main was never seen to end": (
        {"containerStatuses": [runs()]}, "pod failed: main container did not complete successfully"),
}


@pytest.mark.parametrize("case", LOST)
def test_what_the_cluster_did_is_an_error_and_told_apart(case: str) -> None:
    status, message = LOST[case]
    seen = read_pod(pod({"phase": "Failed", **status}))
    assert (seen.phase, seen.message, seen.lost) == ("Error", message, True)


def test_a_pod_whose_node_cannot_be_reached_is_an_error() -> None:
    seen = read_pod(pod({"phase": "Unknown", "containerStatuses": [runs()]}))
    assert (seen.phase, seen.message, seen.lost) == ("Error", "Unexpected pod phase for w-1: Unknown", True)


def test_main_had_done_its_work_before_its_pod_was_taken_away() -> None:
    conditions = disrupted("EvictionByEvictionAPI", "Eviction API: evicting")
    status = {"phase": "Failed", "conditions": conditions, "containerStatuses": [ended(0), ended(143, name="beside")]}
    assert read_pod(pod(status, deleted=True)).phase == "Succeeded"


def test_a_pod_that_ran_out_of_time_was_not_lost_though_it_is_about_to_be_drained() -> None:
    conditions = disrupted("EvictionByEvictionAPI", "Eviction API: evicting")
    seen = read_pod(pod({"phase": "Failed", "reason": "DeadlineExceeded", "conditions": conditions}))
    assert (seen.phase, seen.lost) == ("Failed", False)


# ---- deleted ----


@pytest.mark.parametrize("code", [137, 143])
def test_a_pod_that_somebody_deleted_is_an_error_whichever_signal_it_died_of(code: int) -> None:
    seen = read_pod(pod({"phase": "Failed", "containerStatuses": [ended(code)]}, deleted=True))
    assert (seen.phase, seen.message, seen.lost) == ("Error", "pod deleted", False)


def test_a_pod_that_failed_by_itself_while_it_was_being_deleted_has_failed() -> None:
    seen = read_pod(pod({"phase": "Failed", "containerStatuses": [ended(4)]}, deleted=True))
    assert (seen.phase, seen.message) == ("Failed", "main: Error (exit code 4)")


def test_a_pod_that_is_gone_leaves_its_last_status_and_then_its_absence() -> None:
    seen, gone = read_gone(pod({"phase": "Running", "containerStatuses": [runs()]}, deleted=True))
    assert (seen.phase, gone) == ("Running", PodGone("n-1"))


def test_a_running_pod_that_the_cluster_took_away_is_lost_rather_than_deleted() -> None:
    conditions = disrupted("DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint")
    (seen,) = read_gone(pod({"phase": "Running", "conditions": conditions, "containerStatuses": [runs()]}, deleted=True))
    assert (seen.phase, seen.lost) == ("Error", True)


# ---- how it goes well ----


def test_a_pod_that_did_its_work_has_succeeded_and_says_when_and_where() -> None:
    seen = read_pod(pod({"phase": "Succeeded", "containerStatuses": [ended(0)]}))
    assert (seen.node_id, seen.phase, seen.exit_code, seen.ip, seen.host) == ("n-1", "Succeeded", 0, "10.0.0.7", "node-1")
    assert (seen.finished_at or 0) - (seen.started_at or 0) == 7


@pytest.mark.parametrize("code", [137, 143])
def test_a_sidecar_that_was_told_to_end_does_not_fail_the_step(code: int) -> None:
    assert read_pod(pod({"phase": "Failed", "containerStatuses": [ended(0), ended(code, name="beside")]})).phase == "Succeeded"


def test_a_native_sidecar_that_was_told_to_end_does_not_fail_the_step() -> None:
    status = {"phase": "Failed", "initContainerStatuses": [ended(1, name="proxy")], "containerStatuses": [ended(5)]}
    assert read_pod(pod(status, native=("proxy",))).message == "main: Error (exit code 5)"


def test_a_daemon_is_ready_when_all_its_containers_are() -> None:
    assert read_pod(pod({"phase": "Running", "containerStatuses": [runs(), runs(name="beside")]})).daemon_ready
    assert not read_pod(pod({"phase": "Running", "containerStatuses": [runs(), runs(name="beside", ready=False)]})).daemon_ready
    assert not read_pod(pod({"phase": "Running"})).daemon_ready


# ---- what is handed over ----


def test_what_was_handed_over_becomes_the_nodes_outputs() -> None:
    assignment = Assignment(result=True, artifacts_out=(
        ArtifactOut("kept", "/k", "w/k.tgz"), ArtifactOut("absent", "/a", "w/a.tgz", optional=True)))
    message = Handover(result="7", parameters={"size": "3"}, artifacts=["kept"]).to_json()
    seen = read_pod(pod({"phase": "Succeeded", "containerStatuses": [ended(0, message=message)]},
                        **{ASSIGNMENT_ANNOTATION: assignment.to_json()}))
    assert (seen.outputs.result, seen.outputs.parameters) == ("7", {"size": "3"})
    assert seen.outputs.artifacts == ({"name": "kept", "path": "/k", "s3": {"key": "w/k.tgz"}, "archive": {"tar": {}}},)


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_outputs_that_could_not_be_gathered_are_an_error(phase: str) -> None:
    message = Handover(error="no file /out").to_json()
    seen = read_pod(pod({"phase": phase, "containerStatuses": [ended(0, message=message)]},
                        **{ASSIGNMENT_ANNOTATION: Assignment().to_json()}))
    assert (seen.phase, seen.message) == ("Error", "no file /out")


def test_a_program_that_failed_has_failed_though_its_outputs_are_missing_too() -> None:
    message = Handover(error="no file /out").to_json()
    seen = read_pod(pod({"phase": "Failed", "containerStatuses": [ended(2, message=message)]},
                        **{ASSIGNMENT_ANNOTATION: Assignment().to_json()}))
    assert (seen.phase, seen.message) == ("Failed", "main: Error (exit code 2)")


@pytest.mark.parametrize("annotations", [{}, {ASSIGNMENT_ANNOTATION: "{spoilt"}])
def test_a_program_that_writes_what_looks_like_a_handover_hands_nothing_over(annotations: dict[str, str]) -> None:
    message = Handover(result="forged", artifacts=["a"]).to_json()
    seen = read_pod(pod({"phase": "Succeeded", "containerStatuses": [ended(0, message=message)]}, **annotations))
    assert (seen.phase, seen.outputs.result, seen.outputs.artifacts) == ("Succeeded", None, ())


def test_a_pod_of_somebody_else_runs_no_node() -> None:
    assert node_id_of({"metadata": {"name": "x"}}) == ""


def test_a_program_that_ends_well_after_its_deadline_has_failed_all_the_same() -> None:
    late = pod({"phase": "Failed", "reason": "DeadlineExceeded", "containerStatuses": [ended(0)]})
    late["spec"]["containers"] = [{"name": "main"}]
    seen = read_pod(late)
    assert (seen.phase, seen.message) == ("Failed", "Pod was active on the node longer than the specified deadline")
