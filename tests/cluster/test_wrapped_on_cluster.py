"""Steps that hand something over, on a real cluster: the executor comes in a ConfigMap and works inside their pods."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from argosy.kube.contract import Object
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import CONFIG_MAPS, PODS, WORKFLOW_TASK_RESULTS
from argosy.lifecycle import running
from tests.cluster.at_work import controller_of, log_of, nodes_of, run

BOX = {"image": "busybox"}


@pytest.fixture(autouse=True)
async def controller(kube: RemoteKube, namespace: str) -> AsyncIterator[None]:
    """A controller at work in the namespace."""
    async with running([controller_of(kube, namespace)]):
        yield


def steps(*rows: list[Object]) -> Object:
    return {"name": "main", "steps": list(rows)}


def shell(name: str, script: str, *, inputs: tuple[str, ...] = (), files: dict[str, str] | None = None, **more: Any) -> Object:
    """A template whose output parameters are read from `files`."""
    template: Object = {"name": name, "container": {**BOX, "command": ["sh", "-c", script]}, **more}
    if inputs:
        template["inputs"] = {"parameters": [{"name": each} for each in inputs]}
    if files:
        template["outputs"] = {"parameters": [{"name": key, "valueFrom": {"path": path}} for key, path in files.items()]}
    return template


def step(name: str, template: str, **parameters: str) -> Object:
    return {"name": name, "template": template,
            "arguments": {"parameters": [{"name": key, "value": value} for key, value in parameters.items()]}}


async def test_results_and_parameters_pass_from_step_to_step(kube: RemoteKube, namespace: str) -> None:
    status = await run(
        kube, namespace,
        steps([step("give", "give")], [step(
            "take", "take", words="{{steps.give.outputs.result}} {{steps.give.outputs.parameters.p}}")]),
        shell("give", "echo 'the $(HOME) result'; echo 42 > /tmp/p", files={"p": "/tmp/p"}),
        shell("take", "echo got {{inputs.parameters.words}}", inputs=("words",)))
    assert status["phase"] == "Succeeded", status
    nodes = nodes_of(status)
    assert nodes["give"]["outputs"]["result"] == "the $(HOME) result"
    assert nodes["take"]["inputs"]["parameters"] == [{"name": "words", "value": "the $(HOME) result 42"}]


async def test_a_plain_step_beside_wrapped_ones_carries_nothing_of_ours(kube: RemoteKube, namespace: str) -> None:
    status = await run(kube, namespace, shell("main", "echo plain"))
    assert status["phase"] == "Succeeded", status
    (pod,) = (await kube.list(PODS, namespace=namespace)).items
    assert pod["spec"]["containers"][0]["command"] == ["sh", "-c", "echo plain"]
    maps = (await kube.list(CONFIG_MAPS, namespace=namespace)).items
    assert [item["metadata"]["name"] for item in maps] == ["kube-root-ca.crt"]


async def test_a_script_runs_as_anybody_on_a_read_only_root(kube: RemoteKube, namespace: str) -> None:
    security = {"runAsUser": 65534, "runAsNonRoot": True, "readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}}
    text = "x" * 300_000
    source = f"import os\nprint(os.getuid(), len('{text}'), [key for key in os.environ if key.startswith('ARGOSY')])"
    script = {"image": "python:3.12", "command": ["python3"], "securityContext": security, "source": source}
    status = await run(kube, namespace, steps([step("one", "one")], [step("two", "two", m="{{steps.one.outputs.result}}")]),
                         {"name": "one", "script": script}, shell("two", "echo {{inputs.parameters.m}}", inputs=("m",)))
    assert status["phase"] == "Succeeded", status
    assert nodes_of(status)["one"]["outputs"]["result"] == "65534 300000 []"


async def test_a_result_too_large_for_a_termination_message_comes_through_the_api_server(
    kube: RemoteKube, namespace: str, handing_over: None,
) -> None:
    status = await run(
        kube, namespace, steps([step("give", "give")], [step("count", "count", m="{{steps.give.outputs.result}}")]),
        shell("give", "seq 1 5000"), shell("count", "echo '{{inputs.parameters.m}}' | wc -l; exit 3", inputs=("m",)),
        automountServiceAccountToken=False)
    nodes = nodes_of(status)
    assert nodes["give"]["outputs"]["result"] == "\n".join(map(str, range(1, 5001)))
    assert nodes["count"]["outputs"]["exitCode"] == "3"
    pods = {pod["metadata"]["annotations"]["workflows.argoproj.io/node-id"]: pod
            for pod in (await kube.list(PODS, namespace=namespace)).items}
    assert await log_of(kube, namespace, pods[nodes["count"]["id"]]["metadata"]["name"]) == "5000\n"
    (result,) = (await kube.list(WORKFLOW_TASK_RESULTS, namespace=namespace)).items
    assert result["metadata"]["ownerReferences"][0]["uid"] == pods[nodes["give"]["id"]]["metadata"]["uid"], "they go together"


async def test_a_service_account_that_may_not_hand_over_is_told_what_it_lacks(kube: RemoteKube, namespace: str) -> None:
    status = await run(
        kube, namespace, steps([step("give", "give")], [step("take", "take", m="{{steps.give.outputs.result}}")]),
        shell("give", "seq 1 5000"), shell("take", "true", inputs=("m",)))
    node = nodes_of(status)["give"]
    assert node["phase"] == "Error"
    assert "grant it `create` and `patch` on workflowtaskresults.argoproj.io" in node["message"]


async def test_sidecars_end_when_the_main_container_has_ended(kube: RemoteKube, namespace: str) -> None:
    template = shell("main", "echo done")
    status = await run(kube, namespace, {**template, "sidecars": [{"name": "db", **BOX, "command": ["sleep", "1000"]}]})
    assert status["phase"] == "Succeeded", status


async def test_an_exit_code_and_a_missing_output_are_told_as_argo_tells_them(kube: RemoteKube, namespace: str) -> None:
    status = await run(
        kube, namespace, steps([{**step("fails", "fails"), "continueOn": {"failed": True}},
                                {**step("forgets", "forgets"), "continueOn": {"error": True}}]),
        shell("fails", "echo 1 > /tmp/p; exit 7", files={"p": "/tmp/p"}), shell("forgets", "true", files={"p": "/tmp/p"}))
    nodes = nodes_of(status)
    assert (nodes["fails"]["phase"], nodes["fails"]["message"]) == ("Failed", "main: Error (exit code 7)")
    assert nodes["fails"]["outputs"]["parameters"][0]["value"] == "1"
    assert nodes["forgets"]["phase"] == "Error"
    assert "/tmp/p" in nodes["forgets"]["message"]
