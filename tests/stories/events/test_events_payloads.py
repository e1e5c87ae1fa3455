"""What strangers send: each malformed request gets its exact text, and nobody else notices.

The cases stand in bad_payloads.txt: a request, ``----``, and the answer. ``!repeat N TEXT`` makes a long body,
``!sign SECRET`` signs it as GitHub does.
"""

import base64
import hashlib
import hmac
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
import yarl

from argosy.clock import SystemClock
from argosy.embedded.store import EmbeddedKube
from argosy.kube.resources import EVENT_SOURCES, SECRETS
from argosy.lifecycle import running
from events.bus.contract import Stream
from events.bus.memory import MemoryBus
from sources.service import SourcesService

SOURCE = {
    "apiVersion": "argoproj.io/v1alpha1", "kind": "EventSource", "metadata": {"name": "hooks", "namespace": "default"},
    "spec": {
        "webhook": {
            "open": {"endpoint": "/open", "port": "0", "method": "POST"},
            "small": {"endpoint": "/small", "port": "0", "method": "POST", "maxPayloadSize": 1000},
            "closed": {"endpoint": "/closed", "port": "0", "method": "POST",
                       "authSecret": {"name": "secrets", "key": "token"}},
        },
        "github": {"push": {"webhook": {"endpoint": "/push", "port": "0", "method": "POST"},
                            "webhookSecret": {"name": "secrets", "key": "github"}}},
    },
}


@dataclass
class Case:
    title: str
    method: str
    path: str
    answer: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def read_cases() -> list[Case]:
    text = (Path(__file__).parent / "bad_payloads.txt").read_text()
    return [read_case(block) for block in ("\n" + text).split("\n# ")[1:]]


def read_case(block: str) -> Case:
    asked, _, answer = block.partition("\n----\n")
    title, first, *lines = asked.split("\n")
    case = Case(title, *first.split(" ", 1), answer=answer.strip())
    secret = ""
    while lines:
        line = lines.pop(0)
        if line.startswith("!repeat "):
            _, count, piece = line.split(" ", 2)
            case.body += piece.encode() * int(count)
        elif line.startswith("!sign "):
            secret = line.removeprefix("!sign ")
        elif ": " in line:
            name, _, value = line.partition(": ")
            case.headers[name] = value
        elif not line:
            case.body += "\n".join(lines).encode()
            break
    if secret:
        case.headers["X-Hub-Signature-256"] = "sha256=" + hmac.new(secret.encode(), case.body, hashlib.sha256).hexdigest()
    return case


@dataclass
class Post:
    service: SourcesService
    bus: MemoryBus
    session: aiohttp.ClientSession

    async def send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str]]:
        url = yarl.URL(self.service.url + path, encoded=True)
        given = {"Content-Type": "application/json", **headers}
        async with self.session.request(method, url, data=body, headers=given) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def post() -> AsyncIterator[Post]:
    clock, bus = SystemClock(), MemoryBus()
    kube = EmbeddedKube.open(":memory:", clock=clock)
    await kube.create(SECRETS, {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "secrets"},
        "data": {"token": base64.b64encode(b"right").decode(), "github": base64.b64encode(b"github-secret\n").decode()},
    }, namespace="default")
    source = {**SOURCE, "spec": {kind: {name: with_port(entry) for name, entry in entries.items()}
                                 for kind, entries in SOURCE["spec"].items()}}
    await kube.create(EVENT_SOURCES, source, namespace="default")
    service = SourcesService(kube, bus, clock=clock)
    async with running([service]), aiohttp.ClientSession() as session:
        yield Post(service, bus, session)
    kube.close()


def with_port(entry: dict) -> dict:
    """A port that is free; the shared listener serves the event all the same."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    if "webhook" in entry:
        return {**entry, "webhook": {**entry["webhook"], "port": port}}
    return {**entry, "port": port}


@pytest.mark.parametrize("case", read_cases(), ids=lambda case: case.title)
async def test_a_malformed_request_gets_its_text_and_harms_nobody(case: Case, post: Post):
    status, told = await post.send(case.method, case.path, case.body, case.headers)
    text = told["error"].replace(post.service.url, "http://127.0.0.1:PORT")
    assert f"{status} {text}" == case.answer
    assert await post.bus.read(Stream.EVENTS, "default", (...,), last=10) == []
    status, told = await post.send("POST", "/default/hooks/open", b'{"fine": true}', {})
    assert status == 200
    [message] = await post.bus.read(Stream.EVENTS, "default", (...,), last=10)
    assert told["id"] in message.data.decode()


async def test_a_right_request_of_each_kind_is_accepted(post: Post):
    signature = "sha256=" + hmac.new(b"github-secret", b'{"ref":"main"}', hashlib.sha256).hexdigest()
    for path, headers, body in [
        ("/default/hooks/closed", {"Authorization": "Bearer right"}, b"{}"),
        ("/closed", {"Authorization": "Bearer right"}, b"[1]"),
        ("/default/hooks/push", {"X-Hub-Signature-256": signature, "X-GitHub-Delivery": "d-1"}, b'{"ref":"main"}'),
        ("/default/hooks/open", {"Content-Type": "application/x-www-form-urlencoded"}, b"a=1&a=2&b=%C3%BC"),
        ("/default/hooks/open", {}, b'"\\ud800 half a pair"'),
    ]:
        status, told = await post.send("POST", path, body, headers)
        assert status == 200, told
    assert len(await post.bus.read(Stream.EVENTS, "default", (...,), last=10)) == 5
