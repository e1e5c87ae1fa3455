"""The executor in a pod: what is put around the containers, and what stays as the user wrote it."""

import json
from typing import Any

import pytest

from argosy.errors import SpecError
from controller.pods.assignment import ArtifactOut, Assignment, StagedFile
from controller.pods.containers import SCRIPT_PATH
from controller.pods.mounting import ImageCommand, Mounting, mounted

MOUNTING = Mounting({"amd64": "executor-a", "arm64": "executor-b"}, "amd64", {
    "whole": ImageCommand(("/entry", "-x"), ("serve",)), "cmd": ImageCommand((), ("sh",)), "nothing": ImageCommand()})
RESULT = Assignment(result=True)


def pod_of(container: dict[str, Any], assignment: Assignment | None = RESULT, *, sidecars: tuple[dict[str, Any], ...] = (),
           **pod: Any) -> dict[str, Any]:
    whole = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox", **container}, *sidecars], **pod}
    return mounted(whole, {"container": container, "sidecars": list(sidecars)}, assignment, MOUNTING, node_id="w-1",
                   namespace="ns", workflow_name="w")


def main_of(pod: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = pod["containers"][0]
    return found


def variables_of(container: dict[str, Any]) -> dict[str, Any]:
    return {item["name"]: item.get("value", item.get("valueFrom")) for item in container.get("env") or []}


def assignment_in(container: dict[str, Any]) -> Any:
    pieces = {name: value for name, value in variables_of(container).items() if name.startswith("ARGOSY_ASSIGNMENT_JSON")}
    return json.loads("".join(pieces[name] for name in sorted(pieces, key=lambda name: (len(name), name))))


def test_the_executor_comes_in_a_volume_and_starts_the_command_as_it_was_written() -> None:
    pod = pod_of({"command": ["sh", "-c"], "args": ["echo $(X)"], "env": [{"name": "X", "value": "1"}],
                  "volumeMounts": [{"name": "v", "mountPath": "/v"}]}, volumes=[{"name": "v", "emptyDir": {}}])
    main = main_of(pod)
    assert main["command"] == ["/var/run/argosy/argosy-executor", "--", "sh", "-c"]
    assert main["args"] == ["echo $(X)"]
    assert main["env"][0] == {"name": "X", "value": "1"}
    assert main["volumeMounts"] == [{"name": "v", "mountPath": "/v"},
                                    {"name": "argosy-executor", "mountPath": "/var/run/argosy", "readOnly": True}]
    assert pod["volumes"] == [{"name": "v", "emptyDir": {}}, {"name": "argosy-executor", "configMap": {
        "name": "executor-a", "defaultMode": 0o555}}]


@pytest.mark.parametrize(("container", "command", "args"), [
    ({"image": "whole"}, ["/entry", "-x"], ["serve"]),
    ({"image": "whole", "args": ["other"]}, ["/entry", "-x"], ["other"]),
    ({"image": "whole", "command": ["mine"]}, ["mine"], None),
    ({"image": "cmd"}, [], ["sh"]),
])
def test_what_the_container_leaves_to_its_image_is_taken_from_there(
    container: dict[str, Any], command: list[str], args: list[str] | None,
) -> None:
    main = main_of(pod_of(container))
    assert main["command"] == ["/var/run/argosy/argosy-executor", "--", *command]
    assert main.get("args") == args


def test_a_container_that_would_run_nothing_is_told_in_words() -> None:
    with pytest.raises(SpecError, match="container main: names no command, and neither does its image 'nothing'; write"):
        pod_of({"image": "nothing"})


def test_the_assignment_travels_in_variables_that_the_kubelet_does_not_expand() -> None:
    text = "echo $(HOME) $$ é\n" * 20_000
    main = main_of(pod_of({"command": ["sh"]}, Assignment(files=(StagedFile(SCRIPT_PATH, text, 0o755),))))
    pieces = [value for name, value in variables_of(main).items() if name.startswith("ARGOSY_ASSIGNMENT_JSON")]
    assert len(pieces) > 3
    assert all(len(piece.encode()) <= 100_000 and "$" not in piece for piece in pieces)
    assert assignment_in(main)["files"][0]["text"] == text


def test_a_script_gets_a_folder_that_any_user_can_write_to() -> None:
    pod = pod_of({"command": ["sh"]}, Assignment(files=(StagedFile(SCRIPT_PATH, "true", 0o755),)))
    assert {"name": "argosy-staging", "emptyDir": {}} in pod["volumes"]
    assert {"name": "argosy-staging", "mountPath": "/argo/staging"} in main_of(pod)["volumeMounts"]


def test_large_outcomes_go_to_the_api_server_with_the_pods_own_token() -> None:
    variables = variables_of(main_of(pod_of({"command": ["sh"]})))
    assert variables["ARGOSY_RESULT_URL"].endswith("/apis/argoproj.io/v1alpha1/namespaces/ns/workflowtaskresults")
    assert (variables["ARGOSY_RESULT_NAME"], variables["ARGOSY_RESULT_WORKFLOW"]) == ("w-1", "w")
    assert variables["ARGOSY_TOKEN_FILE"] == "/var/run/secrets/kubernetes.io/serviceaccount/token"
    assert variables["ARGOSY_POD_UID"] == {"fieldRef": {"fieldPath": "metadata.uid"}}


def test_a_pod_without_a_token_gets_one_for_the_executor_alone() -> None:
    pod = pod_of({"command": ["sh"]}, automountServiceAccountToken=False)
    assert variables_of(main_of(pod))["ARGOSY_TOKEN_FILE"] == "/var/run/secrets/argosy/token"
    assert any("projected" in volume for volume in pod["volumes"])
    only_files = pod_of({"command": ["sh"]}, Assignment(files=(StagedFile("/a", ""),)), automountServiceAccountToken=False)
    assert not any("projected" in volume for volume in only_files["volumes"])


def test_sidecars_are_ended_by_a_file_that_the_main_container_makes() -> None:
    pod = pod_of({"command": ["sh"]}, None, sidecars=({"name": "db", "image": "whole"},))
    main, sidecar = pod["containers"]
    assert sidecar["command"] == ["/var/run/argosy/argosy-executor", "--sidecar", "--", "/entry", "-x"]
    assert variables_of(main)["ARGOSY_MAIN_ENDED"] == variables_of(sidecar)["ARGOSY_MAIN_ENDED"]
    assert "ARGOSY_ASSIGNMENT_JSON" not in variables_of(sidecar)
    shared = {"name": "argosy-ended", "mountPath": "/var/run/argosy-ended"}
    assert shared in main["volumeMounts"]
    assert shared in sidecar["volumeMounts"]


def test_containers_that_the_user_adds_by_a_patch_run_as_written() -> None:
    extra = {"name": "extra", "image": "x"}
    pod = mounted({"containers": [{"name": "main", "command": ["a"]}, extra]}, {"container": {}}, RESULT, MOUNTING,
                  node_id="w", namespace="ns", workflow_name="w")
    assert pod["containers"][1] == extra


def test_a_message_path_of_the_users_own_is_kept() -> None:
    main = main_of(pod_of({"command": ["sh"], "terminationMessagePath": "/tmp/end"}))
    assert variables_of(main)["ARGOSY_TERMINATION_MESSAGE"] == "/tmp/end"


AFFINITY = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
    {"matchExpressions": [{"key": "kubernetes.io/arch", "operator": "In", "values": ["arm64"]}]}]}}}


