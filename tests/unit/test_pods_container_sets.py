"""Pods of container sets and resource templates: what they are made of, what their status means, what the executor is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from argosy.errors import SpecError
from controller.engine import ContainerSeen, WantedPod
from controller.pods.assignment import ASSIGNMENT_ANNOTATION, Assignment, Handover, ParameterOut, ResourceWork
from controller.pods.container_sets import SET_ANNOTATION, Turn, turns_from, turns_of, turns_to_json
from controller.pods.manifest import NODE_ID_ANNOTATION, build_pod
from controller.pods.mounting import Mounting
from controller.pods.resource_work import as_files, assignment_of
from controller.pods.seen import read_pod

WORKFLOW = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
            "metadata": {"name": "w", "namespace": "argo", "uid": "u"}}
MOUNTING = Mounting({"amd64": "argosy-executor-1"}, "amd64", own_image="our/own:1")
MOUNT = {"name": "work", "mountPath": "/work"}


def container(name: str, *after: str) -> dict[str, Any]:
    return {"name": name, "image": "busybox", "command": ["true"], "dependencies": list(after)}


def set_of(*containers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "t", "volumes": [{"name": "work", "emptyDir": {}}], **more,
            "containerSet": {"containers": list(containers), "volumeMounts": [MOUNT]}}


def wanted(template: dict[str, Any], **more: Any) -> WantedPod:
    return WantedPod("w-1", "w", "w", "t", template, more.pop("inputs", {}), wants_result=False, **more)


def pod_of(template: dict[str, Any], *, assignment: Assignment | None = None,
           mounting: Mounting | None = None) -> dict[str, Any]:
    return build_pod(wanted(template), WORKFLOW, {}, now=0.0, assignment=assignment, mounting=mounting)


def told(container: dict[str, Any]) -> dict[str, Any]:
    variables = {item["name"]: item.get("value") for item in container.get("env") or ()}
    found: dict[str, Any] = json.loads(variables["ARGOSY_ASSIGNMENT_JSON"])
    return found


# ---- container sets ----


def test_a_set_is_a_pod_of_its_containers_with_the_shared_mounts() -> None:
    pod = pod_of(set_of(container("a"), container("b", "a")))
    assert pod["spec"]["containers"] == [
        {"name": name, "image": "busybox", "command": ["true"], "volumeMounts": [MOUNT]} for name in ("a", "b")]
    assert pod["spec"]["volumes"] == [{"name": "work", "emptyDir": {}}]
    assert turns_from(pod) == (Turn("a"), Turn("b", ("a",)))
    assert pod["metadata"]["annotations"]["kubectl.kubernetes.io/default-container"] == "b"


@pytest.mark.parametrize(("strategy", "turn"), [
    ({"retries": 2, "duration": "500ms"}, Turn("a", (), 2, 0.5)), ({"retries": "3"}, Turn("a", (), 3, 0.0)), ({}, Turn("a"))])
def test_the_sets_retry_strategy_is_that_of_each_container(strategy: dict[str, Any], turn: Turn) -> None:
    template = set_of(container("a"))
    template["containerSet"]["retryStrategy"] = strategy
    assert turns_of(template) == (turn,)


@pytest.mark.parametrize("strategy", [{"retries": "many"}, {"retries": -1}, {"retries": 1, "duration": "soon"}])
def test_a_retry_strategy_that_cannot_be_read_is_told(strategy: dict[str, Any]) -> None:
    template = set_of(container("a"))
    template["containerSet"]["retryStrategy"] = strategy
    with pytest.raises(SpecError, match=r"containerSet\.retryStrategy"):
        turns_of(template)


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"container": "a"}]', "null"])
def test_a_spoilt_annotation_is_no_container_set(text: str) -> None:
    assert turns_from({"metadata": {"annotations": {SET_ANNOTATION: text}}}) == ()


def test_the_executor_is_told_each_containers_turn_and_main_waits_for_all_to_hand_over() -> None:
    assignment = Assignment(parameters=(ParameterOut("p", "/work/p"),))
    pod = pod_of(set_of(container("a"), container("main", "a"), container("late", "main")), assignment=assignment,
                 mounting=MOUNTING)
    a, main, late = (told(item) for item in pod["spec"]["containers"])
    assert (a["turn"]["after"], a["turn"]["hands_over"], a["parameters"]) == ([], False, [])
    assert (main["turn"]["after"], main["turn"]["others"], main["turn"]["hands_over"]) == (["a"], ["a", "late"], True)
    assert main["parameters"] == [{"name": "p", "path": "/work/p", "default": None}]
    assert (late["turn"]["after"], late["turn"]["others"]) == (["main"], [])
    folders = {mount["mountPath"] for item in pod["spec"]["containers"] for mount in item["volumeMounts"]}
    assert a["turn"]["folder"] in folders
    assert [item["command"][-2:] for item in pod["spec"]["containers"]] == [["--", "true"]] * 3


def test_sidecars_of_a_set_are_told_of_its_end_by_the_last_container() -> None:
    template = set_of(container("a"), container("b"), sidecars=[{"name": "beside", "image": "x", "command": ["y"]}])
    pod = pod_of(template, mounting=MOUNTING)
    ended = [name for item in pod["spec"]["containers"] for name in [item["name"]]
             if any(each["name"] == "ARGOSY_MAIN_ENDED" for each in item["env"])]
    assert ended == ["b", "beside"]
    assert told(pod["spec"]["containers"][1])["turn"]["others"] == ["a"]


# ---- what their status means ----


def status_of(name: str, *, code: int | None = None, message: str = "", running: bool = False) -> dict[str, Any]:
    state: dict[str, Any] = {"waiting": {"reason": "PodInitializing"}}
    if running:
        state = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
    if code is not None:
        state = {"terminated": {"exitCode": code, "reason": "Error" if code else "Completed", "message": message,
                                "finishedAt": f"2026-01-01T00:00:0{len(name)}Z"}}
    return {"name": name, "state": state, "ready": running}


def seen(phase: str, *statuses: dict[str, Any], assignment: Assignment | None = None, **status: Any) -> Any:
    turns = tuple(Turn(item["name"]) for item in statuses)
    annotations = {NODE_ID_ANNOTATION: "w-1", SET_ANNOTATION: turns_to_json(turns)}
    if assignment:
        annotations[ASSIGNMENT_ANNOTATION] = assignment.to_json()
    return read_pod({"metadata": {"name": "w", "annotations": annotations},
                     "spec": {"containers": [{"name": item["name"]} for item in statuses]},
                     "status": {"phase": phase, "containerStatuses": list(statuses), **status}})


def test_each_container_has_the_phase_of_its_own_state() -> None:
    pod = seen("Running", status_of("a", code=0), status_of("b", running=True), status_of("c"))
    assert pod.phase == "Running"
    assert [(item.name, item.phase) for item in pod.containers] == [("a", "Succeeded"), ("b", "Running"), ("c", "Pending")]


def test_the_failure_that_made_the_others_fail_is_the_pods() -> None:
    pod = seen("Failed", status_of("b", code=64, message="left out"), status_of("z", code=3, message="my words"),
               status_of("c", running=True))
    assert (pod.phase, pod.message, pod.exit_code) == ("Failed", "z: Error (exit code 3): my words", None)
    assert pod.containers[0] == ContainerSeen("b", "Error", "b: Error (exit code 64): left out", pod.containers[0].finished_at)
    assert [item.phase for item in pod.containers] == ["Error", "Failed", "Failed"]
    assert pod.containers[2].message == "Pod Failed whilst container running"


def test_a_sets_pod_ends_with_its_last_container_and_has_mains_exit_code() -> None:
    pod = seen("Succeeded", status_of("main", code=0), status_of("longest", code=0))
    assert (pod.phase, pod.exit_code) == ("Succeeded", 0)
    assert pod.finished_at == pod.containers[1].finished_at


def test_what_the_command_itself_said_is_in_the_message() -> None:
    pod = seen("Failed", status_of("main", code=1, message=Handover(message="disk full\n").to_json()), assignment=Assignment())
    assert pod.message == "main: Error (exit code 1): disk full"


def test_a_set_whose_pod_the_cluster_took_away_is_lost() -> None:
    pod = seen("Failed", status_of("a", code=137), reason="Evicted", message="The node was low on memory.")
    assert (pod.phase, pod.lost, pod.message) == ("Error", True, "The node was low on memory.")


# ---- resource templates ----


def resource(action: str = "create", **more: Any) -> dict[str, Any]:
    return {"name": "t", "resource": {"action": action, "manifest": "kind: X", **more}}


def test_a_resource_templates_work_is_told_in_full() -> None:
    template = {**resource(setOwnerReference=True, successCondition="a == b", flags=["-n", "x"], mergeStrategy="merge"),
                "outputs": {"parameters": [{"name": "p", "valueFrom": {"jsonPath": "{.x}", "default": 3}}]}}
    assignment = assignment_of(wanted(template), WORKFLOW, {})
    assert assignment is not None
    work = assignment.work
    assert work is not None
    assert (work.action, work.namespace, work.manifest, work.flags) == ("create", "argo", "kind: X", ("-n", "x"))
    assert work.owner is not None
    assert (work.owner["kind"], work.owner["uid"], work.parameters[0].default) == ("Workflow", "u", "3")
    assert ResourceWork.from_json(work.to_json()) == work
    assert Assignment.from_json(assignment.to_json()) == assignment


def test_generated_names_differ_from_attempt_to_attempt_and_stay_for_each() -> None:
    def suffix(pod_name: str) -> str:
        made = assignment_of(WantedPod("w-1", "w", pod_name, "t", resource(), {}, wants_result=False), WORKFLOW, {})
        assert made is not None
        assert made.work is not None
        return made.work.suffix

    assert suffix("w-1") == suffix("w-1") != suffix("w-2")
    assert len(suffix("w-1")) == 5


def test_in_a_cluster_our_own_image_does_the_work_under_the_executor() -> None:
    template = {**resource(), "outputs": {"parameters": [{"name": "p", "valueFrom": {"jsonPath": "{.x}"}}]}}
    made = assignment_of(wanted(template), WORKFLOW, {})
    assert made is not None
    assignment = as_files(made)
    pod = pod_of(template, assignment=assignment, mounting=MOUNTING)
    main = pod["spec"]["containers"][0]
    assert main["image"] == "our/own:1"
    file, = told(main)["files"]
    assert file["path"] == main["command"][-1]
    assert json.loads(file["text"])["manifest"] == "kind: X"
    assert [item["name"] for item in told(main)["parameters"]] == ["p"]


REQUEST = {"name": "t", "http": {"url": "http://example.com"}}


@pytest.mark.parametrize("template", [resource(), REQUEST], ids=["resource", "http"])
def test_our_own_program_runs_where_only_restricted_pods_may(template: dict[str, Any]) -> None:
    made = assignment_of(wanted(template), WORKFLOW, {})
    assert made is not None
    pod = pod_of(template, assignment=as_files(made), mounting=MOUNTING)["spec"]
    (main,) = pod["containers"]
    assert main["securityContext"] == {
        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True,
        "runAsNonRoot": True, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"}}
    written = {mount["mountPath"] for mount in main["volumeMounts"] if not mount.get("readOnly")}
    (file,) = told(main)["files"]
    assert str(Path(file["path"]).parent) in written


def test_what_a_patch_says_of_our_own_programs_user_counts() -> None:
    template = {**resource(), "podSpecPatch": '{"containers": [{"name": "main", "securityContext": {"runAsUser": 1000}}]}'}
    made = assignment_of(wanted(template), WORKFLOW, {})
    assert made is not None
    context = pod_of(template, assignment=as_files(made), mounting=MOUNTING)["spec"]["containers"][0]["securityContext"]
    assert (context["runAsUser"], context["runAsNonRoot"]) == (1000, True)


def test_a_manifest_from_an_artifact_is_laid_before_our_own_program_whose_root_is_read_only() -> None:
    template = resource(manifestFrom={"artifact": {"name": "m"}})
    inputs = {"artifacts": [{"name": "m", "path": "/tmp/manifest.yaml", "s3": {"key": "k"}}]}
    made = assignment_of(wanted(template, inputs=inputs), WORKFLOW, {})
    assert made is not None
    pod = pod_of(template, assignment=as_files(made), mounting=MOUNTING)["spec"]
    (first,), (main,) = pod["initContainers"], pod["containers"]
    assert (first["image"], first["securityContext"]) == ("our/own:1", main["securityContext"])
    assert "/tmp/manifest.yaml" in {mount["mountPath"] for mount in main["volumeMounts"]}


def test_where_pods_are_processes_our_own_program_is_no_container() -> None:
    assert pod_of(resource())["spec"]["containers"][0] == {
        "name": "main", "image": "argosy", "command": ["python3", "-m", "argosy.cli.main", "resource", "/tmp/argosy/work.json"]}


def test_a_users_container_keeps_what_it_says_of_its_rights() -> None:
    template = {"name": "t", "container": {"image": "busybox", "command": ["id"]}}
    pod = pod_of(template, assignment=Assignment(result=True), mounting=MOUNTING)["spec"]
    assert "securityContext" not in pod["containers"][0]


@pytest.mark.parametrize(("template", "message"), [
    (resource("make"), "resource.action: is 'make'"),
    (resource("patch", mergeStrategy="deep"), "resource.mergeStrategy: is 'deep'"),
    (resource("delete", failureCondition="a == b"), "there is nothing left to look at"),
    (resource(manifestFrom={"artifact": {"name": "m"}}), "names 'm', which is no input artifact"),
])
def test_work_that_makes_no_sense_is_told(template: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        assignment_of(wanted(template), WORKFLOW, {})
