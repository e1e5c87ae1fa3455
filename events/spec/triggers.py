# ruff: noqa: RUF012  (pydantic copies a default; it is never shared)
"""The kinds of trigger: one class for each thing that a sensor can do."""

from typing import TYPE_CHECKING

from pydantic import Field

from argosy.manifests.model import Model, late
from controller.spec.metadata import ConfigMapKeySelector, SecretKeySelector
from events.spec.parameter import TriggerParameter

if TYPE_CHECKING:
    from events.spec import connection, trigger_source
else:
    connection = late("events.spec.connection")
    trigger_source = late("events.spec.trigger_source")


class AWSLambdaTrigger(Model):
    """Calls a function of AWS Lambda."""

    access_key: SecretKeySelector | None = None
    function_name: str = ""
    invocation_type: str | None = None
    parameters: list[TriggerParameter] = []
    payload: list[TriggerParameter] = []
    region: str = ""
    role_arn: str = Field("", alias="roleARN")
    secret_key: SecretKeySelector | None = None


class ArgoWorkflowTrigger(Model):
    """Submits, resubmits, stops or otherwise acts on a workflow."""

    args: list[str] = []
    operation: str = ""
    parameters: list[TriggerParameter] = []
    source: trigger_source.TriggerArtifact | None = None


class AzureEventHubsTrigger(Model):
    """Sends to Azure Event Hubs."""

    fqdn: str = ""
    hub_name: str = ""
    parameters: list[TriggerParameter] = []
    payload: list[TriggerParameter] = []
    shared_access_key: SecretKeySelector | None = None
    shared_access_key_name: SecretKeySelector | None = None


class AzureServiceBusTrigger(Model):
    """Sends to Azure Service Bus."""

    connection_string: SecretKeySelector | None = None
    parameters: list[TriggerParameter] = []
    payload: list[TriggerParameter] = []
    queue_name: str = ""
    subscription_name: str = ""
    tls: connection.TLSConfig | None = None
    topic_name: str = ""


class CustomTrigger(Model):
    """Calls a gRPC server of your own."""

    cert_secret: SecretKeySelector | None = None
    parameters: list[TriggerParameter] = []
    payload: list[TriggerParameter] = []
    secure: bool = False
    server_name_override: str = ""
    server_url: str = Field("", alias="serverURL")
    spec: dict[str, str] = {}


class EmailTrigger(Model):
    """Sends an e-mail."""

    body: str = ""
    from_: str = Field("", alias="from")
    host: str = ""
    parameters: list[TriggerParameter] = []
    port: int = 0
    smtp_password: SecretKeySelector | None = None
    subject: str = ""
    to: list[str] = []
    username: str = ""


class ValueFromSource(Model):
    """A value from a ConfigMap or a Secret."""

    config_map_key_ref: ConfigMapKeySelector | None = None
    secret_key_ref: SecretKeySelector | None = None


class SecureHeader(Model):
    """A header whose value is kept in a Secret or a ConfigMap."""

    name: str = ""
    value_from: ValueFromSource | None = None


class HTTPTrigger(Model):
    """Makes an HTTP request."""

    retired = {
        "serverURL": "has no effect: write the address in 'url'",
    }

    basic_auth: connection.BasicAuth | None = None
    dynamic_headers: list[TriggerParameter] = []
    headers: dict[str, str] = {}
    host: str = ""
    method: str = ""
    parameters: list[TriggerParameter] = []
    payload: list[TriggerParameter] = []
    secure_headers: list[SecureHeader] = []
    timeout: int = 0
    tls: connection.TLSConfig | None = None
    url: str = ""


class K8STrigger(Model):
    """Creates, updates, patches or deletes a Kubernetes object."""

    retired = {
        "group": "has no effect: the source's apiVersion and kind say what is created; remove it",
        "version": "has no effect: the source's apiVersion and kind say what is created; remove it",
        "resource": "has no effect: the source's apiVersion and kind say what is created; remove it",
    }

    live_object: bool = False
    operation: str = ""
    parameters: list[TriggerParameter] = []
    patch_strategy: str = ""
    source: trigger_source.TriggerArtifact | None = None


class KafkaTrigger(Model):
    """Sends to a Kafka topic."""

    compress: bool = False
    flush_frequency: int = 0
    headers: dict[str, str] = {}
    parameters: list[TriggerParameter] = []
    partition: int = 0
    partitioning_key: str | None = None
    payload: list[TriggerParameter] = []
    required_acks: int = 0
    sasl: connection.SASLConfig | None = None
    schema_registry: connection.SchemaRegistryConfig | None = None
    secure_headers: list[SecureHeader] = []
    tls: connection.TLSConfig | None = None
    topic: str = ""
    url: str = ""
    version: str = ""


class LogTrigger(Model):
    """Writes the event to the log."""

    interval_seconds: int = 0


class NATSTrigger(Model):
    """Sends to a NATS subject."""

    auth: connection.NATSAuth | None = None
    parameters: list[TriggerParameter] = []
    payload: list[TriggerParameter] = []
    subject: str = ""
    tls: connection.TLSConfig | None = None
    url: str = ""


class OpenWhiskTrigger(Model):
    """Calls an OpenWhisk action."""

    action_name: str = ""
    auth_token: SecretKeySelector | None = None
    host: str = ""
    namespace: str = ""
    parameters: list[TriggerParameter] = []
    payload: list[TriggerParameter] = []
    version: str = ""


class PulsarTrigger(Model):
    """Sends to a Pulsar topic."""

    auth_athenz_params: dict[str, str] = {}
    auth_athenz_secret: SecretKeySelector | None = None
    auth_token_secret: SecretKeySelector | None = None
    connection_backoff: connection.Backoff | None = None
    parameters: list[TriggerParameter] = []
    payload: list[TriggerParameter] = []
    tls: connection.TLSConfig | None = None
    tls_allow_insecure_connection: bool = False
    tls_trust_certs_secret: SecretKeySelector | None = None
    tls_validate_hostname: bool = False
    topic: str = ""
    url: str = ""


class SlackSender(Model):
    """The name and icon that a message is sent under."""

    icon: str = ""
    username: str = ""


class SlackThread(Model):
    """Which thread a message goes to."""

    broadcast_message_to_channel: bool = False
    message_aggregation_key: str = ""


class SlackTrigger(Model):
    """Sends a Slack message."""

    attachments: str = ""
    blocks: str = ""
    channel: str = ""
    message: str = ""
    parameters: list[TriggerParameter] = []
    sender: SlackSender | None = None
    slack_token: SecretKeySelector | None = None
    thread: SlackThread | None = None
