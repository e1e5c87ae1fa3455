"""The face as a service: what it answers beside single objects, and how it ends."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from argosy.clock import SystemClock
from argosy.embedded.api import ApiFace, Route, RouteCall
from argosy.errors import ArgosyError, Unavailable
from argosy.kube.answers import ServerFailed
from argosy.kube.contract import BadRequest, Invalid, KubeError, NotFound, Object, Resource, WatchEvent
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import CONFIG_MAPS, PODS, WORKFLOWS
from tests.support.faces import config_in, reached, served, stored

POD = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "main", "image": "busybox"}]}}


def config_map(name: str, **data: str) -> Object:
    return {"metadata": {"name": name}, "data": data}


async def test_an_open_watch_ends_when_the_face_ends(tmp_path: Path) -> None:
    seen: list[WatchEvent] = []
    started = asyncio.Event()

    async def follow(remote: RemoteKube) -> None:
        async for event in remote.watch(CONFIG_MAPS, namespace="default"):
            seen.append(event)
            started.set()

    async with stored() as kube, asyncio.TaskGroup() as group, asyncio.timeout(10):
        await kube.create(CONFIG_MAPS, config_map("a"), namespace="default")
        async with served(kube, tmp_path):
            remote = RemoteKube(config_in(tmp_path))
            follower = group.create_task(follow(remote))
            await started.wait()
        await follower
        await remote.close()
    assert [event.type for event in seen] == ["ADDED"]


async def test_it_starts_again_on_the_same_port_at_once_even_with_a_watch_open(tmp_path: Path) -> None:
    async with stored() as kube, asyncio.timeout(20):
        port = 0
        for _round in range(3):
            async with served(kube, tmp_path, port=port) as face, reached(tmp_path) as remote:
                port = int(face.url.rpartition(":")[2])
                watch = remote.watch(CONFIG_MAPS)
                await kube.create(CONFIG_MAPS, {"metadata": {"generateName": "a-"}}, namespace="default")
                assert (await anext(watch)).type == "ADDED"


async def test_a_watch_whose_client_goes_away_is_let_go(tmp_path: Path) -> None:
    ended = asyncio.Event()

    class Watched:
        async def watch(self, _resource: Resource, **_options: Any) -> AsyncIterator[WatchEvent]:
            try:
                yield WatchEvent("ADDED", {"metadata": {"name": "a"}})
                await asyncio.Event().wait()
            finally:
                ended.set()

    async with served(Watched(), tmp_path), asyncio.timeout(10):  # type: ignore[arg-type] # the one call that is made
        async with reached(tmp_path) as remote:
            assert (await anext(remote.watch(CONFIG_MAPS))).object["metadata"]["name"] == "a"
        await ended.wait()


async def test_a_port_in_use_is_told_with_a_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        face = ApiFace(
            None, folder=tmp_path, clock=SystemClock(), port=taken.getsockname()[1])  # type: ignore[arg-type] # unused
        with pytest.raises(ArgosyError, match="is another `argosy up` running"):
            await face.run(asyncio.Event())


async def test_a_client_is_told_when_nothing_answers(tmp_path: Path) -> None:
    async with stored() as kube, served(kube, tmp_path):
        config = config_in(tmp_path)
    async with RemoteKube(config) as remote:
        told = rf"nothing answers at {config.server} \(connection refused\); is `argosy up` running"
        with pytest.raises(Unavailable, match=told):
            await remote.get(PODS, "p", namespace="default")


async def test_lines_of_a_watch_may_be_of_any_length(tmp_path: Path) -> None:
    async with stored() as kube, served(kube, tmp_path), reached(tmp_path) as remote:
        large = "x" * 3_000_000
        await remote.create(WORKFLOWS, {"metadata": {"name": "a"}, "spec": {"entrypoint": large}}, namespace="default")
        async with aclosing(remote.watch(WORKFLOWS)) as watch:
            assert (await anext(watch)).object["spec"]["entrypoint"] == large


async def test_a_watch_ends_at_the_timeout_that_its_client_set(tmp_path: Path) -> None:
    async with stored() as kube, served(kube, tmp_path), reached(tmp_path) as remote, asyncio.timeout(10):
        path = "/api/v1/configmaps"
        lines = [line async for line in remote.stream_lines(path, {"watch": "true", "timeoutSeconds": "1"})]
    assert lines == []


async def test_a_watch_can_begin_with_all_that_exists_and_say_so(tmp_path: Path) -> None:
    async with stored() as kube, served(kube, tmp_path), reached(tmp_path) as remote:
        await kube.create(CONFIG_MAPS, config_map("a"), namespace="default")
        query = {"watch": "true", "sendInitialEvents": "true", "allowWatchBookmarks": "true",
                 "resourceVersionMatch": "NotOlderThan"}
        async with aclosing(remote.stream_lines("/api/v1/namespaces/default/configmaps", query)) as lines:
            first, second = await anext(lines), await anext(lines)
    assert b'"ADDED"' in first
    assert b'"k8s.io/initial-events-end":"true"' in second


async def test_a_watch_from_an_unknown_past_says_expired_or_bad(tmp_path: Path) -> None:
    async with stored() as kube, served(kube, tmp_path), reached(tmp_path) as remote:
        with pytest.raises(KubeError, match="resourceVersion"):
            await anext(remote.watch(CONFIG_MAPS, resource_version="nonsense"))


async def test_other_parts_mount_routes_behind_the_same_token(tmp_path: Path) -> None:
    async def decisions(call: RouteCall) -> Any:
        return {"namespace": call.parts["namespace"], "limit": call.query.get("limit"), "body": call.body}

    async def lines(_call: RouteCall) -> Any:
        async def numbers() -> AsyncIterator[bytes]:
            for number in range(3):
                yield b"%d\n" % number

        return numbers()

    async def missing(call: RouteCall) -> Any:
        raise NotFound(f"no event {call.parts['id']!r}")

    routes = (Route("GET", "/argosy/v1/namespaces/{namespace}/decisions", decisions),
              Route("POST", "/argosy/v1/namespaces/{namespace}/decisions", decisions),
              Route("GET", "/argosy/v1/lines", lines), Route("GET", "/argosy/v1/events/{id}", missing))
    async with stored() as kube, served(kube, tmp_path, routes=routes), reached(tmp_path) as remote:
        path = "/argosy/v1/namespaces/a%2Fb/decisions"
        assert await remote.get_json(path, {"limit": "5"}) == {"namespace": "a/b", "limit": "5", "body": None}
        assert (await remote.post_json(path, {"x": [1]}))["body"] == {"x": [1]}
        assert [line async for line in remote.stream_lines("/argosy/v1/lines")] == [b"0", b"1", b"2"]
        with pytest.raises(NotFound, match="no event 'e1'"):
            await remote.get_json("/argosy/v1/events/e1")
        with pytest.raises(KubeError, match="takes GET, not POST"):
            await remote.post_json("/argosy/v1/lines", {})
        with pytest.raises(NotFound):
            await remote.get_json("/argosy/v1/unknown")


async def test_what_admission_warns_of_reaches_the_client(tmp_path: Path) -> None:
    def admit(_resource: Resource, obj: Object, _operation: str) -> list[str]:
        if obj["metadata"]["name"] == "bad":
            raise Invalid("spec.x: unknown field; did you mean 'y'?")
        return ['spec.x: has "no" effect yet\nreally', "spec.ü: neither"]

    told: list[str] = []
    async with stored(admit=admit) as kube, served(kube, tmp_path), reached(tmp_path, on_warning=told.append) as remote:
        await remote.create(CONFIG_MAPS, config_map("a"), namespace="default")
        with pytest.raises(Invalid, match="did you mean"):
            await remote.create(CONFIG_MAPS, config_map("bad"), namespace="default")
    assert told == ['spec.x: has "no" effect yet really', "spec.?: neither"]


async def test_a_bug_in_one_answer_leaves_the_others_alone(tmp_path: Path) -> None:
    async def broken(_call: RouteCall) -> Any:
        raise AssertionError("a rule of ours is broken")

    async with (stored() as kube, served(kube, tmp_path, routes=(Route("GET", "/argosy/v1/broken", broken),)),
                reached(tmp_path) as remote):
        with pytest.raises(ServerFailed, match="a rule of ours is broken"):
            await remote.get_json("/argosy/v1/broken")
        assert (await remote.list(PODS)).items == []


async def test_an_answer_that_breaks_off_is_noticed_by_the_client(tmp_path: Path) -> None:
    async def log(_name: str, **_options: Any) -> AsyncIterator[bytes]:
        yield b"one\n"
        raise Unavailable("the file went away")

    async with stored(log_reader=log) as kube, served(kube, tmp_path), reached(tmp_path) as remote:
        with pytest.raises(Unavailable, match="broke"):
            assert [piece async for piece in remote.logs("p", namespace="default")] == [b"one\n"]


async def test_a_log_comes_as_it_is_written(tmp_path: Path) -> None:
    second_may_come = asyncio.Event()
    asked: dict[str, Any] = {}

    async def log(name: str, **options: Any) -> AsyncIterator[bytes]:
        asked.update(options)
        if name != "p":
            raise NotFound(f'pods "{name}" not found')
        yield b"one\n"
        await second_may_come.wait()
        yield b"two\n"

    async with stored(log_reader=log) as kube, served(kube, tmp_path), reached(tmp_path) as remote:
        pieces = remote.logs("p", namespace="default", container="main", follow=True, tail_lines=5, timestamps=True)
        assert await anext(pieces) == b"one\n"
        second_may_come.set()
        assert [piece async for piece in pieces] == [b"two\n"]
        assert (asked["container"], asked["follow"], asked["tail_lines"], asked["timestamps"]) == ("main", True, 5, True)
        with pytest.raises(NotFound):
            await anext(remote.logs("q", namespace="default"))
        limited = await remote_text(remote, "/api/v1/namespaces/default/pods/p/log", limitBytes="2")
        assert limited == b"on"


async def remote_text(remote: RemoteKube, path: str, **query: str) -> bytes:
    return b"".join([line async for line in remote.stream_lines(path, query)])


async def test_a_bad_since_time_is_a_bad_request(tmp_path: Path) -> None:
    async with stored() as kube, served(kube, tmp_path), reached(tmp_path) as remote:
        with pytest.raises(BadRequest, match="sinceTime='noon' is not a time"):
            await remote.get_json("/api/v1/namespaces/default/pods/p/log", {"sinceTime": "noon"})
