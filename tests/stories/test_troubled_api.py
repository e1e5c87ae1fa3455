"""An API server that refuses for a while, answers late, or is written by others meanwhile, decides no workflow's end."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any
from unittest.mock import patch

import pytest

from argosy.errors import Unavailable
from argosy.kube.answers import ServerFailed
from argosy.kube.contract import AlreadyExists, Conflict, Forbidden, Invalid, KubeError, NotFound, Object, Resource
from argosy.kube.resources import POD_DISRUPTION_BUDGETS, PODS, WORKFLOW_TEMPLATES, WORKFLOWS
from controller import operations
from controller.packing import Packer
from tests.support.still_controller import graph, task
from tests.support.troubled_api import LEAF, TroubledWorld, in_troubled_world, steps
from tests.support.troubled_kube import Call, Trouble, refusing

QUOTA = 'pods "w" is forbidden: exceeded quota: gpus, requested: requests.nvidia.com/gpu=1, used: 8, limited: 8'
PASSING = [
    Conflict('Operation cannot be fulfilled on resourcequotas "q": the object has been modified; please apply your changes'),
    Forbidden(QUOTA), KubeError("etcdserver: leader changed"), ServerFailed("etcdserver: request timed out"),
    Unavailable("nobody answers"), Unavailable("maintenance", retry_after_seconds=3600.0),
]
AWAY = [KubeError("etcdserver: leader changed"), Forbidden("not you"), Unavailable("nobody answers")]
ONE = graph(task("a"))
GPU = {"name": "gpu", "container": {"image": "alpine", "command": ["true"], "resources": {"limits": {"nvidia.com/gpu": "1"}}}}
ASK = {"name": "ask", "suspend": {}, "outputs": {"parameters": [{"name": "who", "valueFrom": {"supplied": {}}}]}}


async def goes_well(there: TroubledWorld, *names: str) -> Object:
    """The pods of these steps are made, one after the other, and the workflow succeeds."""
    for name in names:
        await there.end(await there.pod(name))
    done = await there.over()
    assert done["status"]["phase"] == "Succeeded", done["status"].get("message")
    return done


# ---- refusals ----


@pytest.mark.parametrize("refusal", PASSING, ids=str)
@in_troubled_world
async def test_a_pod_that_is_refused_for_a_while_is_made_later(there: TroubledWorld, *, refusal: Exception) -> None:
    there.troubles["create"] = refusing(PODS, refusal, refusal)
    async with there.controller():
        await there.submit(ONE)
        await asyncio.sleep(70)
        await goes_well(there, "a")


@pytest.mark.parametrize("refusal", AWAY, ids=str)
@in_troubled_world
async def test_a_save_that_is_refused_for_a_while_comes_later(there: TroubledWorld, *, refusal: Exception) -> None:
    there.troubles["replace"] = refusing(WORKFLOWS, refusal, refusal)
    async with there.controller():
        await there.submit(ONE)
        await goes_well(there, "a")


@in_troubled_world
async def test_a_status_that_breaks_a_rule_ends_its_workflow_with_that_reason(there: TroubledWorld) -> None:
    there.troubles["replace"] = refusing(WORKFLOWS, Invalid("status.nodes: Invalid value"))
    async with there.controller():
        await there.submit(ONE)
        status = (await there.over())["status"]
    assert (status["phase"], status["message"]) == ("Error", "status.nodes: Invalid value")


@pytest.mark.parametrize("refusal", AWAY, ids=str)
@in_troubled_world
async def test_a_pod_that_cannot_be_deleted_yet_leaves_the_end_as_it_is(there: TroubledWorld, *, refusal: Exception) -> None:
    there.troubles["delete"] = refusing(PODS, refusal, refusal)
    async with there.controller():
        await there.submit(steps([{"name": "d", "template": "served"}], [{"name": "b", "template": "leaf"}],
                                 templates=[{**LEAF, "name": "served", "daemon": True}]))
        daemon = await there.pod("w[0].d")
        ready = {"phase": "Running", "podIP": "10.0.0.1", "containerStatuses": [
            {"name": "main", "ready": True, "state": {"running": {}}}]}
        await there.kube.patch(PODS, daemon["metadata"]["name"], {"status": ready}, namespace="default", subresource="status")
        await goes_well(there, "w[1].b")
        await asyncio.sleep(5)
        assert (await there.kube.get(WORKFLOWS, "w", namespace="default"))["status"]["phase"] == "Succeeded"
        assert not await is_there(there, daemon)


async def is_there(there: TroubledWorld, pod: Object) -> bool:
    with suppress(NotFound):
        found = await there.kube.get(PODS, pod["metadata"]["name"], namespace="default")
        return not found["metadata"].get("deletionTimestamp")
    return False


@in_troubled_world
async def test_a_template_is_asked_for_again_while_the_server_is_in_trouble(there: TroubledWorld) -> None:
    await there.kube.create(WORKFLOW_TEMPLATES, stored("known"), namespace="default")
    there.troubles["get"] = refusing(WORKFLOW_TEMPLATES, KubeError("etcdserver: leader changed"))
    async with there.controller():
        await there.submit(graph({"name": "a", "templateRef": {"name": "known", "template": "leaf"}}))
        await goes_well(there, "a")


@in_troubled_world
async def test_a_template_that_may_not_be_read_is_the_reason_why_the_workflow_ends(there: TroubledWorld) -> None:
    there.troubles["get"] = refusing(WORKFLOW_TEMPLATES, Forbidden("workflowtemplates is forbidden: you cannot get it"))
    async with there.controller():
        await there.submit(graph({"name": "a", "templateRef": {"name": "known", "template": "leaf"}}))
        status = (await there.over())["status"]
    assert (status["phase"], status["message"]) == ("Error", "workflowtemplates is forbidden: you cannot get it")


def stored(name: str) -> Object:
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate", "metadata": {"name": name},
            "spec": {"templates": [LEAF]}}


# ---- what is not found ----


@in_troubled_world
async def test_a_strangers_pod_that_goes_between_two_looks_at_it_ends_nothing(there: TroubledWorld) -> None:
    left = [AlreadyExists("pods w-leaf exists")]

    async def create(resource: Resource, _given: tuple[Any, ...], call: Call) -> Any:
        if resource is PODS and left:
            await asyncio.sleep(1)  # so that nothing is written any more which could bring the workflow up again
            raise left.pop()
        return await call()

    there.troubles["create"] = create
    async with there.controller():
        await there.submit(ONE)
        await goes_well(there, "a")


@in_troubled_world
async def test_what_is_not_found_beside_the_workflow_is_no_sign_that_the_workflow_is_gone(there: TroubledWorld) -> None:
    there.troubles["create"] = refusing(POD_DISRUPTION_BUDGETS,
                                        NotFound("the server could not find the requested resource"))
    async with there.controller():
        await there.submit({**ONE, "podDisruptionBudget": {"minAvailable": 1}})
        status = (await there.over())["status"]
    assert (status["phase"], status["message"]) == ("Error", "the server could not find the requested resource")


@in_troubled_world
async def test_a_pod_that_is_deleted_before_its_creation_is_answered_is_made_again(there: TroubledWorld) -> None:
    deleted: list[str] = []

    async def answered_late(resource: Resource, _given: tuple[Any, ...], call: Call) -> Object:
        made: Object = await call()
        if resource is PODS and not deleted:
            deleted.append(made["metadata"]["uid"])
            await there.kube.delete(PODS, made["metadata"]["name"], namespace="default", grace_seconds=0)
            await asyncio.sleep(1)  # the watch is faster than the answer
        return made

    there.troubles["create"] = answered_late
    async with there.controller():
        await there.submit(ONE)
        await asyncio.sleep(5)
        assert list(await there.pods()) == ["a"]
        assert list((await there.pods()).values()) != deleted
        await goes_well(there, "a")


# ---- who has to wait ----


def refusing_gpus(error: Exception) -> Trouble:
    async def create(resource: Resource, given: tuple[Any, ...], call: Call) -> Any:
        if resource is PODS and "resources" in given[0]["spec"]["containers"][0]:
            raise error
        return await call()

    return create


@pytest.mark.parametrize("refusal", [Forbidden(QUOTA), ServerFailed("failed calling webhook gpus.example.com")], ids=str)
@in_troubled_world
async def test_many_pods_that_have_to_wait_keep_out_no_other(there: TroubledWorld, *, refusal: Exception) -> None:
    await there.kube.create(WORKFLOW_TEMPLATES, stored("known"), namespace="default")
    there.troubles["create"] = refusing_gpus(refusal)
    spec = graph({"name": "train", "template": "gpu", "withSequence": {"count": "150"}}, task("other"),
                 {"name": "by-reference", "templateRef": {"name": "known", "template": "leaf"}})
    spec["templates"].append(GPU)
    async with there.controller():
        await there.submit(spec)
        await asyncio.sleep(3)
        assert set(await there.pods()) == {"other", "by-reference"}


@in_troubled_world
async def test_those_who_wait_are_all_tried_in_turn_and_seldom(there: TroubledWorld) -> None:
    waiting, tried = 150, list[str]()

    async def create(resource: Resource, given: tuple[Any, ...], call: Call) -> Any:
        if resource is PODS:
            tried.append(given[0]["metadata"]["name"])
            raise Forbidden(QUOTA)
        return await call()

    there.troubles["create"] = create
    async with there.controller():
        await there.submit(graph(task("train", withSequence={"count": str(waiting)})))
        await asyncio.sleep(1)
        assert len(set(tried)) == waiting
        await asyncio.sleep(60)
        tried.clear()
        before = there.writes["replace workflows"]
        await asyncio.sleep(120)
        assert len(set(tried)) == waiting
        assert len(tried) <= 5 * 64
        assert there.writes["replace workflows"] - before <= 8


@in_troubled_world
async def test_a_time_that_is_up_is_kept_while_pods_wait_for_longer(there: TroubledWorld) -> None:
    there.troubles["create"] = refusing(PODS, *[Forbidden(QUOTA)] * 1000)
    spec = graph(task("late"), {"name": "pause", "template": "pause"})
    spec["templates"].append({"name": "pause", "suspend": {"duration": "50"}})
    async with there.controller():
        await there.submit(spec)
        await asyncio.sleep(51)
        assert (await there.saved())["pause"] == "Succeeded"


@in_troubled_world
async def test_a_server_that_is_away_is_not_asked_for_every_pod(there: TroubledWorld) -> None:
    asked = 0

    async def create(resource: Resource, _given: tuple[Any, ...], call: Call) -> Any:
        nonlocal asked
        if resource is PODS:
            asked += 1
            await asyncio.sleep(0.001)
            raise Unavailable("nobody answers")
        return await call()

    there.troubles["create"] = create
    async with there.controller():
        await there.submit(graph(task("each", withSequence={"count": "1000"})))
        await asyncio.sleep(1)
        assert asked <= 5 * 64  # tries after 0.1, 0.2, 0.4 seconds ..., each with as many as are made at a time


@pytest.mark.parametrize("refusal", [Forbidden("you may not delete pods"), ServerFailed("failed calling webhook")], ids=str)
@in_troubled_world
async def test_a_pod_that_never_goes_keeps_no_other_from_being_made(there: TroubledWorld, *, refusal: Exception) -> None:
    there.troubles["delete"] = refusing(PODS, *[refusal] * 1000)
    spec = graph({"name": "slow", "template": "late"}, {"name": "next", "template": "leaf", "depends": "slow.Failed"})
    spec["templates"].append({**LEAF, "name": "late", "timeout": "5s"})
    async with there.controller():
        await there.submit(spec)
        await there.pod("next")


# ---- what others write meanwhile ----


Edit = Callable[[TroubledWorld], Awaitable[Any]]
ASKED = "displayName=wait"


@pytest.mark.parametrize(("edit", "phase"), [
    (lambda there: operations.resume(there.kube, "w", namespace="default", parameters={"who": "me"}), "Succeeded"),
    (lambda there: operations.stop(there.kube, "w", namespace="default", nodes=ASKED), "Failed"),
    (lambda there: operations.node_set(there.kube, "w", namespace="default", nodes=ASKED, phase="Error"), "Error"),
    (lambda there: operations.node_set(there.kube, "w", namespace="default", nodes=ASKED, parameters={"who": "me"}), "Running"),
], ids=["resume", "stop", "set", "supply"])
@in_troubled_world
async def test_what_was_confirmed_to_a_person_is_in_the_next_save(there: TroubledWorld, *, edit: Edit, phase: str) -> None:
    """The person writes while a save is on its way, and the controller is killed right after the save that follows."""
    saved = asyncio.Event()

    async def replace(resource: Resource, _given: tuple[Any, ...], call: Call) -> Any:
        if not saved.is_set():
            await edit(there)
            saved.set()
            return await call()
        there.troubles.update(dict.fromkeys(("create", "patch", "delete", "replace"), for_ever))
        return await call()

    spec = graph({"name": "wait", "template": "ask"}, task("a"), task("b", "wait"))
    spec["templates"].append(ASK)
    async with there.controller():
        await there.submit(spec)
        pod = await there.pod("a")
        await asyncio.sleep(3)
        there.troubles["replace"] = replace
        await there.end(pod, exit_code=1)
        await saved.wait()
        await asyncio.sleep(3)
    saved_nodes = (await there.kube.get(WORKFLOWS, "w", namespace="default"))["status"]["nodes"]
    by_name = {node["displayName"]: node for node in saved_nodes.values()}
    assert (by_name["a"]["phase"], by_name["wait"]["phase"]) == ("Failed", phase)
    if phase in ("Succeeded", "Running"):
        assert by_name["wait"]["outputs"] == {"parameters": [{"name": "who", "value": "me"}]}


@in_troubled_world
async def test_what_a_person_writes_while_a_large_status_is_packed_is_not_written_over(there: TroubledWorld) -> None:
    packed = Packer.packed
    waiting = True

    async def slowly(self: Packer, status: Mapping[str, Any]) -> dict[str, Any]:
        nonlocal waiting
        form = await packed(self, status)
        if waiting and any(node["phase"] == "Failed" for node in status["nodes"].values()):
            waiting = False
            await operations.resume(there.kube, "w", namespace="default", parameters={"who": "me"})
            await asyncio.sleep(1)  # so that the controller has heard of it before it writes
            there.troubles["replace"] = written_once
        return form

    async def written_once(_resource: Resource, _given: tuple[Any, ...], call: Call) -> Any:
        await call()
        there.troubles["replace"] = for_ever  # killed right after
        await for_ever()

    spec = graph({"name": "wait", "template": "ask"}, task("a"))
    spec["templates"].append(ASK)
    with patch.object(Packer, "packed", slowly):
        async with there.controller():
            await there.submit(spec)
            pod = await there.pod("a")
            await asyncio.sleep(3)
            await there.end(pod, exit_code=1)
            await asyncio.sleep(5)
    assert not waiting
    saved = await there.saved()
    assert (saved["a"], saved["wait"]) == ("Failed", "Succeeded")


async def for_ever(*_given: Any, **_options: Any) -> None:
    await asyncio.Event().wait()


@in_troubled_world
async def test_a_value_that_a_person_supplies_beforehand_stays_until_they_resume(there: TroubledWorld) -> None:
    spec = graph({"name": "wait", "template": "ask"}, task("a"))
    spec["templates"].append(ASK)
    async with there.controller():
        await there.submit(spec)
        pod = await there.pod("a")
        await asyncio.sleep(1)
        await operations.node_set(there.kube, "w", namespace="default", nodes=ASKED, parameters={"who": "me"}, message="soon")
        await there.end(pod)
        await asyncio.sleep(3)
        await operations.resume(there.kube, "w", namespace="default")
        done = await goes_well(there)
    waited = next(node for node in done["status"]["nodes"].values() if node["displayName"] == "wait")
    assert (waited["outputs"]["parameters"], waited["message"]) == ([{"name": "who", "value": "me"}], "soon")


@in_troubled_world
async def test_a_warning_about_the_spec_stands_there_once_however_many_controllers_have_told_it(there: TroubledWorld) -> None:
    await there.submit({"entrypoint": "main", "nodeSelector": {"disk": "ssd"}, "templates": [{"name": "main", "suspend": {}}]})
    for suspended in (True, False):
        async with there.controller():
            await asyncio.sleep(1)
            await there.wish(suspend=suspended)
            await operations.node_set(there.kube, "w", namespace="default", nodes="displayName=w", message=f"{suspended}")
            await asyncio.sleep(3)
    conditions = (await there.kube.get(WORKFLOWS, "w", namespace="default"))["status"]["conditions"]
    assert [each["type"] for each in conditions].count("SpecWarning") == 1
