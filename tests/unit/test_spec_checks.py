"""What Argo refuses is refused, what it accepts is accepted; and what has no effect is told."""

from pathlib import Path
from typing import Any

import pytest

from argosy.errors import SpecErrors
from argosy.manifests import load_manifests
from controller.spec import check_workflow, effectless, parse_cron_workflow, parse_workflow, parse_workflow_template
from controller.spec.checks.cycles import comes_after, cycle_in
from controller.spec.checks.schedules import schedule_mistake

PEERS = Path(__file__).parents[3] / "shared" / "peers" / "argo-workflows"
LEAF = {"name": "work", "inputs": {"parameters": [{"name": "text", "default": ""}]}, "container": {"image": "busybox"}}


def problems(*templates: Any, severity: str = "error", metadata: Any = None, find: Any = None, **spec: Any) -> list[str]:
    obj = {"kind": "Workflow", "metadata": metadata or {}, "spec": {"entrypoint": "main", "templates": [*templates], **spec}}
    found = check_workflow(parse_workflow(obj), find)
    return [f"{problem.path}: {problem.text}" for problem in found if problem.severity == severity]


def steps(*groups: Any, **template: Any) -> dict[str, Any]:
    return {"name": "main", "steps": [list(group) for group in groups], **template}


def call(name: str, text: str | None = None, **fields: Any) -> dict[str, Any]:
    given = {} if text is None else {"arguments": {"parameters": [{"name": "text", "value": text}]}}
    return {"name": name, "template": "work", **given, **fields}


def dag(*tasks: Any, **template: Any) -> dict[str, Any]:
    return {"name": "main", "dag": {"tasks": list(tasks)}, **template}


@pytest.mark.parametrize("text", [
    "{{steps.a.outputs.result}}", "{{steps.a.exitCode}}", "{{steps.a.id}}", "{{steps.a.status}}", "{{workflow.name}}",
    "{{workflow.parameters.who}}", "{{workflow.labels.team}}", "{{workflow.creationTimestamp.RFC3339}}", "{{unknown}}",
    "{{retries}}", "{{= steps.b.whatever }}", "{{workflow.parameters}}", "{{inputs.parameters.own}}",
])
def test_placeholders_that_will_be_filled_pass(text: str) -> None:
    template = steps([call("a")], [call("b", text)], inputs={"parameters": [{"name": "own", "value": "1"}]})
    assert problems(template, LEAF, metadata={"labels": {"team": "x"}},
                    arguments={"parameters": [{"name": "who", "value": "me"}]}) == []


@pytest.mark.parametrize(("text", "why"), [
    ("{{steps.c.outputs.result}}", "there is no step 'c' before it"),
    ("{{steps.a.outputs.parameters.x}}", "'x' is no output parameter of template 'work'"),
    ("{{steps.a.ip}}", "only a daemon has an ip"),
    ("{{steps.a.outputs.parameters}}", "only a fan-out"),
    ("{{workflow.parameters.who}}", "'who' is no parameter of the workflow"),
    ("{{workflow.nam}}", "did you mean 'name'?"),
    ("{{item.key}}", "no item has 'key'"),
    ("{{inputs.parameters.own}}", "'own' is no input parameter"),
])
def test_placeholders_that_nothing_fills_are_told(text: str, why: str) -> None:
    (told,) = problems(steps([call("a")], [call("b", text)]), LEAF)
    assert why in told


def test_the_items_of_a_loop_may_be_named() -> None:
    loop = call("a", "{{item.x}}", withItems=[{"x": 1}, {"x": 2}])
    later = call("b", "{{item.anything}}", withParam="[]")
    plain = call("c", "{{item}}", withSequence={"count": "3"})
    assert problems(steps([loop], [later], [plain]), LEAF) == []


def test_a_step_of_the_same_group_is_not_done_yet() -> None:
    (told,) = problems(steps([call("a"), call("b", "{{steps.a.outputs.result}}")]), LEAF, severity="warning")
    assert "runs at the same time" in told


