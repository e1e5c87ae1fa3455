# ruff: noqa: RUF012  (pydantic copies a default; it is never shared)
"""Settings of the pods that serve a source, a sensor or a bus."""

from typing import TYPE_CHECKING

from pydantic import Field

from argosy.manifests.model import Model, late
from argosy.manifests.scalars import IntOrString
from controller.spec.metadata import LocalObjectReference

if TYPE_CHECKING:
    from controller.spec import containers, environment, scheduling, security, volume
else:
    containers = late("controller.spec.containers")
    environment = late("controller.spec.environment")
    scheduling = late("controller.spec.scheduling")
    security = late("controller.spec.security")
    volume = late("controller.spec.volume")


class PodContainer(Model):
    """Settings of the container that serves the source or sensor."""

    env: list[environment.EnvVar] = []
    env_from: list[environment.EnvFromSource] = []
    image_pull_policy: str = ""
    resources: containers.ResourceRequirements | None = None
    security_context: security.SecurityContext | None = None
    volume_mounts: list[containers.VolumeMount] = []


class PodMetadata(Model):
    """Labels and annotations for the pods."""

    annotations: dict[str, str] = {}
    labels: dict[str, str] = {}


class PodTemplate(Model):
    """Settings of the pod that serves the source or sensor, where one of its own is asked for."""

    affinity: scheduling.Affinity | None = None
    container: PodContainer | None = None
    image_pull_secrets: list[LocalObjectReference] = []
    metadata: PodMetadata | None = None
    node_selector: dict[str, str] = {}
    priority: int | None = None
    priority_class_name: str = ""
    security_context: security.PodSecurityContext | None = None
    service_account_name: str = ""
    tolerations: list[scheduling.Toleration] = []
    volumes: list[volume.Volume] = []


class SensorPodTemplate(PodTemplate):
    """The same for a sensor, whose triggers act with the rights of its service account."""


class ServicePort(Model):
    """A port of a Service."""

    app_protocol: str | None = None
    name: str = ""
    node_port: int | None = None
    port: int | None = None
    protocol: str | None = None
    target_port: IntOrString | None = None


class ServiceOptions(Model):
    """The Service that leads to a source's webhooks."""

    cluster_ip: str = Field("", alias="clusterIP")
    metadata: PodMetadata | None = None
    ports: list[ServicePort] = []
