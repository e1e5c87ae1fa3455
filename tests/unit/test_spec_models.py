"""Objects of Argo's kinds are read strictly, and given back as they were written."""

from typing import Any

import pytest

from argosy.errors import SpecErrors
from controller.spec import parse_cron_workflow, parse_workflow, parse_workflow_template
from controller.spec.values import Parameter
from events.spec import parse_event_source, parse_sensor


def workflow(template: Any = None, **spec: Any) -> dict[str, Any]:
    template = {"name": "main", "container": {"image": "busybox"}} if template is None else template
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"generateName": "w-"},
            "spec": {"entrypoint": "main", "templates": [template], **spec}}


def told(obj: Any) -> list[str]:
    with pytest.raises(SpecErrors) as error:
        parse_workflow(obj)
    return [str(problem) for problem in error.value.problems]


def test_what_was_read_is_given_back() -> None:
    obj = workflow({
        "name": "main", "inputs": {"artifacts": [{"name": "code", "path": "/src", "raw": {"data": "x"}}]},
        "volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}], "podSpecPatch": "{}",
        "container": {"image": "busybox", "env": [{"name": "A", "value": ""}], "resources": {"limits": {"cpu": 1}},
                      "readinessProbe": {"httpGet": {"port": 80, "path": "/"}}, "args": []}})
    assert parse_workflow(obj).tree() == obj


def test_lists_and_parts_that_are_not_written_are_empty() -> None:
    template = parse_workflow(workflow()).spec.templates[0]
    assert (template.inputs.parameters, template.outputs.artifacts, template.steps) == ([], [], [])
    assert template.script is None


def test_null_is_as_good_as_absent() -> None:
    read = parse_workflow(workflow(arguments=None, onExit=None, suspend=None))
    assert read.spec.arguments.parameters == []
    assert "onExit" not in read.tree()["spec"]


@pytest.mark.parametrize(("value", "text"), [
    ("x", "x"), (True, "true"), (False, "false"), (1, "1"), (1.5, "1.5"), (10**25, "1" + "0" * 25), (1e21, "1" + "0" * 21),
    (1e-7, "0.0000001"), ("", ""),
])
def test_a_parameters_value_becomes_text(value: Any, text: str) -> None:
    assert Parameter.read({"name": "a", "value": value}).value == text


def test_keys_in_another_case_are_taken_as_go_takes_them() -> None:
    obj = workflow()
    obj["spec"]["entryPoint"] = obj["spec"].pop("entrypoint")
    assert parse_workflow(obj).spec.entrypoint == "main"


def test_every_mistake_is_told_at_once_with_its_place() -> None:
    obj = workflow({"name": "main", "container": {"imge": "x", "args": "hello"}, "steps": {"a": 1}}, entrypoint=3)
    assert told(obj) == [
        'spec.entrypoint: must be text, but is the number 3; write it in quotes: "3"',
        'spec.templates[0].container.args: must be a list, but is the text "hello"; write ["hello"]',
        "spec.templates[0].container.imge: unknown field 'imge'; did you mean 'image'?",
        "spec.templates[0].steps: must be a list, but is an object",
    ]


def test_an_object_is_told_apart_from_what_is_none() -> None:
    assert told("hello") == [
        'must be an object (with fields such as apiVersion, kind, metadata, spec), but is the text "hello"']
    (text,) = told(workflow([]))
    assert text.startswith("spec.templates[0]: must be an object (with fields such as activeDeadlineSeconds, ")
    assert text.endswith("but is a list")


def test_a_tree_that_is_nested_without_end_is_refused() -> None:
    tree: dict[str, Any] = {"name": "leaf"}
    for _ in range(5000):
        tree = {"name": "x", "dag": {"tasks": [{"name": "t", "inline": tree}]}}
    assert told(workflow(tree)) == ["is nested too deeply to be read"]


def test_what_version_4_removed_is_still_read() -> None:
    cron = parse_cron_workflow({"kind": "CronWorkflow", "spec": {"schedule": "* * * * *", "workflowSpec": {}}})
    assert cron.spec.schedules == ["* * * * *"]
    old = workflow(synchronization={"mutex": {"name": "m"}, "semaphore": {"configMapKeyRef": {"name": "c", "key": "k"}}},
                   podPriority=5)
    locks = parse_workflow(old).spec.synchronization
    assert locks is not None
    assert [lock.name for lock in locks.mutexes] == ["m"]
    assert len(locks.semaphores) == 1


def test_a_template_is_read_as_the_kind_that_it_is() -> None:
    read = parse_workflow_template({"kind": "ClusterWorkflowTemplate", "metadata": {"name": "t"}, "spec": {}})
    assert type(read).__name__ == "ClusterWorkflowTemplate"


def test_sources_and_sensors_are_read() -> None:
    source = parse_event_source({"spec": {"webhook": {"push": {"port": "12000", "endpoint": "/push"}}}})
    assert source.spec.webhook["push"].port == "12000"
    sensor = parse_sensor({"spec": {"triggers": [{"template": {"name": "t", "http": {"url": "http://x", "serverURL": "y"}}}]}})
    assert sensor.spec.triggers[0].template is not None
    assert sensor.spec.triggers[0].template.http is not None
    assert sensor.spec.triggers[0].template.http.url == "http://x"
