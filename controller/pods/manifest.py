"""A wanted pod becomes a Pod manifest: the user's container as written, and around it only what the step needs.

Follows Argo Workflows' pods (names of containers, labels and annotations), so that ``kubectl get pods`` and dashboards
read them; the init and wait containers that Argo adds are replaced by the assignment (see `assignment`).
"""

import math
from collections.abc import Mapping
from typing import Any

from controller.engine.contract import WantedPod
from controller.labels import INSTANCE_LABEL
from controller.pods.assignment import ASSIGNMENT_ANNOTATION, MAIN_ANNOTATION, Assignment
from controller.pods.container_sets import SET_ANNOTATION, turns_of, turns_to_json
from controller.pods.containers import MAIN, SCRIPT_PATH, claim_name, containers_of, volumes_of
from controller.pods.mounting import Mounting, mounted
from controller.pods.patching import patched_spec
from controller.pods.placing import placing

WORKFLOW_LABEL = "workflows.argoproj.io/workflow"
ON_EXIT_LABEL = "workflows.argoproj.io/on-exit"
NODE_ID_ANNOTATION = "workflows.argoproj.io/node-id"
NODE_NAME_ANNOTATION = "workflows.argoproj.io/node-name"
DEFAULT_CONTAINER_ANNOTATION = "kubectl.kubernetes.io/default-container"

Tree = Mapping[str, Any]


def build_pod(wanted: WantedPod, workflow: Tree, spec: Tree, *, now: float, assignment: Assignment | None = None,
              mounting: Mounting | None = None) -> dict[str, Any]:
    """The Pod that runs this node.

    `workflow` is the Workflow object (its metadata is read); `spec` the spec in force, with what a referenced
    WorkflowTemplate adds; `assignment` what is to be done around the command, by the executor if there is a `mounting`,
    else by whoever runs the pod. Raises SpecError for what no pod can be made of.
    """
    metadata = workflow["metadata"]
    spec = {**spec, **wanted.pod_fields}
    pod_spec = pod_spec_of(wanted, spec, metadata["name"])
    told = assignment
    if mounting is not None:
        pod_spec = mounted(pod_spec, wanted.template, assignment, mounting, node_id=wanted.node_id,
                           namespace=metadata["namespace"], workflow_name=metadata["name"])
        told = assignment.without_contents() if assignment is not None else None
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _metadata(wanted, workflow, spec, told),
        "spec": {**pod_spec, **_time_limit(wanted, now)},
    }


def _metadata(wanted: WantedPod, workflow: Tree, spec: Tree, assignment: Assignment | None) -> dict[str, Any]:
    """What a user gives goes over our defaults, and what tells whose pod it is goes over what a user gives."""
    metadata = workflow["metadata"]
    given = [spec.get("podMetadata") or {}, wanted.template.get("metadata") or {}]
    labels = {**({ON_EXIT_LABEL: "true"} if wanted.exiting else {}), **_merged(given, "labels")}
    turns = turns_of(wanted.template)
    default = MAIN if not turns or any(turn.container == MAIN for turn in turns) else turns[-1].container
    annotations = {DEFAULT_CONTAINER_ANNOTATION: default, **_merged(given, "annotations")}
    annotations |= {NODE_ID_ANNOTATION: wanted.node_id, NODE_NAME_ANNOTATION: wanted.node_name}
    if assignment is not None:
        annotations[ASSIGNMENT_ANNOTATION] = assignment.to_json()
    if turns:
        annotations[SET_ANNOTATION] = turns_to_json(turns)
    elif wanted.template.get("sidecars"):
        annotations[MAIN_ANNOTATION] = MAIN
    return {
        "name": wanted.pod_name,
        "namespace": metadata["namespace"],
        "labels": {**labels, WORKFLOW_LABEL: metadata["name"], **_instance(metadata)},
        "annotations": annotations,
        "ownerReferences": [owner_reference(workflow)],
    }


def _instance(metadata: Tree) -> dict[str, str]:
    """The label by which installations tell their own from those of others, if the workflow has it."""
    instance = (metadata.get("labels") or {}).get(INSTANCE_LABEL)
    return {INSTANCE_LABEL: instance} if instance else {}


def _merged(parts: list[Tree], field: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in parts:
        found.update(part.get(field) or {})
    return found


def owner_reference(workflow: Tree) -> dict[str, Any]:
    """What makes an object go when its workflow does."""
    return {
        "apiVersion": workflow["apiVersion"],
        "kind": workflow["kind"],
        "name": workflow["metadata"]["name"],
        "uid": workflow["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def pod_spec_of(wanted: WantedPod, spec: Tree, workflow_name: str) -> dict[str, Any]:
    """The pod's spec as the template and the spec in force write it, patched. Raises SpecError."""
    template = wanted.template
    containers = containers_of(template)
    pod: dict[str, Any] = {"restartPolicy": "Never", **containers}
    volumes = volumes_of(containers, template, spec, workflow_name)
    if volumes:
        pod["volumes"] = volumes
    pod |= placing(template, wanted.around, spec, avoid_hosts=wanted.avoid_hosts)
    return patched_spec(pod, (spec.get("podSpecPatch"), template.get("podSpecPatch")))


def _time_limit(wanted: WantedPod, now: float) -> dict[str, int]:
    """The earlier of the template's own limit and the node's deadline; whoever runs the pod keeps it, also without us."""
    limits = [wanted.active_seconds] if wanted.active_seconds is not None else []
    if wanted.deadline is not None:
        limits.append(max(1, math.ceil(wanted.deadline - now)))
    return {"activeDeadlineSeconds": min(limits)} if limits else {}


__all__ = [
    "MAIN", "NODE_ID_ANNOTATION", "NODE_NAME_ANNOTATION", "ON_EXIT_LABEL", "SCRIPT_PATH", "WORKFLOW_LABEL",
    "build_pod", "claim_name", "owner_reference", "pod_spec_of",
]
