"""Which kinds of trigger there are."""

from collections.abc import Iterable, Mapping

from argosy.errors import Problem
from argosy.kube.kinds import Kinds
from events.durations import seconds_of
from events.rules.event import Json
from events.triggers import objects
from events.triggers.argo_workflow import ArgoWorkflow
from events.triggers.contract import Kind
from events.triggers.http import Http
from events.triggers.k8s import K8s
from events.triggers.log import Log

KINDS: Mapping[str, Kind] = {"k8s": K8s(), "argoWorkflow": ArgoWorkflow(), "http": Http(), "log": Log()}
NOT_YET = ("awsLambda", "azureEventHubs", "azureServiceBus", "custom", "email", "kafka", "nats", "openWhisk", "pulsar",
           "slack")


def kind_of(template: Mapping[str, Json]) -> str | None:
    """The kind that a trigger's template names."""
    return next((name for name in KINDS if template.get(name) is not None), None)


def check(spec: Mapping[str, Json], where: str) -> Iterable[Problem]:
    """What is wrong with a trigger, or has no effect yet."""
    template = spec.get("template") or {}
    named = [name for name in (*KINDS, *NOT_YET) if template.get(name) is not None]
    if not named:
        yield Problem(f"{where}.template", f"says nothing to do; write one of {', '.join(KINDS)}")
    elif len(named) > 1:
        yield Problem(f"{where}.template", f"says {' and '.join(named)}; a trigger does one thing")
    elif named[0] in NOT_YET:
        yield Problem(f"{where}.template.{named[0]}", f"is not supported yet; there are {', '.join(KINDS)}")
    else:
        yield from KINDS[named[0]].check(template[named[0]], f"{where}.template.{named[0]}")
    yield from _check_pace(spec, where)
    if spec.get("dlqTrigger"):
        yield from check(spec["dlqTrigger"], f"{where}.dlqTrigger")


async def check_kinds(spec: Mapping[str, Json], where: str, kinds: Kinds) -> Iterable[Problem]:
    """Whether a trigger acts on an object of a kind that is served."""
    template = spec.get("template") or {}
    found: list[Problem] = []
    for name in ("k8s", "argoWorkflow"):
        if template.get(name) is not None:
            found += await objects.check_kind(template[name], f"{where}.template.{name}", kinds)
    if spec.get("dlqTrigger"):
        found += await check_kinds(spec["dlqTrigger"], f"{where}.dlqTrigger", kinds)
    return found


def _check_pace(spec: Mapping[str, Json], where: str) -> Iterable[Problem]:
    """The retry strategy and the rate limit."""
    strategy = spec.get("retryStrategy") or {}
    try:
        seconds_of(strategy.get("duration"), default=1.0)
    except ValueError as error:
        yield Problem(f"{where}.retryStrategy.duration", str(error))
    for key in ("factor", "jitter"):
        try:
            float(strategy.get(key) or 0)
        except (TypeError, ValueError):
            yield Problem(f"{where}.retryStrategy.{key}", f"is {strategy[key]!r}; write a number")
    unit = (spec.get("rateLimit") or {}).get("unit")
    if unit not in (None, "", "Second", "Minute", "Hour"):
        yield Problem(f"{where}.rateLimit.unit", f"is {unit!r}; write Second, Minute or Hour")
