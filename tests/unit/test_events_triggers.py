"""What triggers do to objects and over HTTP, and that doing it twice does it once."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from aiohttp import web

from argosy.clock import SystemClock
from argosy.embedded.store import EmbeddedKube
from argosy.errors import Unavailable
from argosy.kube.contract import AlreadyExists, NotFound, Object, Resource
from argosy.kube.impersonation import impersonated
from argosy.kube.kinds import ListedKinds, ServedKinds
from argosy.kube.resources import CONFIG_MAPS, SECRETS, WORKFLOW_TEMPLATES, WORKFLOWS
from events.triggers import registry
from events.triggers.contract import Action, Done, Refused, Reply, World
from events.triggers.http import AiohttpCaller
from tests.support.events_world import NS, event

PUSH = event("p1", data={"body": {"ref": "main", "n": 3}})


class Recorder:
    """A caller that remembers what it was asked to send."""

    def __init__(self, reply: Reply | None = None) -> None:
        self.reply = reply or Reply(200, "fine")
        self.sent: list[dict[str, Any]] = []

    async def call(self, method: str, url: str, **given: Any) -> Reply:
        self.sent.append({"method": method, "url": url, **given})
        return self.reply


class ApiServer:
    """An API server that serves jobs as well; everything else is the store's."""

    def __init__(self, kube: EmbeddedKube) -> None:
        self._kube = kube
        self.asked: list[str] = []
        self.made: list[tuple[Resource, Object]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kube, name)

    async def get_json(self, path: str) -> Any:
        self.asked.append(path)
        return {"resources": [{"name": "jobs", "kind": "Job", "namespaced": True}, {"name": "jobs/status", "kind": "Job"}]}

    async def create(self, resource: Resource, obj: Object, *, namespace: str = "") -> Object:
        if any(one["metadata"]["name"] == obj["metadata"]["name"] for _, one in self.made):
            raise AlreadyExists("it is there")
        assert namespace == NS
        self.made.append((resource, obj))
        return obj

    async def get(self, _resource: Resource, name: str, *, namespace: str = "") -> Object:
        return next(obj for _, obj in self.made if obj["metadata"]["name"] == name)


class Stage:
    """A store and a caller, and actions upon them."""

    def __init__(self, kube: EmbeddedKube) -> None:
        self.caller = Recorder()
        self.kube = kube
        self.world = World(kube, SystemClock(), self.caller, ListedKinds(kube.resources))

    async def act(
        self, kind: str, template: Object, *, key: str = "intent", policy: Mapping[str, Any] | None = None, account: str = "",
    ) -> Done:
        action = Action(NS, "sensor", "t", template, policy or {}, {"push": PUSH}, key, "where", account)
        return await registry.KINDS[kind].act(action, self.world)

    async def names(self) -> list[str]:
        return sorted(one["metadata"]["name"] for one in (await self.kube.list(WORKFLOWS)).items)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    kube = EmbeddedKube.open(":memory:", clock=SystemClock())
    yield Stage(kube)
    kube.close()


def config(**data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data}


def workflow(**metadata: str) -> Object:
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata or {"generateName": "w-"},
            "spec": {"entrypoint": "main", "arguments": {"parameters": [{"name": "ref", "value": ""}]}}}


def put(dest: str, key: str = "body.ref") -> Object:
    return {"src": {"dependencyName": "push", "dataKey": key}, "dest": dest}


async def test_creating_twice_for_the_same_firing_creates_once(stage: Stage):
    template = {"source": {"resource": workflow()}, "parameters": [put("spec.arguments.parameters.0.value")]}
    first = await stage.act("k8s", template)
    again = await stage.act("k8s", template)
    other = await stage.act("k8s", template, key="another")
    assert first.object == again.object
    assert first.object != other.object
    assert len(await stage.names()) == 2
    made = await stage.kube.get(WORKFLOWS, first.object["name"], namespace=NS)
    assert made["spec"]["arguments"]["parameters"][0]["value"] == "main"
    assert template["source"]["resource"] == workflow()


async def test_a_name_may_come_from_the_event(stage: Stage):
    await stage.act("k8s", {"source": {"resource": workflow(name="x")}, "parameters": [put("metadata.name")]})
    assert await stage.names() == ["main"]


