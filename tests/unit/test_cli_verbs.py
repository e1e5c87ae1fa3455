"""The verbs' functions over a real embedded store: what they print, do, and answer as exit code."""

import io
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import click
import pytest
import yaml

from argosy.cli.chosen import chosen
from argosy.cli.delete import delete
from argosy.cli.ending import Afterwards
from argosy.cli.get import get
from argosy.cli.list import parse_phases, show_list
from argosy.cli.logs import Choice, logs
from argosy.cli.node import node_set
from argosy.cli.resubmit import resubmit
from argosy.cli.resume import resume
from argosy.cli.retry import retry
from argosy.cli.session import Session
from argosy.cli.stop import stop
from argosy.cli.stored import create as create_template
from argosy.cli.stored import delete as delete_template
from argosy.cli.stored import get as get_template
from argosy.cli.stored import show_all
from argosy.cli.submit import Request, load_workflows, read_parameter_file, submit
from argosy.cli.suspend import suspend
from argosy.cli.terminate import terminate
from argosy.cli.wait import wait
from argosy.cli.watch import watch
from argosy.clock import SystemClock
from argosy.embedded.store import EmbeddedKube
from argosy.errors import ArgosyError, SpecErrors
from argosy.kube.contract import NotFound
from argosy.kube.resources import PODS, WORKFLOW_TEMPLATES, WORKFLOWS
from controller import operations
from controller.operations import Filter, NodeSelector, SubmitOptions

HELLO = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: hello-}
spec:
  entrypoint: main
  arguments: {parameters: [{name: message, value: hi}]}
  templates:
    - name: main
      container: {image: alpine, command: [echo, "{{workflow.parameters.message}}"]}
