# ruff: noqa: RUF012  (pydantic copies a default; it is never shared)
"""Event sources that read queues and brokers."""

from argosy.manifests.model import Model
from controller.spec.metadata import SecretKeySelector
from events.spec.connection import (
    Backoff,
    BasicAuth,
    EventSourceFilter,
    KafkaConsumerGroup,
    NATSAuth,
    SASLConfig,
    SchemaRegistryConfig,
    TLSConfig,
)


class AMQPConsumeConfig(Model):
    """How messages are consumed from a queue."""

    auto_ack: bool = False
    consumer_tag: str = ""
    exclusive: bool = False
    no_local: bool = False
    no_wait: bool = False


class AMQPExchangeDeclareConfig(Model):
    """How the exchange is declared."""

    auto_delete: bool = False
    durable: bool = False
    internal: bool = False
    no_wait: bool = False


class AMQPQueueBindConfig(Model):
    """How the queue is bound to the exchange."""

    no_wait: bool = False


class AMQPQueueDeclareConfig(Model):
    """How the queue is declared."""

    arguments: str = ""
    auto_delete: bool = False
    durable: bool = False
    exclusive: bool = False
    name: str = ""
    no_wait: bool = False


class AMQPEventSource(Model):
    """Messages of an AMQP 0.9.1 broker such as RabbitMQ."""

    auth: BasicAuth | None = None
    connection_backoff: Backoff | None = None
    consume: AMQPConsumeConfig | None = None
    exchange_declare: AMQPExchangeDeclareConfig | None = None
    exchange_name: str = ""
    exchange_type: str = ""
    filter: EventSourceFilter | None = None
    json_body: bool = False
    metadata: dict[str, str] = {}
    queue_bind: AMQPQueueBindConfig | None = None
    queue_declare: AMQPQueueDeclareConfig | None = None
    routing_key: str = ""
    tls: TLSConfig | None = None
    url: str = ""
    url_secret: SecretKeySelector | None = None


class EmitterEventSource(Model):
    """Messages of an emitter.io channel."""

    broker: str = ""
    channel_key: str = ""
    channel_name: str = ""
    connection_backoff: Backoff | None = None
    filter: EventSourceFilter | None = None
    json_body: bool = False
    metadata: dict[str, str] = {}
    password: SecretKeySelector | None = None
    tls: TLSConfig | None = None
    username: SecretKeySelector | None = None


class AWSMSKIAMConfig(Model):
    """Signing in to Amazon's Kafka by IAM."""

    region: str = ""


class KafkaEventSource(Model):
    """Messages of a Kafka topic."""

    aws_msk_iam_auth: AWSMSKIAMConfig | None = None
    config: str = ""
    connection_backoff: Backoff | None = None
    consumer_group: KafkaConsumerGroup | None = None
    filter: EventSourceFilter | None = None
    json_body: bool = False
    limit_events_per_second: int = 0
    metadata: dict[str, str] = {}
    partition: str = ""
    sasl: SASLConfig | None = None
    schema_registry: SchemaRegistryConfig | None = None
    tls: TLSConfig | None = None
    topic: str = ""
    url: str = ""
    version: str = ""


class MQTTEventSource(Model):
    """Messages of an MQTT topic."""

    auth: BasicAuth | None = None
    client_id: str = ""
    connection_backoff: Backoff | None = None
    filter: EventSourceFilter | None = None
    json_body: bool = False
    metadata: dict[str, str] = {}
    tls: TLSConfig | None = None
    topic: str = ""
    url: str = ""


class NATSEventsSource(Model):
    """Messages of a NATS subject."""

    auth: NATSAuth | None = None
    connection_backoff: Backoff | None = None
    filter: EventSourceFilter | None = None
    json_body: bool = False
    metadata: dict[str, str] = {}
    queue: str | None = None
    subject: str = ""
    tls: TLSConfig | None = None
    url: str = ""


class NSQEventSource(Model):
    """Messages of an NSQ topic."""

    channel: str = ""
    connection_backoff: Backoff | None = None
    filter: EventSourceFilter | None = None
    host_address: str = ""
    json_body: bool = False
    metadata: dict[str, str] = {}
    tls: TLSConfig | None = None
    topic: str = ""


class PulsarEventSource(Model):
    """Messages of Pulsar topics."""

    auth_athenz_params: dict[str, str] = {}
    auth_athenz_secret: SecretKeySelector | None = None
    auth_token_secret: SecretKeySelector | None = None
    connection_backoff: Backoff | None = None
    filter: EventSourceFilter | None = None
    json_body: bool = False
    metadata: dict[str, str] = {}
    tls: TLSConfig | None = None
    tls_allow_insecure_connection: bool = False
    tls_trust_certs_secret: SecretKeySelector | None = None
    tls_validate_hostname: bool = False
    topics: list[str] = []
    type: str = ""
    url: str = ""


class RedisEventSource(Model):
    """Messages of Redis channels."""

    channels: list[str] = []
    db: int = 0
    filter: EventSourceFilter | None = None
    host_address: str = ""
    json_body: bool = False
    metadata: dict[str, str] = {}
    namespace: str = ""
    password: SecretKeySelector | None = None
    tls: TLSConfig | None = None
    username: str = ""


class RedisStreamEventSource(Model):
    """Entries of Redis streams."""

    consumer_group: str = ""
    db: int = 0
    filter: EventSourceFilter | None = None
    host_address: str = ""
    max_msg_count_per_read: int = 0
    metadata: dict[str, str] = {}
    password: SecretKeySelector | None = None
    streams: list[str] = []
    tls: TLSConfig | None = None
    username: str = ""
