"""The product inside the cluster while its NATS server is killed again and again: every event counts, and counts once."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from random import Random

import aiohttp
import psutil
import pytest

from argosy.clock import new_suffix
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import WORKFLOWS
from tests.cluster import objects
from tests.cluster.installing import installed, pods, printing, wait_for
from tests.cluster.layout import PATIENCE_SECONDS

EVENTS, KILLS = 30, 3

OBJECTS = """
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: hooks}
spec:
  webhook:
    go: {port: "12000", endpoint: /go, method: POST}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: hooks}
spec:
  dependencies: [{name: go, eventSourceName: hooks, eventName: go}]
  triggers:
  - template:
      name: run
      k8s:
        operation: create
        parameters: [{src: {dependencyName: go, dataKey: body.number}, dest: spec.arguments.parameters.0.value}]
        source:
          resource:
            apiVersion: argoproj.io/v1alpha1
            kind: Workflow
            metadata: {generateName: hook-}
            spec:
              entrypoint: main
              arguments: {parameters: [{name: number}]}
              templates:
              - name: main
                container: {image: busybox, command: [echo, "{{workflow.parameters.number}}"]}
"""


@pytest.fixture
def place(own_image: str, tmp_path: Path) -> Iterator[str]:
    """A namespace in which the product is at work."""
    namespace = f"bus-{new_suffix(6)}"
    objects.kube("create", "namespace", namespace)
    try:
        with installed("namespace", namespace, tmp_path):
            yield namespace
    finally:
        objects.kube("delete", "namespace", namespace, "--wait=false")


def kill_nats(namespace: str) -> None:
    """SIGKILL to the server in its container; the kubelet starts it again in the same pod, over the same files."""
    (pod,) = pods(namespace, "nats")
    for process in psutil.process_iter(["name"]):
        if process.info["name"] == "nats-server" and pod["metadata"]["uid"] in Path(f"/proc/{process.pid}/cgroup").read_text():
            os.kill(process.pid, signal.SIGKILL)
            return
    wait_for(namespace, "pod/argosy-nats-0", "condition=Ready")  # it is being started just now


async def post(session: aiohttp.ClientSession, address: str, number: int) -> None:
    """Send until it is accepted, as a sender does that cares."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": f"event-{number}"}
    while True:
        try:
            async with session.post(f"http://{address}:12000/go", json={"number": str(number)}, headers=headers) as answer:
                if answer.status == 200:
                    return
                assert answer.status in (502, 503, 504), await answer.text()
        except (aiohttp.ClientError, TimeoutError):
            pass
        await asyncio.sleep(0.2)  # not a wait for something to have happened: the sender's own pause


async def test_no_event_is_lost_or_doubled_while_the_bus_is_killed(kube: RemoteKube, place: str) -> None:
    objects.kube("apply", f"--namespace={place}", "-f", "-", stdin=OBJECTS)
    for part, kind in (("sources", "source"), ("sensors", "sensor")):
        for pod in pods(place, part):
            with printing("logs", f"--namespace={place}", "--follow", pod["metadata"]["name"]) as lines:
                assert any(f"{kind} runs namespace={place} {kind}=hooks " in line for line in lines)
    addresses = [pod["status"]["podIP"] for pod in pods(place, "sources")]
    chance = Random(1)
    killed_before = sorted(chance.sample(range(2, EVENTS), KILLS))
    async with asyncio.timeout(PATIENCE_SECONDS), aiohttp.ClientSession() as session:
        for number in range(EVENTS):
            if number in killed_before:
                await asyncio.to_thread(kill_nats, place)
            await post(session, chance.choice(addresses), number)
        await all_finished(kube, place)
    flows = (await kube.list(WORKFLOWS, namespace=place)).items
    numbers = sorted(int(flow["spec"]["arguments"]["parameters"][0]["value"]) for flow in flows)
    assert numbers == list(range(EVENTS))
    assert {flow["status"]["phase"] for flow in flows} == {"Succeeded"}


async def all_finished(kube: RemoteKube, namespace: str) -> None:
    ended = set()
    while len(ended) < EVENTS:
        async for event in kube.watch(WORKFLOWS, namespace=namespace):
            if (event.object.get("status") or {}).get("phase") in ("Succeeded", "Failed", "Error"):
                ended.add(event.object["metadata"]["name"])
            if len(ended) >= EVENTS:
                return
