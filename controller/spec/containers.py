# ruff: noqa: RUF012  (pydantic copies a default; it is never shared)
"""Containers, as Kubernetes defines them."""

from typing import TYPE_CHECKING

from pydantic import Field

from argosy.manifests.model import Model, late
from argosy.manifests.scalars import Quantity

if TYPE_CHECKING:
    from controller.spec import environment, probes, security
else:
    environment = late("controller.spec.environment")
    probes = late("controller.spec.probes")
    security = late("controller.spec.security")


class ResourceClaim(Model):
    """A claim for a device, by the name that the pod gives it."""

    name: str = ""
    request: str | None = None


class ResourceRequirements(Model):
    """How much CPU, memory and other resources a container asks for and may use."""

    claims: list[ResourceClaim] = []
    limits: dict[str, Quantity] = {}
    requests: dict[str, Quantity] = {}


class PodResourceClaim(Model):
    """A device that the pod's containers may claim by name."""

    name: str = ""
    resource_claim_name: str | None = None
    resource_claim_template_name: str | None = None


class ContainerPort(Model):
    """A port that a container listens on."""

    container_port: int | None = None
    host_ip: str | None = Field(None, alias="hostIP")
    host_port: int | None = None
    name: str = ""
    protocol: str | None = None


class ContainerResizePolicy(Model):
    """Whether changing one resource of a running container restarts it."""

    resource_name: str | None = None
    restart_policy: str | None = None


class ContainerRestartRuleOnExitCodes(Model):
    """Exit codes that a restart rule speaks about."""

    operator: str | None = None
    values: list[int] = []


class ContainerRestartRule(Model):
    """What to do with a container that ended in a certain way."""

    action: str | None = None
    exit_codes: ContainerRestartRuleOnExitCodes | None = None


class VolumeDevice(Model):
    """A raw block device that a container sees."""

    device_path: str | None = None
    name: str = ""


class VolumeMount(Model):
    """Where a container sees a volume."""

    mount_path: str | None = None
    mount_propagation: str | None = None
    name: str = ""
    read_only: bool | None = None
    recursive_read_only: str | None = None
    sub_path: str | None = None
    sub_path_expr: str | None = None


class Container(Model):
    """A container: image, command, environment, mounts."""

    args: list[str] = []
    command: list[str] = []
    env: list[environment.EnvVar] = []
    env_from: list[environment.EnvFromSource] = []
    image: str | None = None
    image_pull_policy: str | None = None
    lifecycle: probes.Lifecycle | None = None
    liveness_probe: probes.Probe | None = None
    name: str = ""
    ports: list[ContainerPort] = []
    readiness_probe: probes.Probe | None = None
    resize_policy: list[ContainerResizePolicy] = []
    resources: ResourceRequirements | None = None
    restart_policy: str | None = None
    restart_policy_rules: list[ContainerRestartRule] = []
    security_context: security.SecurityContext | None = None
    startup_probe: probes.Probe | None = None
    stdin: bool | None = None
    stdin_once: bool | None = None
    termination_message_path: str | None = None
    termination_message_policy: str | None = None
    tty: bool | None = None
    volume_devices: list[VolumeDevice] = []
    volume_mounts: list[VolumeMount] = []
    working_dir: str | None = None
