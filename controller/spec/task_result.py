"""WorkflowTaskResult: what a pod tells of itself when the outcome does not fit into its termination message."""

from pydantic import Field

from argosy.manifests.model import Model
from controller.spec.metadata import ObjectMeta
from controller.spec.values import Outputs


class WorkflowTaskResult(Model):
    """What a pod tells of its step: outputs, and how it went."""

    api_version: str = ""
    kind: str = ""
    message: str = ""
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    outputs: Outputs | None = None
    phase: str = ""
    progress: str = ""
