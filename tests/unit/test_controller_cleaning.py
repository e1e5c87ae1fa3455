"""Which pods may go, and when a workflow does: decided from values alone."""

from typing import Any

import pytest

from argosy.clock import from_rfc3339
from controller.cleaning import Cleaning, EndedPod, EndedPods, expires_at, selects
from controller.pods.manifest import NODE_ID_ANNOTATION

FINISHED = "2026-11-24T08:00:00Z"


def pod(phase: str, name: str = "p", **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "ns", "uid": f"uid-{name}", "labels": labels,
                         "annotations": {NODE_ID_ANNOTATION: f"node-{name}"}}, "status": {"phase": phase}}


def ended(phase: str, **labels: str) -> EndedPod:
    found = EndedPod.of(pod(phase, **labels))
    assert found is not None
    return found


@pytest.mark.parametrize(("strategy", "goes"), [  # a pod that succeeded, one that failed; while it runs, and after each end
    ("OnPodCompletion", {("Succeeded", "Running"), ("Failed", "Running"), ("Succeeded", "Succeeded"), ("Failed", "Succeeded"),
                         ("Succeeded", "Failed"), ("Failed", "Failed")}),
    ("OnPodSuccess", {("Succeeded", "Running"), ("Succeeded", "Succeeded"), ("Succeeded", "Failed")}),
    ("OnWorkflowCompletion", {("Succeeded", "Succeeded"), ("Failed", "Succeeded"), ("Succeeded", "Failed"),
                              ("Failed", "Failed")}),
    ("OnWorkflowSuccess", {("Succeeded", "Succeeded"), ("Failed", "Succeeded")}),
])
def test_each_strategy_has_its_moment(strategy: str, goes: set[tuple[str, str]]) -> None:
    cleaning = Cleaning(strategy)
    told = {(one, workflow) for one in ("Succeeded", "Failed") for workflow in ("Running", "Succeeded", "Failed")
            if cleaning.takes(ended(one), workflow_phase=workflow)}
    assert told == goes


@pytest.mark.parametrize("given", [{}, {"strategy": ""}, {"strategy": "Sometimes"}, {"deleteDelayDuration": "1s"}])
def test_without_a_strategy_that_is_one_nothing_goes(given: dict[str, str]) -> None:
    assert Cleaning.read({"podGC": given}) is None


@pytest.mark.parametrize(("written", "seconds"), [("", 5), ("0s", 0), ("30s", 30), ("1m", 60), ("-3s", 0), ("soon", 5)])
def test_the_delay_is_as_written_or_as_usual(written: str, seconds: float) -> None:
    cleaning = Cleaning.read({"podGC": {"strategy": "OnPodCompletion", "deleteDelayDuration": written}})
    assert cleaning is not None
    assert cleaning.delay_seconds == seconds


@pytest.mark.parametrize(("selector", "taken"), [
    ({}, True),
    ({"matchLabels": {"gc": "yes"}}, True),
    ({"matchLabels": {"gc": "no"}}, False),
    ({"matchExpressions": [{"key": "gc", "operator": "In", "values": ["yes", "y"]}]}, True),
    ({"matchExpressions": [{"key": "gc", "operator": "NotIn", "values": ["yes"]}]}, False),
    ({"matchExpressions": [{"key": "other", "operator": "NotIn", "values": ["yes"]}]}, True),
    ({"matchExpressions": [{"key": "gc", "operator": "Exists"}, {"key": "keep", "operator": "DoesNotExist"}]}, True),
    ({"matchLabels": {"gc": "yes"}, "matchExpressions": [{"key": "gc", "operator": "DoesNotExist"}]}, False),
    ({"matchExpressions": [{"key": "gc", "operator": "Resembles", "values": ["yes"]}]}, False),
])
def test_a_selector_narrows_down_which_pods_go(selector: dict[str, Any], *, taken: bool) -> None:
    assert selects(selector, {"gc": "yes"}) is taken


def test_a_pod_goes_once_its_nodes_end_is_saved_and_is_told_once() -> None:
    pods, spec = EndedPods(), {"podGC": {"strategy": "OnPodCompletion"}}
    pods.note(pod("Running"))
    pods.note(pod("Succeeded"))
    assert list(pods.take(spec, {})) == []
    assert list(pods.take(spec, {"phase": "Running", "nodes": {"node-p": {"phase": "Running"}}})) == []
    saved = {"phase": "Running", "nodes": {"node-p": {"phase": "Succeeded"}}}
    assert [each.name for each in pods.take(spec, saved)] == ["p"]
    assert list(pods.take(spec, saved)) == []


def test_pods_are_kept_until_the_workflow_is_over_where_that_is_asked_for() -> None:
    pods, spec = EndedPods(), {"podGC": {"strategy": "OnWorkflowSuccess"}}
    for name, phase in (("a", "Succeeded"), ("b", "Failed")):
        pods.note(pod(phase, name))
    nodes = {"node-a": {"phase": "Succeeded"}, "node-b": {"phase": "Failed"}}
    assert list(pods.take(spec, {"phase": "Running", "nodes": nodes})) == []
    assert sorted(each.name for each in pods.take(spec, {"phase": "Succeeded", "nodes": nodes})) == ["a", "b"]


def test_a_workflow_that_keeps_its_pods_remembers_none_of_them() -> None:
    pods = EndedPods()
    pods.note(pod("Succeeded"))
    assert list(pods.take({}, {"phase": "Running"})) == []
    pods.note(pod("Succeeded", "later"))
    assert pods._waiting == {}


@pytest.mark.parametrize(("phase", "strategy", "seconds"), [
    ("Succeeded", {"secondsAfterCompletion": 60}, 60),
    ("Succeeded", {"secondsAfterCompletion": 60, "secondsAfterSuccess": 0}, 0),
    ("Failed", {"secondsAfterCompletion": 60, "secondsAfterSuccess": 5}, 60),
    ("Failed", {"secondsAfterCompletion": 60, "secondsAfterFailure": 5}, 5),
    ("Error", {"secondsAfterFailure": 5}, 5),
    ("Succeeded", {"secondsAfterFailure": 5}, None),
    ("Running", {"secondsAfterCompletion": 5}, None),
    ("Succeeded", {"secondsAfterCompletion": "soon"}, None),
    ("Succeeded", {}, None),
])
def test_a_finished_workflow_has_its_time_to_live(phase: str, strategy: dict[str, Any], seconds: float | None) -> None:
    at = expires_at({"spec": {"ttlStrategy": strategy}, "status": {"phase": phase, "finishedAt": FINISHED}})
    assert at == (None if seconds is None else from_rfc3339(FINISHED) + seconds)


def test_the_time_to_live_may_come_from_the_template_that_it_refers_to() -> None:
    stored = {"ttlStrategy": {"secondsAfterSuccess": 9}}
    workflow = {"spec": {"workflowTemplateRef": {"name": "t"}}, "status": {
        "phase": "Succeeded", "finishedAt": FINISHED, "storedWorkflowTemplateSpec": stored}}
    assert expires_at(workflow) == from_rfc3339(FINISHED) + 9