def test_tasks_may_read_their_ancestors_however_far() -> None:
    assert problems(dag(call("a"), call("b", dependencies=["a"]), call(
        "c", "{{tasks.a.outputs.result}}", dependencies=["b"])), LEAF) == []


def test_an_inline_template_may_name_its_surroundings() -> None:
    inline = {"container": {"image": "busybox", "args": ["{{inputs.parameters.own}}", "{{inputs.parameters.text}}"]},
              "inputs": {"parameters": [{"name": "text"}]}}
    one = {"name": "a", "inline": inline, "arguments": {"parameters": [{"name": "text", "value": "x"}]}}
    assert problems(steps([one], inputs={"parameters": [{"name": "own", "value": "1"}]})) == []


def test_templates_of_others_are_looked_up_where_that_is_possible() -> None:
    other = parse_workflow_template({"metadata": {"name": "lib"}, "spec": {"templates": [LEAF]}})
    used = {"name": "a", "templateRef": {"name": "lib", "template": "work"}}
    missing = {"name": "a", "templateRef": {"name": "lib", "template": "wrok"}}

    def find(_kind: str, name: str) -> Any:
        return other if name == "lib" else None

    assert problems(steps([used]), find=find) == []
    assert problems(steps([missing]), find=find) == [
        "spec.templates[0].steps[0][0].templateRef.template: 'wrok' is no template of 'lib'; did you mean 'work'?"]
    assert problems(steps([missing])) == []


def test_a_workflow_of_a_template_brings_only_arguments() -> None:
    base = {"spec": {"entrypoint": "work", "arguments": {"parameters": [{"name": "text"}]}, "templates": [LEAF]}}
    other = parse_workflow_template(base)
    obj = {"spec": {"workflowTemplateRef": {"name": "lib"}}}
    assert check_workflow(parse_workflow(obj), lambda _kind, _name: other) == []
    told = check_workflow(parse_workflow(obj), lambda _kind, _name: other, needs_values=True)
    assert [problem.text for problem in told] == ["parameter 'text' has no value; write 'value: ...'"]


@pytest.mark.parametrize(("template", "why"), [
    ({"container": {"image": "b"}, "activeDeadlineSeconds": -1}, "must be a whole number of seconds above 0"),
    ({"container": {"image": "b"}, "parallelism": 3}, "only for steps and dag"),
    ({"container": {"command": ["x"]}}, "container.image: is required"),
    ({"container": {"image": "b"}, "timeout": "5"}, "needs a unit, such as 5s"),
    ({"container": {"image": "b"}, "sidecars": [{"name": "wait", "image": "b"}]}, "reserved"),
    ({"container": {"image": "b"}, "inputs": {"artifacts": [{"name": "a", "path": "/x/../../etc"}]}}, "leaves its folder"),
    ({"resource": {"action": "creat", "manifest": "a: b"}}, "did you mean 'create'?"),
    ({"resource": {"action": "create"}}, "has no manifest"),
    ({"containerSet": {"containers": [{"name": "a", "dependencies": ["b"]}, {"name": "b", "dependencies": ["a"]}]}},
     "in a circle: a -> b -> a"),
    ({"plugin": {"a": {}, "b": {}}}, "must have exactly one key"),
    ({"suspend": {"duration": "soon"}}, "is no duration"),
    ({"steps": [], "activeDeadlineSeconds": 5}, "only for templates that do the work themselves"),
])
def test_settings_that_do_not_fit_are_told(template: dict[str, Any], why: str) -> None:
    assert any(why in told for told in problems({"name": "main", **template}))


