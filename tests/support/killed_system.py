"""`argosy up` as a child that can be killed at any moment, and a sender whose every event counts once, however often it
is posted. The system's log tells when something has happened, so nobody waits by the clock.
"""

import asyncio
import contextlib
import hashlib
import hmac
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import psutil

from argosy.errors import Unavailable
from argosy.kube.contract import AlreadyExists, Kube
from argosy.kube.kubeconfig import load_kubeconfig
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import EVENT_SOURCES, SENSORS, resource_of
from argosy.manifests import load_manifests

NAMESPACE = "default"
_FIELD = re.compile(r"(\w+)=(\"(?:[^\"\\]|\\.)*\"|\S+)")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the system's log: what happened, and to whom."""

    text: str
    fields: dict[str, str]


@dataclass(slots=True)
class Life:
    """One process of the system, from its start until it is killed or stopped."""

    process: asyncio.subprocess.Process
    number: int
    urls: "asyncio.Future[dict[str, str]]"
    lines: int = 0
    ended: bool = False
    reading: Sequence["asyncio.Task[None]"] = ()


@dataclass(slots=True)
class System:
    """The embedded system over one folder, through many lives. Use it inside `open_system`."""

    data: Path
    group: asyncio.TaskGroup
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    log: list[Line] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    life: Life | None = None
    lives: int = 0

    async def start(self) -> Life:
        """Start it, in a process group of its own; do not wait until it is ready."""
        assert self.life is None or self.life.ended, "one life at a time"
        self.lives += 1
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "argosy.cli.main", "--data", str(self.data), "up", "--port", "0",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, start_new_session=True)
        life = Life(process, self.lives, asyncio.get_running_loop().create_future())
        life.reading = [self.group.create_task(self._read_ready(life)), self.group.create_task(self._read_log(life))]
        async with self.changed:
            self.life = life
            self.changed.notify_all()
        return life

    async def kill(self, chance: Random, *, everything_in: Path | None = None) -> None:
        """SIGKILL for the whole of it at once: Argosy with its helper and, mostly, nats-server with its guardian.

        With `everything_in`, the processes that use this folder die too: the pods, and what watches over them.
        """
        life = self._end()
        groups = [life.process.pid, *_sessions_below(life.process.pid)]
        if everything_in is not None:
            groups += sorted({_group_of(process.pid) for process, _ in users_of(everything_in)} - {0, *groups})
        elif chance.random() < 0.25:
            groups = groups[:1]  # the guardian sees that Argosy is gone; the next life starts meanwhile
        chance.shuffle(groups)
        for group in groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        await self._buried(life)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; its exit code."""
        life = self._end()
        life.process.send_signal(number)
        await self._buried(life)
        code = life.process.returncode
        assert code is not None, "it has been waited for"
        return code

    def _end(self) -> Life:
        assert self.life is not None, "it is not started"
        self.life.ended = True
        return self.life

    async def _buried(self, life: Life) -> None:
        await life.process.wait()
        await asyncio.wait(life.reading)

    async def ready(self) -> dict[str, str]:
        """The URLs of a life that serves, now or as soon as there is one."""
        while True:
            async with self.changed:
                await self.changed.wait_for(lambda: self.life is not None and not self.life.ended)
            life = self.life
            assert life is not None, "it was waited for"
            urls = await asyncio.shield(life.urls)
            if urls and not life.ended:
                return urls

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something has happened that makes it true; it is asked again after each line of the log."""
        async with self.changed:
            await self.changed.wait_for(holds)

    async def _read_ready(self, life: Life) -> None:
        assert life.process.stdout is not None, "it is a pipe"
        while line := (await life.process.stdout.readline()).decode():
            if line.startswith("ready "):
                life.urls.set_result(dict(part.split("=", 1) for part in line.split()[1:]))
        if not life.urls.done():
            life.urls.set_result({})

    async def _read_log(self, life: Life) -> None:
        assert life.process.stderr is not None, "it is a pipe"
        while line := (await life.process.stderr.readline()).decode(errors="replace"):
            life.lines += 1
            self.raw.append(f"[life {life.number}] {line.rstrip()}")
            fields = {name: _unquoted(value) for name, value in _FIELD.findall(line)}
            async with self.changed:
                self.log.append(Line(line, fields))
                self.changed.notify_all()


def _unquoted(value: str) -> str:
    return str(json.loads(value)) if value.startswith('"') else value


