"""The cluster's daemons: started apart from whoever starts them, found again by a file, stopped to the last one."""

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.layout import HOME, ClusterError, say

_LOGS = HOME / "logs"
_RUN = HOME / "run"
_STARTED: list["subprocess.Popen[bytes]"] = []  # kept, for a Popen that is let go complains of the process it leaves


@dataclass(frozen=True, slots=True)
class Daemon:
    """A program that runs until the cluster goes down."""

    name: str
    command: tuple[str, ...]
    ready: Callable[[], bool]


def start(daemon: Daemon) -> None:
    """Start it, unless it runs."""
    if process_id(daemon.name) is not None:
        return
    for folder in (_LOGS, _RUN):
        folder.mkdir(parents=True, exist_ok=True)
    with log_of(daemon.name).open("ab") as log:
        process = subprocess.Popen(daemon.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=HOME,
                                   start_new_session=True)
    _STARTED.append(process)
    record = {"pid": process.pid, "began": _began(process.pid)}
    (_RUN / daemon.name).write_text(json.dumps(record))


def await_ready(daemon: Daemon, *, seconds: float = 60) -> None:
    """Return when it serves; if it ends instead, or takes too long, say what it wrote last."""
    end = time.monotonic() + seconds
    while not daemon.ready():
        if process_id(daemon.name) is None:
            raise ClusterError(f"{daemon.name} ended at once; the end of {log_of(daemon.name)}:\n{_tail(daemon.name)}")
        if time.monotonic() > end:
            raise ClusterError(f"{daemon.name} does not serve after {seconds:.0f} s; the end of {log_of(daemon.name)}:\n"
                               f"{_tail(daemon.name)}")
        pause()


def pause(seconds: float = 0.1) -> None:
    """Let others work for a moment."""
    threading.Event().wait(seconds)


def stop(name: str, *, sign: signal.Signals = signal.SIGTERM, seconds: float = 15) -> None:
    """End it and wait until it is gone; one that does not listen is killed."""
    pid = process_id(name)
    if pid is not None:
        end_processes([pid], sign=sign, seconds=seconds)
    (_RUN / name).unlink(missing_ok=True)


def end_processes(pids: Iterable[int], *, sign: signal.Signals = signal.SIGTERM, seconds: float = 15) -> None:
    """Signal them, wait, and kill those that stay."""
    remaining = {pid: began for pid in pids if (began := _began(pid)) is not None}
    for attempt in (sign, signal.SIGKILL):
        for pid in remaining:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, attempt)
        end = time.monotonic() + seconds
        while remaining and time.monotonic() < end:
            pause(0.05)
            remaining = {pid: began for pid, began in remaining.items() if _began(pid) == began}
    if remaining:
        raise ClusterError(f"processes {sorted(remaining)} do not end even when killed")


def process_id(name: str) -> int | None:
    """The process of the daemon `name`, if it runs; one that has taken over an old number is not taken for it."""
    try:
        record = json.loads((_RUN / name).read_text())
    except (OSError, ValueError):
        return None
    pid = int(record["pid"])
    return pid if record["began"] is not None and _began(pid) == record["began"] else None


def log_of(name: str) -> Path:
    """Where the daemon writes."""
    return _LOGS / f"{name}.log"


def shims(socket: Path) -> list[int]:
    """The processes that hold containers for the containerd at `socket`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if words and b"containerd-shim" in words[0] and str(socket).encode() in words:
                    found.append(int(entry.name))
    return found


def children(pids: Iterable[int]) -> list[int]:
    """All processes below these."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found: list[int] = []
    waiting = list(pids)
    while waiting:
        below = parents.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _began(pid: int) -> int | None:
    """When the process began, in ticks since boot; None if there is none, or only its remains."""
    for process in _STARTED:
        process.poll()
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def _tail(name: str) -> str:
    try:
        return "\n".join(log_of(name).read_text(errors="replace").strip().splitlines()[-15:])
    except OSError:
        return "(it wrote nothing)"


def tell_ready(daemons: Iterable[Daemon]) -> None:
    """Wait for each of them."""
    for daemon in daemons:
        await_ready(daemon)
        say(f"{daemon.name} serves")
