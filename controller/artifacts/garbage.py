"""Artifacts that go with their workflow (``artifactGC``): when it is over, or when it is deleted.

A workflow that asks for it gets Argo's finalizer, so that it stays, when somebody deletes it, until its artifacts are gone.
What was deleted is marked so in the outputs of its node, and nothing is asked of the store again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from argosy.errors import SpecError, Unavailable
from argosy.kube.contract import Conflict, Kube, Object
from argosy.kube.resources import WORKFLOWS
from controller.cleaning import spec_in_force
from controller.engine.moves import WORKFLOW_ENDED
from controller.operations_nodes import read_nodes, write_nodes

FINALIZER = "workflows.argoproj.io/artifact-gc"
_FAILED = "ArtifactGCError"
_WHEN_OVER, _WHEN_DELETED = "OnWorkflowCompletion", "OnWorkflowDeletion"
_KEPT_IN = ("s3", "gcs", "oss", "azure")
_TRIES = 5  # writes in a row, each on top of what somebody else wrote meanwhile

Tree = Mapping[str, Any]


class ArtifactRemover(Protocol):
    """Deletes from where artifacts are kept."""

    async def remove(self, artifact: Tree, workflow: Object, spec: Tree) -> None:
        """Forget an artifact as a node's outputs show it; one that is not there is success. Raises SpecError, Unavailable."""


@dataclass(frozen=True, slots=True)
class Doomed:
    """An artifact whose time has come."""

    node_id: str
    place: int  # in the node's outputs
    artifact: Tree


def asks_for_collection(spec: Tree) -> bool:
    """Whether anything that this workflow leaves is to be deleted by itself."""
    if _strategy(spec) in (_WHEN_OVER, _WHEN_DELETED):
        return True
    outputs = (template.get("outputs") or {} for template in spec.get("templates") or ())
    return any(_strategy(item) in (_WHEN_OVER, _WHEN_DELETED) for left in outputs for item in left.get("artifacts") or ())


def is_waiting(workflow: Object) -> bool:
    """Whether somebody has deleted the workflow, and it stays until its artifacts are gone."""
    metadata = workflow["metadata"]
    return bool(metadata.get("deletionTimestamp")) and FINALIZER in (metadata.get("finalizers") or ())


def doomed(workflow: Object, *, after_all: bool = False) -> Iterator[Doomed]:
    """The artifacts that are to go now; with `after_all`, those also that go when the workflow is deleted.

    Raises ArgosyError where the nodes cannot be read.
    """
    spec, status = spec_in_force(workflow), workflow.get("status") or {}
    begun = status.get("nodes") or status.get("compressedNodes")
    if not begun or not asks_for_collection(spec):  # what was refused for its spec is not asked what stands in that
        return
    over = status.get("phase", "") in WORKFLOW_ENDED
    leaving = after_all or bool(workflow["metadata"].get("deletionTimestamp"))
    wanted = [strategy for strategy, now in ((_WHEN_OVER, over or leaving), (_WHEN_DELETED, leaving)) if now]
    for node_id, node in read_nodes(workflow).items():
        if node.get("type") != "Pod":
            continue
        for place, artifact in enumerate((node.get("outputs") or {}).get("artifacts") or ()):
            kept = not artifact.get("deleted") and any(artifact.get(kind) for kind in _KEPT_IN)
            if kept and (_strategy(artifact) or _strategy(spec)) in wanted:
                yield Doomed(node_id, place, artifact)


def _strategy(part: Tree) -> str:
    return str((part.get("artifactGC") or {}).get("strategy") or "")


def held(workflow: Object, spec: Tree) -> Object:
    """The workflow with the finalizer, if it asks for collection and is not being deleted already."""
    metadata = workflow["metadata"]
    finalizers = metadata.get("finalizers") or []
    if metadata.get("deletionTimestamp") or FINALIZER in finalizers or not asks_for_collection(spec):
        return workflow
    return {**workflow, "metadata": {**metadata, "finalizers": [*finalizers, FINALIZER]}}


class Garbage:
    """Deletes the artifacts of one workflow after another."""

    def __init__(self, remover: ArtifactRemover) -> None:
        self._remover = remover

    async def collect(self, kube: Kube, namespace: str, name: str, uid: str) -> None:
        """Delete what is due, write that down, and let the workflow go if nothing is left. Raises NotFound, Unavailable."""
        gone: set[tuple[str, int]] = set()
        for _ in range(_TRIES):
            workflow = await kube.get(WORKFLOWS, name, namespace=namespace)
            if workflow["metadata"]["uid"] != uid:
                return
            problem = await self._remove(workflow, gone)
            written = self._written(workflow, gone, problem)
            if written == workflow:
                return
            try:
                await kube.replace(WORKFLOWS, written)
            except Conflict:
                continue
            return
        raise Unavailable(f"somebody else writes workflow {name} all the time")

    async def _remove(self, workflow: Object, gone: set[tuple[str, int]]) -> str:
        """Delete what is due and not `gone` yet; the first reason why something could not be."""
        spec, problem = spec_in_force(workflow), ""
        for item in list(doomed(workflow)):
            if (item.node_id, item.place) in gone:
                continue
            try:
                await self._remover.remove(item.artifact, workflow, spec)
            except SpecError as error:
                problem = problem or str(error)
            else:
                gone.add((item.node_id, item.place))
        return problem

    def _written(self, workflow: Object, gone: set[tuple[str, int]], problem: str) -> Object:
        status = dict(workflow.get("status") or {})
        written = {**workflow, "status": status}
        nodes = read_nodes(workflow)
        for node_id, place in gone:
            if node_id in nodes:
                nodes[node_id] = _marked(nodes[node_id], place)
        if gone:
            write_nodes(written, nodes)
        if problem:
            status["conditions"] = [*(item for item in status.get("conditions") or () if item.get("type") != _FAILED), {
                "type": _FAILED, "status": "True", "message": problem}]
        forced = bool((spec_in_force(workflow).get("artifactGC") or {}).get("forceFinalizerRemoval"))
        metadata = workflow["metadata"]
        may_go = (problem and forced) or not any(True for _ in doomed(written, after_all=True))
        if may_go and FINALIZER in (metadata.get("finalizers") or ()) and (is_waiting(workflow) or status.get("finishedAt")):
            written["metadata"] = {**metadata, "finalizers": [each for each in metadata["finalizers"] if each != FINALIZER]}
        return written


def _marked(node: Tree, place: int) -> dict[str, Any]:
    outputs = node["outputs"]
    artifacts = [{**item, "deleted": True} if number == place else item for number, item in enumerate(outputs["artifacts"])]
    return {**node, "outputs": {**outputs, "artifacts": artifacts}}
