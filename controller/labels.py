"""The labels and annotations that the controller keeps on a Workflow, under Argo's keys. Pure."""

from typing import Any

from controller.engine.contract import Changes
from controller.sharding import CLAIM_ANNOTATION, Claim

PHASE_LABEL = "workflows.argoproj.io/phase"
COMPLETED_LABEL = "workflows.argoproj.io/completed"
INSTANCE_LABEL = "workflows.argoproj.io/controller-instanceid"


def instance_selector(instance: str) -> str:
    """The label selector for workflows of the installation with that instance id; without one, for those of none."""
    return f"{INSTANCE_LABEL}={instance}" if instance else f"!{INSTANCE_LABEL}"


class Marks:
    """Labels and annotations of ``spec.workflowMetadata`` that are to be put on the Workflow with its next save."""

    def __init__(self) -> None:
        self.labels: dict[str, str] = {}
        self.annotations: dict[str, str] = {}

    def add(self, changes: Changes) -> None:
        """What an advance of the engine asks for."""
        self.labels.update(changes.labels)
        self.annotations.update(changes.annotations)

    def clear(self) -> None:
        """They are saved."""
        self.labels.clear()
        self.annotations.clear()


def stamped(workflow: dict[str, Any], marks: Marks, *, ended: bool, claim: Claim | None = None) -> dict[str, Any]:
    """`workflow` with its phase and whether it is completed as labels, so that lists can select by them.

    The `claim` under which it is written stands on it too, where several processes share the work.
    """
    metadata = dict(workflow["metadata"])
    labels = {**(metadata.get("labels") or {}), **marks.labels}
    annotations = {**marks.annotations, **({CLAIM_ANNOTATION: claim.text(metadata["uid"])} if claim else {})}
    if annotations:
        metadata["annotations"] = {**(metadata.get("annotations") or {}), **annotations}
    phase = (workflow.get("status") or {}).get("phase") or "Running"
    labels[PHASE_LABEL] = phase
    labels[COMPLETED_LABEL] = "true" if ended else "false"
    metadata["labels"] = labels
    return {**workflow, "metadata": metadata}
