"""Submitting: what is said beside the manifest wins, and submitting twice under one name creates once."""

from collections.abc import Iterator

import pytest

from argosy.clock import SystemClock
from argosy.embedded.store import EmbeddedKube
from argosy.errors import ArgosyError, SpecError
from argosy.kube.contract import AlreadyExists, NotFound
from argosy.kube.resources import CRON_WORKFLOWS, WORKFLOW_TEMPLATES, WORKFLOWS
from controller import operations
from controller.operations import SubmitOptions


@pytest.fixture
def kube() -> Iterator[EmbeddedKube]:
    store = EmbeddedKube.open(":memory:", clock=SystemClock(), durable=False)
    yield store
    store.close()


def hello(**metadata: str) -> dict:
    return {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata or {"generateName": "hello-"},
        "spec": {
            "entrypoint": "main",
            "arguments": {"parameters": [
                {"name": "message", "value": "hi", "enum": ["hi", "ho"]}, {"name": "n", "value": "1"}]},
            "templates": [{"name": "main", "container": {"image": "alpine", "command": ["true"]}}],
        },
    }


def template(kind: str = "WorkflowTemplate", name: str = "build") -> dict:
    return {**hello(name=name), "kind": kind}


async def test_a_generated_name_gets_its_ending_and_the_callers_namespace(kube):
    created = await operations.submit(kube, hello(), namespace="default")
    assert created["metadata"]["name"].startswith("hello-")
    assert created["metadata"]["namespace"] == "default"


async def test_parameters_keep_their_place_and_new_ones_are_added(kube):
    options = SubmitOptions(parameters={"message": "ho", "extra": "a=b"})
    created = await operations.submit(kube, hello(), namespace="default", options=options)
    assert created["spec"]["arguments"]["parameters"] == [
        {"name": "message", "value": "ho", "enum": ["hi", "ho"]}, {"name": "n", "value": "1"},
        {"name": "extra", "value": "a=b"}]


async def test_a_given_value_takes_the_place_of_a_value_from_elsewhere(kube):
    workflow = hello()
    workflow["spec"]["arguments"] = {"parameters": [{"name": "a", "valueFrom": {"configMapKeyRef": {"name": "x", "key": "y"}}}]}
    created = await operations.submit(kube, workflow, namespace="default", options=SubmitOptions(parameters={"a": "1"}))
    assert created["spec"]["arguments"]["parameters"] == [{"name": "a", "value": "1"}]


async def test_a_given_value_with_braces_is_noted_as_data(kube):
    created = await operations.submit(kube, hello(), namespace="default", options=SubmitOptions(
        parameters={"message": "{{workflow.name}}", "n": "2"}))
    assert created["metadata"]["annotations"] == {"argosy.dev/literal-parameters": "message"}


async def test_every_option_wins_over_the_manifest(kube):
    options = SubmitOptions(name="mine", entrypoint="other", service_account="robot", priority=7, labels={"team": "data"},
                            annotations={"why": "test"})
    created = await operations.submit(kube, hello(), namespace="default", options=options)
    assert created["metadata"]["name"] == "mine"
    assert "generateName" not in created["metadata"]
    assert created["metadata"]["labels"] == {"team": "data"}
    assert created["metadata"]["annotations"] == {"why": "test"}
    assert (created["spec"]["entrypoint"], created["spec"]["serviceAccountName"], created["spec"]["priority"]) == (
        "other", "robot", 7)


async def test_the_manifest_itself_stays_as_it_was(kube):
    workflow = hello()
    await operations.submit(kube, workflow, namespace="default", options=SubmitOptions(parameters={"message": "ho"}, name="x"))
    assert workflow == hello()


async def test_submitting_once_under_a_name_creates_once(kube):
    options = SubmitOptions(name="from-event-1")
    first = await operations.submit(kube, hello(), namespace="default", options=options, once=True)
    second = await operations.submit(kube, hello(), namespace="default", options=options, once=True)
    assert second["metadata"]["uid"] == first["metadata"]["uid"]


