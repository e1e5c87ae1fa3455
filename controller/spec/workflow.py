# ruff: noqa: RUF012  (pydantic copies a default; it is never shared)
"""Workflow, WorkflowTemplate and ClusterWorkflowTemplate."""

from typing import TYPE_CHECKING

from pydantic import Field

from argosy.manifests.model import Json, Model, late
from controller.spec.metadata import LabelSelector, LocalObjectReference, ObjectMeta
from controller.spec.templates import Template
from controller.spec.values import Arguments

if TYPE_CHECKING:
    from controller.spec import artifact, claims, containers, graph, policies, scheduling, security, volume
else:
    artifact = late("controller.spec.artifact")
    claims = late("controller.spec.claims")
    containers = late("controller.spec.containers")
    graph = late("controller.spec.graph")
    policies = late("controller.spec.policies")
    scheduling = late("controller.spec.scheduling")
    security = late("controller.spec.security")
    volume = late("controller.spec.volume")


class ExecutorPluginSidecar(Model):
    """The sidecar that an executor plugin runs as."""

    automount_service_account_token: bool = False
    container: containers.Container | None = None


class ExecutorPluginSpec(Model):
    """An executor plugin's sidecar."""

    sidecar: ExecutorPluginSidecar | None = None


class ExecutorPlugin(Model):
    """A plugin for templates that the small program does not know itself."""

    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: ExecutorPluginSpec = Field(default_factory=ExecutorPluginSpec)


class PodGC(Model):
    """When pods are deleted."""

    delete_delay_duration: str = ""
    label_selector: LabelSelector | None = None
    strategy: str = ""


class TTLStrategy(Model):
    """How long a finished workflow is kept."""

    seconds_after_completion: int | None = None
    seconds_after_failure: int | None = None
    seconds_after_success: int | None = None


class VolumeClaimGC(Model):
    """When claims for volumes are deleted."""

    strategy: str = ""


class LabelValueFrom(Model):
    """An expression that gives a label's value."""

    expression: str = ""


class WorkflowMetadata(Model):
    """Labels and annotations for workflows made from this spec."""

    annotations: dict[str, str] = {}
    labels: dict[str, str] = {}
    labels_from: dict[str, LabelValueFrom] = {}


class WorkflowTemplateRef(Model):
    """The WorkflowTemplate that a workflow runs."""

    cluster_scope: bool = False
    name: str = ""


class WorkflowSpec(Model):
    """What runs and how: templates, where to begin, arguments, limits, pod settings."""

    retired = {"podPriority": "has no effect since Argo 4: name a priority class in podPriorityClassName instead"}

    active_deadline_seconds: int | None = None
    affinity: scheduling.Affinity | None = None
    archive_logs: bool | None = None
    arguments: Arguments = Field(default_factory=Arguments)
    artifact_gc: artifact.WorkflowLevelArtifactGC | None = Field(None, alias="artifactGC")
    artifact_repository_ref: artifact.ArtifactRepositoryRef | None = None
    automount_service_account_token: bool | None = None
    dns_config: scheduling.PodDNSConfig | None = None
    dns_policy: str | None = None
    entrypoint: str = ""
    executor: policies.ExecutorConfig | None = None
    executor_plugins: list[ExecutorPlugin] = []
    hooks: dict[str, graph.LifecycleHook] = {}
    host_aliases: list[scheduling.HostAlias] = []
    host_network: bool | None = None
    image_pull_secrets: list[LocalObjectReference] = []
    metrics: policies.Metrics | None = None
    node_selector: dict[str, str] = {}
    on_exit: str = ""
    parallelism: int | None = None
    pod_disruption_budget: scheduling.PodDisruptionBudgetSpec | None = None
    pod_gc: PodGC | None = Field(None, alias="podGC")
    pod_metadata: artifact.PodMetadata | None = None
    pod_priority_class_name: str = ""
    pod_resources: containers.ResourceRequirements | None = None
    pod_spec_patch: str = ""
    priority: int | None = None
    resource_claims: list[containers.PodResourceClaim] = []
    retry_strategy: policies.RetryStrategy | None = None
    scheduler_name: str = ""
    security_context: security.PodSecurityContext | None = None
    service_account_name: str = ""
    shutdown: str = ""
    suspend: bool | None = None
    synchronization: policies.Synchronization | None = None
    template_defaults: Template | None = None
    templates: list[Template] = []
    tolerations: list[scheduling.Toleration] = []
    ttl_strategy: TTLStrategy | None = None
    volume_claim_gc: VolumeClaimGC | None = Field(None, alias="volumeClaimGC")
    volume_claim_templates: list[claims.PersistentVolumeClaim] = []
    volumes: list[volume.Volume] = []
    workflow_metadata: WorkflowMetadata | None = None
    workflow_template_ref: WorkflowTemplateRef | None = None


class Workflow(Model):
    """One run of a graph of steps."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: WorkflowSpec = Field(default_factory=WorkflowSpec)
    status: Json = None


class WorkflowTemplate(Model):
    """A workflow's spec under a name, to run or to take templates from."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: WorkflowSpec = Field(default_factory=WorkflowSpec)


class ClusterWorkflowTemplate(WorkflowTemplate):
    """A WorkflowTemplate for all namespaces."""
