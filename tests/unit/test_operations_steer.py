"""Steering a workflow: stop, terminate, suspend, resume, set, retry, delete, and finding the ones that are meant."""

import asyncio
import base64
import gzip
import json
from collections.abc import Iterator

import pytest

from argosy.clock import SystemClock
from argosy.embedded.store import EmbeddedKube
from argosy.errors import ArgosyError
from argosy.kube.contract import NotFound
from argosy.kube.resources import PODS, WORKFLOWS
from controller import operations
from controller.operations import Filter, NodeSelector, Refused, read_nodes


@pytest.fixture
def kube() -> Iterator[EmbeddedKube]:
    store = EmbeddedKube.open(":memory:", clock=SystemClock(), durable=False)
    yield store
    store.close()


def node(name: str, kind: str = "Pod", phase: str = "Succeeded", *, within: str = "", children: tuple[str, ...] = (), **more):
    return {"id": name, "name": name, "displayName": name.rpartition(".")[2], "type": kind, "phase": phase,
            "boundaryID": within, "children": list(children), "startedAt": "2026-11-24T08:00:00Z", **more}


async def stored(kube, name: str = "w", *nodes: dict, phase: str = "Running", labels: dict | None = None, **spec) -> dict:
    status = {"phase": phase, "nodes": {item["id"]: item for item in nodes}}
    if phase not in ("Running", "Pending"):
        status["finishedAt"] = "2026-11-24T08:01:00Z"
    return await kube.create(WORKFLOWS, {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name, "labels": labels or {}},
        "spec": spec, "status": status}, namespace="default")


async def read(kube, name: str = "w") -> dict:
    return await kube.get(WORKFLOWS, name, namespace="default")


async def test_stop_and_terminate_are_wishes_in_the_spec(kube):
    await stored(kube)
    await operations.stop(kube, "w", namespace="default")
    assert (await read(kube))["spec"]["shutdown"] == "Stop"
    await operations.terminate(kube, "w", namespace="default")
    assert (await read(kube))["spec"]["shutdown"] == "Terminate"


async def test_a_dry_run_changes_nothing(kube):
    await stored(kube)
    await operations.stop(kube, "w", namespace="default", dry_run=True)
    assert "shutdown" not in (await read(kube))["spec"]


@pytest.mark.parametrize("wish", [operations.stop, operations.terminate, operations.suspend, operations.resume])
async def test_an_ended_workflow_cannot_be_steered(kube, wish):
    await stored(kube, phase="Succeeded")
    with pytest.raises(Refused, match="has ended"):
        await wish(kube, "w", namespace="default")


async def test_suspend_and_resume_set_and_clear_the_wish(kube):
    await stored(kube)
    await operations.suspend(kube, "w", namespace="default")
    assert (await read(kube))["spec"]["suspend"] is True
    await operations.resume(kube, "w", namespace="default")
    assert "suspend" not in (await read(kube))["spec"]


async def test_resume_ends_every_suspend_step_that_waits(kube):
    await stored(kube, "w", node("w.a", "Suspend", "Running"), node("w.b", "Suspend", "Running"), node("w.c", "Pod", "Running"))
    await operations.resume(kube, "w", namespace="default")
    nodes = read_nodes(await read(kube))
    assert [nodes[key]["phase"] for key in ("w.a", "w.b", "w.c")] == ["Succeeded", "Succeeded", "Running"]
    assert nodes["w.a"]["finishedAt"]


async def test_resume_with_a_selector_ends_only_the_steps_that_match_and_leaves_the_workflow_suspended(kube):
    await stored(kube, "w", node("w.a", "Suspend", "Running"), node("w.b", "Suspend", "Running"), suspend=True)
    await operations.resume(kube, "w", namespace="default", nodes="displayName=b")
    workflow = await read(kube)
    assert [read_nodes(workflow)[key]["phase"] for key in ("w.a", "w.b")] == ["Running", "Succeeded"]
    assert workflow["spec"]["suspend"] is True


