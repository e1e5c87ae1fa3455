"""Resource templates in the embedded system: objects made, changed, awaited, read and deleted, without any process."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from argosy.clock import SystemClock
from argosy.embedded.admission import admit
from argosy.embedded.store import EmbeddedKube
from argosy.embedded.throwaway import throwaway, workflow_services
from argosy.kube.contract import Kube, PatchKind
from argosy.kube.resources import CONFIG_MAPS, PODS, WORKFLOWS
from argosy.lifecycle import running
from argosy.settings import Settings
from tests.support.manifests import run_to_end

CONDITIONS = {"successCondition": "data.state == done", "failureCondition": "data.state in (broken, lost)"}
PATIENCE_SECONDS = 30


@pytest.fixture
async def kube() -> AsyncIterator[Kube]:
    async with throwaway(settings=Settings()) as found:
        yield found


def config_map(name: str = "", state: str = "", *, prefix: str = "") -> str:
    metadata = f"generateName: {prefix}" if prefix else f"name: {name}"
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  {metadata}\ndata:\n  state: '{state}'\n"


def resource(name: str, action: str, manifest: str = "", *, fields: dict[str, Any] | None = None,
             template: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A resource template; output parameters are read by JSONPath, or as `valueFrom` says."""
    whole: dict[str, Any] = {"name": name, "resource": {"action": action, "manifest": manifest, **more}, **(template or {})}
    if fields:
        whole["outputs"] = {"parameters": [
            {"name": key, "valueFrom": {"jsonPath": source} if isinstance(source, str) else source}
            for key, source in fields.items()]}
    return whole


def steps(*names: str) -> dict[str, Any]:
    return {"name": "main", "steps": [[{"name": name, "template": name}] for name in names]}


def flow(*templates: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "flow"},
            "spec": {"entrypoint": templates[0]["name"], "templates": list(templates)}}


