"""The key that a repository's ``keyFormat`` gives to the artifacts of one pod."""

from collections.abc import Mapping
from typing import Any

from argosy.errors import SpecError
from controller.engine.contract import WantedPod
from controller.engine.errors import NodeError
from controller.engine.inputs import Inputs
from controller.engine.scope import Scope, Values, filled
from controller.engine.values import named, text_of
from controller.engine.workflow_values import WorkflowValues

Tree = Mapping[str, Any]


def pod_key(key_format: str, wanted: WantedPod, workflow: Tree, spec: Tree) -> str:
    """The key format with what this pod and its workflow are called, without slashes at its ends. Raises SpecError."""
    values = WorkflowValues(workflow, spec, {}, phase=lambda: "Running", failures=list, seconds=float)
    parameters = named((spec.get("arguments") or {}).get("parameters"))
    values.parameters = {name: text_of(item["value"]) for name, item in parameters.items() if item.get("value") is not None}
    own = Values({"pod.name": wanted.pod_name, "node.name": wanted.node_name})
    try:
        key = text_of(filled(key_format, Scope(own, Inputs.of_json(wanted.inputs).variables(), values)))
    except NodeError as error:
        raise SpecError("artifact repository", f"has a keyFormat that cannot be filled in: {error}; it may use "
                        "{{workflow.name}}, {{pod.name}}, {{workflow.creationTimestamp.Y}} and the like") from error
    return key.strip("/")
