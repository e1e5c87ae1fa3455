"""A cluster of three NATS servers, as deploy/components/nats-cluster sets it up: on how many of them events are kept."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import nats
import pytest

from argosy.embedded.nats import find_binary
from argosy.errors import Unavailable
from events.bus.contract import Stream
from events.bus.jetstream import JetStreamBus


def free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


@asynccontextmanager
async def server(folder: Path, name: str, port: int, peer: int, peers: list[int]) -> AsyncIterator[None]:
    routes = ", ".join(f"nats://127.0.0.1:{each}" for each in peers)
    config = folder / f"{name}.conf"
    config.write_text(f"server_name: {name}\nlisten: 127.0.0.1:{port}\njetstream {{ store_dir: {folder / name} }}\n"
                      f"cluster {{ name: argosy, listen: 127.0.0.1:{peer}, routes: [{routes}] }}\n")
    process = await asyncio.create_subprocess_exec(
        str(find_binary()), "-c", str(config), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        await process.wait()


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    ports, peers = free_ports(3), free_ports(3)
    async with AsyncExitStack() as stack:
        for number in range(3):
            await stack.enter_async_context(server(tmp_path, f"n{number}", ports[number], peers[number], peers))
        yield f"nats://127.0.0.1:{ports[0]}"


async def replicas(url: str) -> set[int]:
    client = await nats.connect(url)
    try:
        return {info.config.num_replicas or 1 for info in await client.jetstream().streams_info()}
    finally:
        await client.close()


async def kept_by(url: str, number: int | None) -> set[int]:
    """Keep an event; on how many servers the streams are then."""
    bus = JetStreamBus(url, replicas=number)
    try:
        await until_published(bus)
        return await replicas(url)
    finally:
        await bus.close()


async def until_published(bus: JetStreamBus) -> None:
    """The servers must have found each other first."""
    async with asyncio.timeout(40):
        while True:
            try:
                await bus.publish(Stream.EVENTS, "default", ("source", "event"), b"{}")
            except Unavailable:
                await asyncio.sleep(0.1)
            else:
                return


async def test_events_are_kept_on_as_many_servers_as_is_said_and_a_change_of_mind_counts(url: str):
    assert await kept_by(url, 1) == {1}
    assert await kept_by(url, 3) == {3}
    assert await kept_by(url, None) == {3}, "whoever only looks leaves it as it is"