async def test_the_object_may_be_text_or_lie_in_a_config_map(stage: Stage):
    text = json.dumps(workflow(name="from-text"))
    await stage.act("k8s", {"source": {"inline": text}})
    await stage.kube.create(CONFIG_MAPS, config(wf=json.dumps(workflow(name="from-map"))), namespace=NS)
    await stage.act("k8s", {"source": {"configmap": {"name": "c", "key": "wf"}}})
    assert await stage.names() == ["from-map", "from-text"]
    with pytest.raises(Refused, match="no key 'other'"):
        await stage.act("k8s", {"source": {"configmap": {"name": "c", "key": "other"}}})
    with pytest.raises(Refused, match="there is no ConfigMap 'd'"):
        await stage.act("k8s", {"source": {"configmap": {"name": "d", "key": "wf"}}})
    with pytest.raises(Refused):
        await stage.act("k8s", {"source": {"inline": "a: [b"}})


async def test_update_patch_and_delete(stage: Stage):
    first = {"source": {"resource": config(a="1", b="2")}, "operation": "update"}
    await stage.act("k8s", first)
    await stage.act("k8s", {"source": {"resource": config(a="3")}, "operation": "update"})
    await stage.act("k8s", {"source": {"resource": config(c="x")}, "operation": "patch", "parameters": [put("data.c")]})
    assert (await stage.kube.get(CONFIG_MAPS, "c", namespace=NS))["data"] == {"a": "3", "b": "2", "c": "main"}
    delete = {"source": {"resource": config()}, "operation": "delete"}
    await stage.act("k8s", delete)
    with pytest.raises(NotFound):
        await stage.kube.get(CONFIG_MAPS, "c", namespace=NS)
    assert "gone already" in (await stage.act("k8s", delete)).text


async def test_a_live_object_is_changed_by_its_parameters(stage: Stage):
    await stage.kube.create(CONFIG_MAPS, config(a="v"), namespace=NS)
    grow = {"src": {"dependencyName": "push", "dataKey": "body.ref"}, "dest": "data.a", "operation": "append"}
    await stage.act("k8s", {"source": {"resource": config()}, "operation": "update", "liveObject": True,
                            "parameters": [grow]})
    assert (await stage.kube.get(CONFIG_MAPS, "c", namespace=NS))["data"] == {"a": "vmain"}


def job(**metadata: str) -> Object:
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata or {"generateName": "j-"}, "spec": {}}


async def test_a_kind_that_nobody_serves_is_refused_by_its_name(stage: Stage):
    with pytest.raises(Refused, match=r"where\.source: is a Job of batch/v1, a kind that nothing serves here"):
        await stage.act("k8s", {"source": {"resource": job()}})


async def test_any_kind_that_the_api_server_serves_is_made_by_a_trigger(stage: Stage):
    server = ApiServer(stage.kube)
    stage.world = World(server, SystemClock(), stage.caller, ServedKinds(server.get_json))
    for _ in range(2):
        done = await stage.act("k8s", {"source": {"resource": job()}, "parameters": [put("metadata.labels.ref")]})
    assert done.text.startswith("created Job j-")
    [(resource, made)] = server.made
    assert (resource.plural, resource.namespaced, made["metadata"]["labels"]["ref"]) == ("jobs", True, "main")
    assert server.asked == ["/apis/batch/v1"]
    with pytest.raises(Refused, match="is a CronJob of batch/v1, a kind that nothing serves here"):
        await stage.act("k8s", {"source": {"resource": {**job(), "kind": "CronJob"}}})


async def test_while_the_api_server_cannot_tell_its_kinds_a_trigger_waits_for_it(stage: Stage):
    async def away(_path: str) -> Any:
        raise Unavailable("the server is away")

    stage.world = World(stage.kube, SystemClock(), stage.caller, ServedKinds(away))
    with pytest.raises(Unavailable):
        await stage.act("k8s", {"source": {"resource": job()}})
    spec = {"template": {"k8s": {"source": {"resource": job()}}}}
    assert list(await registry.check_kinds(spec, "t", stage.world.kinds)) == []


async def test_braces_that_an_event_brings_are_noted_as_data_and_those_of_the_author_are_not(stage: Stage):
    resource = workflow()
    resource["spec"]["arguments"]["parameters"].append({"name": "where", "value": "{{workflow.namespace}}"})
    said = {"src": {"dependencyName": "push", "value": "{{x}}"}, "dest": "spec.arguments.parameters.0.value"}
    await stage.act("k8s", {"source": {"resource": resource}, "parameters": [said]})
    [made] = (await stage.kube.list(WORKFLOWS)).items
    assert made["spec"]["arguments"]["parameters"][0]["value"] == "{{x}}"
    assert made["metadata"]["annotations"]["argosy.dev/literal-parameters"] == "ref"


