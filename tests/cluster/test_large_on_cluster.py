"""Workflows that are large for an API server: their nodes are compressed, and what does not fit even then ends."""

import secrets
from typing import Any

from argosy.kube.contract import Object
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import PODS, WORKFLOWS
from argosy.lifecycle import running
from controller.operations import resume
from controller.operations_nodes import read_nodes
from tests.cluster.at_work import controller_of, until


def workflow(*tasks: Object, **spec: Any) -> Object:
    templates = [{"name": "main", "dag": {"tasks": list(tasks)}},
                 {"name": "nothing", "container": {"image": "busybox", "command": ["true"]}},
                 {"name": "wait", "inputs": {"parameters": [{"name": "text", "value": ""}]}, "suspend": {}}]
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "flow"},
            "spec": {"entrypoint": "main", "templates": templates, **spec}}


async def comes_to(kube: RemoteKube, namespace: str, phase: str, *, steps: int = 0) -> Object:
    return await until(kube, WORKFLOWS, namespace, lambda flow: (
        (flow.get("status") or {}).get("phase") == phase and len(read_nodes(flow)) >= steps))


async def test_many_steps_are_compressed_and_a_person_and_another_controller_go_on_from_there(
    kube: RemoteKube, namespace: str,
) -> None:
    skipped = {"name": "skipped", "template": "nothing", "when": "false", "withSequence": {"count": "1500"}}
    await kube.create(WORKFLOWS, workflow(skipped, {"name": "ask", "template": "wait", "dependencies": ["skipped"]}),
                      namespace=namespace)
    async with running([controller_of(kube, namespace)]):
        flow = await comes_to(kube, namespace, "Running", steps=1503)
    assert "nodes" not in flow["status"]
    await resume(kube, "flow", namespace=namespace)
    async with running([controller_of(kube, namespace)]):
        done = await comes_to(kube, namespace, "Succeeded")
    phases = [node["phase"] for node in read_nodes(done).values()]
    assert (phases.count("Skipped"), phases.count("Succeeded")) == (1500, 3)
    assert not (await kube.list(PODS, namespace=namespace)).items


async def test_a_workflow_that_does_not_fit_even_compressed_ends_and_says_so(kube: RemoteKube, namespace: str) -> None:
    texts = [secrets.token_hex(100_000) for _ in range(3)]  # which is compressed to half of it
    spread = {"name": "asks", "template": "wait", "withSequence": {"count": "5"}, "arguments": {
        "parameters": [{"name": "text", "value": "".join(f"{{{{workflow.parameters.t{number}}}}}" for number in range(3))}]}}
    arguments = {"parameters": [{"name": f"t{number}", "value": text} for number, text in enumerate(texts)]}
    flow = workflow(spread, arguments=arguments)
    await kube.create(WORKFLOWS, flow, namespace=namespace)
    async with running([controller_of(kube, namespace)]):
        done = await comes_to(kube, namespace, "Error")
    assert "too large to be written down" in done["status"]["message"]
