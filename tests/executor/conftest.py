"""The executor, built once and run as an ordinary process; a real HTTP server as the store of artifacts."""

import asyncio
import json
import platform
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from controller.pods.assignment import Assignment, Handover

BUILD = Path(__file__).parents[2] / "deploy" / "executor" / "build.py"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Ended:
    """What a run of the executor left."""

    code: int
    stdout: bytes
    stderr: str
    message: str

    @property
    def handover(self) -> Handover:
        found = Handover.from_json(self.message)
        assert found is not None, f"no handover: {self.message!r}; stderr: {self.stderr}"
        return found


@dataclass
class Executor:
    """Runs the program in a folder of its own."""

    program: Path
    folder: Path

    async def start(
        self, assignment: Assignment | str, *command: str, env: dict[str, str] | None = None, options: tuple[str, ...] = (),
    ) -> asyncio.subprocess.Process:
        text = assignment if isinstance(assignment, str) else json.dumps(asdict(assignment))
        (self.folder / "assignment.json").write_text(text)
        variables = {"PATH": "/usr/local/bin:/usr/bin:/bin", "ARGOSY_ASSIGNMENT": str(self.folder / "assignment.json"),
                     "ARGOSY_TERMINATION_MESSAGE": str(self.folder / "message"), **(env or {})}
        return await asyncio.create_subprocess_exec(
            self.program, *options, *(("--", *command) if command else ()), env=variables, cwd=self.folder,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    async def end(self, process: asyncio.subprocess.Process) -> Ended:
        stdout, stderr = await process.communicate()
        message = self.folder / "message"
        assert process.returncode is not None
        said = message.read_text() if message.exists() else ""
        return Ended(process.returncode, stdout, stderr.decode(errors="replace"), said)

    async def run(self, assignment: Assignment | str, *command: str, **given: Any) -> Ended:
        return await self.end(await self.start(assignment, *command, **given))


@dataclass
class Store:
    """Objects by path, over HTTP; `answers` holds what the next requests get instead."""

    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    answers: list[Callable[[web.Request], web.StreamResponse]] = field(default_factory=list)
    chunked: bool = False

    async def serve(self, request: web.Request) -> web.StreamResponse:
        path = request.path.lstrip("/")
        body = await request.read()
        self.requests.append((request.method, request.path_qs, dict(request.headers)))
        if self.answers:
            return self.answers.pop(0)(request)
        if request.method in ("PUT", "POST", "PATCH"):
            self.objects[path] = body
            return web.Response(status=201 if request.method == "POST" else 200)
        if path not in self.objects:
            return web.Response(status=404, text="<Code>NoSuchKey</Code>")
        answer = web.Response(body=self.objects[path])
        if self.chunked:
            answer.enable_chunked_encoding()
        return answer


@pytest.fixture(scope="session")
def program() -> Path:
    """The executor for this machine."""
    build: list[str | Path] = [sys.executable, BUILD, ARCHITECTURE[platform.machine()]]
    answer = subprocess.run(build, check=True, capture_output=True, text=True)
    return Path(answer.stdout.strip().split("\t")[2])


@pytest.fixture
def executor(program: Path, tmp_path: Path) -> Executor:
    folder = tmp_path / "pod"
    folder.mkdir()
    return Executor(program, folder)


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    kept = Store()
    app = web.Application(client_max_size=256 << 20)
    app.router.add_route("*", "/{path:.*}", kept.serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]  # an asyncio server has sockets
    kept.url = f"http://127.0.0.1:{port}"
    yield kept
    await runner.cleanup()
