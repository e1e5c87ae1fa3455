"""Workflows of the plain tier on a real cluster: the controller runs here, their pods run on the node."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from argosy.kube.contract import Object
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import PODS, WORKFLOWS
from argosy.lifecycle import running
from tests.bench.counting import CountingKube
from tests.cluster.at_work import controller_of, ended, log_of, watched, workflow


@pytest.fixture
async def counting(kube: RemoteKube, namespace: str) -> AsyncIterator[CountingKube]:
    """The controller at work in the namespace; what it writes is counted."""
    counting = CountingKube(kube)
    async with running([controller_of(counting, namespace)]):
        yield counting


def shell(name: str, script: str, *, image: str = "busybox", inputs: tuple[str, ...] = (), **more: Any) -> Object:
    declared = {"inputs": {"parameters": [{"name": each} for each in inputs]}} if inputs else {}
    return {"name": name, "container": {"image": image, "command": ["sh", "-c", script]}, **declared, **more}


def task(name: str, template: str = "say", *, depends: str = "", **parameters: str) -> Object:
    arguments = {"parameters": [{"name": key, "value": value} for key, value in parameters.items()]}
    return {"name": name, "template": template, "arguments": arguments, **({"depends": depends} if depends else {})}


SAY = shell("say", "echo {{inputs.parameters.word}}", inputs=("word",))


async def submit(kube: RemoteKube, namespace: str, flow: Object) -> None:
    await kube.create(WORKFLOWS, flow, namespace=namespace)


def phases_of(status: Object) -> dict[str, str]:
    return {node["displayName"]: node["phase"] for node in status["nodes"].values()}


async def test_hello_world_succeeds_with_one_pod_and_few_writes(
    kube: RemoteKube, namespace: str, counting: CountingKube,
) -> None:
    await submit(kube, namespace, workflow(shell("main", "echo hello world")))
    status = await ended(kube, namespace)
    assert status["phase"] == "Succeeded", status
    assert await log_of(kube, namespace, "flow") == "hello world\n"
    assert counting.writes["create pods"] == 1
    assert counting.writes["replace workflows"] <= 6, "begun, scheduled, being made, running, ended"
    assert set(counting.writes) == {"create pods", "create events", "replace workflows"}


async def test_steps_run_one_after_the_other_and_side_by_side(
    kube: RemoteKube, namespace: str, counting: CountingKube,
) -> None:
    main = {"name": "main", "steps": [[task("one", word="1")], [task("two", word="2"), task("three", word="3")]]}
    await submit(kube, namespace, workflow(main, SAY))
    status = await ended(kube, namespace)
    assert status["phase"] == "Succeeded", status
    nodes = {node["displayName"]: node for node in status["nodes"].values()}
    assert nodes["one"]["finishedAt"] <= min(nodes["two"]["startedAt"], nodes["three"]["startedAt"])


async def test_a_diamond_runs_in_order(kube: RemoteKube, namespace: str, counting: CountingKube) -> None:
    main = {"name": "main", "dag": {"tasks": [
        task("a", word="A"), task("b", word="B", depends="a"), task("c", word="C", depends="a"),
        task("d", word="D", depends="b && c")]}}
    await submit(kube, namespace, workflow(main, SAY))
    status = await ended(kube, namespace)
    assert status["phase"] == "Succeeded", status
    nodes = {node["displayName"]: node for node in status["nodes"].values()}
    assert nodes["a"]["finishedAt"] <= nodes["b"]["startedAt"]
    assert max(nodes["b"]["finishedAt"], nodes["c"]["finishedAt"]) <= nodes["d"]["startedAt"]
    assert counting.writes["create pods"] == 4


async def test_many_steps_cost_one_create_each_and_no_more_writes(
    kube: RemoteKube, namespace: str, counting: CountingKube,
) -> None:
    main = {"name": "main", "steps": [[{**task("each", word="{{item}}"), "withSequence": {"count": "20"}}]]}
    await submit(kube, namespace, workflow(main, SAY, parallelism=10))
    status = await ended(kube, namespace)
    assert status["phase"] == "Succeeded", status
    assert counting.writes["create pods"] == 20
    assert counting.writes["delete pods"] == 0


async def test_a_failing_step_is_tried_again_and_fails_with_its_exit_code(
    kube: RemoteKube, namespace: str, counting: CountingKube,
) -> None:
    await submit(kube, namespace, workflow(shell("main", "exit 3", retryStrategy={"limit": "1"})))
    status = await ended(kube, namespace)
    assert (status["phase"], status["message"]) == ("Failed", "No more retries left")
    attempts = [node for node in status["nodes"].values() if node["type"] == "Pod"]
    assert [node["outputs"]["exitCode"] for node in attempts] == ["3", "3"]
    assert all(node["message"] == "main: Error (exit code 3)" for node in attempts)


async def test_a_workflow_is_taken_up_where_another_controller_left_it(kube: RemoteKube, namespace: str) -> None:
    main = {"name": "main", "steps": [[task("one", word="1")], [task("two", template="slow")], [task("three", word="3")]]}
    await submit(kube, namespace, workflow(main, SAY, shell("slow", "sleep 3")))
    first, second = CountingKube(kube), CountingKube(kube)
    async with running([controller_of(first, namespace)]):
        await pod_of_step(kube, namespace, number=2)
    async with running([controller_of(second, namespace)]):
        status = await ended(kube, namespace)
    assert status["phase"] == "Succeeded", status
    pods = (await kube.list(PODS, namespace=namespace)).items
    assert len(pods) == len([node for node in status["nodes"].values() if node["type"] == "Pod"]) == 3
    assert first.writes["create pods"] + second.writes["create pods"] == 3


async def test_a_pod_that_is_deleted_by_hand_fails_its_step(
    kube: RemoteKube, namespace: str, counting: CountingKube,
) -> None:
    await submit(kube, namespace, workflow(shell("main", "sleep 60")))
    await pod_of_step(kube, namespace, number=1, phase="Running")
    await kube.delete(PODS, "flow", namespace=namespace, grace_seconds=0)
    status = await ended(kube, namespace)
    assert status["phase"] in ("Error", "Failed")
    assert status["message"]


async def test_a_deleted_workflow_takes_its_pods_along(kube: RemoteKube, namespace: str, counting: CountingKube) -> None:
    await submit(kube, namespace, workflow(shell("main", "sleep 60")))
    pod = await pod_of_step(kube, namespace, number=1, phase="Running")
    await kube.delete(WORKFLOWS, "flow", namespace=namespace)
    async with watched(kube, PODS, namespace, resource_version=pod["metadata"]["resourceVersion"]) as events:
        async for event in events:
            if event.type == "DELETED":
                break


async def test_an_image_that_cannot_be_had_leaves_the_step_pending_with_the_reason(
    kube: RemoteKube, namespace: str, counting: CountingKube,
) -> None:
    await submit(kube, namespace, workflow(shell("main", "true", image="localhost:1/nothing:1")))
    async with watched(kube, WORKFLOWS, namespace) as events:
        async for event in events:
            nodes = ((event.object.get("status") or {}).get("nodes") or {}).values()
            if any("ImagePull" in (node.get("message") or "") for node in nodes):
                break
    assert [node["phase"] for node in nodes] == ["Pending"]


async def pod_of_step(kube: RemoteKube, namespace: str, *, number: int, phase: str = "") -> Object:
    """The pod that was created as the `number`th, once it is in that phase."""
    seen: dict[str, Object] = {}
    async with watched(kube, PODS, namespace) as events:
        async for event in events:
            seen[event.object["metadata"]["name"]] = event.object
            latest = list(seen.values())[-1]
            if len(seen) == number and phase in ("", latest["status"].get("phase")):
                return latest
    raise AssertionError(f"the watch ended before there were {number} pods")
