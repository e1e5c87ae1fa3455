"""From a Pod to the plan for its shim: variables, images, volumes, paths, probes and status, decided without any I/O."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.embedded.pods.environment import Broken, NotYet, expand, field_of, make_env, quantity, resource_of_container
from argosy.embedded.pods.images import ImageTable
from argosy.embedded.pods.plain import Rewriter
from argosy.embedded.pods.plan import Host, make_plan, references_of
from argosy.embedded.pods.probes import action_of, probes_of
from argosy.embedded.pods.status import failed_status, qos_class, running_status, waiting_status
from argosy.embedded.pods.volumes import mounts_of
from argosy.settings import ImageStandIn

NODE = {"nodeName": "here", "hostIP": "127.0.0.1", "cpu": "2", "memory": "1073741824"}


def pod(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    metadata = {"name": "p", "namespace": "ns", "uid": "u-1", "labels": {"app": "x"}, "annotations": {}}
    whole = [*containers] or [{"name": "main", "image": "busybox"}]
    return {"metadata": metadata, "spec": {"restartPolicy": "Never", "containers": whole, **spec}}


def plan(obj: dict[str, Any], *, isolation: str = "root", images: ImageTable | None = None, **options: Any) -> dict[str, Any]:
    host = Host(isolation=isolation, images=images or ImageTable(), node=NODE, path=options.pop("path", ""))
    return make_plan(obj, {}, host, folder="/f", logs="/l", places=options.pop("places", {}), standins={}, staged=[],
                     deadline=None)


# ---- $(VAR) ----


@pytest.mark.parametrize(("text", "result"), [
    ("$(A)", "1"), ("x$(A)y$(B)", "x1y2"), ("$(NONE)", "$(NONE)"), ("$$(A)", "$(A)"), ("$$$(A)", "$1"), ("$A", "$A"),
    ("$", "$"), ("$(", "$("), ("$()", "$()"), ("$(A", "$(A"), ("$$", "$"),
])
def test_references_are_expanded_as_kubernetes_does(text: str, result: str) -> None:
    assert expand(text, {"A": "1", "B": "2"}) == result


@given(st.text())
def test_text_without_dollars_never_changes(text: str) -> None:
    assert expand(text.replace("$", ""), {"A": "1"}) == text.replace("$", "")


def test_a_variables_value_is_not_expanded_a_second_time() -> None:
    env = make_env({"name": "c", "env": [{"name": "A", "value": "$$(B)"}, {"name": "C", "value": "$(A)"}]}, pod(), {},
                   base={"B": "x"}, node=NODE)
    assert env == {"B": "x", "A": "$(B)", "C": "$(B)"}


def test_a_missing_key_is_waited_for_unless_it_is_optional() -> None:
    source = {"configMapKeyRef": {"name": "c", "key": "k"}}
    container = {"name": "c", "env": [{"name": "A", "valueFrom": source}]}
    found: dict[tuple[str, str], Any] = {("ConfigMap", "c"): {"data": {"other": "x"}}}
    with pytest.raises(NotYet, match="couldn't find key k in ConfigMap c"):
        make_env(container, pod(), found, base={}, node=NODE)
    source["configMapKeyRef"]["optional"] = True  # type: ignore[assignment]  # JSON
    assert make_env(container, pod(), found, base={}, node=NODE) == {}


@pytest.mark.parametrize(("path", "value"), [
    ("metadata.name", "p"), ("metadata.labels['app']", "x"), ("metadata.labels['none']", ""), ("metadata.labels", 'app="x"'),
    ("spec.nodeName", "here"), ("spec.serviceAccountName", "default"), ("status.podIP", "127.0.0.1"),
])
def test_fields_of_the_pod(path: str, value: str) -> None:
    assert field_of(pod(), path, NODE) == value


def test_an_unknown_field_is_told_with_the_known_ones() -> None:
    with pytest.raises(Broken, match=r"fieldPath 'spec\.nope' is not known; use one of metadata\.name"):
        field_of(pod(), "spec.nope", NODE)


@pytest.mark.parametrize(("resource", "divisor", "value"), [
    ("limits.cpu", "1", "2"), ("limits.cpu", "1m", "1500"), ("requests.cpu", "1", "0"), ("limits.memory", "1Mi", "1024"),
])
def test_resources_in_units_of_the_divisor(resource: str, divisor: str, value: str) -> None:
    container = {"name": "c", "resources": {"limits": {"cpu": "1500m"}}}
    assert resource_of_container(container, {"resource": resource, "divisor": divisor}, NODE) == value


def test_quantities() -> None:
    assert (quantity("500m"), quantity("1Gi"), quantity("2e3"), quantity("3")) == (0.5, 2.0**30, 2000.0, 3.0)
    with pytest.raises(Broken, match="'much' is no quantity"):
        quantity("much")


# ---- images and commands ----


@pytest.mark.parametrize(("image", "argv"), [
    ("busybox", ["sh"]), ("docker.io/library/busybox:1.36", ["sh"]), ("python:3.12-slim", ["python3"]),
    ("registry.acme.io:5000/tools/python:3", ["python3"]), ("alpine@sha256:abc", ["/bin/sh"]), ("debian:12", ["bash"]),
])
def test_images_that_everybody_knows_have_their_command(image: str, argv: list[str]) -> None:
    assert plan(pod({"name": "main", "image": image}))["containers"][0]["argv"] == argv


def test_command_and_args_stand_before_the_images_own() -> None:
    images = ImageTable([ImageStandIn("x/y", entrypoint=("entry",), command=("cmd",))])
    for fields, argv in (({}, ["entry", "cmd"]), ({"args": ["a"]}, ["entry", "a"]), ({"command": ["c"]}, ["c"]),
                         ({"command": ["c"], "args": ["a"]}, ["c", "a"])):
        assert plan(pod({"name": "main", "image": "x/y:1", **fields}), images=images)["containers"][0]["argv"] == argv


def test_the_settings_stand_before_the_built_in_images() -> None:
    images = ImageTable([ImageStandIn("busybox:1.*", command=("mine",))])
    assert images.find("busybox:1.36").command == ("mine",)
    assert images.find("busybox:2").command == ("sh",)


def test_args_for_an_image_that_nobody_knows_are_no_command() -> None:
    with pytest.raises(Broken, match="container 'main' has no command, and what image 'acme/x' would run is not known here"):
        plan(pod({"name": "main", "image": "acme/x", "args": ["rm", "-rf"]}))


def test_the_path_is_the_systems_own_first() -> None:
    env = plan(pod({"name": "main", "image": "golang:1"}), path="/opt/x:/usr/bin")["containers"][0]["env"]
    assert env["PATH"] == "/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/x"


@pytest.mark.parametrize("name", ["../../etc", "a/b", "", "UP", "-x"])
def test_names_that_would_leave_the_pods_folder_are_refused(name: str) -> None:
    with pytest.raises(Broken, match="is not allowed"):
        references_of(pod({"name": name}))
    with pytest.raises(Broken, match="is not allowed"):
        references_of(pod(volumes=[{"name": name, "emptyDir": {}}]))


def test_an_annotation_that_names_a_container_which_is_not_there_is_told() -> None:
    obj = pod()
    obj["metadata"]["annotations"]["argosy.dev/main"] = "mian"
    with pytest.raises(Broken, match="has no container 'mian'"):
        plan(obj)


def test_capabilities_follow_the_security_context() -> None:
    def kept(**context: Any) -> list[str] | None:
        value: list[str] | None = plan(pod({"name": "main", "image": "busybox", "securityContext": context}))[
            "containers"][0]["capabilities"]
        return value

    assert "SYS_ADMIN" not in (kept() or [])
    assert kept(capabilities={"drop": ["ALL"], "add": ["CHOWN"]}) == ["CHOWN"]
    assert kept(privileged=True) is None


def test_mounts_are_made_outermost_first_and_an_unknown_volume_is_told() -> None:
    container = {"name": "c", "volumeMounts": [{"name": "v", "mountPath": "/a/b/c"}, {"name": "v", "mountPath": "/a"},
                                               {"name": "v", "mountPath": "/a/b", "subPathExpr": "$(X)"}]}
    mounts = mounts_of(container, {"v": ("bind", "/s")}, {"X": "sub"})
    assert [mount["target"] for mount in mounts] == ["/a", "/a/b", "/a/b/c"]
    assert mounts[1]["sub_path"] == "sub"
    with pytest.raises(Broken, match="mounts volume 'v', which the pod does not have"):
        mounts_of(container, {}, {})


# ---- plain mode ----


@pytest.mark.parametrize(("text", "result"), [
    ("cat /tmp/out", "cat /r/tmp/out"), ("/tmp/out/x", "/r/tmp/out/x"), ("/tmp/outer", "/tmp/outer"),
    ("x/tmp/out", "x/tmp/out"),
    (">/tmp/out;", ">/r/tmp/out;"), ("--file=/tmp/out", "--file=/r/tmp/out"), ("/tmp", "/tmp"),
])
def test_in_plain_mode_known_paths_move_into_the_private_folder(text: str, result: str) -> None:
    assert Rewriter("/r", ["/tmp/out", "/"])(text) == result


# ---- probes ----


def test_probes_take_kubernetes_defaults_and_named_ports() -> None:
    container = {"name": "c", "ports": [{"name": "http", "containerPort": 8080}],
                 "readinessProbe": {"httpGet": {"port": "http", "path": "/up"}}}
    probe = probes_of(container)["readiness"]
    assert (probe["period"], probe["timeout"], probe["success"], probe["failure"]) == (10, 1, 1, 3)
    assert (probe["action"]["port"], probe["action"]["path"], probe["action"]["scheme"]) == (8080, "/up", "HTTP")
    with pytest.raises(Broken, match="has no port named 'grpc'"):
        action_of({"tcpSocket": {"port": "grpc"}}, container, "readinessProbe")
    with pytest.raises(Broken, match="must be one of exec, httpGet, tcpSocket and sleep, found grpc"):
        action_of({"grpc": {"port": 1}}, container, "readinessProbe")


# ---- status ----


def state(phase: str, failed: bool = False, **members: Any) -> dict[str, Any]:
    return {"phase": phase, "failed": failed, "reason": "", "message": "", "began": 1000.0, "assigned": "main",
            "containers": members}


RUNNING = {"state": "running", "restarts": 0, "ready": True, "started": True, "started_at": 1000.0}
DONE = {"state": "terminated", "restarts": 0, "ready": False, "started": False, "reason": "Completed", "exit_code": 0,
        "signal": 0, "started_at": 1000.0, "finished_at": 1001.0, "message": "theirs"}


def conditions(status: dict[str, Any]) -> dict[str, str]:
    return {item["type"]: item["status"] for item in status["conditions"]}


def test_a_running_pod_is_ready_and_a_finished_one_carries_the_handover() -> None:
    status = running_status(pod(), state("Running", main=RUNNING), isolation="root")
    assert status["phase"] == "Running"
    assert conditions(status)["Ready"] == "True"
    status = running_status(pod(), state("Ended", main=DONE), isolation="root", handover="ours")
    assert status["phase"] == "Succeeded"
    assert status["containerStatuses"][0]["state"]["terminated"] == {
        "exitCode": 0, "reason": "Completed", "message": "ours", "startedAt": "1970-01-01T00:16:40Z",
        "finishedAt": "1970-01-01T00:16:41Z"}


def test_a_pod_is_pending_while_its_init_containers_run() -> None:
    obj = pod(initContainers=[{"name": "first", "image": "busybox"}])
    waiting = {"state": "waiting", "restarts": 0, "ready": False, "started": False}
    status = running_status(obj, state("Running", first=RUNNING | {"started": False}, main=waiting), isolation="plain")
    assert status["phase"] == "Pending"
    assert conditions(status)["Initialized"] == "False"
    assert conditions(status)["argosy.dev/Isolated"] == "False"


def test_pods_that_never_began_say_why() -> None:
    status = waiting_status(pod(), reason="Unschedulable", message="full", scheduled=False, now=0.0)
    assert (status["phase"], status["conditions"][0]["reason"]) == ("Pending", "Unschedulable")
    status = failed_status(pod(), reason="StartError", message="why", isolation="root", now=0.0)
    ended = status["containerStatuses"][0]["state"]["terminated"]
    assert (status["phase"], ended["exitCode"], ended["message"]) == ("Failed", 128, "why")


@pytest.mark.parametrize(("resources", "qos"), [
    ({}, "BestEffort"), ({"requests": {"cpu": "1"}}, "Burstable"),
    ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
    ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}, "Burstable"),
])
def test_quality_of_service(resources: dict[str, Any], qos: str) -> None:
    assert qos_class(pod({"name": "main", "resources": resources})) == qos