"""


@pytest.fixture
def kube() -> Iterator[EmbeddedKube]:
    store = EmbeddedKube.open(":memory:", clock=SystemClock(), durable=False)
    yield store
    store.close()


@pytest.fixture
def session(kube) -> Session:
    return Session(kube, out=io.StringIO())


def printed(session: Session) -> str:
    return session.out.getvalue()


@pytest.fixture
def hello(tmp_path) -> str:
    file = tmp_path / "hello.yaml"
    file.write_text(HELLO)
    return str(file)


async def stored(kube, name: str = "w", phase: str = "Running", nodes: dict | None = None, **spec) -> dict:
    status = {"phase": phase, "startedAt": "2026-11-24T08:00:00Z", "nodes": nodes or {}}
    if phase in ("Succeeded", "Failed", "Error"):
        status["finishedAt"] = "2026-11-24T08:00:05Z"
    return await kube.create(WORKFLOWS, {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name},
                                         "spec": spec, "status": status}, namespace="default")


def a_pod_node(name: str, template: str = "t", phase: str = "Succeeded") -> dict:
    return {"id": name, "name": name, "displayName": name.rpartition(".")[2], "type": "Pod", "phase": phase,
            "templateName": template, "boundaryID": "", "startedAt": "2026-11-24T08:00:00Z"}


async def all_names(kube) -> list[str]:
    return [item["metadata"]["name"] for item in (await kube.list(WORKFLOWS, namespace="default")).items]


# ---- submit ----


async def test_submit_creates_and_shows_what_was_created(session, hello):
    options = SubmitOptions(parameters={"message": "ho"})
    assert await submit(session, Request(workflows=load_workflows((hello,)), options=options)) == 0
    assert "Name:            hello-" in printed(session)
    assert "  message: ho" in printed(session)


async def test_submit_prints_only_the_name_when_asked(session, kube, hello):
    await submit(session, Request(workflows=load_workflows((hello,)), output="name"))
    assert printed(session).split() == await all_names(kube)


async def test_submit_creates_every_workflow_of_every_file(session, kube, hello, tmp_path):
    two = tmp_path / "two.yaml"
    two.write_text(HELLO + "---" + HELLO)
    await submit(session, Request(workflows=load_workflows((hello, str(two)))))
    assert len(await all_names(kube)) == 3


async def test_a_dry_run_prints_the_manifest_and_creates_nothing(session, kube, hello):
    await submit(session, Request(workflows=load_workflows((hello,)), dry_run=True, options=SubmitOptions(priority=3)))
    assert yaml.safe_load(printed(session))["spec"]["priority"] == 3
    assert await all_names(kube) == []


async def test_a_server_dry_run_creates_nothing_either(session, kube, hello):
    await submit(session, Request(workflows=load_workflows((hello,)), server_dry_run=True, output="json"))
    assert json.loads(printed(session))["metadata"]["uid"]
    assert await all_names(kube) == []


async def test_a_mistake_is_told_with_file_and_line_before_anything_is_created(session, kube, hello, tmp_path):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(HELLO.replace("entrypoint", "entryPont"))
    with pytest.raises(SpecErrors) as raised:
        await submit(session, Request(workflows=load_workflows((hello, str(wrong)))))
    assert str(raised.value).startswith(f"{wrong}:6: spec.entryPont")
    assert await all_names(kube) == []


async def test_a_file_that_holds_no_workflow_is_told_what_to_do(session, tmp_path):
    template = tmp_path / "template.yaml"
    template.write_text(HELLO.replace("kind: Workflow", "kind: WorkflowTemplate"))
    with pytest.raises(ArgosyError, match="argosy template create"):
        await submit(session, Request(workflows=load_workflows((str(template),))))


@pytest.mark.parametrize(("name", "says"), [("absent.yaml", "No such file"), ("https://x.org/a.yaml", "URLs are not read")])
async def test_a_file_that_cannot_be_read_is_told(session, name, says):
    with pytest.raises(ArgosyError, match=says):
        await submit(session, Request(workflows=load_workflows((name,))))


async def test_submit_from_a_template_runs_it_by_reference(session, kube):
    template = yaml.safe_load(HELLO) | {"kind": "WorkflowTemplate", "metadata": {"name": "build"}}
    await kube.create(WORKFLOW_TEMPLATES, template, namespace="default")
    await submit(session, Request(source="workflowtemplate/build"))
    assert "Template:        build" in printed(session)


def test_a_parameter_file_gives_texts_and_everything_else_as_json(tmp_path):
    file = tmp_path / "parameters.yaml"
    file.write_text("a: text\nb: 3\nc: [1, 2]\nd: true\n")
    assert read_parameter_file(str(file)) == {"a": "text", "b": "3", "c": "[1,2]", "d": "true"}


async def test_the_exit_code_says_how_the_workflow_ended(session, kube, hello):
    class Quick:
        """Ends each workflow as it is created, as a very quick controller would."""

        def __init__(self, phase: str) -> None:
            self.phase = phase

        def __getattr__(self, name: str):
            return getattr(kube, name)

        async def create(self, resource, obj, **options):
            obj = {**obj, "status": {"phase": self.phase, "message": "because"}}
            return await kube.create(resource, obj, **options)

    for phase, code in (("Succeeded", 0), ("Failed", 1), ("Error", 1)):
        for afterwards in (Afterwards(wait=True), Afterwards(watch=True), Afterwards(log=True)):
            there = replace(session, kube=Quick(phase))
            assert await submit(there, Request(workflows=load_workflows((hello,)), afterwards=afterwards)) == code
    assert "Error  because" in printed(session)


# ---- list and get ----


async def test_list_shows_status_age_and_message(session, kube):
    await stored(kube, "a", "Failed")
    await stored(kube, "b", suspend=True)
    show_list(session, await operations.list_workflows(kube, namespace="default"))
    lines = printed(session).splitlines()
    assert lines[0].split() == ["NAME", "STATUS", "AGE", "DURATION", "PRIORITY", "MESSAGE"]
    assert lines[1].split()[:3] == ["b", "Running", "(Suspended)"]
    assert lines[2].split() == ["a", "Failed", "0s", "5s", "0"]


async def test_list_prints_names_json_and_yaml(session, kube):
    await stored(kube, "a")
    found = await operations.list_workflows(kube, namespace="default")
    show_list(session, found, output="name")
    show_list(session, found, output="json")
    text = printed(session)
    assert text.startswith("a\n[")
    assert json.loads(text[2:])[0]["metadata"]["name"] == "a"


async def test_an_empty_list_says_so_but_stays_json_when_json_is_asked(session):
    show_list(session, [])
    show_list(session, [], output="json")
    assert printed(session) == "no workflows found\n[]\n"


def test_phases_are_read_in_any_case_and_others_refused():
    assert parse_phases(["failed,Error"]) == {"Failed", "Error"}
    with pytest.raises(click.UsageError, match="is no phase"):
        parse_phases(["done"])


async def test_get_shows_the_facts_and_the_tree_with_pod_names(session, kube):
    await stored(kube, "w", "Succeeded", {"w": a_pod_node("w")})
    assert await get(session, ["w"]) == 0
    facts, tree = printed(session).split("\n\n")
    assert "Status:          Succeeded" in facts
    assert tree.splitlines()[0].split() == ["STEP", "TEMPLATE", "PODNAME", "DURATION"]
    assert tree.splitlines()[1].split()[:4] == ["✔", "w", "t", "w"]


async def test_get_of_the_latest_takes_the_newest(session, kube):
    await stored(kube, "a")
    await stored(kube, "b")
    await get(session, ["@latest"], output="name")
    assert printed(session) == "b\n"


async def test_get_narrows_the_steps(session, kube):
    await stored(kube, "w", "Running", {"w.a": a_pod_node("w.a"), "w.b": a_pod_node("w.b", phase="Running")})
    await get(session, ["w"], output="short", only=NodeSelector.parse("phase=Running"))
    assert [line.split()[1] for line in printed(session).splitlines()[1:]] == ["b"]


async def test_an_unknown_workflow_is_told_the_nearest_name(session, kube):
    await stored(kube, "hello-world-x7k2p")
    with pytest.raises(NotFound, match="did you mean 'hello-world-x7k2p'"):
        await get(session, ["hello-world"])
    with pytest.raises(NotFound, match="argosy list"):
        await get(session, ["zzz"])


async def test_an_unknown_workflow_in_an_empty_namespace_is_told_where_to_look(session):
    with pytest.raises(NotFound, match="-n NAME"):
        await get(session, ["hello"])


# ---- logs ----


async def create_pod(kube, name: str, node: str) -> None:
    await kube.create(PODS, {
        "apiVersion": "v1", "kind": "Pod", "metadata": {
            "name": name, "labels": {"workflows.argoproj.io/workflow": "w"},
            "annotations": {"workflows.argoproj.io/node-name": node, "workflows.argoproj.io/node-id": node}},
        "spec": {"containers": [{"name": "main", "image": "alpine"}]}, "status": {"phase": "Succeeded"}}, namespace="default")
    await kube.patch(PODS, name, {"status": {"phase": "Succeeded"}}, namespace="default", subresource="status")


class Kept:
    """Logs of pods, with a time on each line, that can be read even when the pod is gone."""

    def __init__(self, **lines: list[tuple[str, str]]) -> None:
        self.lines = lines

    async def __call__(self, name, *, tail_lines, timestamps, **_others) -> AsyncIterator[bytes]:
        if name.replace("-", "_") not in self.lines:
            raise NotFound(f"no log of {name}")
        lines = self.lines[name.replace("-", "_")]
        for time, text in lines[-tail_lines:] if tail_lines is not None else lines:
            yield f"{f'2026-11-24T08:00:{time}Z ' if timestamps else ''}{text}\n".encode()


@pytest.fixture
async def two_pods(kube) -> None:
    kube.log_reader = Kept(w_a=[("00.5", "a one"), ("02", "a two")], w_b=[("00", "b one"), ("01.25", "b two")])
    await stored(kube, "w", "Succeeded")
    await create_pod(kube, "w-a", "w.a")
    await create_pod(kube, "w-b", "w[1].b")


@pytest.mark.usefixtures("two_pods")
async def test_logs_of_all_pods_come_in_the_order_of_their_times(session):
    assert await logs(session, "@latest", Choice()) == 0
    assert printed(session).splitlines() == ["w-b: b one", "w-a: a one", "w-b: b two", "w-a: a two"]


@pytest.mark.usefixtures("two_pods")
@pytest.mark.parametrize("pod", ["w-b", "b", "w[1].b"])
async def test_logs_of_one_pod_are_found_by_pod_or_step(session, pod):
    await logs(session, "w", Choice(pod=pod))
    assert printed(session) == "w-b: b one\nw-b: b two\n"


@pytest.mark.usefixtures("two_pods")
async def test_logs_are_narrowed_by_tail_and_pattern_and_show_their_times(session):
    await logs(session, "w", Choice(tail=1, timestamps=True, grep="a t.o"))
    assert printed(session) == "w-a: 2026-11-24T08:00:02Z a two\n"


@pytest.mark.usefixtures("two_pods")
async def test_a_pod_that_does_not_exist_is_told(session):
    with pytest.raises(NotFound, match="no step 'absent'"):
        await logs(session, "w", Choice(pod="absent"))


@pytest.mark.usefixtures("two_pods")
async def test_a_bad_pattern_is_told(session):
    with pytest.raises(click.UsageError, match="is no regular expression"):
        await logs(session, "w", Choice(grep="("))


@pytest.mark.usefixtures("two_pods")
async def test_followed_logs_of_an_ended_workflow_are_whole(session):
    await logs(session, "w", Choice(follow=True))
    assert sorted(printed(session).splitlines()) == ["w-a: a one", "w-a: a two", "w-b: b one", "w-b: b two"]


async def test_logs_outlive_their_pods_where_they_are_kept(session, kube):
    kube.log_reader = Kept(w=[("00", "still here")])
    await stored(kube, "w", "Succeeded", {"w": a_pod_node("w")})
    await logs(session, "w", Choice())
    assert printed(session) == "w: still here\n"


# ---- steering ----


async def test_stop_terminate_and_suspend_say_what_they_did(session, kube):
    await stored(kube, "w")
    assert await stop(session, ["w"]) == 0
    assert await terminate(session, ["@latest"]) == 0
    assert await suspend(session, ["w"]) == 0
    assert printed(session) == (
        "workflow w is being stopped\nworkflow @latest is being terminated\nworkflow w is suspended\n")
    assert (await kube.get(WORKFLOWS, "w", namespace="default"))["spec"] == {"shutdown": "Terminate", "suspend": True}


async def test_one_refusal_does_not_keep_the_others_from_their_turn(session, kube):
    await stored(kube, "a", "Succeeded")
    await stored(kube, "b")
    assert await stop(session, ["a", "b"]) == 1
    assert "has ended" in printed(session)
    assert "workflow b is being stopped" in printed(session)


async def test_resume_and_node_set_supply_parameters(session, kube):
    node = {**a_pod_node("w.approve", phase="Running"), "type": "Suspend",
            "outputs": {"parameters": [{"name": "answer", "valueFrom": {"supplied": {}}}]}}
    await stored(kube, "w", nodes={"w.approve": node})
    await node_set(session, "w", nodes="displayName=approve", message="thinking")
    await resume(session, ["w"], nodes="displayName=approve", parameters=["answer=yes"])
    seen = (await kube.get(WORKFLOWS, "w", namespace="default"))["status"]["nodes"]["w.approve"]
    assert (seen["phase"], seen["message"], seen["outputs"]["parameters"]) == (
        "Succeeded", "thinking", [{"name": "answer", "value": "yes"}])


async def test_node_set_with_nothing_to_set_is_a_usage_error(session):
    with pytest.raises(click.UsageError, match="what should be set"):
        await node_set(session, "w")


async def test_retry_and_resubmit_say_what_runs_now(session, kube):
    await stored(kube, "w", "Failed", {"w": a_pod_node("w", phase="Failed")})
    await retry(session, ["w"], output="name")
    await resubmit(session, ["w"], output="name")
    first, second = printed(session).split()
    assert (first, second[:2]) == ("w", "w-")
    assert (await kube.get(WORKFLOWS, "w", namespace="default"))["status"]["phase"] == "Running"


async def test_selectors_choose_workflows_and_nothing_said_is_a_usage_error(session, kube):
    await stored(kube, "a")
    await stored(kube, "b")
    assert await chosen(session, ["@latest", "b"], "", "") == ["b"]
    assert await chosen(session, [], "", "metadata.name=a") == ["a"]
    with pytest.raises(click.UsageError, match="which workflow"):
        await chosen(session, [], "", "")


async def test_wait_and_watch_answer_with_the_outcome(session, kube):
    await stored(kube, "good", "Succeeded")
    await stored(kube, "bad", "Failed")
    assert await wait(session, ["good"]) == 0
    assert await wait(session, ["good", "bad"]) == 1
    assert await watch(session, "good") == 0
    assert await watch(session, "bad") == 1
    assert await wait(session, ["absent"], ignore_not_found=True) == 0
    with pytest.raises(NotFound):
        await wait(session, ["absent"])


async def test_delete_takes_names_or_what_they_have_in_common(session, kube):
    for name, phase in (("a", "Succeeded"), ("b", "Failed"), ("c", "Running")):
        await stored(kube, name, phase)
    await delete(session, ["a"], dry_run=True)
    assert await all_names(kube) == ["a", "b", "c"]
    await delete(session, ["a"])
    await delete(session, [], only=Filter(state="completed"))
    assert await all_names(kube) == ["c"]
    assert printed(session) == "workflow a would be deleted\nworkflow a deleted\nworkflow b deleted\n"


# ---- stored templates ----


async def test_templates_are_created_listed_shown_and_deleted(session, kube, tmp_path):
    file = tmp_path / "template.yaml"
    file.write_text(HELLO.replace("kind: Workflow", "kind: WorkflowTemplate").replace("generateName: hello-", "name: hello"))
    assert await create_template(session, WORKFLOW_TEMPLATES, [str(file)]) == 0
    await create_template(session, WORKFLOW_TEMPLATES, [str(file)], replace=True)
    await show_all(session, WORKFLOW_TEMPLATES, output="name")
    await get_template(session, WORKFLOW_TEMPLATES, ["hello"])
    await delete_template(session, WORKFLOW_TEMPLATES, ["hello"])
    await show_all(session, WORKFLOW_TEMPLATES)
    text = printed(session)
    assert text.startswith("workflowtemplate hello created\nworkflowtemplate hello updated\nhello\nName:         hello\n")
    assert text.endswith("workflowtemplate hello deleted\nno workflowtemplate found\n")
    assert "Parameter:    message=hi" in text


async def test_a_template_of_another_kind_is_refused(session, hello):
    with pytest.raises(ArgosyError, match="holds a Workflow"):
        await create_template(session, WORKFLOW_TEMPLATES, [hello])