async def test_a_name_that_is_taken_is_refused_otherwise(kube):
    await operations.submit(kube, hello(name="a"), namespace="default")
    with pytest.raises(AlreadyExists):
        await operations.submit(kube, hello(name="a"), namespace="default")


async def test_a_dry_run_creates_nothing(kube):
    await operations.submit(kube, hello(name="a"), namespace="default", dry_run=True)
    assert (await kube.list(WORKFLOWS, namespace="default")).items == []


async def test_a_workflow_without_any_name_is_told_so(kube):
    with pytest.raises(SpecError, match="generateName"):
        await operations.submit(kube, hello(namespace="default"), namespace="default")


async def test_only_workflows_are_submitted(kube):
    with pytest.raises(SpecError, match="workflowtemplate/NAME"):
        await operations.submit(kube, template(), namespace="default")


@pytest.mark.parametrize("word", ["workflowtemplate", "wftmpl", "WorkflowTemplate", "workflowtemplates"])
async def test_a_stored_template_is_submitted_by_reference(kube, word):
    await kube.create(WORKFLOW_TEMPLATES, template(), namespace="default")
    created = await operations.submit_from(
        kube, f"{word}/build", namespace="default", options=SubmitOptions(parameters={"message": "ho"}))
    assert created["metadata"]["name"].startswith("build-")
    assert created["metadata"]["labels"]["workflows.argoproj.io/workflow-template"] == "build"
    assert created["spec"] == {
        "workflowTemplateRef": {"name": "build"}, "arguments": {"parameters": [{"name": "message", "value": "ho"}]}}


async def test_a_cron_workflow_is_submitted_with_its_own_spec(kube):
    cron = {"apiVersion": "argoproj.io/v1alpha1", "kind": "CronWorkflow", "metadata": {"name": "nightly"}, "spec": {
        "schedules": ["0 0 * * *"], "workflowSpec": hello()["spec"], "workflowMetadata": {"labels": {"team": "data"}}}}
    await kube.create(CRON_WORKFLOWS, cron, namespace="default")
    created = await operations.submit_from(kube, "cronwf/nightly", namespace="default")
    assert created["spec"] == hello()["spec"]
    assert created["metadata"]["labels"] == {"team": "data", "workflows.argoproj.io/cron-workflow": "nightly"}


async def test_a_source_that_does_not_exist_is_told_so(kube):
    with pytest.raises(NotFound, match="absent"):
        await operations.submit_from(kube, "workflowtemplate/absent", namespace="default")


@pytest.mark.parametrize("text", ["build", "workflow/build", "workflowtemplate/", "/x"])
def test_a_source_must_name_kind_and_object(text):
    with pytest.raises(ArgosyError, match="KIND/NAME"):
        operations.parse_source(text)


def test_only_the_first_equals_sign_separates_a_parameter():
    assert operations.parse_parameters(["a=b=c", "empty="]) == {"a": "b=c", "empty": ""}


@pytest.mark.parametrize("pair", ["message", "=x"])
def test_a_parameter_without_a_value_is_told_how_to_write_it(pair):
    with pytest.raises(ArgosyError, match="NAME=VALUE"):
        operations.parse_parameters([pair])


async def test_a_resubmitted_workflow_is_a_fresh_one_with_the_old_spec(kube):
    old = hello(name="old")
    old["metadata"]["labels"] = {"team": "data", "workflows.argoproj.io/phase": "Failed",
                                 "workflows.argoproj.io/completed": "true"}
    old["spec"]["shutdown"] = "Stop"
    old["status"] = {"phase": "Failed"}
    await kube.create(WORKFLOWS, old, namespace="default")
    new = await operations.resubmit(kube, "old", namespace="default", options=SubmitOptions(parameters={"message": "ho"}))
    assert new["metadata"]["name"].startswith("old-")
    assert new["metadata"]["labels"] == {"team": "data", "workflows.argoproj.io/resubmitted-from-workflow": "old"}
    assert "shutdown" not in new["spec"]
    assert not new.get("status")
    assert new["spec"]["arguments"]["parameters"][0]["value"] == "ho"
