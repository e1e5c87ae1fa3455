"""The executor in a pod: what is put around the containers, and what stays as the user wrote it."""

import json
from typing import Any

import pytest

from argosy.errors import SpecError
from controller.pods.assignment import ArtifactIn, ArtifactOut, Assignment, StagedFile
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


# ---- input artifacts that main may not be able to lay ----

FETCHED = Assignment(artifacts_in=(ArtifactIn("code", "/src", "k", url="https://s3/k"),), files=(
    StagedFile("/etc/raw", "words"), StagedFile("/tmp/open", "words")), result=True)


def test_an_init_container_lays_what_main_may_not_be_able_to() -> None:
    pod = pod_of({"command": ["ls"], "resources": {"limits": {"cpu": "1"}}, "env": [{"name": "A", "value": "b"}]}, FETCHED,
                 initContainers=[{"name": "mine", "image": "x"}])
    first, mine = pod["initContainers"]
    assert (first["name"], mine) == ("init", {"name": "mine", "image": "x"})
    assert first["command"] == ["/var/run/argosy/argosy-executor", "--lay"]
    assert (first["image"], first["resources"]) == ("busybox", {"limits": {"cpu": "1"}})
    laid = assignment_in(first)
    assert [item["path"] for item in (*laid["files"], *laid["artifacts_in"])] == [
        "/var/run/argosy-inputs/0", "/var/run/argosy-inputs/1"]
    main = main_of(pod)
    assert [mount for mount in main["volumeMounts"] if mount["name"] == "argosy-inputs"] == [
        {"name": "argosy-inputs", "mountPath": "/etc/raw", "subPath": "0"},
        {"name": "argosy-inputs", "mountPath": "/src", "subPath": "1"}]
    rest = assignment_in(main)
    assert ([item["path"] for item in rest["files"]], rest["artifacts_in"], rest["result"]) == (["/tmp/open"], [], True)
    assert {"name": "argosy-inputs", "emptyDir": {}} in pod["volumes"]


@pytest.mark.parametrize(("path", "container", "pod", "beforehand"), [
    ("/tmp/in", {}, {}, False),
    ("/tmp/in", {"securityContext": {"readOnlyRootFilesystem": True}}, {}, True),
    ("/src/in", {}, {"securityContext": {"runAsUser": 0}}, False),
    ("/src/in", {"securityContext": {"runAsUser": 1000}}, {"securityContext": {"runAsUser": 0}}, True),
    ("/work/in", {"volumeMounts": [{"name": "work", "mountPath": "/work/"}]}, {}, False),
    ("/work", {"volumeMounts": [{"name": "work", "mountPath": "/work"}]}, {}, False),
    ("/workshop", {"volumeMounts": [{"name": "work", "mountPath": "/work"}]}, {}, True),
])
def test_main_lays_what_it_surely_can(path: str, container: dict[str, Any], pod: dict[str, Any], beforehand: bool) -> None:
    found = pod_of({"command": ["ls"], **container}, Assignment(artifacts_in=(ArtifactIn("in", path, "k"),)), **pod)
    assert ("initContainers" in found) == beforehand


def test_the_files_of_a_folder_are_mounted_together_for_all_that_comes_after() -> None:
    files = tuple(ArtifactIn("code", f"/src/{name}", f"k/{name}", archive="none") for name in ("a", "sub/b"))
    whole = {"containers": [{"name": "main", "image": "busybox", "command": ["ls"]}]}
    template = {"container": {"command": ["ls"]}, "inputs": {"artifacts": [{"name": "code", "path": "/src/"}]}}
    pod = mounted(whole, template, Assignment(artifacts_in=files), MOUNTING, node_id="w-1", namespace="ns", workflow_name="w")
    assert [item["path"] for item in assignment_in(pod["initContainers"][0])["artifacts_in"]] == [
        "/var/run/argosy-inputs/0/a", "/var/run/argosy-inputs/0/sub/b"]
    assert {"name": "argosy-inputs", "mountPath": "/src", "subPath": "0"} in main_of(pod)["volumeMounts"]


