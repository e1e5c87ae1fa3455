"""A server that fails inside, or does not know us for a moment: what is under way waits for it, what begins is told."""

import asyncio
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiohttp import web

from argosy.cli.follow import versions
from argosy.cli.serving import ask_whether_known
from argosy.clock import SystemClock
from argosy.embedded.store import EmbeddedKube
from argosy.errors import Unavailable
from argosy.kube.answers import ServerFailed, Unauthorized, error_of
from argosy.kube.contract import KubeError, Object
from argosy.kube.kinds import ServedKinds
from argosy.kube.kubeconfig import KubeConfig, KubeconfigError, write_kubeconfig
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import PODS, WORKFLOWS
from argosy.lifecycle import running
from controller.packing import is_too_large
from controller.service import Controller
from tests.support.authorities import serving
from tests.support.scripted_server import failed, server
from tests.unit.test_controller_service import end_pod, ended, pod_of, workflow

CLOCK = SystemClock()
WEBHOOK = ('Internal error occurred: failed calling webhook "pods.policy.test": failed to call webhook: '
           'Post "https://policy.test": dial tcp: connect: connection refused')


class Instant(SystemClock):
    """Every wait is over at once."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


@pytest.mark.parametrize("text", ["etcdserver: leader changed", "etcdserver: request timed out", WEBHOOK, ""])
def test_a_server_that_fails_inside_may_answer_a_little_later(text: str) -> None:
    error = error_of(500, b'{"kind": "Status", "reason": "InternalError", "code": 500, "message": "%s"}'
                     % text.replace('"', r'\"').encode())
    assert isinstance(error, Unavailable)
    assert str(error) == (text or "the server answered 500")


@pytest.mark.parametrize("text", ["etcdserver: request is too large", "rpc error: trying to send message larger than max"])
def test_one_that_says_an_object_is_too_large_will_say_so_again(text: str) -> None:
    error = error_of(500, text.encode())
    assert isinstance(error, KubeError)
    assert is_too_large(error)


class Failing:
    """The store behind a server that fails now and then: each call's `first` errors come before its answers."""

    def __init__(self, kube: EmbeddedKube, **first: list[Exception]) -> None:
        self._kube = kube
        self._first = first

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._kube, name)
        if name not in self._first:
            return call

        async def troubled(resource: Any, *given: Any, **options: Any) -> Any:
            if resource in (PODS, WORKFLOWS) and self._first[name]:
                raise self._first[name].pop(0)
            return await call(resource, *given, **options)

        return troubled


@pytest.mark.parametrize("call", ["create", "replace"])
@pytest.mark.parametrize(("code", "text"), [(500, "etcdserver: leader changed"), (500, WEBHOOK), (401, "Unauthorized")])
async def test_a_workflow_outlives_what_fails_for_a_moment(call: str, code: int, text: str) -> None:
    kube = EmbeddedKube.open(":memory:", clock=CLOCK, durable=False)
    failing = Failing(kube, **{call: [error_of(code, text.encode()) for _ in range(3)]})
    try:
        async with asyncio.timeout(20), running([Controller(failing, clock=CLOCK, chance=Random(1))]):
            await kube.create(WORKFLOWS, workflow("hello"), namespace="default")
            await end_pod(kube, await pod_of(kube, "hello"))
            assert (await ended(kube, "hello"))["status"]["phase"] == "Succeeded"
    finally:
        kube.close()


async def test_a_step_whose_pod_a_webhook_keeps_from_being_made_says_so() -> None:
    kube = EmbeddedKube.open(":memory:", clock=CLOCK, durable=False)
    failing = Failing(kube, create=[error_of(500, WEBHOOK.encode()) for _ in range(50)])
    try:
        async with asyncio.timeout(20), running([Controller(failing, clock=CLOCK, chance=Random(1))]):
            await kube.create(WORKFLOWS, workflow("hello"), namespace="default")
            async for event in kube.watch(WORKFLOWS, namespace="default"):
                if "failed calling webhook" in _message(event.object):
                    break
    finally:
        kube.close()


def _message(flow: Object) -> str:
    nodes = (flow.get("status") or {}).get("nodes") or {}
    return str((nodes.get("hello") or {}).get("message") or "")


