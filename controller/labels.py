"""The labels and annotations that the controller keeps on a Workflow, under Argo's keys. Pure."""

from collections.abc import Mapping
from typing import Any, Protocol

PHASE_LABEL = "workflows.argoproj.io/phase"
COMPLETED_LABEL = "workflows.argoproj.io/completed"
INSTANCE_LABEL = "workflows.argoproj.io/controller-instanceid"


class Stamping(Protocol):
    """What a run knows of its Workflow's labels and annotations (``spec.workflowMetadata``)."""

    @property
    def labels(self) -> Mapping[str, str]:
        """Labels to be put on the Workflow."""

    @property
    def annotations(self) -> Mapping[str, str]:
        """Annotations to be put on the Workflow."""

    @property
    def ended(self) -> bool:
        """Whether the workflow is over."""


def stamped(workflow: dict[str, Any], run: Stamping) -> dict[str, Any]:
    """`workflow` with its phase and whether it is completed as labels, so that lists can select by them."""
    metadata = dict(workflow["metadata"])
    labels = {**(metadata.get("labels") or {}), **run.labels}
    if run.annotations:
        metadata["annotations"] = {**(metadata.get("annotations") or {}), **run.annotations}
    phase = (workflow.get("status") or {}).get("phase") or "Running"
    labels[PHASE_LABEL] = phase
    labels[COMPLETED_LABEL] = "true" if run.ended else "false"
    metadata["labels"] = labels
    return {**workflow, "metadata": metadata}
