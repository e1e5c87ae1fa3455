# ruff: noqa: RUF012  (pydantic copies a default; it is never shared)
"""What runs workflows by itself: CronWorkflow and WorkflowEventBinding."""

from pydantic import Field

from argosy.manifests.model import Json, Model
from controller.spec.metadata import ObjectMeta
from controller.spec.values import Arguments
from controller.spec.workflow import WorkflowSpec, WorkflowTemplateRef


class StopStrategy(Model):
    """When a CronWorkflow is to stop for good."""

    expression: str = ""


class CronWorkflowSpec(Model):
    """When to run, what to do when the last run is still going, and the workflow."""

    @classmethod
    def tidy(cls, value: dict[str, Json]) -> dict[str, Json]:
        """Before version 4, Argo took one `schedule`."""
        if not isinstance(value.get("schedule"), str):
            return value
        rest = {key: entry for key, entry in value.items() if key != "schedule"}
        return rest if rest.get("schedules") else rest | {"schedules": [value["schedule"]]}

    concurrency_policy: str = ""
    failed_jobs_history_limit: int | None = None
    schedules: list[str] = []
    starting_deadline_seconds: int | None = None
    stop_strategy: StopStrategy | None = None
    successful_jobs_history_limit: int | None = None
    suspend: bool = False
    timezone: str = ""
    when: str = ""
    workflow_metadata: ObjectMeta | None = None
    workflow_spec: WorkflowSpec | None = None


class CronWorkflow(Model):
    """A workflow that runs at set times."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: CronWorkflowSpec = Field(default_factory=CronWorkflowSpec)
    status: Json = None


class Event(Model):
    """Which events are meant."""

    selector: str = ""


class Submit(Model):
    """The WorkflowTemplate to run, with arguments from the event."""

    arguments: Arguments | None = None
    metadata: ObjectMeta | None = None
    workflow_template_ref: WorkflowTemplateRef | None = None


class WorkflowEventBindingSpec(Model):
    """Which event runs which WorkflowTemplate."""

    event: Event | None = None
    submit: Submit | None = None


class WorkflowEventBinding(Model):
    """A rule of the event API: an event that matches runs a WorkflowTemplate."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: WorkflowEventBindingSpec = Field(default_factory=WorkflowEventBindingSpec)
