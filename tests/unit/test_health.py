"""Probes: alive as long as the loop turns, ready once everything has started and nothing is missing."""

import asyncio
import socket

import aiohttp
import pytest

from argosy.cli.serving import serving
from argosy.errors import ArgosyError
from argosy.health import Health
from argosy.lifecycle import running


async def ask(health: Health, path: str) -> tuple[int, dict[str, object]]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{health.port}{path}") as answer:
        return answer.status, await answer.json()


async def test_it_is_alive_before_it_is_ready():
    health = Health(port=0, host="127.0.0.1")
    async with running([health]):
        assert await ask(health, "/healthz") == (200, {"ok": True})
        assert await ask(health, "/readyz") == (503, {"ok": False, "missing": {"start": "not finished yet"}})
        health.started()
        assert await ask(health, "/readyz") == (200, {"ok": True, "missing": {}})


async def test_it_says_what_is_missing_and_stays_alive():
    nats = "not connected"
    health = Health(port=0, host="127.0.0.1", checks={"nats": lambda: nats})
    async with running([health]):
        health.started()
        assert await ask(health, "/readyz") == (503, {"ok": False, "missing": {"nats": "not connected"}})
        assert (await ask(health, "/healthz"))[0] == 200
        nats = ""
        assert (await ask(health, "/readyz"))[0] == 200


async def test_other_paths_are_told_what_there_is():
    health = Health(port=0, host="127.0.0.1")
    async with running([health]):
        assert await ask(health, "/metrics") == (404, {"error": "there are /healthz and /readyz"})


async def test_a_port_that_is_taken_is_told():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        health = Health(port=taken.getsockname()[1], host="127.0.0.1")
        with pytest.RaisesGroup(pytest.RaisesExc(ArgosyError, match="choose another with --health-port")):
            async with running([health]):
                pass


async def test_probes_are_answered_while_a_service_still_waits_to_start(unused_port: int):
    begun, let_go = asyncio.Event(), asyncio.Event()

    class Slow:
        async def run(self, ready: asyncio.Event) -> None:
            begun.set()
            await let_go.wait()
            ready.set()
            await asyncio.Event().wait()

    seen = Health(port=unused_port)
    done = asyncio.Event()

    async def program() -> None:
        async with serving([Slow()], port=unused_port):
            assert await ask(seen, "/readyz") == (200, {"ok": True, "missing": {}})
            done.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(program())
        await begun.wait()
        assert (await ask(seen, "/healthz"))[0] == 200
        assert (await ask(seen, "/readyz"))[0] == 503
        let_go.set()
        await done.wait()


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
