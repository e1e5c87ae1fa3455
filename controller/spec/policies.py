# ruff: noqa: RUF012  (pydantic copies a default; it is never shared)
"""What may be asked of any step: retries, locks, metrics, remembered results."""

from typing import TYPE_CHECKING

from argosy.manifests.model import Json, Model, late
from argosy.manifests.scalars import Amount, IntOrString

if TYPE_CHECKING:
    from controller.spec import metadata
else:
    metadata = late("controller.spec.metadata")


class Counter(Model):
    """A metric that only grows."""

    value: str = ""


class Gauge(Model):
    """A metric that goes up and down."""

    operation: str = ""
    realtime: bool | None = None
    value: str = ""


class Histogram(Model):
    """A metric of counts per bucket."""

    buckets: list[Amount] = []
    value: str = ""


class MetricLabel(Model):
    """A label of a metric."""

    key: str = ""
    value: str = ""


class Prometheus(Model):
    """One metric to publish."""

    counter: Counter | None = None
    gauge: Gauge | None = None
    help: str = ""
    histogram: Histogram | None = None
    labels: list[MetricLabel] = []
    name: str = ""
    when: str = ""


class Metrics(Model):
    """The metrics that a workflow or a template publishes."""

    prometheus: list[Prometheus] = []


class Backoff(Model):
    """How long to wait between attempts."""

    cap: str = ""
    duration: str = ""
    factor: IntOrString | None = None
    max_duration: str = ""


class RetryAffinity(Model):
    """Where a further attempt should run."""

    node_anti_affinity: dict[str, Json] | None = None


class RetryStrategy(Model):
    """Whether and how often a failed step is tried again."""

    affinity: RetryAffinity | None = None
    backoff: Backoff | None = None
    expression: str = ""
    limit: IntOrString | None = None
    retry_policy: str = ""


class Mutex(Model):
    """A lock that one holder has at a time."""

    database: bool = False
    name: str = ""
    namespace: str = ""


class SyncDatabaseRef(Model):
    """A semaphore's limit, kept in the database."""

    key: str = ""


class SemaphoreRef(Model):
    """A lock that a limited number of holders have at a time."""

    config_map_key_ref: metadata.ConfigMapKeySelector | None = None
    database: SyncDatabaseRef | None = None
    namespace: str = ""


class Synchronization(Model):
    """The locks that a workflow or a template takes."""

    @classmethod
    def tidy(cls, value: dict[str, Json]) -> dict[str, Json]:
        """Before version 4, Argo took one `mutex` or one `semaphore`."""
        for single, several in (("mutex", "mutexes"), ("semaphore", "semaphores")):
            if value.get(single) is not None:
                locks = [value[single], *(value.get(several) or [])]
                value = {key: entry for key, entry in value.items() if key != single} | {several: locks}
        return value

    mutexes: list[Mutex] = []
    semaphores: list[SemaphoreRef] = []


class Cache(Model):
    """The ConfigMap that remembers results."""

    config_map: metadata.LocalObjectReference | None = None


class Memoize(Model):
    """Under which key, where and how long a step's outputs are remembered."""

    cache: Cache | None = None
    key: str = ""
    max_age: str = ""


class ExecutorConfig(Model):
    """Settings of the small program that runs inside pods."""

    service_account_name: str = ""
