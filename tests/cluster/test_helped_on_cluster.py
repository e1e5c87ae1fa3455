"""Container sets and resource templates on a real cluster: containers in their order, objects made, awaited and read."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from argosy.kube.contract import Object
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import CONFIG_MAPS, ROLE_BINDINGS, ROLES, SECRETS, SERVICES
from argosy.lifecycle import running
from tests.cluster.at_work import controller_of, nodes_of, run

BOX = {"image": "busybox"}
SHARED = {"volumes": [{"name": "work", "emptyDir": {}}]}
MOUNTS = [{"name": "work", "mountPath": "/work"}]


@pytest.fixture
async def controller(kube: RemoteKube, namespace: str, own_image: str) -> AsyncIterator[None]:
    async with running([controller_of(kube, namespace, own_image=own_image)]):
        yield


@pytest.fixture
async def config_maps_allowed(kube: RemoteKube, namespace: str) -> None:
    """Pods of the namespace may do what they like with its ConfigMaps and workflows."""
    await kube.create(ROLES, {"metadata": {"name": "helper"}, "rules": [
        {"apiGroups": ["", "argoproj.io"], "resources": ["configmaps", "workflows"], "verbs": ["*"]}]}, namespace=namespace)
    await kube.create(ROLE_BINDINGS, {
        "metadata": {"name": "helper"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "helper"},
        "subjects": [{"kind": "ServiceAccount", "name": "default"}]}, namespace=namespace)


def container(name: str, script: str, *, after: tuple[str, ...] = ()) -> Object:
    return {**BOX, "name": name, "command": ["sh", "-c", script], "dependencies": list(after)}


def resource(name: str, action: str, manifest: str = "", *, fields: dict[str, str] | None = None, **more: Any) -> Object:
    """A resource template whose output parameters are read from the object."""
    template: Object = {"name": name, "resource": {"action": action, "manifest": manifest, **more}}
    if fields:
        template["outputs"] = {"parameters": [
            {"name": key, "valueFrom": {"jsonPath": path}} for key, path in fields.items()]}
    return template


def steps(*names: str) -> Object:
    return {"name": "main", "steps": [[{"name": name, "template": name}] for name in names]}


def config_map(name: str, value: str = "") -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{key: '{value}'}}\n"


async def test_containers_of_a_set_run_in_their_order(kube: RemoteKube, namespace: str, controller: None) -> None:
    status = await run(kube, namespace, {
        "name": "main", **SHARED,
        "containerSet": {"volumeMounts": MOUNTS, "containers": [
            container("main", "echo main >> /work/said; echo result", after=("b",)),
            container("b", "sleep 1; echo b >> /work/said", after=("a",)),
            container("a", "sleep 1; echo a >> /work/said"),
            container("late", "sleep 1; echo late >> /work/said", after=("main",))]},
        "outputs": {"parameters": [{"name": "said", "valueFrom": {"path": "/work/said"}}]}})
    assert status["phase"] == "Succeeded", status
    assert nodes_of(status)["flow"]["outputs"]["parameters"][0]["value"].split() == ["a", "b", "main", "late"]
    assert {name: node["phase"] for name, node in nodes_of(status).items() if node["type"] == "Container"} == dict.fromkeys(
        ("main", "a", "b", "late"), "Succeeded")


async def test_what_follows_a_failed_container_is_left_out(kube: RemoteKube, namespace: str, controller: None) -> None:
    status = await run(kube, namespace, {"name": "main", "containerSet": {"containers": [
        container("z", "exit 3"), container("main", "true", after=("z",)), container("free", "true")]}})
    nodes = nodes_of(status)
    assert (status["phase"], nodes["flow"]["message"]) == ("Failed", "z: Error (exit code 3)")
    assert nodes["main"]["message"] == 'main: Error (exit code 64): dependency "z" exited with non-zero code: 3'
    assert [nodes[name]["phase"] for name in ("z", "main", "free")] == ["Failed", "Error", "Succeeded"]


async def test_a_container_of_a_set_is_tried_again(kube: RemoteKube, namespace: str, controller: None) -> None:
    status = await run(kube, namespace, {"name": "main", **SHARED, "containerSet": {
        "volumeMounts": MOUNTS, "retryStrategy": {"retries": 2, "duration": "100ms"}, "containers": [
            container("a", "echo x >> /work/tries; [ $(wc -l < /work/tries) = 3 ]"),
            container("b", "true", after=("a",))]}})
    assert status["phase"] == "Succeeded", status


@pytest.mark.usefixtures("controller", "config_maps_allowed")
async def test_an_object_is_made_awaited_and_deleted(kube: RemoteKube, namespace: str) -> None:
    status = await run(
        kube, namespace, steps("make", "change", "await", "delete"),
        resource("make", "create", config_map("thing", "first"), setOwnerReference=True,
                 fields={"uid": "{.metadata.uid}", "key": "is {.data.key}"}),
        resource("change", "patch", "data: {key: second}", mergeStrategy="merge", flags=["configmap", "thing"]),
        resource("await", "get", config_map("thing"), successCondition="data.key == second", fields={"key": "{.data.key}"}),
        resource("delete", "delete", flags=["configmap", "thing"]))
    assert status["phase"] == "Succeeded", status
    made = {item["name"]: item["value"] for item in nodes_of(status)["make"]["outputs"]["parameters"]}
    assert made["key"] == "is first"
    assert len(made["uid"]) == 36
    assert nodes_of(status)["await"]["outputs"]["parameters"][0]["value"] == "second"
    names = [item["metadata"]["name"] for item in (await kube.list(CONFIG_MAPS, namespace=namespace)).items]
    assert "thing" not in names


@pytest.mark.usefixtures("controller", "config_maps_allowed")
async def test_a_manifest_may_come_from_an_artifact(kube: RemoteKube, namespace: str) -> None:
    artifact = {"name": "manifest", "path": "/tmp/manifest.yaml", "raw": {"data": config_map("thing", "from a file")}}
    status = await run(kube, namespace, {
        "name": "main", "inputs": {"artifacts": [artifact]},
        "resource": {"action": "apply", "manifestFrom": {"artifact": {"name": "manifest"}}}})
    assert status["phase"] == "Succeeded", status
    assert (await kube.get(CONFIG_MAPS, "thing", namespace=namespace))["data"] == {"key": "from a file"}


@pytest.mark.usefixtures("controller", "config_maps_allowed")
async def test_a_workflow_waits_for_another_workflow(kube: RemoteKube, namespace: str) -> None:
    child = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: child-}
spec:
  entrypoint: main
  templates:
  - name: main
    container: {image: busybox, command: [sh, -c, "sleep 1; exit %d"]}
"""
    conditions = {"successCondition": "status.phase == Succeeded", "failureCondition": "status.phase in (Failed, Error)"}
    status = await run(kube, namespace, steps("good", "bad"), resource("good", "create", child % 0, **conditions),
                         resource("bad", "create", child % 1, **conditions))
    nodes = nodes_of(status)
    assert nodes["good"]["phase"] == "Succeeded", nodes["good"]
    assert (nodes["bad"]["phase"], nodes["bad"]["message"]) == (
        "Failed", "main: Error (exit code 64): failure condition '{status.phase in [Error Failed]}' evaluated true")