async def test_submit_takes_the_arguments_of_the_command_line(stage: Stage):
    args = ["-p", "ref=dev", "--serviceaccount", "robot", "--labels=a=b,c=d", "--priority", "5"]
    done = await stage.act("argoWorkflow", {"source": {"resource": workflow()}, "args": args})
    await stage.act("argoWorkflow", {"source": {"resource": workflow()}, "args": args})
    [name] = await stage.names()
    assert done.object["name"] == name
    made = await stage.kube.get(WORKFLOWS, name, namespace=NS)
    assert made["spec"]["arguments"]["parameters"] == [{"name": "ref", "value": "dev"}]
    assert (made["spec"]["serviceAccountName"], made["spec"]["priority"]) == ("robot", 5)
    assert made["metadata"]["labels"]["a"] == "b"
    assert made["metadata"]["labels"]["events.argoproj.io/sensor"] == "sensor"


async def test_submit_from_a_template(stage: Stage):
    stored = {"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate", "metadata": {"name": "build"},
              "spec": {"entrypoint": "main", "templates": [{"name": "main", "container": {"image": "busybox"}}]}}
    await stage.kube.create(WORKFLOW_TEMPLATES, stored, namespace=NS)
    reference = {"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate", "metadata": {"name": "build"}}
    done = await stage.act("argoWorkflow", {"operation": "submit-from", "source": {"resource": reference}})
    made = await stage.kube.get(WORKFLOWS, done.object["name"], namespace=NS)
    assert made["spec"]["workflowTemplateRef"] == {"name": "build"}
    assert made["metadata"]["name"].startswith("build-")


async def test_a_workflow_can_be_suspended_and_stopped(stage: Stage):
    await stage.kube.create(WORKFLOWS, workflow(name="w"), namespace=NS)
    await stage.act("argoWorkflow", {"operation": "suspend", "source": {"resource": workflow(name="w")}})
    await stage.act("argoWorkflow", {"operation": "stop", "source": {"resource": workflow(name="w")}})
    spec = (await stage.kube.get(WORKFLOWS, "w", namespace=NS))["spec"]
    assert (spec["suspend"], spec["shutdown"]) == (True, "Stop")
    with pytest.raises(NotFound):
        await stage.act("argoWorkflow", {"operation": "stop", "source": {"resource": workflow(name="v")}})


async def test_an_http_trigger_sends_what_the_event_says(stage: Stage):
    await stage.kube.create(SECRETS, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {
        "token": base64.b64encode(b"t0k").decode(), "user": base64.b64encode(b"ada").decode()}}, namespace=NS)
    done = await stage.act("http", {
        "url": "http://x/hook", "method": "POST",
        "payload": [put("ref"), {"src": {"dependencyName": "push", "dataKey": "body.n", "useRawData": True}, "dest": "n"}],
        "headers": {"X-Fixed": "1"}, "dynamicHeaders": [put("X-Ref")], "timeout": 7,
        "secureHeaders": [{"name": "X-Token", "valueFrom": {"secretKeyRef": {"name": "s", "key": "token"}}}],
        "basicAuth": {"username": {"name": "s", "key": "user"}, "password": {"name": "s", "key": "token"}},
        "parameters": [{**put("url"), "operation": "append"}],
    })
    [sent] = stage.caller.sent
    assert (sent["method"], sent["url"], sent["timeout_seconds"]) == ("POST", "http://x/hookmain", 7)
    assert json.loads(sent["body"]) == {"ref": "main", "n": 3}
    assert sent["headers"] == {
        "Idempotency-Key": "intent", "User-Agent": "argosy", "X-Fixed": "1", "X-Ref": "main", "X-Token": "t0k",
        "Authorization": "Basic " + base64.b64encode(b"ada:t0k").decode(), "Content-Type": "application/json"}
    assert done.text == "POST http://x/hookmain answered 200"


@pytest.mark.parametrize(("status", "allow", "ends"), [
    (200, None, Done), (302, None, Done), (404, None, Refused), (500, None, Unavailable), (429, None, Unavailable),
    (500, [500], Done), (200, [201], Refused),
])
async def test_the_answer_decides(stage: Stage, status: int, allow: list[int] | None, ends: type):
    stage.caller.reply = Reply(status, "said")
    policy = {"status": {"allow": allow}} if allow else {}
    if ends is Done:
        assert await stage.act("http", {"url": "http://x"}, policy=policy)
        return
    with pytest.raises(ends):
        await stage.act("http", {"url": "http://x"}, policy=policy)


