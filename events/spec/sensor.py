# ruff: noqa: RUF012  (pydantic copies a default; it is never shared)
"""Sensor: dependencies and the triggers that they fire."""

from typing import TYPE_CHECKING

from pydantic import Field

from argosy.manifests.model import Json, Model, late
from controller.spec.metadata import ObjectMeta
from events.spec.parameter import TriggerParameter

if TYPE_CHECKING:
    from events.spec import connection, dependency, pod, triggers
else:
    connection = late("events.spec.connection")
    dependency = late("events.spec.dependency")
    pod = late("events.spec.pod")
    triggers = late("events.spec.triggers")


class ConditionsResetByTime(Model):
    """A cron schedule at which what was seen so far is forgotten."""

    cron: str = ""
    timezone: str = ""


class ConditionsResetCriteria(Model):
    """When what was seen so far is forgotten."""

    by_time: ConditionsResetByTime | None = None


class TriggerTemplate(Model):
    """What to do, and when: exactly one kind of trigger, and its conditions."""

    retired = {
        "policy": "has no effect here: write it beside 'template', as spec.triggers[].policy",
        "atLeastOnce": "has no effect here: write it beside 'template', as spec.triggers[].atLeastOnce",
    }

    argo_workflow: triggers.ArgoWorkflowTrigger | None = None
    aws_lambda: triggers.AWSLambdaTrigger | None = None
    azure_event_hubs: triggers.AzureEventHubsTrigger | None = None
    azure_service_bus: triggers.AzureServiceBusTrigger | None = None
    conditions: str = ""
    conditions_reset: list[ConditionsResetCriteria] = []
    custom: triggers.CustomTrigger | None = None
    email: triggers.EmailTrigger | None = None
    http: triggers.HTTPTrigger | None = None
    k8s: triggers.K8STrigger | None = None
    kafka: triggers.KafkaTrigger | None = None
    log: triggers.LogTrigger | None = None
    name: str = ""
    nats: triggers.NATSTrigger | None = None
    open_whisk: triggers.OpenWhiskTrigger | None = None
    pulsar: triggers.PulsarTrigger | None = None
    slack: triggers.SlackTrigger | None = None


class RateLimit(Model):
    """How often a trigger may fire."""

    requests_per_unit: int = 0
    unit: str = ""


class K8SResourcePolicy(Model):
    """Labels by which a created object tells success or failure."""

    backoff: connection.Backoff | None = None
    error_on_backoff_timeout: bool = False
    labels: dict[str, str] = {}


class StatusPolicy(Model):
    """HTTP status codes that count as success."""

    allow: list[int] = []


class TriggerPolicy(Model):
    """How to find out whether what a trigger did went well."""

    k8s: K8SResourcePolicy | None = None
    status: StatusPolicy | None = None


class Trigger(Model):
    """A trigger with its parameters, retries and limits."""

    at_least_once: bool = False
    dlq_trigger: "Trigger | None" = None
    parameters: list[TriggerParameter] = []
    policy: TriggerPolicy | None = None
    rate_limit: RateLimit | None = None
    retry_strategy: connection.Backoff | None = None
    template: TriggerTemplate | None = None


class SensorSpec(Model):
    """The dependencies, the triggers, and how the sensor is served."""

    dependencies: list[dependency.EventDependency] = []
    error_on_failed_round: bool = False
    event_bus_name: str = ""
    logging_fields: dict[str, str] = {}
    replicas: int | None = None
    revision_history_limit: int | None = None
    template: pod.SensorPodTemplate | None = None
    triggers: list[Trigger] = []


class Sensor(Model):
    """Waits for events and fires triggers."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: SensorSpec = Field(default_factory=SensorSpec)
    status: Json = None
