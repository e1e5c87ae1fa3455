"""The supervised nats-server: it comes again when it is killed, and goes when its parent is."""

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from argosy.embedded.nats import NatsServer, find_binary
from argosy.errors import ArgosyError
from argosy.lifecycle import running


async def until(holds) -> None:
    async with asyncio.timeout(15):
        while not holds():
            await asyncio.sleep(0.01)


def lives(pid: int | None) -> bool:
    return pid is not None and psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


async def test_it_serves_on_loopback_and_keeps_its_password_to_itself(tmp_path: Path):
    server = NatsServer(tmp_path / "nats")
    async with running([server]):
        pid = server.pid
        assert lives(pid)
        listening = [one.laddr.ip for one in psutil.Process(pid).net_connections() if one.status == psutil.CONN_LISTEN]
        assert listening == ["127.0.0.1"]
        assert stat.S_IMODE((tmp_path / "nats" / "nats.conf").stat().st_mode) == 0o600
        password = server.url.split(":")[2].split("@")[0]
        assert password not in " ".join(psutil.Process(pid).cmdline())
    assert not lives(pid)


async def test_a_killed_server_comes_again_at_the_same_place(tmp_path: Path):
    server = NatsServer(tmp_path / "nats")
    async with running([server]):
        url, first = server.url, server.pid
        os.kill(first or 0, signal.SIGKILL)
        await until(lambda: lives(server.pid) and server.pid != first)
        assert server.url == url


async def test_a_folder_serves_one_parent_at_a_time(tmp_path: Path):
    async with running([NatsServer(tmp_path / "nats")]):
        with pytest.raises(ExceptionGroup) as error:
            async with running([NatsServer(tmp_path / "nats")]):
                pass
        assert "is in use by another Argosy" in str(error.value.exceptions[0])


async def test_a_taken_port_is_told(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ExceptionGroup) as error:
            async with running([NatsServer(tmp_path / "nats", port=port)]):
                pass
    assert isinstance(error.value.exceptions[0], ArgosyError)
    assert f"did not start on 127.0.0.1:{port}" in str(error.value.exceptions[0])


PARENT = """
import asyncio, sys
from pathlib import Path
from argosy.embedded.nats import NatsServer
from argosy.lifecycle import running

async def main():
    server = NatsServer(Path(sys.argv[1]))
    async with running([server]):
        print(server.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def start_parent(folder: Path) -> tuple[subprocess.Popen[str], int]:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(folder)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    return parent, int(parent.stdout.readline())


def kill(parent: subprocess.Popen[str]) -> None:
    parent.kill()
    parent.wait()
    assert parent.stdout is not None
    parent.stdout.close()


async def test_it_ends_when_its_parent_is_killed(tmp_path: Path):
    parent, pid = start_parent(tmp_path / "nats")
    assert lives(pid)
    kill(parent)
    await until(lambda: not lives(pid))


async def test_one_that_outlived_its_parent_is_ended_before_the_next_starts(tmp_path: Path):
    parent, pid = start_parent(tmp_path / "nats")
    guardian = psutil.Process(pid).parent()
    assert guardian is not None
    parent.send_signal(signal.SIGSTOP)
    for other in (*guardian.children(), guardian):
        if other.pid != pid:
            other.kill()  # now nobody would end nats-server
    kill(parent)
    assert lives(pid)
    server = NatsServer(tmp_path / "nats")
    async with running([server]):
        assert not lives(pid)
        assert lives(server.pid)


def test_the_binary_is_the_one_of_the_wheel():
    assert find_binary().name == "nats-server"


@pytest.mark.parametrize("steps", range(0, 40, 3))
async def test_cancelled_at_any_moment_of_its_start_it_ends_and_leaves_no_process(tmp_path: Path, steps: int):
    serving = asyncio.ensure_future(NatsServer(tmp_path / "nats").run(asyncio.Event()))
    for _ in range(steps):
        await asyncio.sleep(0)
    serving.cancel()
    async with asyncio.timeout(4):
        await asyncio.wait([serving])
    assert serving.cancelled()
    await until(lambda: not [one.pid for one in psutil.process_iter(["cmdline"])
                             if any(str(tmp_path) in word for word in one.info["cmdline"] or ())])
