"""The definitions in deploy/crds are what the models say, obey Kubernetes' rules, and are Argo's in name and shape."""

import json
from functools import cache
from typing import Any

import pytest
import yaml

from argosy.kube.contract import Resource
from argosy.kube.resources import ARGO, KNOWN, WORKFLOW_TASK_RESULTS, WORKFLOWS
from argosy.manifests.model import Model
from deploy.crds import generate
from deploy.crds.generate import FOLDER, MODELS
from deploy.crds.structure import OLDER
from tests.support.structural_schema import violations

LARGEST_FOR_KUBECTL_APPLY = 256 * 1024  # the most that annotations may hold, where kubectl keeps what was last applied
definition, text = cache(generate.definition), cache(generate.text)
KINDS = pytest.mark.parametrize("resource", MODELS, ids=lambda resource: resource.plural)


def schema_of(resource: Resource) -> dict[str, Any]:
    (version,) = definition(resource)["spec"]["versions"]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return schema


def at(schema: dict[str, Any], path: str) -> dict[str, Any]:
    for key in path.split("."):
        schema = schema[key] if key == "items" else schema["properties"][key]
    return schema


@KINDS
def test_the_file_is_what_the_models_say(resource: Resource) -> None:
    written = (FOLDER / f"{resource.plural}.yaml").read_text()
    assert written == text(resource), "run `make verify` (python -m deploy.crds.generate) and commit what changes"


@KINDS
def test_a_file_reads_back_as_its_definition(resource: Resource) -> None:
    assert yaml.load(text(resource), Loader=yaml.CSafeLoader) == definition(resource)


def test_there_is_a_file_for_each_of_argos_kinds_and_no_other() -> None:
    plurals = {resource.plural for resource in KNOWN if resource.group == ARGO}
    assert {path.stem for path in FOLDER.glob("*.yaml")} == plurals == {resource.plural for resource in MODELS}


@KINDS
def test_the_schema_is_structural(resource: Resource) -> None:
    assert list(violations(schema_of(resource))) == []


@KINDS
def test_metadata_is_left_to_the_api_server(resource: Resource) -> None:
    assert at(schema_of(resource), "metadata") == {"type": "object"}


@KINDS
def test_kubectl_apply_can_carry_the_definition(resource: Resource) -> None:
    assert len(json.dumps(definition(resource), separators=(",", ":"))) < LARGEST_FOR_KUBECTL_APPLY


@pytest.mark.parametrize(("schema", "problem"), [
    ({"type": "object", "properties": {"a": {}}}, ".a: has no type of a structural schema, but None"),
    ({"type": "object", "properties": {"a": {"$ref": "#/b"}}}, ".a: a structural schema has no ['$ref']"),
    ({"type": "string", "x-kubernetes-int-or-string": True}, ": is int-or-string and has a type"),
    ({"type": "object", "properties": {}, "additionalProperties": {"type": "string"}},
     ": has both properties and additionalProperties"),
    ({"type": "array"}, ": an array has items, and only an array"),
    ({"type": "array", "items": {"type": "string"}, "x-kubernetes-preserve-unknown-fields": True},
     ": keeps unknown fields and is no object"),
    ({"type": "object", "required": ["a"]}, ": requires ['a'], which it does not have"),
])
def test_what_is_not_structural_is_found(schema: dict[str, Any], problem: str) -> None:
    assert problem in list(violations(schema))


def test_workflows_show_argos_columns() -> None:
    (version,) = definition(WORKFLOWS)["spec"]["versions"]
    columns = [(column["name"], column["type"], column["jsonPath"]) for column in version["additionalPrinterColumns"]]
    assert columns == [("Status", "string", ".status.phase"), ("Age", "date", ".status.startedAt"),
                       ("Message", "string", ".status.message")]


def test_only_kinds_of_events_have_a_status_of_their_own_as_with_argo() -> None:
    assert {resource.plural for resource in MODELS if definition(resource)["spec"]["versions"][0].get("subresources")} == {
        "eventsources", "eventbus", "sensors"}


def test_names_are_argos() -> None:
    names = {resource.plural: definition(resource)["spec"]["names"] for resource in MODELS}
    assert names["eventbus"] == {"kind": "EventBus", "listKind": "EventBusList", "plural": "eventbus",
                                 "singular": "eventbus", "shortNames": ["eb"]}
    assert "shortNames" not in names["workflowtaskresults"]
    assert {resource.plural for resource in MODELS if definition(resource)["spec"]["scope"] == "Cluster"} == {
        "clusterworkflowtemplates"}


def test_a_template_is_described_to_the_last_field_and_one_within_it_is_open() -> None:
    schema = schema_of(WORKFLOWS)
    step = at(schema, "spec.templates.items.steps.items.items")
    assert step["properties"]["when"] == {"type": "string"}
    assert step["properties"]["inline"]["x-kubernetes-preserve-unknown-fields"]
    assert "properties" not in step["properties"]["inline"]
    request = at(schema, "spec.templates.items.container.resources.requests")
    assert request == {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def test_a_result_requires_no_spec() -> None:
    assert schema_of(WORKFLOW_TASK_RESULTS)["required"] == ["metadata"]


def test_every_older_spelling_that_the_models_still_read_is_described() -> None:
    def below(model: type[Model]) -> set[type[Model]]:
        return {model}.union(*(below(inner) for inner in model.__subclasses__()))

    rewriting = {model for model in below(Model) if "tidy" in vars(model) and model is not Model}
    assert rewriting == set(OLDER)