def _sessions_below(pid: int) -> list[int]:
    """The children that lead sessions of their own; what they start is in their group."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return [child.pid for child in psutil.Process(pid).children() if _group_of(child.pid) == child.pid]
    return []


def _group_of(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


@asynccontextmanager
async def open_system(data: Path) -> AsyncIterator[System]:
    """A system that is gone at the end, whatever happened."""
    async with asyncio.TaskGroup() as group:
        system = System(data, group)
        try:
            yield system
        finally:
            if system.life is not None and not system.life.ended:
                await system.stop()


@asynccontextmanager
async def kube_of(data: Path) -> AsyncIterator[RemoteKube]:
    """The API of the system that serves now."""
    async with RemoteKube(load_kubeconfig(path=data / "kubeconfig", home=data)) as remote:
        yield remote


async def apply(system: System, text: str) -> None:
    """Create all objects and wait until sources and sensors listen, over as many lives as it takes."""
    while True:
        await system.ready()
        try:
            async with kube_of(system.data) as kube:
                await _create_all(kube, text)
                await _until_listening(kube)
        except Unavailable:
            continue
        return


async def _create_all(kube: Kube, text: str) -> None:
    for manifest in load_manifests(text, source="killed_system"):
        resource = resource_of(manifest.object["apiVersion"], manifest.object["kind"])
        assert resource is not None, manifest.object["kind"]
        with contextlib.suppress(AlreadyExists):
            await kube.create(resource, manifest.object, namespace=NAMESPACE)


async def _until_listening(kube: Kube) -> None:
    for resource in (EVENT_SOURCES, SENSORS):
        listing = await kube.list(resource, namespace=NAMESPACE)
        waited_for = {one["metadata"]["name"] for one in listing.items}
        if not waited_for:
            continue
        async for event in kube.watch(resource, namespace=NAMESPACE):
            conditions = (event.object.get("status") or {}).get("conditions") or []
            if any((one["type"], one["status"]) == ("Deployed", "True") for one in conditions):
                waited_for.discard(event.object["metadata"]["name"])
            if not waited_for:
                break
        else:
            raise Unavailable("the watch ended")


@dataclass(frozen=True, slots=True)
class Post:
    """An event to be sent: its id is the sender's own, so posting it twice is sending it once."""

    id: str
    path: str
    body: bytes
    headers: dict[str, str]


def github_push(id_: str, branch: str, secret: str) -> Post:
    """A push as GitHub sends and signs it."""
    body = json.dumps({"ref": f"refs/heads/{branch}", "after": id_, "repository": {"name": "lighthouse"}}).encode()
    signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return Post(id_, "/default/github/push", body, {
        "Content-Type": "application/json", "X-GitHub-Event": "push", "X-GitHub-Delivery": id_,
        "X-Hub-Signature-256": signature})


def hook_call(id_: str, event: str, body: dict[str, Any]) -> Post:
    """A call of a plain webhook that carries its own id."""
    return Post(id_, f"/default/hooks/{event}", json.dumps(body).encode(), {
        "Content-Type": "application/json", "Idempotency-Key": id_})


async def deliver(system: System, post: Post) -> None:
    """Post until it is answered 2xx, in whichever life of the system."""
    while True:
        url = (await system.ready())["webhooks"] + post.path
        with contextlib.suppress(aiohttp.ClientError, ConnectionError, TimeoutError):
            async with aiohttp.ClientSession() as session, session.post(
                    url, data=post.body, headers=post.headers, timeout=aiohttp.ClientTimeout(total=20)) as answer:
                if 200 <= answer.status < 300:
                    assert json.loads(await answer.read())["id"] == post.id
                    return
                assert answer.status == 503, f"{post.id} was refused: {answer.status} {await answer.text()}"
        await asyncio.sleep(0.02)  # an answer of 503, or a kill that we do not know of yet: not at once again


def left_behind(folder: Path) -> Iterator[str]:
    """Processes that use `folder`, and mounts of our own there."""
    yield from (f"process {process.pid}: {places}" for process, places in users_of(folder))
    mounts = Path("/proc/self/mountinfo").read_text()
    yield from (f"mount {line}" for line in mounts.splitlines() if str(folder) in line)


def users_of(folder: Path) -> Iterator[tuple[psutil.Process, list[str]]]:
    """Other processes that hold something below `folder` open, run there, or have it in their command line."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            links = [str(one.readlink()) for one in Path(f"/proc/{process.pid}/fd").iterdir()]
            places = [place for place in (*links, *process.cmdline(), process.cwd()) if str(folder) in place]
            if places and process.pid != os.getpid():
                yield process, places