async def test_resume_with_a_selector_that_matches_nothing_is_told(kube):
    await stored(kube, "w", node("w.a", "Suspend", "Running"))
    with pytest.raises(Refused, match="no suspend step"):
        await operations.resume(kube, "w", namespace="default", nodes="displayName=absent")


def waiting_for(name: str = "approve", **value_from) -> dict:
    expected = {"name": name, "valueFrom": {"supplied": {}, **value_from}}
    return node("w.a", "Suspend", "Running", outputs={"parameters": [expected]})


async def test_a_supplied_parameter_becomes_the_steps_output(kube):
    await stored(kube, "w", waiting_for())
    await operations.resume(kube, "w", namespace="default", parameters={"approve": "yes"})
    step = read_nodes(await read(kube))["w.a"]
    assert step["phase"] == "Succeeded"
    assert step["outputs"]["parameters"] == [{"name": "approve", "value": "yes"}]


async def test_a_default_stands_in_for_what_was_not_supplied(kube):
    await stored(kube, "w", waiting_for(default="no"))
    await operations.resume(kube, "w", namespace="default")
    assert read_nodes(await read(kube))["w.a"]["outputs"]["parameters"][0]["value"] == "no"


async def test_a_missing_supplied_parameter_is_named(kube):
    await stored(kube, "w", waiting_for())
    with pytest.raises(Refused, match="approve=VALUE"):
        await operations.resume(kube, "w", namespace="default")
    assert read_nodes(await read(kube))["w.a"]["phase"] == "Running"


async def test_a_parameter_that_no_step_expects_is_named_with_those_that_are_expected(kube):
    await stored(kube, "w", waiting_for())
    with pytest.raises(Refused, match=r"'aprove'.*expects: approve"):
        await operations.resume(kube, "w", namespace="default", parameters={"aprove": "yes"})


async def test_node_set_supplies_outputs_and_leaves_the_step_waiting(kube):
    await stored(kube, "w", waiting_for())
    await operations.node_set(
        kube, "w", namespace="default", nodes="displayName=a", parameters={"approve": "yes"}, message="ok")
    step = read_nodes(await read(kube))["w.a"]
    assert (step["phase"], step["message"], step["outputs"]["parameters"][0]["value"]) == ("Running", "ok", "yes")


async def test_stop_with_a_node_selector_fails_just_that_step(kube):
    await stored(kube, "w", node("w.a", "Suspend", "Running"), node("w.b", "Suspend", "Running"))
    await operations.stop(kube, "w", namespace="default", nodes="displayName=a", message="not today")
    workflow = await read(kube)
    assert (read_nodes(workflow)["w.a"]["phase"], read_nodes(workflow)["w.a"]["message"]) == ("Failed", "not today")
    assert read_nodes(workflow)["w.b"]["phase"] == "Running"
    assert "shutdown" not in workflow["spec"]


async def test_steps_kept_in_compressed_form_are_resumed_and_stay_compressed(kube):
    packed = base64.b64encode(gzip.compress(json.dumps({"w.a": node("w.a", "Suspend", "Running")}).encode())).decode()
    await kube.create(WORKFLOWS, {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "w"}, "spec": {},
        "status": {"phase": "Running", "compressedNodes": packed}}, namespace="default")
    await operations.resume(kube, "w", namespace="default")
    workflow = await read(kube)
    assert "nodes" not in workflow["status"]
    assert read_nodes(workflow)["w.a"]["phase"] == "Succeeded"


async def test_wishes_written_at_the_same_time_are_all_kept(kube):
    await stored(kube, "w", *(node(f"w.s{number}", "Suspend", "Running") for number in range(10)))
    await asyncio.gather(*(
        operations.resume(kube, "w", namespace="default", nodes=f"displayName=s{number}") for number in range(10)))
    assert {item["phase"] for item in read_nodes(await read(kube)).values()} == {"Succeeded"}


