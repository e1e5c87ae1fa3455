"""What a Workflow, WorkflowTemplate, ClusterWorkflowTemplate, CronWorkflow or WorkflowEventBinding may say.

Reading is cheap and comes first; what only a check or a rare kind needs is imported when it is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from argosy.manifests.model import Json
from controller.spec.templates import Template
from controller.spec.values import Arguments, Inputs, Outputs, Parameter
from controller.spec.workflow import ClusterWorkflowTemplate, Workflow, WorkflowSpec, WorkflowTemplate

if TYPE_CHECKING:
    from controller.spec.artifact import Artifact
    from controller.spec.checks import FindTemplate, check_workflow
    from controller.spec.effect import effectless
    from controller.spec.graph import DAG, DAGTask, WorkflowStep
    from controller.spec.triggered import CronWorkflow, WorkflowEventBinding

_LATE = {
    "Artifact": "artifact", "CronWorkflow": "triggered", "DAG": "graph", "DAGTask": "graph", "FindTemplate": "checks",
    "WorkflowEventBinding": "triggered", "WorkflowStep": "graph", "check_workflow": "checks", "effectless": "effect",
}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATE[name]}"), name)


def parse_workflow(obj: Json, *, source: str = "") -> Workflow:
    """Read a Workflow; raises SpecErrors."""
    return Workflow.read(obj, source=source)


def parse_workflow_template(obj: Json, *, source: str = "") -> WorkflowTemplate:
    """Read a WorkflowTemplate or a ClusterWorkflowTemplate; raises SpecErrors."""
    is_cluster = isinstance(obj, dict) and obj.get("kind") == "ClusterWorkflowTemplate"
    return (ClusterWorkflowTemplate if is_cluster else WorkflowTemplate).read(obj, source=source)


def parse_cron_workflow(obj: Json, *, source: str = "") -> "CronWorkflow":
    """Read a CronWorkflow; raises SpecErrors."""
    from controller.spec.triggered import CronWorkflow

    return CronWorkflow.read(obj, source=source)


def parse_workflow_event_binding(obj: Json, *, source: str = "") -> "WorkflowEventBinding":
    """Read a WorkflowEventBinding; raises SpecErrors."""
    from controller.spec.triggered import WorkflowEventBinding

    return WorkflowEventBinding.read(obj, source=source)


__all__ = [
    "DAG", "Arguments", "Artifact", "ClusterWorkflowTemplate", "CronWorkflow", "DAGTask", "FindTemplate", "Inputs",
    "Outputs", "Parameter", "Template", "Workflow", "WorkflowEventBinding", "WorkflowSpec", "WorkflowStep",
    "WorkflowTemplate", "check_workflow", "effectless", "parse_cron_workflow", "parse_workflow",
    "parse_workflow_event_binding", "parse_workflow_template",
]
