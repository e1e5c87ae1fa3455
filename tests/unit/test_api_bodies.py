"""What a request may carry, and what is said of a body that cannot be read."""

import asyncio
import io
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from argosy.embedded.api import ApiFace, bodies
from argosy.embedded.api.bodies import read_object
from argosy.embedded.api.protobuf import MEDIA_TYPE, decode
from argosy.embedded.api.statuses import UnsupportedMediaType
from argosy.kube.contract import BadRequest
from tests.support.faces import served, stored

YAML = "application/yaml"


@pytest.mark.parametrize("media_type", ["application/json", "", "application/x-www-form-urlencoded", "text/plain"])
def test_json_is_read_whatever_a_careless_client_calls_it(media_type: str) -> None:
    assert read_object(b'{"kind": "Pod"}', media_type) == {"kind": "Pod"}


def test_yaml_is_read_as_kubectl_reads_it() -> None:
    body = b"apiVersion: v1\nkind: ConfigMap\ndata: {a: on, b: 010, c: 1e3}\n"
    assert read_object(body, YAML)["data"] == {"a": True, "b": 8, "c": 1000}


@pytest.mark.parametrize(("body", "media_type", "told"), [
    (b"", "application/json", "the body is empty"),
    (b'{"kind": Pod}', "application/json", r"not JSON: .*line 1 column 10.*near '\{\"kind\": Pod\}'"),
    (b'{"a": "\xff"}', "application/json", "not JSON"),
    (b"[1]", "application/json", "the body is a list; send an object"),
    (b"null", "application/json", "the body is null"),
    (b"[" * 5000, "application/json", "not JSON"),
    (b"kind: Pod\n  name: [", YAML, r"body:2: "),
    (b"apiVersion: v1\nkind: A\n---\napiVersion: v1\nkind: B\n", YAML, "holds 2 YAML documents"),
    (b"# nothing\n", YAML, "holds 0 YAML documents"),
    (b"\xff\xfe", YAML, "UTF-16"),
    (b"k8s", MEDIA_TYPE, "does not begin with"),
    (b"k8s\x00\x0a\xff", MEDIA_TYPE, "the protobuf body is broken"),
    (b"k8s\x00\x0a\x05\x0a\x02v1", MEDIA_TYPE, "ends too early"),
])
def test_a_body_that_cannot_be_read_says_where(body: bytes, media_type: str, told: str) -> None:
    with pytest.raises(BadRequest, match=told):
        read_object(body, media_type)


def test_a_form_that_is_unknown_is_told_what_is_known() -> None:
    with pytest.raises(UnsupportedMediaType, match="send application/json or application/yaml"):
        read_object(b"<a/>", "text/xml")
    with pytest.raises(UnsupportedMediaType, match="kubectl apply -f -"):
        decode(b"k8s\x00" + field(1, field(1, b"v1") + field(2, b"ResourceQuota")) + field(2, b""))


def field(number: int, data: bytes) -> bytes:
    """A length-delimited protobuf field."""
    return bytes([number << 3 | 2, len(data)]) + data


def test_protobuf_is_read_for_what_kubectl_creates() -> None:
    labels = field(11, field(1, b"a") + field(2, b"b")) + field(11, field(1, b"c") + field(2, b""))
    secret = field(1, field(1, b"key") + field(3, b"") + labels) + field(2, field(1, b"x") + field(2, b"\xff"))
    body = b"k8s\x00" + field(1, field(1, b"v1") + field(2, b"Secret")) + field(2, secret + field(3, b"Opaque"))
    assert decode(body) == {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key", "labels": {"a": "b", "c": ""}},
        "data": {"x": "/w=="}, "type": "Opaque"}


@pytest.mark.parametrize("told_in_advance", [True, False])
async def test_a_body_that_is_too_large_is_refused_and_the_server_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told_in_advance: bool,
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(65):
            yield b" " * 1024 * 1024

    data = io.BytesIO(b" " * (65 * 1024 * 1024)) if told_in_advance else pieces()
    async with stored() as kube, served(kube, tmp_path) as face, aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {face.token}"}) as session:
        address = f"{face.url}/api/v1/namespaces/default/configmaps"
        async with session.post(address, data=data, ssl=False) as response:
            assert (response.status, (await response.json())["reason"]) == (413, "RequestEntityTooLarge")
            assert "larger than 64 MiB" in (await response.json())["message"]
        async with session.get(address, ssl=False) as response:
            assert response.status == 200
    assert bodies.MOST_BYTES == 64 * 1024 * 1024


async def test_what_is_no_http_is_answered_and_the_server_goes_on(tmp_path: Path) -> None:
    async with stored() as kube, served(kube, tmp_path) as face, asyncio.timeout(20):
        head = f"Host: localhost\r\nAuthorization: Bearer {face.token}\r\n".encode()
        for sent, code in (
            (b"nonsense\r\n\r\n", b"400"),
            (b"GET / HTTP/1.1\r\n\r\n", b"400"),
            (b"BREW /api/v1/pods HTTP/1.1\r\n" + head + b"\r\n", b"400"),
            (b"POST /api HTTP/1.1\r\n" + head + b"Content-Length: -5\r\n\r\n", b"400"),
            (b"POST /api HTTP/1.1\r\n" + head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
            (b"POST /api HTTP/1.1\r\n" + head + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", b"400"),
            (b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n" + head + b"\r\n", b"400"),
            (b"GET /healthz HTTP/1.1\r\n" + head + b"\r\n", b"200"),
        ):
            assert await first_line(face, sent) in (b"HTTP/1.1 " + code, b"HTTP/1.0 " + code)


async def first_line(face: ApiFace, sent: bytes) -> bytes:
    context = ssl.create_default_context(cadata=face.authority)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(face.url.rpartition(":")[2]), ssl=context)
    writer.write(sent)
    line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return line[:12]


@pytest.mark.parametrize(("method", "path", "code"), [
    ("GET", "/apis/example.com/v1/boats", 404),
    ("GET", "/api/v1/namespaces/default/pods/a/status/b", 404),
    ("GET", "/nowhere", 404),
    ("GET", "/api/v1/pods?limit=many", 400),
    ("GET", "/api/v1/pods?watch=perhaps", 400),
    ("GET", "/api/v1/pods?labelSelector=%3D%3D", 400),
    ("POST", "/api/v1/pods", 405),
    ("PUT", "/api/v1/namespaces/default/pods", 405),
    ("OPTIONS", "/api/v1/namespaces/default/pods", 405),
    ("PATCH", "/api/v1/namespaces/default/pods/a", 415),
    ("DELETE", "/api/v1/namespaces/default/pods/a?propagationPolicy=Maybe", 400),
    ("POST", "/api/v1/namespaces/default/configmaps?dryRun=Some", 400),
    ("GET", "/%zz/%00", 404),
])
async def test_every_refusal_is_a_status_object(tmp_path: Path, method: str, path: str, code: int) -> None:
    async with stored() as kube, served(kube, tmp_path) as face, aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {face.token}"}) as session:
        data = b'{"metadata": {"name": "a"}}' if method in ("POST", "PATCH") else None
        headers = {"Content-Type": "text/markdown"} if method == "PATCH" else {"Content-Type": "application/json"}
        async with session.request(method, face.url + path, ssl=False, data=data, headers=headers) as response:
            status = await response.json()
    assert (status["kind"], status["status"], status["code"], response.status) == ("Status", "Failure", code, code)
    assert status["message"]