@pytest.mark.parametrize(("selector", "matches"), [
    ("displayName=a", True), ("displayName==a", True), ("displayName!=a", False), ("phase=Running,templateName=t", True),
    ("phase=Running,templateName!=t", False), ("inputs.parameters.x.value=1", True), ("inputs.parameters.x=2", False),
    ("templateRef.name=lib", True), ("templateRef.template=other", False), ("", True)])
def test_a_node_selector_reads_fields_and_parameters(selector, matches):
    chosen = node("w.a", phase="Running", templateName="t", templateRef={"name": "lib", "template": "t"},
                  inputs={"parameters": [{"name": "x", "value": "1"}]})
    assert NodeSelector.parse(selector).matches(chosen) is matches


@pytest.mark.parametrize("selector", ["displayName", "colour=red"])
def test_a_node_selector_that_is_none_is_told_how_to_write_one(selector):
    with pytest.raises(ArgosyError, match="FIELD=VALUE"):
        NodeSelector.parse(selector)


# ---- retry ----


def failed_diamond() -> tuple[dict, ...]:
    return (
        node("w", "DAG", "Failed", children=("w.A",), message="child failed", finishedAt="2026-11-24T08:01:00Z"),
        node("w.A", within="w", children=("w.B", "w.C")),
        node("w.B", within="w", phase="Failed", children=("w.D",)),
        node("w.C", within="w", children=("w.D",)),
        node("w.D", "Skipped", "Omitted", within="w"),
        node("w.onExit"),
    )


async def test_retry_forgets_what_failed_what_followed_it_and_the_exit_handler(kube):
    await stored(kube, "w", *failed_diamond(), phase="Failed", shutdown="Stop",
                 labels={"workflows.argoproj.io/completed": "true", "team": "data"})
    await operations.retry(kube, "w", namespace="default")
    workflow = await read(kube)
    nodes = read_nodes(workflow)
    assert set(nodes) == {"w", "w.A", "w.C"}
    assert (nodes["w"]["phase"], nodes["w.A"]["children"]) == ("Running", ["w.C"])
    assert "message" not in nodes["w"]
    assert workflow["status"]["phase"] == "Running"
    assert "finishedAt" not in workflow["status"]
    assert "shutdown" not in workflow["spec"]
    assert workflow["metadata"]["labels"] == {"team": "data", "workflows.argoproj.io/phase": "Running"}


async def test_retry_deletes_the_pods_of_what_it_forgets_and_no_other(kube):
    await stored(kube, "w", *failed_diamond(), phase="Failed")
    for step in ("A", "B"):
        await kube.create(PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": {
            "name": f"w-{step.lower()}", "labels": {"workflows.argoproj.io/workflow": "w"},
            "annotations": {"workflows.argoproj.io/node-id": f"w.{step}"}},
            "spec": {"containers": [{"name": "main", "image": "alpine"}]}}, namespace="default")
    await operations.retry(kube, "w", namespace="default")
    left = [pod["metadata"]["name"] for pod in (await kube.list(PODS, namespace="default")).items
            if "deletionTimestamp" not in pod["metadata"]]
    assert left == ["w-a"]


async def test_retry_reopens_the_workflow_only_when_the_old_pods_are_gone(kube):
    await stored(kube, "w", *failed_diamond(), phase="Failed")
    await kube.create(PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": {
        "name": "w-b", "labels": {"workflows.argoproj.io/workflow": "w"},
        "annotations": {"workflows.argoproj.io/node-id": "w.B"}},
        "spec": {"containers": [{"name": "main", "image": "alpine"}]}}, namespace="default")

    class Watchful:
        def __getattr__(self, name: str):
            return getattr(kube, name)

        async def replace(self, resource, obj, **options):
            assert (await kube.list(PODS, namespace="default")).items == []
            return await kube.replace(resource, obj, **options)

    await operations.retry(Watchful(), "w", namespace="default")
    assert (await read(kube))["status"]["phase"] == "Running"