class TestBeginning:
    async def test_wrong_credentials_are_told_at_once(self) -> None:
        async with server(failed(401, "Unauthorized")) as url, RemoteKube(KubeConfig(url, token="wrong")) as kube:
            with pytest.raises(Unauthorized, match="does not accept"):
                await ask_whether_known(kube)

    async def test_credentials_that_cannot_be_had_at_all_are_told_at_once(self, tmp_path: Path) -> None:
        async with RemoteKube(KubeConfig("http://127.0.0.1:1", token_file=tmp_path / "none")) as kube:
            with pytest.raises(KubeconfigError, match="cannot be read"):
                await ask_whether_known(kube)

    @pytest.mark.parametrize("verb", [["list"], ["wait", "hello"], ["controller"], ["eventing", "--nats", "nats://127.0.0.1:1"]])
    async def test_every_verb_says_so_and_ends(self, verb: list[str], tmp_path: Path) -> None:
        async def refuse(_request: web.Request) -> web.StreamResponse:
            return failed(401, "Unauthorized")

        async with serving(refuse) as url:
            write_kubeconfig(tmp_path / "config", server=url, authority="", token="wrong")
            program = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "argosy.cli.main", "--kubeconfig", str(tmp_path / "config"), *verb,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
            async with asyncio.timeout(60):
                said, complained = await program.communicate()
        assert (program.returncode, said) == (1, b"")
        assert complained.decode().splitlines() == [
            f"error: {url} does not accept the credentials of user 'argosy' in {tmp_path / 'config'}: so it is"]

    @pytest.mark.parametrize("code", [200, 403, 404, 500, 503])
    async def test_a_server_that_knows_us_or_is_not_there_yet_is_no_reason_to_end(self, code: int) -> None:
        async with server(failed(code)) as url, RemoteKube(KubeConfig(url)) as kube:
            await ask_whether_known(kube)
        async with RemoteKube(KubeConfig("http://127.0.0.1:1")) as kube:
            await ask_whether_known(kube)

    async def test_who_follows_a_workflow_is_told_at_once(self) -> None:
        async with server(failed(401, "Unauthorized")) as url, RemoteKube(KubeConfig(url, token="wrong")) as kube:
            with pytest.raises(Unauthorized):
                await anext(aiter(versions(kube, "hello", namespace="default", clock=Instant())))


async def test_who_follows_a_workflow_outlives_a_refusal_in_between() -> None:
    flow = {**workflow("hello"), "metadata": {"name": "hello", "resourceVersion": "1"}}
    done = {**flow, "status": {"phase": "Succeeded"}}
    async with server(web.json_response(flow), failed(401), failed(500), failed(401), web.json_response(done)) as url, \
            RemoteKube(KubeConfig(url, token="t")) as kube:
        assert [seen async for seen in versions(kube, "hello", namespace="default", clock=Instant())] == [flow, done]


GROUPS = {"groups": [{"preferredVersion": {"groupVersion": f"{name}.test/v1"}} for name in ("broken", "good")]}
THINGS = {"resources": [{"name": "things", "kind": "Thing", "namespaced": True}]}


class TestKindsThatAServerTells:
    async def answer(self, request: web.Request) -> web.StreamResponse:
        found = {"/api/v1": {"resources": []}, "/apis": GROUPS, "/apis/good.test/v1": THINGS}.get(request.path)
        return web.json_response(found) if found is not None else failed(503, "ServiceUnavailable")

    async def test_one_broken_group_hides_no_other(self) -> None:
        async with serving(self.answer) as url, RemoteKube(KubeConfig(url)) as kube:
            found = await ServedKinds(kube.get_json).of_word("things")
            assert found is not None
            assert found.api_version == "good.test/v1"

    async def test_what_only_the_broken_group_can_know_is_asked_again_later(self) -> None:
        async with serving(self.answer) as url, RemoteKube(KubeConfig(url)) as kube:
            with pytest.raises(Unavailable):
                await ServedKinds(kube.get_json).of_word("others")


def test_a_failure_inside_the_server_is_told_from_one_that_nobody_answers() -> None:
    assert isinstance(error_of(500, b""), ServerFailed)
    assert not isinstance(error_of(503, b""), ServerFailed)
