# ruff: noqa: RUF012  (pydantic copies a default; it is never shared)
"""What a sensor waits for: dependencies, filters, transforms."""


from argosy.manifests.model import Model


class DataFilter(Model):
    """A value in the payload and what it must be."""

    comparator: str = ""
    path: str = ""
    template: str = ""
    type: str = ""
    value: list[str] = []


class EventContext(Model):
    """What an event's own attributes must be."""

    datacontenttype: str = ""
    id: str = ""
    source: str = ""
    specversion: str = ""
    subject: str = ""
    time: str = ""
    type: str = ""


class PayloadField(Model):
    """A value in the payload under a name."""

    name: str = ""
    path: str = ""


class ExprFilter(Model):
    """An expression over values of the payload."""

    expr: str = ""
    fields: list[PayloadField] = []


class TimeFilter(Model):
    """The time of day in which events count."""

    start: str = ""
    stop: str = ""
    timezone: str = ""


class EventDependencyFilter(Model):
    """Which events count."""

    context: EventContext | None = None
    data: list[DataFilter] = []
    data_logical_operator: str = ""
    expr_logical_operator: str = ""
    exprs: list[ExprFilter] = []
    script: str = ""
    time: TimeFilter | None = None


class EventDependencyTransformer(Model):
    """How an event's payload is rewritten before it is filtered."""

    jq: str = ""
    script: str = ""


class EventDependency(Model):
    """An event that the sensor waits for."""

    event_name: str = ""
    event_source_name: str = ""
    filters: EventDependencyFilter | None = None
    filters_logical_operator: str = ""
    name: str = ""
    transform: EventDependencyTransformer | None = None
