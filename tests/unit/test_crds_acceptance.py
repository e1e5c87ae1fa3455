"""Objects that Argo's definitions accept are accepted by ours: judged here by a JSON Schema validator."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from argosy.kube.contract import Resource
from argosy.kube.resources import EVENT_SOURCES, SENSORS, WORKFLOWS, resource_of
from argosy.manifests import load_manifests
from deploy.crds.generate import MODELS, definition
from tests.support.manifests import objects_in, yaml_blocks
from tests.support.structural_schema import whole_json_schema, without_nulls

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"
SEED = SHARED / "seed" / "argo-workflows-module.md"
EXAMPLES = sorted((ROOT / "examples").rglob("*.yaml"))
ARGOS = sorted((SHARED / "peers" / "argo-workflows").glob("[ef]*/*.yaml"))  # examples and fixtures


@cache
def judge(resource: Resource) -> tuple[Draft202012Validator, dict[str, Any]]:
    schema = definition(resource)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return Draft202012Validator(whole_json_schema(schema)), schema


def refusals(*objects: dict[str, Any]) -> list[str]:
    """What the API server would say against the objects; those that are not of Argo's kinds are none of our business."""
    found = []
    for obj in objects:
        resource = resource_of(obj["apiVersion"], obj["kind"])
        if resource in MODELS:
            validator, schema = judge(resource)
            found += [f"{error.json_path}: {error.message}" for error in validator.iter_errors(without_nulls(obj, schema))]
    return found


def workflow(**template: Any) -> dict[str, Any]:
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"generateName": "w-"},
            "spec": {"entrypoint": "main", "templates": [{"name": "main", **template}]}}


def event_object(kind: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": {"name": "it"}, "spec": spec}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_our_examples_are_accepted(path: Path) -> None:
    assert refusals(*objects_in(path)) == []


@pytest.mark.skipif(not ARGOS, reason="Argo's examples are not beside this checkout")
@pytest.mark.parametrize("path", ARGOS, ids=lambda path: path.stem)
def test_argos_examples_are_accepted(path: Path) -> None:
    assert refusals(*objects_in(path)) == []


@pytest.mark.skipif(not SEED.is_file(), reason="the seed document is not beside this checkout")
def test_the_manifests_of_the_seed_document_are_accepted() -> None:
    whole = [block for block in yaml_blocks(SEED) if "kind:" in block and "metadata:" in block]
    objects = [manifest.object for block in whole for manifest in load_manifests(block, source="seed")]
    assert len(objects) >= 12
    assert refusals(*objects) == []


def test_text_may_be_written_as_a_number_or_a_boolean_where_argo_takes_it() -> None:
    parameters = [{"name": "a", "value": value, "default": value, "enum": [value]} for value in ("x", 1, 1.5, True)]
    assert refusals(workflow(inputs={"parameters": parameters})) == []


def test_quantities_and_counts_may_be_numbers_or_text() -> None:
    for amount in (0.5, 1, "500m"):
        assert refusals(workflow(container={"image": "a", "resources": {"limits": {"cpu": amount}}})) == []
    for limit in (3, "3", "{{inputs.parameters.limit}}"):
        assert refusals(workflow(retryStrategy={"limit": limit})) == []


def test_items_may_be_anything() -> None:
    step = {"name": "a", "template": "main", "withItems": ["a", 1, {"b": [None]}, ["c"]]}
    assert refusals(workflow(steps=[[step]])) == []


def test_a_field_left_empty_is_as_good_as_absent() -> None:
    assert refusals(workflow(inputs=None, container={"image": "a", "args": None})) == []


def test_what_versions_before_4_wrote_is_accepted() -> None:
    locks = {"mutex": {"name": "m"}, "semaphore": {"configMapKeyRef": {"name": "c", "key": "k"}}}
    assert refusals(workflow(synchronization=locks, priority=1)) == []
    assert refusals(event_object("CronWorkflow", schedule="* * * * *", workflowSpec={"podPriority": 5})) == []


def test_a_status_is_anything() -> None:
    assert refusals({**workflow(), "status": {"nodes": {"a": {"children": ["b"]}}, "compressedNodes": ""}}) == []


def test_a_field_that_nobody_knows_is_refused_in_a_workflow() -> None:
    assert refusals(workflow(container={"imge": "a"})) == [
        "$.spec.templates[0].container: Additional properties are not allowed ('imge' was unexpected)"]


def test_a_value_of_another_type_is_refused_everywhere() -> None:
    assert refusals(workflow(container={"args": "a"})) == [
        "$.spec.templates[0].container.args: 'a' is not of type 'array'"]
    assert refusals(event_object("EventSource", webhook={"push": {"port": 12000}})) == [
        "$.spec.webhook.push.port: 12000 is not of type 'string'"]


@pytest.mark.parametrize("resource", [EVENT_SOURCES, SENSORS], ids=lambda resource: resource.plural)
def test_sources_and_sensors_may_say_what_we_do_not_know_as_with_argo(resource: Resource) -> None:
    assert refusals(event_object(resource.kind, template={"container": {"sparkle": 1}}, comment="mine")) == []


def test_every_kind_of_manifest_is_judged() -> None:
    assert WORKFLOWS in MODELS
    assert refusals(event_object("EventBus", jetstream={"version": 2})) == [
        "$.spec.jetstream.version: 2 is not of type 'string'"]