async def end_of(kube: Kube, *templates: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    ended = await run_to_end(kube, flow(*templates), patience_seconds=PATIENCE_SECONDS)
    return ended["status"]["phase"], {node["displayName"]: node for node in ended["status"]["nodes"].values()}


def outputs_of(node: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item["value"] for item in node["outputs"]["parameters"]}


async def maps(kube: Kube) -> dict[str, Any]:
    return {item["metadata"]["name"]: item for item in (await kube.list(CONFIG_MAPS, namespace="argo")).items}


async def test_an_object_is_made_changed_read_and_deleted(kube: Kube) -> None:
    phase, nodes = await end_of(
        kube, steps("create", "apply", "patch", "replace", "get", "delete"),
        resource("create", "create", config_map("thing", "new"), setOwnerReference=True,
                 fields={"state": "state: {.data.state}", "owner": "{.metadata.ownerReferences[0].name}"}),
        resource("apply", "apply", config_map("thing", "applied").replace("state", "also"), fields={"all": "{.data}"}),
        resource("patch", "patch", '[{"op": "replace", "path": "/data/state", "value": "patched"}]', mergeStrategy="json",
                 flags=["configmap", "thing"], fields={"state": "{.data.state}"}),
        resource("replace", "replace", config_map("thing", "replaced"), fields={"all": {"jqFilter": ".data"}}),
        resource("get", "get", flags=["cm/thing"], fields={"state": {"jqFilter": ".data.state"}, "none": {
            "jsonPath": "{.data.nothing}", "default": "no such"}}),
        resource("delete", "delete", config_map("thing")))
    assert phase == "Succeeded", nodes
    assert outputs_of(nodes["create"]) == {"state": "state: new", "owner": "flow"}
    assert outputs_of(nodes["apply"]) == {"all": '{"state":"new","also":"applied"}'}
    assert outputs_of(nodes["patch"]) == {"state": "patched"}
    assert outputs_of(nodes["replace"]) == {"all": '{"state":"replaced"}'}
    assert outputs_of(nodes["get"]) == {"state": "replaced", "none": "no such"}
    assert await maps(kube) == {}
    assert nodes["get"]["outputs"]["exitCode"] == "0"


async def test_a_step_waits_until_its_object_is_as_it_should_be(kube: Kube) -> None:
    async with asyncio.TaskGroup() as group:
        running_flow = group.create_task(end_of(kube, resource(
            "main", "create", config_map("thing", "new"), fields={"state": "{.data.state}"}, **CONDITIONS)))
        for state in ("on its way", "nearly", "done"):
            await change_when_there(kube, "thing", state)
    phase, nodes = running_flow.result()
    assert (phase, outputs_of(nodes["flow"])) == ("Succeeded", {"state": "done"})


async def test_a_step_fails_when_its_object_does(kube: Kube) -> None:
    async with asyncio.TaskGroup() as group:
        running_flow = group.create_task(end_of(kube, resource("main", "create", config_map("thing", "new"), **CONDITIONS)))
        await change_when_there(kube, "thing", "broken")
    phase, nodes = running_flow.result()
    assert (phase, nodes["flow"]["message"]) == (
        "Failed", "main: Error (exit code 64): failure condition '{data.state in [broken lost]}' evaluated true")


async def test_a_step_fails_when_its_object_is_deleted_under_it(kube: Kube) -> None:
    async with asyncio.TaskGroup() as group:
        running_flow = group.create_task(end_of(kube, resource("main", "create", config_map("thing", "new"), **CONDITIONS)))
        await change_when_there(kube, "thing", "on its way")
        await kube.delete(CONFIG_MAPS, "thing", namespace="argo")
    phase, nodes = running_flow.result()
    assert phase == "Failed"
    assert "has been deleted while its status was still being checked" in nodes["flow"]["message"]


async def change_when_there(kube: Kube, name: str, state: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for event in kube.watch(CONFIG_MAPS, namespace="argo"):
            if event.object["metadata"].get("name") == name:
                await kube.patch(CONFIG_MAPS, name, {"data": {"state": state}}, namespace="argo", kind=PatchKind.MERGE)
                return


async def test_the_manifest_may_be_an_artifact(kube: Kube) -> None:
    artifact = {"name": "manifest", "path": "/tmp/manifest.yaml", "raw": {"data": config_map("thing", "from a file")}}
    phase, nodes = await end_of(kube, resource(
        "main", "create", manifestFrom={"artifact": {"name": "manifest"}}, template={"inputs": {"artifacts": [artifact]}}))
    assert phase == "Succeeded", nodes
    assert (await maps(kube))["thing"]["data"] == {"state": "from a file"}


@pytest.mark.parametrize(("template", "message"), [
    (resource("main", "get", config_map("nothing")),
     'Error from server (NotFound): configmaps "nothing" not found'),
    (resource("main", "create", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}"),
     'no matches for kind "Job" in version "batch/v1": nothing serves it here'),
    (resource("main", "create", "a: [1"), "the manifest cannot be read: line 2"),
    (resource("main", "create", config_map("a") + "---\n" + config_map("b")), "the manifest holds 2 documents"),
    (resource("main", "get", flags=["thing", "x"]), 'the server doesn\'t have a resource type "thing"'),
    (resource("main", "delete", flags=["configmap", "--everything"]), "flag '--everything' is not understood"),
    (resource("main", "delete", flags=["configmap"]), "nothing says which configmaps to delete"),
    (resource("main", "get", config_map("x"), successCondition="a b c"), "success condition 'a b c' cannot be read"),
    (resource("main", "create", config_map("x"), fields={"a": {"jqFilter": "keys"}}), "output parameter 'a': the jqFilter"),
])
async def test_what_cannot_be_done_is_told(kube: Kube, template: dict[str, Any], message: str) -> None:
    phase, nodes = await end_of(kube, template)
    assert phase == "Failed"
    assert nodes["flow"]["message"].startswith(f"main: Error (exit code 64): {message}"), nodes["flow"]["message"]


async def test_what_makes_no_sense_is_an_error_of_the_step(kube: Kube) -> None:
    phase, nodes = await end_of(kube, resource("main", "delete", config_map("x"), successCondition="a == b"))
    assert phase == "Error"
    assert "there is nothing left to look at" in nodes["flow"]["message"]


async def test_deleting_what_a_selector_chooses_waits_until_it_is_gone(kube: Kube) -> None:
    for name in ("one", "two", "other"):
        labels = {} if name == "other" else {"old": "true"}
        await kube.create(CONFIG_MAPS, {"metadata": {"name": name, "labels": labels}}, namespace="argo")
    phase, _ = await end_of(kube, resource("main", "delete", flags=["configmaps", "-l", "old=true"]))
    assert (phase, list(await maps(kube))) == ("Succeeded", ["other"])


async def test_the_log_says_what_was_done(kube: Kube) -> None:
    await end_of(kube, resource("main", "create", config_map("thing", "done"), successCondition="data.state == done"))
    log = b"".join([piece async for piece in kube.logs("flow", namespace="argo")])
    assert log == b"configmap/thing created\ncondition met\n"


async def test_a_step_that_takes_too_long_ends(kube: Kube) -> None:
    phase, nodes = await end_of(kube, resource("main", "create", config_map("thing", "new"),
                                               template={"activeDeadlineSeconds": 1}, **CONDITIONS))
    assert (phase, nodes["flow"]["message"]) == ("Failed", "Pod was active on the node longer than the specified deadline")


async def test_a_deleted_pod_stops_waiting(kube: Kube) -> None:
    async with asyncio.TaskGroup() as group:
        running_flow = group.create_task(end_of(kube, resource("main", "create", config_map("thing", "new"), **CONDITIONS)))
        await change_when_there(kube, "thing", "on its way")
        await kube.delete(PODS, "flow", namespace="argo")
    phase, nodes = running_flow.result()
    assert (phase, nodes["flow"]["message"]) == ("Error", "pod deleted")


async def test_a_system_that_starts_again_neither_makes_an_object_twice_nor_forgets_to_wait(tmp_path: Path) -> None:
    kube = EmbeddedKube.open(tmp_path / "store.db", clock=SystemClock(), admit=admit)

    def services() -> Any:
        return running(workflow_services(kube, tmp_path, settings=Settings(), clock=SystemClock(), durable=True))

    try:
        async with services():
            await kube.create(WORKFLOWS, flow(
                steps("named", "generated"), resource("named", "create", config_map("thing", "new"), **CONDITIONS),
                resource("generated", "create", config_map(prefix="made-", state="new"), **CONDITIONS)), namespace="argo")
            await change_when_there(kube, "thing", "on its way")
        async with services():
            await change_when_there(kube, "thing", "done")
            name = await name_of_generated(kube)
        async with services():
            await change_when_there(kube, name, "done")
            async with asyncio.timeout(PATIENCE_SECONDS):
                async for event in kube.watch(WORKFLOWS, namespace="argo"):
                    if (event.object.get("status") or {}).get("phase") in ("Succeeded", "Failed", "Error"):
                        break
        assert event.object["status"]["phase"] == "Succeeded", event.object["status"]
        assert sorted(await maps(kube)) == sorted(["thing", name])
    finally:
        kube.close()


async def name_of_generated(kube: Kube) -> str:
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for event in kube.watch(CONFIG_MAPS, namespace="argo"):
            name = str(event.object["metadata"].get("name"))
            if name.startswith("made-"):
                return name
    raise AssertionError("the watch ended before anything was made")
