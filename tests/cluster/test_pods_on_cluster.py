"""What a real cluster does to pods, what a template may say about them there, and how they go."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from argosy.kube.contract import Object, Resource
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import EVENTS, POD_DISRUPTION_BUDGETS, PODS, WORKFLOWS
from argosy.lifecycle import running
from tests.cluster.at_work import ENDED, controller_of, gone, until


@pytest.fixture(autouse=True)
async def controller(kube: RemoteKube, namespace: str) -> AsyncIterator[None]:
    """A controller at work in the namespace."""
    async with running([controller_of(kube, namespace)]):
        yield


async def run(kube: RemoteKube, namespace: str, template: Object, **spec: Any) -> None:
    await kube.create(WORKFLOWS, {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "flow"},
        "spec": {"entrypoint": "main", "templates": [{"name": "main", **template}], **spec}}, namespace=namespace)


def shell(script: str, **more: Any) -> Object:
    return {"image": "busybox", "command": ["sh", "-c", script], **more}


async def pod_node(kube: RemoteKube, namespace: str, *, phases: tuple[str, ...] = ENDED, says: str = "") -> Object:
    """The workflow's one pod node, once it is in one of the phases and its message has the words."""
    def found(workflow: Object) -> list[Object]:
        nodes = ((workflow.get("status") or {}).get("nodes") or {}).values()
        return [node for node in nodes if node["type"] == "Pod" and node["phase"] in phases and says in node.get("message", "")]

    return found(await until(kube, WORKFLOWS, namespace, found))[0]


async def test_a_pod_that_used_too_much_memory_has_failed(kube: RemoteKube, namespace: str) -> None:
    script = "x=aaaaaaaa; while true; do x=$x$x; done"
    await run(kube, namespace, {"container": shell(script, resources={"limits": {"memory": "16Mi"}})})
    node = await pod_node(kube, namespace)
    assert (node["phase"], node["message"]) == ("Failed", "main: OOMKilled (exit code 137)")


async def test_a_program_that_does_not_exist_is_told(kube: RemoteKube, namespace: str) -> None:
    await run(kube, namespace, {"container": {"image": "busybox", "command": ["no-such-program"]}})
    node = await pod_node(kube, namespace)
    assert node["phase"] == "Failed"
    assert "no-such-program" in node["message"]


async def test_a_pod_past_its_deadline_has_failed(kube: RemoteKube, namespace: str) -> None:
    await run(kube, namespace, {"activeDeadlineSeconds": 1, "container": shell("sleep 60"),
                                "podSpecPatch": "terminationGracePeriodSeconds: 0"})
    node = await pod_node(kube, namespace)
    assert node["phase"] == "Failed"
    assert node["message"].startswith("Pod was active on the node longer than the specified deadline")


@pytest.mark.parametrize(("change", "says"), [
    ({"container": shell("true", image="no-such-registry.invalid/x:1", imagePullPolicy="Always")}, "ImagePull"),
    ({"container": shell("true", image="Not A Name")}, "InvalidImageName"),
    ({"container": shell("true"), "nodeSelector": {"no": "node"}}, "Unschedulable"),
    ({"container": shell("true", envFrom=[{"configMapRef": {"name": "absent"}}])}, "CreateContainerConfigError"),
])
async def test_a_pod_that_cannot_begin_says_why(change: Object, says: str, kube: RemoteKube, namespace: str) -> None:
    await run(kube, namespace, change)
    assert await pod_node(kube, namespace, phases=("Pending",), says=says)


async def test_an_evicted_pod_is_told_apart_and_tried_again(kube: RemoteKube, namespace: str) -> None:
    await run(kube, namespace, {"container": shell("sleep 60"), "retryStrategy": {"limit": 1},
                                "podSpecPatch": "terminationGracePeriodSeconds: 1"})
    pod = await until(kube, PODS, namespace, lambda pod: pod["status"].get("phase") == "Running")
    name = pod["metadata"]["name"]
    eviction = Resource("", "v1", f"pods/{name}/eviction", "Eviction")
    await kube.create(eviction, {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}},
                      namespace=namespace)
    node = await pod_node(kube, namespace)
    assert (node["phase"], node["message"][:42]) == ("Error", "pod lost: EvictionByEvictionAPI: Eviction ")
    assert await until(kube, PODS, namespace, lambda other: other["metadata"]["name"] != name)


async def test_a_pod_that_somebody_deleted_is_an_error(kube: RemoteKube, namespace: str) -> None:
    await run(kube, namespace, {"container": shell("sleep 60")})
    pod = await until(kube, PODS, namespace, lambda pod: pod["status"].get("phase") == "Running")
    await kube.delete(PODS, pod["metadata"]["name"], namespace=namespace, grace_seconds=1)
    node = await pod_node(kube, namespace)
    assert (node["phase"], node["message"]) == ("Error", "pod deleted")


async def test_the_api_server_takes_all_that_a_template_says(kube: RemoteKube, namespace: str) -> None:
    await run(kube, namespace, {
        "container": shell("test -d /work", volumeMounts=[{"name": "work", "mountPath": "/work"}],
                           readinessProbe={"exec": {"command": ["true"]}}),
        "initContainers": [{"name": "first", "image": "busybox", "command": ["true"], "mirrorVolumeMounts": True},
                           {"name": "proxy", "image": "busybox", "command": ["sleep", "60"], "restartPolicy": "Always"}],
        "volumes": [{"name": "work", "emptyDir": {"medium": "Memory"}}], "hostAliases": [
            {"ip": "10.0.0.2", "hostnames": ["two"]}],
        "podSpecPatch": "containers: [{name: main, resources: {limits: {memory: 64Mi}}}]\nterminationGracePeriodSeconds: 1",
        "securityContext": {"runAsUser": 1000}, "tolerations": [{"key": "spot", "operator": "Exists"}],
    }, volumes=[{"name": "work", "hostPath": {"path": "/"}}], hostAliases=[{"ip": "10.0.0.1", "hostnames": ["one"]}],
        automountServiceAccountToken=False, dnsPolicy="Default", podMetadata={"labels": {"team": "a"}},
        podDisruptionBudget={"minAvailable": 1})
    await until(kube, POD_DISRUPTION_BUDGETS, namespace, lambda budget: budget["metadata"]["name"] == "flow")
    assert (await pod_node(kube, namespace))["phase"] == "Succeeded"
    (pod,) = (await kube.list(PODS, namespace=namespace, label_selector="team=a")).items
    main = pod["spec"]["containers"][0]
    assert main["resources"]["limits"] == {"memory": "64Mi"}
    assert [volume["name"] for volume in pod["spec"]["volumes"]] == ["work"]
    await gone(kube, POD_DISRUPTION_BUDGETS, namespace)


async def test_pods_and_workflows_go_when_their_time_has_come_and_events_told_of_them(
    kube: RemoteKube, namespace: str,
) -> None:
    await run(kube, namespace, {"container": shell("true")}, ttlStrategy={"secondsAfterCompletion": 3},
              podGC={"strategy": "OnPodCompletion", "deleteDelayDuration": "0s"})
    assert (await pod_node(kube, namespace))["phase"] == "Succeeded"
    await gone(kube, PODS, namespace)
    await gone(kube, WORKFLOWS, namespace)
    told = {event["reason"] for event in (await kube.list(EVENTS, namespace=namespace)).items
            if event["involvedObject"]["kind"] == "Workflow"}
    assert told == {"WorkflowRunning", "WorkflowSucceeded"}
