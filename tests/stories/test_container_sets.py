"""Container sets in the embedded system: several containers in one pod, each in its turn."""

from typing import Any

import pytest

from argosy.embedded.throwaway import throwaway
from argosy.settings import Isolation, Settings
from tests.support.manifests import run_to_end

MOUNTS = [{"name": "work", "mountPath": "/work"}]


@pytest.fixture(params=["auto", "plain"])
def isolation(request: pytest.FixtureRequest) -> Isolation:
    kind: Isolation = request.param
    return kind


def container(name: str, script: str, *, after: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"name": name, "image": "busybox", "command": ["sh", "-c", script], "dependencies": list(after)}


def set_of(*containers: dict[str, Any], files: dict[str, str] | None = None, retry: dict[str, Any] | None = None,
           **more: Any) -> dict[str, Any]:
    """A template whose containers share the folder /work; output parameters are read from `files`."""
    template: dict[str, Any] = {
        "name": "main", "volumes": [{"name": "work", "emptyDir": {}}], **more,
        "containerSet": {"containers": list(containers), "volumeMounts": MOUNTS}}
    if retry:
        template["containerSet"]["retryStrategy"] = retry
    if files:
        template["outputs"] = {"parameters": [
            {"name": name, "valueFrom": {"path": path}} for name, path in files.items()]}
    return template


async def end_of(isolation: Isolation, *templates: dict[str, Any], **spec: Any) -> tuple[str, dict[str, Any]]:
    """Run the first template; the workflow's phase, and its nodes by the names that they are shown under."""
    async with throwaway(settings=Settings(isolation=isolation)) as kube:
        ended = await run_to_end(kube, {
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "flow"},
            "spec": {"entrypoint": templates[0]["name"], "templates": list(templates), **spec}})
    return ended["status"]["phase"], {node["displayName"]: node for node in ended["status"]["nodes"].values()}


def phases(nodes: dict[str, Any]) -> dict[str, str]:
    return {name: node["phase"] for name, node in nodes.items() if node["type"] == "Container"}


async def test_each_container_waits_for_those_that_it_depends_on(isolation: Isolation) -> None:
    phase, nodes = await end_of(isolation, set_of(
        container("main", "echo main >> /work/said", after=("b", "c")),
        container("b", "cat /work/a > /work/b; echo b >> /work/said", after=("a",)),
        container("c", "cat /work/b > /work/c; echo c >> /work/said", after=("a", "b")),
        container("a", "echo first > /work/a; echo a >> /work/said"),
        files={"c": "/work/c", "said": "/work/said"}))
    outputs = {item["name"]: item["value"] for item in nodes["flow"]["outputs"]["parameters"]}
    assert (phase, outputs) == ("Succeeded", {"c": "first", "said": "a\nb\nc\nmain"})
    assert phases(nodes) == dict.fromkeys(("main", "a", "b", "c"), "Succeeded")


async def test_outputs_are_those_of_main_once_all_others_have_written(isolation: Isolation) -> None:
    phase, nodes = await end_of(isolation, set_of(
        container("main", "echo the result"), container("late", "cp /bin/sh /work/big; echo late > /work/out", after=("main",)),
        files={"out": "/work/out"}))
    assert phase == "Succeeded"
    assert nodes["flow"]["outputs"]["parameters"][0]["value"] == "late"


async def test_what_follows_a_failed_container_is_left_out_and_the_others_run_on(isolation: Isolation) -> None:
    phase, nodes = await end_of(isolation, set_of(
        container("b", "true", after=("z",)), container("z", "exit 3"), container("c", "true", after=("b",)),
        container("free", "sleep 0.2; echo done > /work/free")))
    assert (phase, nodes["flow"]["message"]) == ("Failed", "z: Error (exit code 3)")
    assert phases(nodes) == {"z": "Failed", "b": "Error", "c": "Error", "free": "Succeeded"}
    assert nodes["b"]["message"] == 'b: Error (exit code 64): dependency "z" exited with non-zero code: 3'
    assert nodes["c"]["message"] == 'c: Error (exit code 64): dependency "b" exited with non-zero code: 64'


async def test_a_failing_container_is_tried_again_in_the_same_place(isolation: Isolation) -> None:
    phase, nodes = await end_of(isolation, set_of(
        container("a", "echo x >> $HOME/tries; echo x >> /work/tries; [ $(wc -l < $HOME/tries) = 3 ]"),
        container("main", "true", after=("a",)), retry={"retries": 2, "duration": "10ms"}, files={"tries": "/work/tries"}))
    assert (phase, nodes["flow"].get("message")) == ("Succeeded", None)
    assert nodes["flow"]["outputs"]["parameters"][0]["value"] == "x\nx\nx"


async def test_tries_run_out(isolation: Isolation) -> None:
    phase, nodes = await end_of(isolation, set_of(container("a", "exit 4"), retry={"retries": "1"}))
    assert (phase, nodes["a"]["message"]) == ("Failed", "a: Error (exit code 4)")


async def test_a_set_may_be_tried_again_as_a_whole(isolation: Isolation) -> None:
    phase, nodes = await end_of(isolation, set_of(container("a", "true"), container("b", "exit 4", after=("a",)),
                                                  retryStrategy={"limit": 1}))
    assert (phase, nodes["flow"]["message"]) == ("Failed", "No more retries left")
    assert phases(nodes) == {"a": "Succeeded", "b": "Failed"}
    assert {nodes[name]["type"] for name in ("flow(0)", "flow(1)")} == {"Pod"}


async def test_a_sidecar_ends_once_all_containers_of_the_set_have(isolation: Isolation) -> None:
    phase, nodes = await end_of(isolation, set_of(
        container("a", "true"), container("b", "sleep 0.2", after=("a",)),
        sidecars=[{"name": "beside", "image": "busybox", "command": ["sh", "-c", "trap 'exit 0' TERM; sleep 60 & wait"]}]))
    assert (phase, phases(nodes)) == ("Succeeded", {"a": "Succeeded", "b": "Succeeded"})


async def test_a_set_that_is_too_slow_ends_with_all_its_containers(isolation: Isolation) -> None:
    phase, nodes = await end_of(isolation, set_of(
        container("a", "true"), container("b", "sleep 60", after=("a",)), container("c", "true", after=("b",)),
        activeDeadlineSeconds=1))
    assert phase == "Failed"
    assert phases(nodes) == {"a": "Succeeded", "b": "Failed", "c": "Failed"}
    assert nodes["c"]["message"] == "Pod Failed whilst container running"


async def test_the_next_step_follows_the_last_containers(isolation: Isolation) -> None:
    phase, nodes = await end_of(
        isolation,
        {"name": "both", "dag": {"tasks": [{"name": "set", "template": "main"}, {
            "name": "next", "template": "say", "dependencies": ["set"],
            "arguments": {"parameters": [{"name": "x", "value": "{{tasks.set.outputs.result}}"}]}}]}},
        set_of(container("main", "echo hi"), container("b", "true", after=("main",)), container("c", "true")),
        {"name": "say", "inputs": {"parameters": [{"name": "x"}]},
         "container": {"image": "busybox", "command": ["sh", "-c", "test '{{inputs.parameters.x}}' = hi"]}})
    assert phase == "Succeeded"
    assert nodes["set"]["children"] == [nodes["main"]["id"], nodes["c"]["id"]]
    assert [name for name, node in nodes.items() if nodes["next"]["id"] in node.get("children", ())] == ["b", "c"]
