"""The claims that a workflow brings along are its very own, or it waits for their names."""

import asyncio
from typing import Any

import pytest

from argosy.clock import SystemClock
from argosy.embedded.store import EmbeddedKube
from argosy.errors import SpecError, Unavailable
from argosy.kube.contract import Conflict, Forbidden, Object
from argosy.kube.resources import PERSISTENT_VOLUME_CLAIMS, POD_DISRUPTION_BUDGETS, WORKFLOWS
from controller.budgets import make_budget
from controller.claims import make_claims
from controller.operations_nodes import read_nodes
from tests.support.still_controller import PATIENCE_SECONDS, World, graph, task, world
from tests.support.troubled_kube import TroubledKube, refusing

WORKFLOW = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
            "metadata": {"name": "w", "namespace": "default", "uid": "uid-of-w"}}
STORAGE = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
SPEC = {"volumeClaimTemplates": [{"metadata": {"name": "x", "labels": {"team": "a"}}, "spec": STORAGE}],
        "podDisruptionBudget": {"minAvailable": 1}}
QUOTA = (Forbidden('"w-x" is forbidden: exceeded quota: q, requested: persistentvolumeclaims=1'),
         Conflict('Operation cannot be fulfilled on resourcequotas "q": the object has been modified'))


@pytest.fixture
def kube() -> Any:
    made = EmbeddedKube.open(":memory:", clock=SystemClock(), durable=False)
    yield made
    made.close()


async def claim_of(kube: EmbeddedKube, owner_uid: str, *finalizers: str, owner_name: str = "w") -> Object:
    owner = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": owner_name, "uid": owner_uid}
    metadata = {"name": "w-x", "ownerReferences": [owner], "finalizers": list(finalizers)}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": STORAGE}
    return await kube.create(PERSISTENT_VOLUME_CLAIMS, claim, namespace="default")


async def test_they_are_made_once_and_belong_to_the_workflow(kube: EmbeddedKube) -> None:
    await make_claims(kube, WORKFLOW, SPEC)
    await make_claims(kube, WORKFLOW, SPEC)
    metadata = (await kube.get(PERSISTENT_VOLUME_CLAIMS, "w-x", namespace="default"))["metadata"]
    assert metadata["labels"] == {"team": "a", "workflows.argoproj.io/workflow": "w"}
    assert [owner["uid"] for owner in metadata["ownerReferences"]] == ["uid-of-w"]


async def test_a_claim_of_somebody_else_is_waited_for_and_named(kube: EmbeddedKube) -> None:
    await claim_of(kube, "uid-of-an-older-w")
    with pytest.raises(Unavailable, match="claim w-x exists and belongs to somebody else"):
        await make_claims(kube, WORKFLOW, SPEC)
    await kube.delete(PERSISTENT_VOLUME_CLAIMS, "w-x", namespace="default")
    await make_claims(kube, WORKFLOW, SPEC)


async def test_a_claim_that_is_being_deleted_is_waited_for_even_if_it_is_our_own(kube: EmbeddedKube) -> None:
    await claim_of(kube, "uid-of-w", "kubernetes.io/pvc-protection")
    await kube.delete(PERSISTENT_VOLUME_CLAIMS, "w-x", namespace="default")
    with pytest.raises(Unavailable, match="claim w-x is being deleted"):
        await make_claims(kube, WORKFLOW, SPEC)
    await kube.patch(PERSISTENT_VOLUME_CLAIMS, "w-x", {"metadata": {"finalizers": None}}, namespace="default")
    await make_claims(kube, WORKFLOW, SPEC)
    assert await kube.get(PERSISTENT_VOLUME_CLAIMS, "w-x", namespace="default")


@pytest.mark.parametrize("error", QUOTA)
async def test_a_quota_that_leaves_no_room_is_waited_for(kube: EmbeddedKube, error: Exception) -> None:
    full: Any = TroubledKube(kube, create=refusing(PERSISTENT_VOLUME_CLAIMS, error))
    with pytest.raises(Unavailable, match="quota"):
        await make_claims(full, WORKFLOW, SPEC)
    await make_claims(full, WORKFLOW, SPEC)
    full = TroubledKube(kube, create=refusing(POD_DISRUPTION_BUDGETS, error))
    with pytest.raises(Unavailable, match="quota"):
        await make_budget(full, WORKFLOW, SPEC)
    await make_budget(full, WORKFLOW, SPEC)


async def test_what_is_refused_for_good_is_told_as_it_is(kube: EmbeddedKube) -> None:
    closed: Any = TroubledKube(kube, create=refusing(PERSISTENT_VOLUME_CLAIMS, Forbidden("you may not create claims")))
    with pytest.raises(Forbidden):
        await make_claims(closed, WORKFLOW, SPEC)


@pytest.mark.parametrize("template", [{"spec": STORAGE}, {"metadata": {"name": ""}}, {"metadata": 7}, 7])
async def test_a_template_without_a_name_makes_no_claim_and_is_shown(kube: EmbeddedKube, template: Any) -> None:
    with pytest.raises(SpecError, match=r"spec\.volumeClaimTemplates\[0\]\.metadata\.name: is required"):
        await make_claims(kube, WORKFLOW, {"volumeClaimTemplates": [template]})


async def test_a_step_tells_which_claim_it_waits_for_and_has_its_pod_once_that_is_gone() -> None:
    async with world() as w:
        older = {**WORKFLOW, "metadata": {"name": "older"}, "status": {"phase": "Failed"}}
        owner = await w.kube.create(WORKFLOWS, older, namespace="default")  # a claim without its owner would go by itself
        await claim_of(w.kube, owner["metadata"]["uid"], owner_name="older")
        async with w.controller():
            await w.submit(graph(task("a"), volumeClaimTemplates=SPEC["volumeClaimTemplates"]))
            async with asyncio.timeout(PATIENCE_SECONDS):
                while "claim w-x exists" not in await message_of(w, "a"):
                    w.clock.move(1)
                    await asyncio.sleep(0)
            assert await w.pods() == {}
            await w.kube.delete(PERSISTENT_VOLUME_CLAIMS, "w-x", namespace="default")
            async with asyncio.timeout(PATIENCE_SECONDS):
                while "a" not in await w.pods():
                    w.clock.move(1)
                    await asyncio.sleep(0)
            assert (await w.kube.get(PERSISTENT_VOLUME_CLAIMS, "w-x", namespace="default"))["metadata"]["labels"]["team"] == "a"


async def message_of(w: World, step: str) -> str:
    flow = await w.kube.get(WORKFLOWS, "w", namespace="default")
    return next((node.get("message", "") for node in read_nodes(flow).values() if node["displayName"] == step), "")
