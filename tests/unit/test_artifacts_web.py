"""Artifacts behind URLs, fetched and stored without the executor: what an embedded pod does with them."""

import asyncio
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from controller.artifacts.contract import ArtifactError
from controller.artifacts.web import WebStore


class Server:
    """Bodies by path; it notes the last request's headers."""

    def __init__(self) -> None:
        self.url = ""
        self.bodies: dict[str, bytes] = {}
        self.headers: dict[str, str] = {}

    async def serve(self, request: web.Request) -> web.Response:
        self.headers = dict(request.headers)
        if request.method == "PUT":
            self.bodies[request.path] = await request.read()
            return web.Response()
        if request.path == "/refused":
            return web.Response(status=403, text="<Code>AccessDenied</Code>")
        return web.Response(body=self.bodies[request.path]) if request.path in self.bodies else web.Response(status=404)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    made.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]  # an asyncio server has sockets
    yield made
    await runner.cleanup()


async def test_a_folder_goes_to_a_url_and_comes_back(server: Server, tmp_path: Path) -> None:
    (tmp_path / "out" / "sub").mkdir(parents=True)
    (tmp_path / "out" / "sub" / "a").write_text("text")
    store = WebStore(("X-Token: secret",))
    await asyncio.to_thread(store.save, tmp_path / "out", f"{server.url}/k?signature=x")
    assert server.headers["X-Token"] == "secret"
    await asyncio.to_thread(store.load, f"{server.url}/k", tmp_path / "in")
    assert (tmp_path / "in" / "sub" / "a").read_text() == "text"
    await asyncio.to_thread(lambda: store.load(f"{server.url}/k", tmp_path / "part", sub_path="sub/a"))
    assert (tmp_path / "part").read_text() == "text"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out", "part"]


async def test_a_file_that_is_not_packed_is_sent_as_it_is(server: Server, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("text")
    await asyncio.to_thread(lambda: WebStore().save(tmp_path / "out", f"{server.url}/k", archive="none"))
    assert server.bodies["/k"] == b"text"


async def test_whether_there_is_anything_can_be_asked(server: Server) -> None:
    server.bodies["/k"] = b""
    assert await asyncio.to_thread(WebStore().exists, f"{server.url}/k")
    assert not await asyncio.to_thread(WebStore().exists, f"{server.url}/none")


async def test_a_refusal_is_quoted_without_the_signature(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError) as caught:
        await asyncio.to_thread(WebStore().load, f"{server.url}/refused?signature=x", tmp_path / "in")
    assert str(caught.value) == f"{server.url}/refused answers 403: <Code>AccessDenied</Code>"


@pytest.mark.parametrize(("url", "text"), [
    ("file:///etc/passwd", "file:///etc/passwd is no URL that begins with http:// or https://"),
    ("http://127.0.0.1:1/x", "http://127.0.0.1:1/x cannot be reached: "),
])
def test_what_cannot_be_asked_is_told(tmp_path: Path, url: str, text: str) -> None:
    with pytest.raises(ArtifactError) as caught:
        WebStore().load(url, tmp_path / "in")
    assert str(caught.value).startswith(text)


async def test_a_hostile_archive_is_refused(server: Server, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "bad.tgz", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("../../escaped"))
    server.bodies["/k"] = (tmp_path / "bad.tgz").read_bytes()
    with pytest.raises(ArtifactError, match="the archive is refused"):
        await asyncio.to_thread(WebStore().load, f"{server.url}/k", tmp_path / "in")


def test_a_folder_that_is_not_packed_is_told_what_to_write(tmp_path: Path) -> None:
    store: Any = WebStore()
    with pytest.raises(ArtifactError, match="use archive: tar or zip"):
        store.save(tmp_path, "http://127.0.0.1:1/x", archive="none")