@pytest.mark.parametrize(("schedule", "why"), [
    ("*/15 9-17 * jan-mar MON,fri", ""), ("@daily", ""), ("@every 1h30m", ""), ("CRON_TZ=UTC 0 0 1 1 *", ""),
    ("* * * *", "five fields"), ("60 * * * *", "not within 0 to 59"), ("5-1 * * * *", "ends before it begins"),
    ("*/0 * * * *", "step by 1 or more"), ("a b c d e", "not within"), ("@often", "write one of"),
])
def test_schedules_are_read(schedule: str, why: str) -> None:
    mistake = schedule_mistake(schedule)
    assert (why in mistake) if why else mistake == ""


def test_a_cron_workflow_is_checked_with_its_workflow() -> None:
    cron = parse_cron_workflow({"metadata": {"name": "x" * 53}, "spec": {"workflowSpec": {"entrypoint": "a"}}})
    assert [problem.path for problem in check_workflow(cron)] == [
        "metadata.name", "spec.schedules", "spec.workflowSpec.entrypoint"]


def test_circles_and_ancestors_are_found_without_recursion() -> None:
    chain = {str(at): [str(at + 1)] for at in range(20_000)} | {"20000": []}
    assert cycle_in(chain) == []
    assert comes_after(chain, "0", "20000")
    assert not comes_after(chain, "20000", "0")
    assert cycle_in(chain | {"20000": ["19999"]}) == ["19999", "20000", "19999"]


def test_fields_without_effect_and_keys_in_another_case_are_warned_of() -> None:
    obj = {"kind": "Workflow", "spec": {"archiveLogs": True, "podPriority": 3, "EntryPoint": "main",
           "templates": [{"name": "main", "plugin": {"hello": {}}, "nodeSelector": {}}]}}
    told = {problem.path: problem.severity for problem in effectless(obj)}
    assert told == dict.fromkeys(
        ("spec.archiveLogs", "spec.podPriority", "spec.EntryPoint", "spec.templates[0].plugin"), "warning")


def test_a_claim_template_has_a_name() -> None:
    claims = [{"metadata": {"name": "work"}}, {"spec": {"accessModes": ["ReadWriteOnce"]}}, {"metadata": {"name": ""}}]
    assert problems(steps([call("a")]), LEAF, volumeClaimTemplates=claims) == [
        f"spec.volumeClaimTemplates[{at}].metadata.name: is required; containers mount the volume by it" for at in (1, 2)]


def test_what_chooses_a_node_is_warned_of_only_where_there_is_one_machine() -> None:
    templates = [{"name": "a", "priorityClassName": "high"}]
    obj = {"kind": "Workflow", "spec": {"nodeSelector": {"disk": "ssd"}, "templates": templates}}
    assert [problem.path for problem in effectless(obj)] == ["spec.nodeSelector", "spec.templates[0].priorityClassName"]
    assert effectless(obj, one_machine=False) == []


@pytest.mark.skipif(not PEERS.is_dir(), reason="Argo's examples are not beside this checkout")
def test_argos_own_examples_are_accepted() -> None:
    readers: dict[str, Any] = {
        "Workflow": parse_workflow, "CronWorkflow": parse_cron_workflow, "WorkflowTemplate": parse_workflow_template,
        "ClusterWorkflowTemplate": parse_workflow_template}
    manifests = [manifest for file in sorted(PEERS.glob("*/*.yaml"))
                 for manifest in load_manifests(file.read_bytes(), source=file.name)]
    models = [(manifest, readers[kind](manifest.object)) for manifest in manifests
              if (kind := manifest.object["kind"]) in readers]
    known = {(manifest.object["kind"], model.metadata.name): model for manifest, model in models}
    told = [problem for manifest, model in models
            for problem in manifest.placed(check_workflow(model, lambda kind, name: known.get((kind, name))))]
    assert [str(problem) for problem in told if problem.severity == "error"] == []
    assert len(models) >= 100


def test_reading_a_broken_object_raises_and_nothing_else() -> None:
    several: tuple[Any, ...] = (
        None, 5, [], "x", {"spec": 3}, {"spec": {"templates": [None, 5]}}, {"metadata": []}, {1: 2})
    for broken in several:
        with pytest.raises(SpecErrors):
            parse_workflow(broken)
