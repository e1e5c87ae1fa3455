# ruff: noqa: RUF012  (pydantic copies a default; it is never shared)
"""EventBus: the stream that events travel on."""

from typing import TYPE_CHECKING

from pydantic import Field

from argosy.manifests.model import Json, Model, late
from argosy.manifests.scalars import Quantity
from controller.spec.metadata import LocalObjectReference, ObjectMeta, SecretKeySelector

if TYPE_CHECKING:
    from controller.spec import containers, scheduling, security
    from events.spec import connection, pod
else:
    containers = late("controller.spec.containers")
    scheduling = late("controller.spec.scheduling")
    security = late("controller.spec.security")
    connection = late("events.spec.connection")
    pod = late("events.spec.pod")


class ContainerTemplate(Model):
    """Settings of one of the bus's containers."""

    image_pull_policy: str = ""
    resources: containers.ResourceRequirements | None = None
    security_context: security.SecurityContext | None = None


class PersistenceStrategy(Model):
    """The volume that the bus keeps its messages on."""

    access_mode: str | None = None
    storage_class_name: str | None = None
    volume_size: Quantity | None = None


class JetStreamBus(Model):
    """A JetStream cluster that is made for the bus."""

    affinity: scheduling.Affinity | None = None
    container_template: ContainerTemplate | None = None
    image_pull_secrets: list[LocalObjectReference] = []
    max_payload: str | None = None
    metadata: pod.PodMetadata | None = None
    metrics_container_template: ContainerTemplate | None = None
    node_selector: dict[str, str] = {}
    persistence: PersistenceStrategy | None = None
    priority: int | None = None
    priority_class_name: str = ""
    reloader_container_template: ContainerTemplate | None = None
    replicas: int | None = None
    security_context: security.PodSecurityContext | None = None
    service_account_name: str = ""
    settings: str | None = None
    start_args: list[str] = []
    stream_config: str | None = None
    tolerations: list[scheduling.Toleration] = []
    version: str = ""


class JetStreamConfig(Model):
    """A JetStream that exists already."""

    access_secret: SecretKeySelector | None = None
    stream_config: str = ""
    tls: connection.TLSConfig | None = None
    url: str = ""


class KafkaBus(Model):
    """A Kafka topic as the bus."""

    consumer_group: connection.KafkaConsumerGroup | None = None
    partitioner: str = ""
    sasl: connection.SASLConfig | None = None
    tls: connection.TLSConfig | None = None
    topic: str = ""
    url: str = ""
    version: str = ""


class NATSConfig(Model):
    """A NATS Streaming server that exists already."""

    access_secret: SecretKeySelector | None = None
    auth: str | None = None
    cluster_id: str | None = Field(None, alias="clusterID")
    url: str = ""


class NativeStrategy(Model):
    """A NATS Streaming server made for the bus."""

    affinity: scheduling.Affinity | None = None
    auth: str | None = None
    container_template: ContainerTemplate | None = None
    image_pull_secrets: list[LocalObjectReference] = []
    max_age: str | None = None
    max_bytes: str | None = None
    max_msgs: int | None = None
    max_payload: str | None = None
    max_subs: int | None = None
    metadata: pod.PodMetadata | None = None
    metrics_container_template: ContainerTemplate | None = None
    node_selector: dict[str, str] = {}
    persistence: PersistenceStrategy | None = None
    priority: int | None = None
    priority_class_name: str = ""
    raft_commit_timeout: str | None = None
    raft_election_timeout: str | None = None
    raft_heartbeat_timeout: str | None = None
    raft_lease_timeout: str | None = None
    replicas: int = 0
    security_context: security.PodSecurityContext | None = None
    service_account_name: str = ""
    tolerations: list[scheduling.Toleration] = []


class NATSBus(Model):
    """NATS Streaming, which JetStream replaced."""

    exotic: NATSConfig | None = None
    native: NativeStrategy | None = None


class EventBusSpec(Model):
    """Exactly one kind of bus."""

    jetstream: JetStreamBus | None = None
    jetstream_exotic: JetStreamConfig | None = None
    kafka: KafkaBus | None = None
    nats: NATSBus | None = None


class EventBus(Model):
    """The stream that events travel on from sources to sensors."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: EventBusSpec = Field(default_factory=EventBusSpec)
    status: Json = None
