"""Event sources: what each kind cannot do without."""

from argosy.errors import Problem
from argosy.manifests.model import Model
from controller.spec.checks.report import Report
from controller.spec.checks.schedules import schedule_mistake
from events.spec.connection import WebhookContext
from events.spec.event_source import EventSource, EventSourceSpec
from events.spec.hooks import GithubEventSource
from events.spec.watches import CalendarEventSource

NOT_KINDS = ("eventBusName", "replicas", "service", "template")
_REQUIRED: dict[str, tuple[str, ...]] = {
    "amqp": ("exchangeType", "routingKey"), "azureEventsHub": ("fqdn", "hubName"), "azureQueueStorage": ("queueName",),
    "bitbucket": ("webhook",), "bitbucketserver": ("bitbucketserverBaseURL",),
    "emitter": ("broker", "channelKey", "channelName"), "file": ("eventType", "watchPathConfig"), "generic": ("url",),
    "gerrit": ("webhook", "gerritBaseURL", "projects", "events"), "github": ("webhook",),
    "gitlab": ("webhook", "events", "gitlabBaseURL", "accessToken"), "hdfs": ("type", "addresses"),
    "kafka": ("url", "topic"), "minio": ("endpoint", "accessKey", "secretKey"), "mns": ("queue", "endpoint"),
    "mqtt": ("url", "topic", "clientId"), "nats": ("url", "subject"), "nsq": ("hostAddress", "topic", "channel"),
    "pulsar": ("url", "topics"), "redis": ("hostAddress", "channels"), "redisStream": ("hostAddress", "streams"),
    "resource": ("version", "resource", "eventTypes"), "sftp": ("eventType",),
    "slack": ("webhook", "token", "signingSecret"), "sns": ("topicArn", "region"), "sqs": ("region", "queue"),
    "storageGrid": ("topicArn", "apiURL", "authToken", "bucket", "events"),
}
_EITHER: dict[str, tuple[str, str]] = {
    "amqp": ("url", "urlSecret"), "pubSub": ("topic", "subscriptionID"), "kafka": ("partition", "consumerGroup"),
    "azureServiceBus": ("queueName", "topicName"), "azureQueueStorage": ("connectionString", "storageAccountName"),
}


def check_event_source(source: EventSource) -> list[Problem]:
    """What Argo Events would refuse, and what would surprise; the event source has been read already."""
    report = Report()
    kinds = _kinds(source.spec)
    if not kinds:
        report.error("spec", "has no source; write its kind and the event's name, such as 'webhook: {push: ...}'")
    seen: dict[str, str] = {}
    for kind, events in kinds.items():
        for name, event in events.items():
            path = f"spec.{kind}.{name}"
            if name in seen:
                report.error(path, f"event '{name}' is there already, as {seen[name]}; names must be unique")
            seen.setdefault(name, path)
            _check_kind(kind, event, path, report)
    return report.problems


def _kinds(spec: EventSourceSpec) -> dict[str, dict[str, Model]]:
    """The kinds of source that the spec has, by their YAML names, each with its events."""
    written = [(field.alias or name, name) for name, field in EventSourceSpec.model_fields.items()
               if name in spec.model_fields_set]
    return {key: getattr(spec, name) for key, name in written if key not in NOT_KINDS}


def _check_kind(kind: str, event: Model, path: str, report: Report) -> None:
    tree = event.tree()
    for key in _REQUIRED.get(kind, ()):
        if not tree.get(key):
            report.error(f"{path}.{key}", "is required")
    either = _EITHER.get(kind)
    if either is not None and not any(tree.get(key) for key in either):
        report.error(path, f"must have {either[0]} or {either[1]}")
    webhook = event if isinstance(event, WebhookContext) else getattr(event, "webhook", None)
    if isinstance(webhook, WebhookContext):
        _check_webhook(webhook, path if webhook is event else f"{path}.webhook", report)
    if isinstance(event, CalendarEventSource):
        _check_calendar(event, path, report)
    if isinstance(event, GithubEventSource):
        _check_github(event, path, report)


def _check_webhook(webhook: WebhookContext, path: str, report: Report) -> None:
    if not webhook.endpoint:
        report.error(f"{path}.endpoint", "is required: the path that requests are sent to, such as /push")
    if not webhook.port:
        report.error(f"{path}.port", 'is required, as text: "12000"')
    elif not webhook.port.isdigit() or not 0 < int(webhook.port) < 65536:
        report.error(f"{path}.port", f"must be a number from 1 to 65535, but is '{webhook.port}'")
    if (webhook.server_cert_secret is None) != (webhook.server_key_secret is None):
        missing = "serverCertSecret" if webhook.server_cert_secret is None else "serverKeySecret"
        report.error(f"{path}.{missing}", "is required: certificate and key go together")


def _check_calendar(calendar: CalendarEventSource, path: str, report: Report) -> None:
    if not calendar.schedule and not calendar.interval:
        report.error(path, "must have schedule or interval, such as 'interval: 10m'")
    mistake = schedule_mistake(calendar.schedule) if calendar.schedule else ""
    if mistake:
        report.error(f"{path}.schedule", f"'{calendar.schedule}' is no schedule: {mistake}")
    if calendar.interval.isdigit():
        report.error(f"{path}.interval", f"needs a unit, such as {calendar.interval}s")
    else:
        report.duration(calendar.interval, f"{path}.interval")


def _check_github(github: GithubEventSource, path: str, report: Report) -> None:
    names_repositories = bool(github.repositories or (github.owner and github.repository))
    if names_repositories == bool(github.organizations):
        found = "both" if names_repositories else "neither"
        report.error(path, f"must have repositories or organizations, but has {found}")
    if github.content_type not in ("", "json", "form"):
        report.error(f"{path}.contentType", f"must be json or form, but is '{github.content_type}'")
    if bool(github.github_base_url) != bool(github.github_upload_url):
        missing = "githubUploadURL" if github.github_base_url else "githubBaseURL"
        report.error(f"{path}.{missing}", "is required: the two addresses of a GitHub Enterprise server go together")
    if (github.api_token or github.github_app) and not github.events:
        report.error(f"{path}.events", "must list the events to ask GitHub for, such as [push]")
