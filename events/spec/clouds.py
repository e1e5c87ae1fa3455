# ruff: noqa: RUF012  (pydantic copies a default; it is never shared)
"""Event sources that read the queues of cloud providers."""

from pydantic import Field

from argosy.manifests.model import Model
from controller.spec.metadata import SecretKeySelector
from events.spec.connection import EventSourceFilter, TLSConfig, WebhookContext


class AzureEventsHubEventSource(Model):
    """Messages of Azure Event Hubs."""

    filter: EventSourceFilter | None = None
    fqdn: str = ""
    hub_name: str = ""
    metadata: dict[str, str] = {}
    shared_access_key: SecretKeySelector | None = None
    shared_access_key_name: SecretKeySelector | None = None


class AzureQueueStorageEventSource(Model):
    """Messages of an Azure storage queue."""

    connection_string: SecretKeySelector | None = None
    decode_message: bool = False
    dlq: bool = False
    filter: EventSourceFilter | None = None
    json_body: bool = False
    metadata: dict[str, str] = {}
    queue_name: str = ""
    storage_account_name: str = ""
    wait_time_in_seconds: int | None = None


class AzureServiceBusEventSource(Model):
    """Messages of Azure Service Bus."""

    connection_string: SecretKeySelector | None = None
    defer_delete: bool = False
    filter: EventSourceFilter | None = None
    fully_qualified_namespace: str = ""
    json_body: bool = False
    metadata: dict[str, str] = {}
    queue_name: str = ""
    subscription_name: str = ""
    tls: TLSConfig | None = None
    topic_name: str = ""


class MNSEventSource(Model):
    """Messages of Alibaba's queue."""

    access_key: SecretKeySelector | None = None
    endpoint: str = ""
    filter: EventSourceFilter | None = None
    json_body: bool = False
    queue: str = ""
    secret_key: SecretKeySelector | None = None


class PubSubEventSource(Model):
    """Messages of Google Pub/Sub."""

    credential_secret: SecretKeySelector | None = None
    delete_subscription_on_finish: bool = False
    filter: EventSourceFilter | None = None
    json_body: bool = False
    metadata: dict[str, str] = {}
    project_id: str = Field("", alias="projectID")
    subscription_id: str = Field("", alias="subscriptionID")
    topic: str = ""
    topic_project_id: str = Field("", alias="topicProjectID")


class SNSEventSource(Model):
    """Notifications of Amazon SNS, which calls us."""

    access_key: SecretKeySelector | None = None
    endpoint: str = ""
    filter: EventSourceFilter | None = None
    metadata: dict[str, str] = {}
    region: str = ""
    role_arn: str = Field("", alias="roleARN")
    secret_key: SecretKeySelector | None = None
    topic_arn: str = ""
    validate_signature: bool = False
    webhook: WebhookContext | None = None


class SQSEventSource(Model):
    """Messages of Amazon SQS."""

    access_key: SecretKeySelector | None = None
    dlq: bool = False
    endpoint: str = ""
    filter: EventSourceFilter | None = None
    json_body: bool = False
    metadata: dict[str, str] = {}
    queue: str = ""
    queue_account_id: str = ""
    region: str = ""
    role_arn: str = Field("", alias="roleARN")
    secret_key: SecretKeySelector | None = None
    session_token: SecretKeySelector | None = None
    wait_time_seconds: int = 0


class StorageGridFilter(Model):
    """Which objects are meant, by name."""

    prefix: str = ""
    suffix: str = ""


class StorageGridEventSource(Model):
    """Notifications of NetApp StorageGRID."""

    api_url: str = Field("", alias="apiURL")
    auth_token: SecretKeySelector | None = None
    bucket: str = ""
    events: list[str] = []
    filter: StorageGridFilter | None = None
    metadata: dict[str, str] = {}
    region: str = ""
    tls: TLSConfig | None = None
    topic_arn: str = ""
    webhook: WebhookContext | None = None
