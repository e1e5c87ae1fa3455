"""From a webhook's post to the workflow's existence, against a real ``argosy up``; and what that weighs at rest."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
import psutil

from argosy.kube.contract import Kube
from argosy.kube.kubeconfig import load_kubeconfig
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import EVENT_SOURCES, SENSORS, WORKFLOWS, resource_of
from argosy.manifests import load_manifests
from tests.bench.measure import Measure, percentile, spread

NAMESPACE = "default"
_PATIENCE_SECONDS = 60
_SENDERS = 16  # that post at the same time, in the burst
_MANIFESTS = """
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: bench}
spec:
  webhook:
    hook: {port: "12000", endpoint: /hook, method: POST}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: bench}
spec:
  dependencies:
    - {name: hook, eventSourceName: bench, eventName: hook}
  triggers:
    - template:
        name: make
        k8s:
          operation: create
          source:
            resource:
              apiVersion: argoproj.io/v1alpha1
              kind: Workflow
              metadata: {generateName: bench-}
              spec:
                entrypoint: main
                suspend: true
                arguments: {parameters: [{name: number, value: ""}]}
                templates:
                  - name: main
                    container: {image: alpine, command: ["true"]}
          parameters:
            - src: {dependencyName: hook, dataKey: body.number}
              dest: spec.arguments.parameters.0.value
"""  # the workflows begin suspended: what is measured is the way of the event, not pods


def upstream(*, quick: bool) -> list[Measure]:
    """One event after the other for how long it takes, many at once for how many get through, and memory before all that."""
    return asyncio.run(_in_time(one_by_one=50 if quick else 150, at_once=200 if quick else 500))


async def _in_time(*, one_by_one: int, at_once: int) -> list[Measure]:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        return await _measure(one_by_one=one_by_one, at_once=at_once)


async def _measure(*, one_by_one: int, at_once: int) -> list[Measure]:
    with TemporaryDirectory(prefix="argosy-bench-") as folder:
        async with (_argosy_up(Path(folder)) as (process, urls),
                    RemoteKube(load_kubeconfig(path=Path(folder) / "kubeconfig", home=Path(folder))) as kube):
            weight = _weight(process)
            await _apply(kube)
            waits, (answered, made) = await _play(kube, urls["webhooks"] + "/hook", one_by_one, at_once)
    answers = [answer for answer, _ in waits]
    ends = [end for _, end in waits]
    bare = percentile(answers, 0.5)
    beside = "the post's own answer, after the sync to disk"
    return [
        weight,
        Measure("webhook to workflow, p50", percentile(ends, 0.5), "s", bare, beside, more=spread(ends)),
        Measure("webhook to workflow, p99", percentile(ends, 0.99), "s", percentile(answers, 0.99), "the answer's p99"),
        Measure(f"{at_once:,} webhooks from {_SENDERS} senders, per workflow made", made / at_once, "s", answered / at_once,
                "per event accepted", more={"accepted after": f"{answered:.1f} s", "all made after": f"{made:.1f} s"}),
    ]


async def _play(kube: Kube, url: str, one_by_one: int, at_once: int) -> tuple[list[tuple[float, float]], tuple[float, float]]:
    made: dict[str, asyncio.Future[float]] = {
        f"{number}": asyncio.get_running_loop().create_future() for number in range(one_by_one + at_once)}
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        watching = group.create_task(_watch(kube, made))
        waits = []
        for number in range(one_by_one):
            started = time.perf_counter()
            await _post(session, url, number)
            answered = time.perf_counter()
            waits.append((answered - started, await made[f"{number}"] - started))
        started = time.perf_counter()
        numbers = iter(range(one_by_one, one_by_one + at_once))

        async def send() -> None:
            for number in numbers:
                await _post(session, url, number)

        await asyncio.gather(*(send() for _ in range(_SENDERS)))
        answered = time.perf_counter()
        await asyncio.gather(*made.values())
        ended = time.perf_counter()
        watching.cancel()
    return waits, (answered - started, ended - started)


async def _post(session: aiohttp.ClientSession, url: str, number: int) -> None:
    async with session.post(url, json={"number": number}) as answer:
        assert answer.status == 200, f"{answer.status} {await answer.text()}"
        await answer.read()


async def _watch(kube: Kube, made: dict[str, asyncio.Future[float]]) -> None:
    """Note the moment at which each event's workflow is first seen."""
    async for event in kube.watch(WORKFLOWS, namespace=NAMESPACE):
        if event.type in ("ADDED", "MODIFIED"):
            number = str(event.object["spec"]["arguments"]["parameters"][0]["value"])
            if not made[number].done():
                made[number].set_result(time.perf_counter())


async def _apply(kube: Kube) -> None:
    for manifest in load_manifests(_MANIFESTS, source="bench"):
        resource = resource_of(manifest.object["apiVersion"], manifest.object["kind"])
        assert resource is not None
        await kube.create(resource, manifest.object, namespace=NAMESPACE)
    for resource in (EVENT_SOURCES, SENSORS):
        async for event in kube.watch(resource, namespace=NAMESPACE):
            conditions = (event.object.get("status") or {}).get("conditions") or []
            deployed = [one for one in conditions if one["type"] == "Deployed"]
            assert all(one["status"] == "True" for one in deployed), deployed
            if deployed:
                break


@asynccontextmanager
async def _argosy_up(data: Path) -> AsyncIterator[tuple[psutil.Process, dict[str, str]]]:
    """``argosy up`` as a user starts it; its process and the URLs of its ready line."""
    with (data / "up.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "argosy.cli.main", "--data", str(data), "up", "--port", "0",
            stdout=asyncio.subprocess.PIPE, stderr=log)
    assert process.stdout is not None
    try:
        line = (await process.stdout.readline()).decode()
        assert line.startswith("ready "), f"argosy up did not start:\n{(data / 'up.log').read_text()}"
        yield psutil.Process(process.pid), dict(part.split("=", 1) for part in line.split()[1:])
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            raise


def _weight(process: psutil.Process) -> Measure:
    """What all of its processes hold; nats-server, which is not ours, is told apart."""
    held = {"argosy": process.memory_info().rss}
    for child in process.children(recursive=True):
        name = "nats-server" if "nats-server" in child.name() else "helpers"
        held[name] = held.get(name, 0) + child.memory_info().rss
    nats = held.pop("nats-server", 0)
    more = {name: f"{rss / 2**20:.0f} MiB" for name, rss in held.items()}
    return Measure("memory of argosy up at rest, helpers counted, without nats-server", sum(held.values()) / 2**20, "MiB",
                   nats / 2**20, "nats-server", 120, more=more)
