"""Event sources, buses and sensors: what Argo Events refuses is refused, in words that help."""

from typing import Any

import pytest

from events.spec import (
    check_event_bus,
    check_event_source,
    check_sensor,
    effectless,
    parse_event_bus,
    parse_event_source,
    parse_sensor,
)

HOOK = {"endpoint": "/push", "port": "12000"}
PUSH = {"name": "push", "eventSourceName": "github", "eventName": "push"}
LOG = {"template": {"name": "tell", "log": {}}}


def of_source(**spec: Any) -> list[str]:
    return [str(problem) for problem in check_event_source(parse_event_source({"spec": spec}))]


def of_sensor(*triggers: Any, dependencies: Any = (PUSH,)) -> list[str]:
    sensor = parse_sensor({"spec": {"dependencies": list(dependencies), "triggers": list(triggers)}})
    return [str(problem) for problem in check_sensor(sensor)]


def test_good_sources_pass() -> None:
    assert of_source(webhook={"a": HOOK}, calendar={"b": {"interval": "10s"}, "c": {"schedule": "0 9 * * 1-5"}},
                     github={"d": {"webhook": HOOK, "organizations": ["argosy"], "contentType": "json"}}) == []


@pytest.mark.parametrize(("spec", "told"), [
    ({}, "has no source"),
    ({"webhook": {"a": HOOK}, "calendar": {"a": {"interval": "1h"}}}, "is there already, as spec.calendar.a"),
    ({"webhook": {"a": {"endpoint": "/a", "port": "http"}}}, "must be a number from 1 to 65535, but is 'http'"),
    ({"webhook": {"a": {**HOOK, "serverCertSecret": {"name": "s", "key": "k"}}}}, "certificate and key go together"),
    ({"calendar": {"a": {}}}, "must have schedule or interval"),
    ({"calendar": {"a": {"interval": "10"}}}, "needs a unit, such as 10s"),
    ({"kafka": {"a": {"url": "k:9092", "topic": "t"}}}, "must have partition or consumerGroup"),
    ({"nats": {"a": {"url": "n:4222"}}}, "spec.nats.a.subject: is required"),
])
def test_sources_that_cannot_be_served_are_told(spec: dict[str, Any], told: str) -> None:
    assert any(told in line for line in of_source(**spec))


def test_a_good_sensor_passes() -> None:
    parameter = {"src": {"dependencyName": "push", "dataKey": "body.ref"}, "dest": "spec.arguments.parameters.0.value"}
    workflow = {"template": {"name": "build", "conditions": "push", "argoWorkflow": {
        "operation": "submit", "source": {"resource": {"kind": "Workflow"}}, "parameters": [parameter]}}}
    whole = {"template": {"name": "hand-on", "http": {"url": "http://x", "payload": [{"src": {"dependencyName": "push"}}]}}}
    assert of_sensor(workflow, whole, LOG) == []


@pytest.mark.parametrize(("trigger", "told"), [
    ({}, "template: is required"),
    ({"template": {"log": {}}}, "template.name: is required"),
    ({"template": {"name": "a"}}, "has none of them"),
    ({"template": {"name": "a", "log": {}, "conditions": "push &&"}}, "conditions: cannot be read"),
    ({"template": {"name": "a", "k8s": {"operation": "make"}}}, "k8s.source: is required"),
    ({"template": {"name": "a", "k8s": {"source": {"resource": {}, "inline": "x"}}}}, "has inline and resource"),
    ({**LOG, "policy": {"status": {}}}, "must list the HTTP status codes"),
    ({**LOG, "rateLimit": {"unit": "Day"}}, "rateLimit.unit: must be one of"),
    ({**LOG, "dlqTrigger": LOG}, "atLeastOnce: must be true"),
    ({**LOG, "parameters": [{"dest": "a", "src": {"dependencyName": "pull"}, "operation": "add"}]}, "operation: must be one"),
])
def test_triggers_that_cannot_fire_are_told(trigger: dict[str, Any], told: str) -> None:
    assert any(told in line for line in of_sensor(trigger))


def test_names_are_told_apart() -> None:
    assert of_sensor(LOG, LOG) == ["spec.triggers[1].template.name: 'tell' is already the name of spec.triggers[0]"]
    assert of_sensor(LOG, dependencies=[PUSH, PUSH]) == [
        "spec.dependencies[1].name: 'push' is already the name of spec.dependencies[0]"]


@pytest.mark.parametrize(("spec", "told"), [
    ({"jetstream": {"version": "latest"}}, ""), ({}, "has none of them"), ({"jetstream": {}}, "version: is required"),
    ({"jetstream": {"version": "latest", "replicas": 2}}, "must be 1, or 3 and more"),
    ({"nats": {}}, "must have native or exotic"), ({"kafka": {}}, "spec.kafka.url: is required"),
])
def test_a_bus_is_of_one_kind(spec: dict[str, Any], told: str) -> None:
    found = [str(problem) for problem in check_event_bus(parse_event_bus({"spec": spec}))]
    assert any(told in line for line in found) if told else found == []


def test_what_has_no_effect_is_warned_of() -> None:
    obj = {"kind": "EventSource", "spec": {"replicas": 2, "type": "webhook", "webhook": {"a": HOOK}, "kafka": {"b": {}}}}
    assert [problem.path for problem in effectless(obj)] == ["spec.replicas", "spec.type", "spec.kafka"]
