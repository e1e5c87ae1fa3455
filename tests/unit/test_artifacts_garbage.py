"""Artifacts go when their workflow is over or deleted, as it asks; what cannot be deleted is told."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from argosy.clock import SystemClock
from argosy.embedded.store import EmbeddedKube
from argosy.errors import SpecError
from argosy.kube.contract import NotFound, Object
from argosy.kube.resources import WORKFLOWS
from controller.artifacts.garbage import FINALIZER, Garbage, asks_for_collection, doomed, held

OVER, DELETED = {"strategy": "OnWorkflowCompletion"}, {"strategy": "OnWorkflowDeletion"}


class Recorder:
    """Notes what is removed; `refusing` names what cannot be."""

    def __init__(self, *refusing: str) -> None:
        self.refusing = refusing
        self.removed: list[str] = []

    async def remove(self, artifact: Mapping[str, Any], workflow: Object, spec: Mapping[str, Any]) -> None:
        name = artifact["name"]
        if name in self.refusing:
            raise SpecError(f"artifact {name}", "may not be deleted")
        self.removed.append(name)


def artifact(name: str, strategy: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "s3": {"key": name}, **({"artifactGC": strategy} if strategy else {}), **more}


def workflow(*artifacts: dict[str, Any], phase: str = "Succeeded", finalizers: tuple[str, ...] = (FINALIZER,),
             **gc: Any) -> Object:
    declared = [{"name": item["name"], "artifactGC": item.get("artifactGC")} for item in artifacts]
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
            "metadata": {"name": "w", "finalizers": list(finalizers)},
            "spec": {"templates": [{"name": "main", "outputs": {"artifacts": declared}}], **({"artifactGC": gc} if gc else {})},
            "status": {"phase": phase, "finishedAt": "2026-11-24T08:00:00Z" if phase != "Running" else None, "nodes": {
                "w": {"id": "w", "name": "w", "type": "Pod", "outputs": {"artifacts": list(artifacts)}},
                "w-1": {"id": "w-1", "name": "w[0]", "type": "Steps", "outputs": {"artifacts": list(artifacts)}}}}}


@pytest.fixture
def kube(tmp_path: Path) -> Any:
    store = EmbeddedKube.open(tmp_path / "store.db", clock=SystemClock())
    yield store
    store.close()


async def collect(kube: EmbeddedKube, recorder: Recorder) -> Object | None:
    """What is left of the workflow after a collection."""
    current = await kube.get(WORKFLOWS, "w", namespace="ns")
    await Garbage(recorder).collect(kube, "ns", "w", current["metadata"]["uid"])
    try:
        return await kube.get(WORKFLOWS, "w", namespace="ns")
    except NotFound:
        return None


def deleted_in(left: Object | None) -> list[str]:
    assert left is not None
    return [item["name"] for item in left["status"]["nodes"]["w"]["outputs"]["artifacts"] if item.get("deleted")]


async def test_each_artifact_goes_at_its_own_time(kube: EmbeddedKube) -> None:
    made = workflow(artifact("soon", OVER), artifact("late"), artifact("never", {"strategy": "Never"}), **DELETED)
    await kube.create(WORKFLOWS, made, namespace="ns")
    recorder = Recorder()
    left = await collect(kube, recorder)
    assert (recorder.removed, deleted_in(left)) == (["soon"], ["soon"])
    assert left is not None
    assert left["metadata"]["finalizers"] == [FINALIZER]
    await kube.delete(WORKFLOWS, "w", namespace="ns")
    assert await collect(kube, recorder) is None
    assert recorder.removed == ["soon", "late"]


async def test_a_workflow_whose_artifacts_are_all_gone_is_held_no_longer(kube: EmbeddedKube) -> None:
    await kube.create(WORKFLOWS, workflow(artifact("a"), artifact("b"), **OVER), namespace="ns")
    left = await collect(kube, Recorder())
    assert deleted_in(left) == ["a", "b"]
    assert left is not None
    assert not left["metadata"].get("finalizers")
    assert list(doomed(left)) == []


async def test_nothing_goes_while_the_workflow_runs(kube: EmbeddedKube) -> None:
    await kube.create(WORKFLOWS, workflow(artifact("a"), phase="Running", **OVER), namespace="ns")
    recorder = Recorder()
    left = await collect(kube, recorder)
    assert (recorder.removed, deleted_in(left)) == ([], [])
    assert left is not None
    assert left["metadata"]["finalizers"] == [FINALIZER]


async def test_what_cannot_be_deleted_is_told_and_holds_the_workflow(kube: EmbeddedKube) -> None:
    await kube.create(WORKFLOWS, workflow(artifact("a"), artifact("b"), **DELETED), namespace="ns")
    await kube.delete(WORKFLOWS, "w", namespace="ns")
    left = await collect(kube, Recorder("a"))
    assert deleted_in(left) == ["b"]
    assert left is not None
    assert left["status"]["conditions"] == [
        {"type": "ArtifactGCError", "status": "True", "message": "artifact a: may not be deleted"}]


async def test_a_workflow_may_ask_not_to_be_held_by_failures(kube: EmbeddedKube) -> None:
    await kube.create(WORKFLOWS, workflow(artifact("a"), forceFinalizerRemoval=True, **DELETED), namespace="ns")
    await kube.delete(WORKFLOWS, "w", namespace="ns")
    assert await collect(kube, Recorder("a")) is None


def test_only_a_workflow_that_asks_for_it_is_held() -> None:
    plain = workflow(artifact("a"), finalizers=())
    assert not asks_for_collection(plain["spec"])
    assert held(plain, plain["spec"]) is plain
    asking = workflow(artifact("a", OVER), finalizers=("other",))
    assert held(asking, asking["spec"])["metadata"]["finalizers"] == ["other", FINALIZER]
    leaving = {**asking, "metadata": {**asking["metadata"], "deletionTimestamp": "2026-11-24T08:00:00Z"}}
    assert held(leaving, leaving["spec"]) is leaving
