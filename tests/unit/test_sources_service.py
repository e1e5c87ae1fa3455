"""The sources' shell: objects come, change and go; ports are had or not; the bus is there or not."""

import asyncio
import base64
import hashlib
import hmac
import io
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeAlias

import aiohttp
import pytest

from argosy.clock import SystemClock
from argosy.embedded.store import EmbeddedKube
from argosy.errors import Unavailable
from argosy.kube.contract import Object
from argosy.kube.resources import EVENT_SOURCES, SECRETS
from argosy.lifecycle import running
from events.bus.contract import Stream
from events.bus.memory import MemoryBus
from sources import listening
from sources.service import SourcesService

Told: TypeAlias = dict[str, dict[str, str]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def hooks(name: str = "hooks", *, port: int | None = None, endpoint: str = "/go", **more: Any) -> Object:
    entry = {"endpoint": endpoint, "port": str(port or free_port()), "method": "POST"}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "EventSource",
            "metadata": {"name": name, "namespace": "default"}, "spec": {"webhook": {"go": entry}, **more}}


class LateClock(SystemClock):
    """A clock that can be told to be late."""

    late = 0.0

    def now(self) -> float:
        return super().now() + self.late


class Flaky(MemoryBus):
    """A bus that can be away."""

    away = False

    async def publish(self, *given: Any, **more: Any) -> Any:
        if self.away:
            raise Unavailable("the event bus is away", retry_after_seconds=3)
        return await super().publish(*given, **more)