async def test_retry_counts_the_attempts_of_a_failed_step_anew(kube):
    await stored(kube, "w", node("w", "DAG", "Failed", children=("w.A",)),
                 node("w.A", "Retry", "Failed", within="w", children=("w.A(0)", "w.A(1)")),
                 node("w.A(0)", within="w", phase="Failed"), node("w.A(1)", within="w", phase="Failed"), phase="Failed")
    await operations.retry(kube, "w", namespace="default")
    nodes = read_nodes(await read(kube))
    assert set(nodes) == {"w", "w.A"}
    assert (nodes["w.A"]["phase"], nodes["w.A"]["children"]) == ("Running", [])


async def test_retry_reopens_every_boundary_around_a_nested_failure(kube):
    await stored(kube, "w", node("w", "Steps", "Failed", children=("w[0]",)),
                 node("w[0]", "StepGroup", "Failed", within="w", children=("w[0].in",)),
                 node("w[0].in", "DAG", "Failed", within="w", children=("w[0].in.x",)),
                 node("w[0].in.x", within="w[0].in", phase="Error"), phase="Failed")
    await operations.retry(kube, "w", namespace="default")
    assert {key: item["phase"] for key, item in read_nodes(await read(kube)).items()} == {
        "w": "Running", "w[0]": "Running", "w[0].in": "Running"}


async def test_a_chosen_step_of_a_successful_workflow_runs_again_with_what_follows_it(kube):
    await stored(kube, "w", node("w", "DAG", children=("w.A",)), node("w.A", within="w", children=("w.B",)),
                 node("w.B", within="w"), phase="Succeeded")
    with pytest.raises(Refused, match="restart-successful"):
        await operations.retry(kube, "w", namespace="default")
    await operations.retry(kube, "w", namespace="default", restart_successful=True, nodes="displayName=A")
    assert set(read_nodes(await read(kube))) == {"w"}


async def test_a_workflow_that_runs_cannot_be_retried(kube):
    await stored(kube)
    with pytest.raises(Refused, match="only an ended workflow"):
        await operations.retry(kube, "w", namespace="default")


# ---- which ----


async def names(kube, **only) -> list[str]:
    found = await operations.list_workflows(kube, namespace="default", only=Filter(**only))
    return sorted(item["metadata"]["name"] for item in found)


async def test_lists_are_narrowed_by_phase_state_prefix_and_labels(kube):
    await stored(kube, "a-1", phase="Succeeded", labels={"team": "x"})
    await stored(kube, "a-2", phase="Failed")
    await stored(kube, "b-1", labels={"team": "x"})
    assert await names(kube) == ["a-1", "a-2", "b-1"]
    assert await names(kube, phases=frozenset({"Failed"})) == ["a-2"]
    assert await names(kube, state="completed") == ["a-1", "a-2"]
    assert await names(kube, state="running") == ["b-1"]
    assert await names(kube, prefix="a-") == ["a-1", "a-2"]
    assert await names(kube, label_selector="team=x") == ["a-1", "b-1"]
    assert await names(kube, finished_before=SystemClock().now() + 1) == ["a-1", "a-2"]
    assert await names(kube, finished_before=0) == []
    assert await names(kube, created_since=SystemClock().now() + 60) == []


async def test_the_latest_is_the_one_created_last(kube):
    for name in ("c", "a", "b"):
        await stored(kube, name)
    assert await operations.latest(kube, namespace="default") == "b"


async def test_there_is_no_latest_in_an_empty_namespace(kube):
    with pytest.raises(NotFound, match="argosy submit"):
        await operations.latest(kube, namespace="default")


async def test_delete_with_force_removes_finalizers_first(kube):
    workflow = await stored(kube)
    workflow["metadata"]["finalizers"] = ["workflows.argoproj.io/artifact-gc"]
    await kube.replace(WORKFLOWS, workflow)
    await operations.delete(kube, "w", namespace="default", force=True)
    with pytest.raises(NotFound):
        await read(kube)