async def test_a_header_from_an_event_cannot_smuggle_another(stage: Stage):
    evil = {"src": {"dependencyName": "push", "value": "a\r\nX-Evil: 1"}, "dest": "X-Ref"}
    with pytest.raises(Refused, match="line break"):
        await stage.act("http", {"url": "http://x", "dynamicHeaders": [evil]})


async def test_the_real_caller_reaches_a_real_server():
    async def handle(request: web.BaseRequest) -> web.Response:
        return web.Response(status=201, text=f"{request.method} {await request.text()} {request.headers['X-A']}")

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    caller = AiohttpCaller()
    try:
        more: dict[str, Any] = {"headers": {"X-A": "b"}, "timeout_seconds": 5, "verify": True}
        assert await caller.call("PUT", f"http://127.0.0.1:{port}/", body=b"hi", **more) == Reply(201, "PUT hi b")
        with pytest.raises(Unavailable):
            await caller.call("PUT", "http://127.0.0.1:1/", body=b"", **more)
        with pytest.raises(Refused):
            await caller.call("PUT", "no url", body=b"", **more)
    finally:
        await caller.close()
        await runner.cleanup()
    await asyncio.sleep(0)


async def test_a_log_trigger_logs_at_most_once_per_interval(stage: Stage, caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO")
    assert (await stage.act("log", {"intervalSeconds": 60})).text == "logged"
    assert "not logged" in (await stage.act("log", {"intervalSeconds": 60})).text
    assert len([one for one in caplog.records if one.name == "events.triggers.log"]) == 1


@pytest.mark.parametrize(("template", "place", "text"), [
    ({}, "", "says nothing to do"),
    ({"k8s": {"source": {"resource": workflow()}}, "log": {}}, "", "does one thing"),
    ({"kafka": {"url": "x"}}, ".kafka", "is not supported yet"),
    ({"k8s": {}}, ".k8s.source", "is missing"),
    ({"k8s": {"source": {"git": {}}}}, ".k8s.source.git", "is not supported yet"),
    ({"k8s": {"source": {"resource": workflow()}, "operation": "make"}}, ".k8s.operation", "create, update, patch"),
    ({"argoWorkflow": {"source": {"resource": workflow()}, "args": ["--wait"]}}, ".argoWorkflow.args", "'--wait'"),
    ({"http": {}}, ".http.url", "is missing"),
])
def test_a_trigger_that_cannot_be_done_is_told(template: Object, place: str, text: str):
    problems = list(registry.check({"template": template}, "t"))
    assert any(one.path == f"t.template{place}" and text in one.text for one in problems), problems


@pytest.mark.parametrize(("more", "place"), [
    ({"retryStrategy": {"duration": "soon"}}, "retryStrategy.duration"),
    ({"retryStrategy": {"factor": "much"}}, "retryStrategy.factor"),
    ({"rateLimit": {"unit": "Day", "requestsPerUnit": 1}}, "rateLimit.unit"),
])
def test_a_pace_that_cannot_be_read_is_told(more: Object, place: str):
    problems = list(registry.check({"template": {"log": {}}, **more}, "t"))
    assert [one.path for one in problems] == [f"t.{place}"]


@pytest.mark.parametrize("kind", ["k8s", "argoWorkflow"])
async def test_objects_are_written_in_the_name_of_the_sensors_service_account(
    stage: Stage, kind: str, monkeypatch: pytest.MonkeyPatch,
):
    names: list[str] = []
    create = stage.kube.create

    async def noting(*given: Any, **more: Any) -> Object:
        names.append(impersonated())
        return await create(*given, **more)

    monkeypatch.setattr(stage.kube, "create", noting)
    await stage.act(kind, {"source": {"resource": workflow()}}, account="deployer")
    await stage.act(kind, {"source": {"resource": workflow()}}, key="another")
    assert names == [f"system:serviceaccount:{NS}:deployer", ""]
    assert impersonated() == ""


@pytest.mark.parametrize("kind", ["k8s", "argoWorkflow"])
async def test_argosys_own_rights_do_not_reach_into_other_namespaces(stage: Stage, kind: str):
    template = {"source": {"resource": workflow(generateName="w-", namespace="elsewhere")}}
    with pytest.raises(Refused, match="name a service account that may do so"):
        await stage.act(kind, template)
    await stage.act(kind, template, account="deployer")
    assert len(await stage.names()) == 1
