# ruff: noqa: RUF012  (pydantic copies a default; it is never shared)
"""EventSource: each kind of source, by name."""

from typing import TYPE_CHECKING

from pydantic import Field

from argosy.manifests.model import Json, Model, late
from controller.spec.metadata import ObjectMeta

if TYPE_CHECKING:
    from events.spec import brokers, clouds, connection, hooks, pod, watches
else:
    brokers = late("events.spec.brokers")
    clouds = late("events.spec.clouds")
    connection = late("events.spec.connection")
    hooks = late("events.spec.hooks")
    pod = late("events.spec.pod")
    watches = late("events.spec.watches")


class EventSourceSpec(Model):
    """The sources, by kind and then by event name, and how they are served."""

    retired = {
        "type": "has no effect: the kind of source is the key that it stands under; remove it",
    }

    amqp: dict[str, brokers.AMQPEventSource] = {}
    azure_events_hub: dict[str, clouds.AzureEventsHubEventSource] = {}
    azure_queue_storage: dict[str, clouds.AzureQueueStorageEventSource] = {}
    azure_service_bus: dict[str, clouds.AzureServiceBusEventSource] = {}
    bitbucket: dict[str, hooks.BitbucketEventSource] = {}
    bitbucketserver: dict[str, hooks.BitbucketServerEventSource] = {}
    calendar: dict[str, watches.CalendarEventSource] = {}
    emitter: dict[str, brokers.EmitterEventSource] = {}
    event_bus_name: str = ""
    file: dict[str, watches.FileEventSource] = {}
    generic: dict[str, watches.GenericEventSource] = {}
    gerrit: dict[str, hooks.GerritEventSource] = {}
    github: dict[str, hooks.GithubEventSource] = {}
    gitlab: dict[str, hooks.GitlabEventSource] = {}
    hdfs: dict[str, watches.HDFSEventSource] = {}
    kafka: dict[str, brokers.KafkaEventSource] = {}
    minio: dict[str, connection.S3Artifact] = {}
    mns: dict[str, clouds.MNSEventSource] = {}
    mqtt: dict[str, brokers.MQTTEventSource] = {}
    nats: dict[str, brokers.NATSEventsSource] = {}
    nsq: dict[str, brokers.NSQEventSource] = {}
    pub_sub: dict[str, clouds.PubSubEventSource] = {}
    pulsar: dict[str, brokers.PulsarEventSource] = {}
    redis: dict[str, brokers.RedisEventSource] = {}
    redis_stream: dict[str, brokers.RedisStreamEventSource] = {}
    replicas: int | None = None
    resource: dict[str, watches.ResourceEventSource] = {}
    service: pod.ServiceOptions | None = None
    sftp: dict[str, watches.SFTPEventSource] = {}
    slack: dict[str, hooks.SlackEventSource] = {}
    sns: dict[str, clouds.SNSEventSource] = {}
    sqs: dict[str, clouds.SQSEventSource] = {}
    storage_grid: dict[str, clouds.StorageGridEventSource] = {}
    stripe: dict[str, hooks.StripeEventSource] = {}
    template: pod.PodTemplate | None = None
    webhook: dict[str, hooks.WebhookEventSource] = {}


class EventSource(Model):
    """Where events come from."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: EventSourceSpec = Field(default_factory=EventSourceSpec)
    status: Json = None
