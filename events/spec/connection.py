# ruff: noqa: RUF012  (pydantic copies a default; it is never shared)
"""How to reach and sign in to others: TLS, credentials, back-off, buckets."""

from pydantic import Field

from argosy.manifests.model import Model
from argosy.manifests.scalars import Amount, IntOrString
from controller.spec.metadata import SecretKeySelector


class BasicAuth(Model):
    """A user name and a password, each from a Secret."""

    password: SecretKeySelector | None = None
    username: SecretKeySelector | None = None


class Backoff(Model):
    """How often to try again, and how long to wait in between."""

    duration: IntOrString | None = None
    factor: Amount | None = None
    jitter: Amount | None = None
    steps: int = 0


class TLSConfig(Model):
    """Certificates for a TLS connection."""

    ca_cert_secret: SecretKeySelector | None = None
    client_cert_secret: SecretKeySelector | None = None
    client_key_secret: SecretKeySelector | None = None
    enabled: bool = False
    insecure_skip_verify: bool = False


class GithubAppCreds(Model):
    """A GitHub App to sign in as."""

    app_id: int = Field(0, alias="appID")
    installation_id: int = Field(0, alias="installationID")
    private_key: SecretKeySelector | None = None


class KafkaConsumerGroup(Model):
    """A Kafka consumer group."""

    group_name: str = ""
    oldest: bool = False
    rebalance_strategy: str = ""


class SASLConfig(Model):
    """How to sign in to Kafka."""

    mechanism: str = ""
    password_secret: SecretKeySelector | None = None
    user_secret: SecretKeySelector | None = None


class SchemaRegistryConfig(Model):
    """The registry that knows a message's Avro schema."""

    auth: BasicAuth | None = None
    schema_id: int = 0
    url: str = ""


class NATSAuth(Model):
    """How to sign in to NATS: one of four ways."""

    basic: BasicAuth | None = None
    credential: SecretKeySelector | None = None
    nkey: SecretKeySelector | None = None
    token: SecretKeySelector | None = None


class S3Bucket(Model):
    """A bucket and, if one object is meant, its key."""

    key: str = ""
    name: str = ""


class S3Filter(Model):
    """Which objects of a bucket are meant, by name."""

    prefix: str = ""
    suffix: str = ""


class S3Artifact(Model):
    """A bucket that speaks S3: where a trigger's manifest is, or what MinIO source to watch."""

    access_key: SecretKeySelector | None = None
    bucket: S3Bucket | None = None
    ca_certificate: SecretKeySelector | None = None
    endpoint: str = ""
    events: list[str] = []
    filter: S3Filter | None = None
    insecure: bool = False
    metadata: dict[str, str] = {}
    region: str = ""
    secret_key: SecretKeySelector | None = None


class EventSourceFilter(Model):
    """An expression that drops events before they are published."""

    expression: str = ""


class WebhookContext(Model):
    """Where HTTP requests arrive: port, path, method, token, certificate."""

    auth_secret: SecretKeySelector | None = None
    endpoint: str = ""
    max_payload_size: int | None = None
    metadata: dict[str, str] = {}
    method: str = ""
    port: str = ""
    server_cert_secret: SecretKeySelector | None = None
    server_key_secret: SecretKeySelector | None = None
    url: str = ""
