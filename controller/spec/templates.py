# ruff: noqa: RUF012  (pydantic copies a default; it is never shared)
"""Templates: what one step is, and the settings of its pod."""

from typing import TYPE_CHECKING

from pydantic import Field

from argosy.manifests.model import Json, Model, late
from argosy.manifests.scalars import IntOrString
from controller.spec.artifact import PodMetadata
from controller.spec.values import Inputs, Outputs

if TYPE_CHECKING:
    from controller.spec import artifact, containers, graph, leaves, policies, scheduling, security, volume
else:
    artifact = late("controller.spec.artifact")
    containers = late("controller.spec.containers")
    graph = late("controller.spec.graph")
    leaves = late("controller.spec.leaves")
    policies = late("controller.spec.policies")
    scheduling = late("controller.spec.scheduling")
    security = late("controller.spec.security")
    volume = late("controller.spec.volume")


class Template(Model):
    """What one step is: exactly one of container, script, steps, dag and so on, with inputs and outputs."""

    retired = {"priority": "has no effect since Argo 4: name a priority class in priorityClassName instead"}

    active_deadline_seconds: IntOrString | None = None
    affinity: scheduling.Affinity | None = None
    annotations: dict[str, str] = {}
    archive_location: artifact.ArtifactLocation | None = None
    automount_service_account_token: bool | None = None
    container: containers.Container | None = None
    container_set: leaves.ContainerSetTemplate | None = None
    daemon: bool | None = None
    dag: graph.DAG | None = None
    data: leaves.Data | None = None
    executor: policies.ExecutorConfig | None = None
    fail_fast: bool | None = None
    host_aliases: list[scheduling.HostAlias] = []
    http: leaves.HTTP | None = None
    init_containers: list[leaves.UserContainer] = []
    inputs: Inputs = Field(default_factory=Inputs)
    memoize: policies.Memoize | None = None
    metadata: PodMetadata = Field(default_factory=PodMetadata)
    metrics: policies.Metrics | None = None
    name: str = ""
    node_selector: dict[str, str] = {}
    outputs: Outputs = Field(default_factory=Outputs)
    parallelism: int | None = None
    pending_timeout: str = ""
    plugin: dict[str, Json] | None = None
    pod_resources: containers.ResourceRequirements | None = None
    pod_spec_patch: str = ""
    priority_class_name: str = ""
    resource: leaves.ResourceTemplate | None = None
    resource_claims: list[containers.PodResourceClaim] = []
    retry_strategy: policies.RetryStrategy | None = None
    scheduler_name: str = ""
    script: leaves.ScriptTemplate | None = None
    security_context: security.PodSecurityContext | None = None
    service_account_name: str = ""
    sidecars: list[leaves.UserContainer] = []
    steps: list[list[graph.WorkflowStep]] = []
    suspend: leaves.SuspendTemplate | None = None
    synchronization: policies.Synchronization | None = None
    timeout: str = ""
    tolerations: list[scheduling.Toleration] = []
    volumes: list[volume.Volume] = []