@pytest.mark.parametrize("template", [
    {"containerSet": {"containers": [{"name": "a"}, {"name": "main"}]}},
    {"container": {"command": ["ls"]}, "initContainers": [{"name": "mine"}]},
])
def test_what_starts_before_main_finds_artifacts_in_the_volumes_that_it_shares(template: dict[str, Any]) -> None:
    mount = {"name": "work", "mountPath": "/work"}
    names = [item["name"] for item in (template.get("containerSet") or {}).get("containers", [{"name": "main"}])]
    whole = {"containers": [{"name": name, "image": "busybox", "command": ["ls"], "volumeMounts": [mount]} for name in names]}
    pod = mounted(whole, template, Assignment(artifacts_in=(ArtifactIn("in", "/work/in", "k"),)), MOUNTING, node_id="w-1",
                  namespace="ns", workflow_name="w")
    first = pod["initContainers"][0]
    assert mount in first["volumeMounts"]
    assert assignment_in(first)["artifacts_in"][0]["path"] == "/work/in"


def test_credentials_come_from_secrets_and_stand_nowhere_in_the_pod() -> None:
    basic = {"usernameSecret": {"name": "s", "key": "user"}, "passwordSecret": {"name": "s", "key": "word"}}
    location = {"http": {"url": "https://example.org/x", "auth": {"basicAuth": basic}}}
    outputs = (ArtifactOut("out", "/tmp/out", "", location=location), ArtifactOut("free", "/tmp/free", "k"))
    work = Assignment(artifacts_in=(ArtifactIn("in", "/src", "", location=location),), artifacts_out=outputs)
    pod = pod_of({"command": ["ls"]}, work)
    first, main = pod["initContainers"][0], main_of(pod)
    for container, kind in ((first, "artifacts_in"), (main, "artifacts_out")):
        assert assignment_in(container)[kind][0]["auth"] == "0"
        assert variables_of(container)["ARGOSY_AUTH_0_USERNAME"] == {"secretKeyRef": {"name": "s", "key": "user"}}
        assert variables_of(container)["ARGOSY_AUTH_0_PASSWORD"] == {"secretKeyRef": {"name": "s", "key": "word"}}
    assert assignment_in(main)["artifacts_out"][1]["auth"] == ""


def test_containers_share_the_room_for_what_they_hand_over() -> None:
    alone = pod_of({"command": ["ls"]})
    assert "ARGOSY_MESSAGE_BYTES" not in variables_of(main_of(alone))
    beside = tuple({"name": name, "image": "x", "command": ["x"]} for name in "abcd")
    assert variables_of(main_of(pod_of({"command": ["ls"]}, sidecars=beside)))["ARGOSY_MESSAGE_BYTES"] == "1755"


def test_those_who_mirror_mains_volumes_see_its_artifacts() -> None:
    sidecar = {"name": "watcher", "image": "x", "command": ["x"]}
    whole = {"containers": [{"name": "main", "image": "busybox", "command": ["ls"]}, sidecar], "initContainers": [
        {"name": "before", "image": "x"}, {"name": "other", "image": "x"}]}
    template = {"container": {"command": ["ls"]}, "sidecars": [{**sidecar, "mirrorVolumeMounts": True}],
                "initContainers": [{"name": "before", "mirrorVolumeMounts": True}, {"name": "other"}]}
    pod = mounted(whole, template, Assignment(artifacts_in=(ArtifactIn("in", "/tmp/in", "k"),)), MOUNTING, node_id="w-1",
                  namespace="ns", workflow_name="w")
    seen = {item["name"] for item in (*pod["containers"], *pod["initContainers"])
            if {"name": "argosy-inputs", "mountPath": "/tmp/in", "subPath": "0"} in item.get("volumeMounts", [])}
    assert seen == {"main", "watcher", "before"}