async def test_any_kind_that_the_cluster_serves_can_be_worked_on(kube: RemoteKube, namespace: str, controller: None) -> None:
    await kube.create(ROLES, {"metadata": {"name": "jobs"}, "rules": [
        {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["*"]}]}, namespace=namespace)
    await kube.create(ROLE_BINDINGS, {
        "metadata": {"name": "jobs"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "jobs"},
        "subjects": [{"kind": "ServiceAccount", "name": "default"}]}, namespace=namespace)
    job = """
apiVersion: batch/v1
kind: Job
metadata: {generateName: count-}
spec:
  completions: 2
  template: {spec: {restartPolicy: Never, containers: [{name: c, image: busybox, command: ["true"]}]}}
"""
    status = await run(
        kube, namespace, steps("run", "clear"),
        resource("run", "create", job, successCondition="status.succeeded > 1", failureCondition="status.failed > 0",
                 fields={"done": "{.status.succeeded}"}),
        resource("clear", "delete", flags=["jobs.batch", "--all"]))
    assert status["phase"] == "Succeeded", nodes_of(status)
    assert nodes_of(status)["run"]["outputs"]["parameters"][0]["value"] == "2"


async def test_a_request_is_made_in_a_pod_and_its_answer_is_the_result(
    kube: RemoteKube, namespace: str, controller: None,
) -> None:
    await kube.create(SECRETS, {"metadata": {"name": "s"}, "stringData": {"k": "application/yaml"}}, namespace=namespace)
    server = (await kube.get(SERVICES, "kubernetes", namespace="default"))["spec"]["clusterIP"]

    def ask(name: str, path: str, **more: Any) -> Object:
        return {"name": name, "http": {"url": f"https://{server}{path}", "insecureSkipVerify": True, **more}}

    status = await run(
        kube, namespace, {"name": "main", "steps": [[
            {"name": name, "template": name, "continueOn": {"failed": True}} for name in ("good", "bad", "held")]]},
        ask("good", "/version", successCondition='response.body contains "gitVersion"'), ask("bad", "/apis"),
        ask("held", "/version", headers=[{"name": "Accept", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
            successCondition='request.headers["Accept"][0] == ""'))
    nodes = nodes_of(status)
    assert [nodes[name]["type"] for name in ("good", "bad", "held")] == ["HTTP"] * 3
    assert nodes["good"]["phase"] == "Succeeded", nodes["good"]
    assert '"gitVersion"' in nodes["good"]["outputs"]["result"]
    assert (nodes["bad"]["phase"], nodes["bad"]["message"]) == ("Failed", "received non-2xx response code: 403")
    assert nodes["held"]["phase"] == "Succeeded", nodes["held"]


async def test_what_the_service_account_may_not_do_is_told(kube: RemoteKube, namespace: str, controller: None) -> None:
    status = await run(kube, namespace, resource("main", "create", config_map("thing")))
    message = nodes_of(status)["flow"]["message"]
    assert message.startswith("main: Error (exit code 64): Error from server (Forbidden): configmaps is forbidden"), message


async def test_without_an_image_of_our_own_a_resource_template_says_what_to_do(kube: RemoteKube, namespace: str) -> None:
    async with running([controller_of(kube, namespace)]):
        status = await run(kube, namespace, resource("main", "create", config_map("thing")))
    assert status["phase"] == "Error"
    assert "start it with --image NAME or set ARGOSY_IMAGE" in nodes_of(status)["flow"]["message"]