@pytest.mark.parametrize(("pod", "architecture"), [
    ({}, "amd64"), ({"nodeSelector": {"kubernetes.io/arch": "arm64"}}, "arm64"), ({"affinity": AFFINITY}, "arm64"),
])
def test_the_program_is_for_the_nodes_that_the_pod_asks_for(pod: dict[str, Any], architecture: str) -> None:
    whole = pod_of({"command": ["sh"]}, **pod)
    assert whole["volumes"][0]["configMap"]["name"] == MOUNTING.config_maps[architecture]
    assert whole["nodeSelector"]["kubernetes.io/arch"] == architecture


def test_a_kind_of_node_without_an_executor_is_refused_in_words() -> None:
    with pytest.raises(SpecError, match=r"nodeSelector: asks for nodes of the kind 's390x'; .* run on amd64 and arm64"):
        pod_of({"command": ["sh"]}, nodeSelector={"kubernetes.io/arch": "s390x"})


def test_what_goes_to_a_store_is_spooled_in_a_folder_that_can_always_be_written() -> None:
    pod = pod_of({"command": ["true"]}, Assignment(logs=ArtifactOut("main-logs", "", "k")))
    assert {"name": "argosy-scratch", "emptyDir": {}} in pod["volumes"]
    assert {"name": "argosy-scratch", "mountPath": "/var/run/argosy-scratch"} in main_of(pod)["volumeMounts"]
    assert variables_of(main_of(pod))["ARGOSY_SCRATCH"] == "/var/run/argosy-scratch"
    assert "argosy-scratch" not in json.dumps(pod_of({"command": ["true"]}))
