"""What a resource template reads: conditions on an object, values out of it, kubectl's flags, names of kinds."""

from typing import Any

import pytest

from argosy.kube.contract import Forbidden, NotFound
from argosy.kube.kinds import ListedKinds, ServedKinds
from argosy.kube.resources import KNOWN
from controller.pods.assignment import FieldOut, ResourceWork
from controller.resources.conditions import Conditions
from controller.resources.contract import WorkFailed
from controller.resources.fields import read_fields, render_path
from controller.resources.flags import read_flags
from controller.resources.targets import owned

OBJECT: dict[str, Any] = {
    "metadata": {"name": "job", "labels": {"app.kubernetes.io/name": "demo"}},
    "status": {"phase": "Running", "succeeded": 3, "ready": True, "ratio": 0.5, "nothing": None,
               "conditions": [{"type": "Ready", "status": "True"}, {"type": "Late", "status": "False"}]},
}


@pytest.mark.parametrize("condition", [
    "status.phase == Running", "status.phase=Running", "status.phase in (Failed, Running)", "status.phase != Failed",
    "status.succeeded > 2", "status.succeeded > 2, status.ready == true", "status.ready", "!status.deletedAt",
    "status.conditions.0.type == Ready", "status.absent notin (a, b)", "status.nothing ==",
])
def test_a_success_condition_that_holds(condition: str) -> None:
    assert Conditions(condition, "").met(OBJECT)


@pytest.mark.parametrize("condition", [
    "status.phase == Failed", "status.succeeded > 3", "status.absent > 0", "status.ready == false", "status.ratio > 0",
    "status.phase == Running, status.succeeded > 5", "status.absent", "!status.phase",
])
def test_a_success_condition_that_does_not_hold_yet(condition: str) -> None:
    assert not Conditions(condition, "").met(OBJECT)


def test_one_term_of_a_failure_condition_is_enough() -> None:
    with pytest.raises(WorkFailed, match=r"failure condition '\{status.succeeded gt \[2\]\}' evaluated true"):
        Conditions("status.phase == Running", "status.phase == Broken, status.succeeded > 2").met(OBJECT)


def test_without_conditions_there_is_nothing_to_wait_for() -> None:
    assert not Conditions("", "").any
    assert Conditions("", "status.phase == Failed").met(OBJECT)


@pytest.mark.parametrize(("template", "text"), [
    ("{.metadata.name}", "job"), ("name is {.metadata.name}!", "name is job!"), (".metadata.name", "job"),
    ("{.status.succeeded}", "3"), ("{.status.ready}", "true"), ("{.status.conditions[0]}", '{"type":"Ready","status":"True"}'),
    ("{.status.conditions[*].type}", "Ready Late"), ('{.status.conditions[?(@.type=="Late")].status}', "False"),
    ("{range .status.conditions[*]}{.type}={.status};{end}", "Ready=True;Late=False;"), ("{.status.absent}", ""),
    ('{.metadata.name}{"\\n"}', "job\n"), ("{.metadata.labels.app\\.kubernetes\\.io/name}", "demo"),
    ("{.metadata.labels['app.kubernetes.io/name']}", "demo"), ("{.status.nothing}", ""), ("{$.metadata.name}", "job"),
    ("{@.metadata.name}", "job"), ("{.status.conditions[-1:].type}", "Late"), ("plain", ""),
])
def test_a_path_gives_what_kubectl_gives(template: str, text: str) -> None:
    assert render_path(template, OBJECT) == text


@pytest.mark.parametrize(("source", "text"), [
    (".metadata.name", "job"), (".status.succeeded", "3"), (".status.conditions[1].type", "Late"), (".status.absent", "null"),
    ('.metadata["labels"]["app.kubernetes.io/name"]', "demo"), (".metadata.labels", '{"app.kubernetes.io/name":"demo"}'),
])
def test_a_jq_filter_that_is_a_path_is_followed(source: str, text: str) -> None:
    assert read_fields((FieldOut("x", jq_filter=source),), OBJECT) == {"x": text}


@pytest.mark.parametrize("field", [
    FieldOut("x", jq_filter=".status.conditions | length"), FieldOut("x", jq_filter="keys"), FieldOut("x", json_path="{.a"),
    FieldOut("x", json_path="{range .a[*]}{.b}"), FieldOut("x", jq_filter=".metadata.name.first"),
])
def test_what_cannot_be_read_is_told_with_the_parameter_it_is_for(field: FieldOut) -> None:
    with pytest.raises(WorkFailed, match="output parameter 'x'"):
        read_fields((field,), OBJECT)


def test_of_no_object_only_defaults_are_read() -> None:
    fields = (FieldOut("a", json_path="{.x}", default="d"), FieldOut("b", jq_filter="."))
    assert read_fields(fields, None) == {"a": "d", "b": ""}


def test_flags_are_those_of_kubectl() -> None:
    flags = read_flags(("pod", "x", "-n", "other", "--selector=a=b", "--wait=false", "--force", "--timeout", "3s"))
    assert (flags.words, flags.namespace, flags.selector, flags.wait) == (["pod", "x"], "other", "a=b", False)
    assert flags.grace_seconds == 0
    with pytest.raises(WorkFailed, match="flag '--selector' needs a value"):
        read_flags(("pods", "--selector"))


def test_a_generated_name_follows_from_what_asks_for_it() -> None:
    work = ResourceWork("create", "argo", suffix="abcde", owner={"kind": "Workflow", "name": "w"})
    assert owned({"metadata": {"generateName": "x-"}}, work)["metadata"] == {
        "generateName": "x-", "name": "x-abcde", "ownerReferences": [work.owner]}


@pytest.mark.parametrize("word", ["pod", "Pods", "po", "workflows", "wf", "workflow.argoproj.io", "wf.v1alpha1.argoproj.io"])
async def test_kinds_are_found_by_all_their_names(word: str) -> None:
    found = await ListedKinds(lambda: KNOWN).of_word(word)
    assert found is not None
    assert found.kind == ("Pod" if word.lower().startswith("po") else "Workflow")


SERVED: dict[str, Any] = {
    "/api/v1": {"resources": [{"name": "pods", "singularName": "pod", "kind": "Pod", "namespaced": True, "shortNames": ["po"]},
                              {"name": "pods/log", "kind": "Pod", "namespaced": True}]},
    "/apis": {"groups": [{"preferredVersion": {"groupVersion": name}} for name in ("broken/v1", "batch/v1")]},
    "/apis/batch/v1": {"resources": [{"name": "jobs", "kind": "Job", "namespaced": True}]},
}


async def ask(path: str) -> Any:
    if path == "/apis/broken/v1":
        raise Forbidden("the server of this group is not there")
    if path not in SERVED:
        raise NotFound(path)
    return SERVED[path]


async def test_kinds_are_those_that_the_server_tells() -> None:
    kinds = ServedKinds(ask)
    job = await kinds.of_manifest("batch/v1", "Job")
    assert job is not None
    assert (job.plural, job.api_version) == ("jobs", "batch/v1")
    assert [await kinds.of_word(word) for word in ("job", "jobs.batch")] == [job, job]
    pod = await kinds.of_word("po")
    assert pod is not None
    assert pod.kind == "Pod"
    assert await kinds.of_manifest("none/v1", "None") is None
    assert await kinds.of_word("nones") is None