class Place:
    def __init__(
        self, kube: EmbeddedKube, clock: LateClock, bus: Flaky, service: SourcesService, session: aiohttp.ClientSession,
    ) -> None:
        self.kube, self.clock, self.bus, self.service, self.session = kube, clock, bus, service, session

    async def apply(self, obj: Object, *, namespace: str = "default") -> Told:
        """Create, or change the spec; the conditions once the service has seen it."""
        name = obj["metadata"]["name"]
        if any(one["metadata"]["name"] == name for one in (await self.kube.list(EVENT_SOURCES)).items):
            await self.kube.patch(EVENT_SOURCES, name, [{"op": "replace", "path": "/spec", "value": obj["spec"]}],
                                  namespace=namespace, kind="application/json-patch+json")
        else:
            obj["metadata"]["namespace"] = namespace
            self.clock.late += 1  # so that the age of objects tells them apart
            await self.kube.create(EVENT_SOURCES, obj, namespace=namespace)
        return await self.told(name, namespace=namespace)

    async def told(
        self, name: str, *, namespace: str = "default", until: Callable[[Told], bool] = lambda _: True,
    ) -> Told:
        """The conditions, once they are of the spec as it is and `until` is content."""
        async with asyncio.timeout(5):
            while True:
                found = await self.kube.get(EVENT_SOURCES, name, namespace=namespace)
                status = found.get("status") or {}
                told = {one["type"]: one for one in status.get("conditions", ())}
                if status.get("observedGeneration") == found["metadata"]["generation"] and until(told):
                    return told
                await asyncio.sleep(0.01)

    async def post(
        self, url: str, body: bytes = b"{}", *, headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        given = {"Content-Type": "application/json", **(headers or {})}
        async with self.session.post(url, data=io.BytesIO(body), headers=given) as answer:
            return answer.status, await answer.json(), dict(answer.headers)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    clock, bus = LateClock(), Flaky()
    kube = EmbeddedKube.open(":memory:", clock=clock)
    service = SourcesService(kube, bus, clock=clock)
    async with running([service]), aiohttp.ClientSession() as session:
        yield Place(kube, clock, bus, service, session)
    kube.close()


@pytest.mark.parametrize("value", ["", " \n"])
async def test_an_empty_secret_lets_nobody_in(place: Place, value: str):
    await place.kube.create(SECRETS, {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
        "data": {"k": base64.b64encode(value.encode()).decode()}}, namespace="default")
    obj = hooks(github={"push": {"webhook": {"endpoint": "/push", "port": str(free_port())},
                                 "webhookSecret": {"name": "s", "key": "k"}}})
    obj["spec"]["webhook"]["go"]["authSecret"] = {"name": "s", "key": "k"}
    await place.apply(obj)
    empty_key = "sha256=" + hmac.new(value.strip().encode(), b"{}", hashlib.sha256).hexdigest()
    for event, headers in [("push", {"X-Hub-Signature-256": empty_key}), ("go", {"Authorization": "Bearer x"}),
                           ("go", {"Authorization": "Bearer "})]:
        status, answer, _ = await place.post(f"{place.service.url}/default/hooks/{event}", headers=headers)
        assert status in (401, 500), answer
    assert "Secret 's', key 'k': the value is empty" in (
        await place.post(f"{place.service.url}/default/hooks/push", headers={"X-Hub-Signature-256": empty_key}))[1]["error"]
    assert await place.bus.read(Stream.EVENTS, "default", (...,), last=9) == []


async def test_a_secret_that_is_named_without_its_name_lets_nobody_in(place: Place):
    obj = hooks(github={"push": {"webhook": {"endpoint": "/push", "port": str(free_port())}, "webhookSecret": {}}})
    obj["spec"]["webhook"]["go"]["authSecret"] = {"name": "", "key": "k"}
    await place.apply(obj)
    headers = {"X-Hub-Signature-256": "sha256=" + "0" * 64, "Authorization": "Bearer x"}
    for event in ("push", "go"):
        status, answer, _ = await place.post(f"{place.service.url}/default/hooks/{event}", headers=headers)
        assert (status, "without `name` or `key`" in answer["error"]) == (500, True)


async def test_an_event_is_taken_on_its_own_path_its_endpoint_and_its_port(place: Place):
    port = free_port()
    told = await place.apply(hooks(port=port))
    assert told["Deployed"]["message"] == f"go: {place.service.url}/default/hooks/go"
    for url in (f"{place.service.url}/default/hooks/go", f"{place.service.url}/go", f"http://127.0.0.1:{port}/go"):
        status, answer, headers = await place.post(url)
        assert status == 200
        assert headers["Argosy-Event-Id"] == answer["id"]
    assert len(await place.bus.read(Stream.EVENTS, "default", ("hooks", "go"), last=9)) == 3
    async with place.session.get(f"http://127.0.0.1:{port}/health") as health:
        assert health.status == 200


async def test_the_event_that_declared_an_endpoint_first_keeps_it_and_the_younger_one_says_so(place: Place):
    port = free_port()
    await place.apply(hooks("one", port=port))
    told = await place.apply(hooks("two", port=port), namespace="other")
    assert f"an older event declares /go on port {port} too" in told["Deployed"]["message"]
    assert f"send to {place.service.url}/other/two/go instead" in told["Deployed"]["message"]
    assert told["Deployed"]["reason"] == "SeeMessage"
    for url in (f"{place.service.url}/go", f"http://127.0.0.1:{port}/go", f"{place.service.url}/default/one/go"):
        status, answer, _ = await place.post(url)
        assert (status, answer["source"]) == (200, "one")
    assert (await place.post(f"{place.service.url}/other/two/go"))[1]["source"] == "two"


async def test_an_endpoint_goes_to_the_next_in_age_when_the_oldest_is_gone(place: Place):
    await place.apply(hooks("one"))
    told = await place.apply(hooks("two"))
    assert "an older event keeps /go of the shared listener" in told["Deployed"]["message"]
    await place.kube.delete(EVENT_SOURCES, "one", namespace="default")
    told = await place.told("two", until=lambda told: told["Deployed"]["reason"] == "")
    assert told["Deployed"]["message"] == f"go: {place.service.url}/default/two/go"
    assert (await place.post(f"{place.service.url}/go"))[1]["source"] == "two"


async def test_age_decides_and_not_the_order_in_which_a_restarted_service_hears_of_them():
    clock = LateClock()
    kube = EmbeddedKube.open(":memory:", clock=clock)
    for seconds, name in ((0, "zulu"), (5, "alpha")):  # a list comes in the order of names
        clock.late = seconds
        await kube.create(EVENT_SOURCES, hooks(name), namespace="default")
    service = SourcesService(kube, Flaky(), clock=clock)
    async with running([service]), aiohttp.ClientSession() as session:
        place = Place(kube, clock, Flaky(), service, session)
        assert (await place.post(f"{service.url}/go"))[1]["source"] == "zulu"
        told = await place.told("alpha", until=lambda told: told["Deployed"]["reason"] == "SeeMessage")
        assert "an older event keeps /go" in told["Deployed"]["message"]
    kube.close()


@pytest.mark.parametrize("outside", [{"host": "0.0.0.0"}, {"public_url": "http://hooks.example"}])
async def test_a_stranger_hears_nothing_of_what_else_there_is(outside: dict[str, str]):
    clock, bus = LateClock(), Flaky()
    kube = EmbeddedKube.open(":memory:", clock=clock)
    service = SourcesService(kube, bus, clock=clock, **outside)
    async with running([service]), aiohttp.ClientSession() as session:
        place = Place(kube, clock, bus, service, session)
        obj = hooks()
        obj["spec"]["webhook"]["go"]["authSecret"] = {"name": "hidden", "key": "k"}
        await place.apply(obj)
        here = f"http://127.0.0.1:{service.listener.port}"
        status, answer, _ = await place.post(f"{here}/else")
        assert (status, answer["error"]) == (
            404, "no event source listens on this path; the status of each EventSource tells its URLs")
        status, answer, _ = await place.post(f"{here}/go", headers={"Authorization": "Bearer x"})
        assert (status, "hidden" in answer["error"]) == (500, False)
        told = await place.apply(hooks("unguarded", endpoint="/free"))
        assert "spec.webhook.go.authSecret: is missing" in told["SpecWarning"]["message"]
    kube.close()


async def test_a_port_that_is_taken_is_told_with_the_url_to_use_instead(place: Place):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        told = await place.apply(hooks(port=taken.getsockname()[1]))
    assert told["Deployed"]["status"] == "True"
    assert told["Deployed"]["reason"] == "SeeMessage"
    assert f"send to {place.service.url}/default/hooks/go instead" in told["Deployed"]["message"]
    assert (await place.post(f"{place.service.url}/default/hooks/go"))[0] == 200


async def test_a_changed_source_moves_and_a_deleted_one_is_gone(place: Place):
    old, new = free_port(), free_port()
    await place.apply(hooks(port=old))
    await place.apply(hooks(port=new, endpoint="/else"))
    assert (await place.post(f"http://127.0.0.1:{new}/else"))[0] == 200
    with pytest.raises(aiohttp.ClientConnectionError):
        await place.post(f"http://127.0.0.1:{old}/go")
    await place.kube.delete(EVENT_SOURCES, "hooks", namespace="default")
    async with asyncio.timeout(5):
        while (await place.post(f"{place.service.url}/default/hooks/go"))[0] != 404:
            await asyncio.sleep(0.01)


async def test_what_is_not_supported_is_told_and_the_rest_runs(place: Place):
    told = await place.apply(hooks(kafka={"k": {"url": "x", "topic": "t"}}))
    assert told["SourcesProvided"]["status"] == "False"
    assert "spec.kafka: is not supported yet" in told["SourcesProvided"]["message"]
    assert told["Deployed"]["status"] == "True"
    assert (await place.post(f"{place.service.url}/default/hooks/go"))[0] == 200


async def test_a_source_with_an_unknown_field_runs_nothing_and_says_so(place: Place):
    broken = hooks("broken")
    broken["spec"]["webhook"]["go"]["endpiont"] = "/x"
    told = await place.apply(broken)
    assert told["Deployed"]["status"] == "False"
    assert "did you mean" in told["SourcesProvided"]["message"]
    assert (await place.post(f"{place.service.url}/default/broken/go"))[0] == 404


async def test_a_broken_edit_leaves_what_ran_running(place: Place):
    obj = hooks()
    await place.apply(obj)
    broken = hooks()
    broken["spec"]["webhook"]["go"]["endpoint"] = ""
    told = await place.apply(broken)
    assert told["SourcesProvided"]["status"] == "False"
    assert "what ran before it runs on" in told["Deployed"]["message"]
    assert (await place.post(f"{place.service.url}/default/hooks/go"))[0] == 200


async def test_an_edit_never_leaves_a_sender_without_an_answer(place: Place):
    port = free_port()
    await place.apply(hooks(port=port))
    statuses: list[int] = []
    done = asyncio.Event()

    async def send() -> None:
        while not done.is_set():
            statuses.append((await place.post(f"{place.service.url}/default/hooks/go"))[0])

    sending = asyncio.ensure_future(send())
    for number in range(5):
        edited = hooks(port=port)
        edited["spec"]["webhook"]["go"]["metadata"] = {"edit": str(number)}
        await place.apply(edited)
    done.set()
    await sending
    assert set(statuses) == {200}


async def test_while_the_bus_is_away_senders_are_asked_to_come_again(place: Place):
    await place.apply(hooks())
    place.bus.away = True
    status, answer, headers = await place.post(f"{place.service.url}/default/hooks/go")
    assert (status, headers["Retry-After"], answer["error"]) == (503, "3", "the event bus is away")
    place.bus.away = False
    assert (await place.post(f"{place.service.url}/default/hooks/go"))[0] == 200


async def test_a_body_that_the_bus_cannot_hold_is_too_large(place: Place):
    obj = hooks()
    obj["spec"]["webhook"]["go"]["maxPayloadSize"] = 50_000_000
    await place.apply(obj)
    status, answer, _ = await place.post(f"{place.service.url}/default/hooks/go", b'"' + b"x" * 9_000_000 + b'"')
    assert (status, "this event bus takes at most" in answer["error"]) == (413, True)


async def test_a_body_that_does_not_arrive_is_given_up(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(listening, "BODY_SECONDS", 0.05)
    await place.apply(hooks())
    reader, writer = await asyncio.open_connection("127.0.0.1", place.service.listener.port)
    writer.write(b"POST /default/hooks/go HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
    async with asyncio.timeout(5):
        answer = await reader.read(65536)
    assert answer.startswith(b"HTTP/1.1 408 ")
    writer.close()


async def test_what_is_no_http_harms_nobody(place: Place):
    await place.apply(hooks())
    for raw in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
                b"POST /go HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", place.service.listener.port)
        writer.write(raw)
        writer.write_eof()
        async with asyncio.timeout(5):
            await reader.read(65536)
        writer.close()
    assert (await place.post(f"{place.service.url}/default/hooks/go"))[0] == 200


async def test_many_senders_at_once_are_all_served(place: Place):
    await place.apply(hooks())
    answers = await asyncio.gather(*(place.post(f"{place.service.url}/default/hooks/go") for _ in range(200)))
    assert {status for status, _, _ in answers} == {200}
    assert len({answer["id"] for _, answer, _ in answers}) == 200
