"""Webhooks arrive, sensors decide and workflows are created while nats-server is killed again and again."""

import asyncio
import hashlib
import hmac
import json
import os
import signal
from pathlib import Path

import aiohttp
import pytest

from argosy.clock import SystemClock
from argosy.embedded.nats import NatsServer
from argosy.embedded.store import EmbeddedKube
from argosy.kube.resources import EVENT_SOURCES, SECRETS, SENSORS, WORKFLOWS
from argosy.lifecycle import running
from argosy.manifests import load_manifests
from events.bus.jetstream import JetStreamBus
from events.records import Records
from events.service import SensorsService
from sources.service import SourcesService

SEED = Path(__file__).parents[4] / "shared" / "seed" / "argo-workflows-module.md"
SOURCE = {
    "apiVersion": "argoproj.io/v1alpha1", "kind": "EventSource", "metadata": {"name": "github", "namespace": "default"},
    "spec": {"github": {"push": {
        "webhook": {"endpoint": "/push", "port": "12000", "method": "POST"},
        "webhookSecret": {"name": "github", "key": "secret"}}}},
}
KEY = b"s3cr3t"


def seed_sensor() -> dict:
    if not SEED.exists():
        pytest.skip("the seed document is not beside this checkout")
    blocks = SEED.read_text().split("```yaml\n")
    text = next(block for block in blocks if "kind: Sensor" in block).split("```")[0]
    return load_manifests(text)[0].object


async def push(session: aiohttp.ClientSession, url: str, delivery: str) -> int:
    body = json.dumps({"ref": f"refs/heads/{delivery}", "repository": {"clone_url": "https://x/y.git"}}).encode()
    headers = {"X-GitHub-Delivery": delivery, "X-GitHub-Event": "push", "Content-Type": "application/json",
               "X-Hub-Signature-256": "sha256=" + hmac.new(KEY, body, hashlib.sha256).hexdigest()}
    async with session.post(url, data=body, headers=headers) as answer:
        told = await answer.json()
        if answer.status == 200:
            assert (told["id"], answer.headers["Argosy-Event-Id"]) == (delivery, delivery)
        else:
            assert (answer.status, "Retry-After" in answer.headers) == (503, True), told
        return answer.status


async def push_until_accepted(session: aiohttp.ClientSession, url: str, delivery: str) -> None:
    """As GitHub would if it were patient: the same delivery again, until it is accepted."""
    while await push(session, url, delivery) != 200:
        await asyncio.sleep(0.02)


async def test_every_accepted_push_becomes_exactly_one_workflow(tmp_path):
    sensor, clock = seed_sensor(), SystemClock()
    server = NatsServer(tmp_path / "nats")
    kube = EmbeddedKube.open(":memory:", clock=clock)
    await kube.create(SENSORS, sensor, namespace="default")
    await kube.create(SECRETS, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "github"},
                                "stringData": {"secret": KEY.decode()}}, namespace="default")
    await kube.create(EVENT_SOURCES, SOURCE, namespace="default")
    bus = JetStreamBus(server.url)
    sources = SourcesService(kube, bus, clock=clock)
    deliveries = [f"d{number}" for number in range(150)]

    async with running([server, bus, SensorsService(kube, bus, clock=clock), sources]), aiohttp.ClientSession() as session:
        url = f"{sources.url}/default/github/push"
        for start in range(0, len(deliveries), 30):
            async with asyncio.TaskGroup() as group:
                for delivery in deliveries[start:start + 30]:
                    group.create_task(push_until_accepted(session, url, delivery))
                pid = server.pid
                if pid is not None:
                    os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(60):
            while len((await kube.list(WORKFLOWS, namespace="default")).items) < len(deliveries):
                await asyncio.sleep(0.05)
        workflows = (await kube.list(WORKFLOWS, namespace="default")).items
        refs = sorted(one["spec"]["arguments"]["parameters"][1]["value"] for one in workflows)
        assert refs == sorted(f"refs/heads/{delivery}" for delivery in deliveries)
        assert {one["spec"]["arguments"]["parameters"][0]["value"] for one in workflows} == {"https://x/y.git"}
        await every_push_is_explained(Records(bus, kube, clock), deliveries)
    kube.close()


async def every_push_is_explained(records: Records, deliveries: list[str]) -> None:
    async with asyncio.timeout(60):
        for delivery in deliveries:
            while True:
                told = await records.explain("default", delivery)
                [decision] = told["decisions"] or [{}]
                if (decision.get("result") or {}).get("outcome") == "done":
                    break
                await asyncio.sleep(0.1)
