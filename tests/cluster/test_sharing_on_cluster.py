"""Several `argosy controller` processes on a real cluster: one is stopped past its lease, one killed, one ended."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from argosy.kube.contract import Object, WatchEvent
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import LEASES, PODS, WORKFLOWS
from controller.leases import SORT_LABEL
from controller.sharding import claim_on
from tests.cluster.at_work import ENDED
from tests.cluster.layout import KUBECONFIG, PATIENCE_SECONDS

LEASE_SECONDS = 5
SHARDS = 4
FLOWS = 6
STEPS = 4


def flow(number: int) -> Object:
    """A chain of steps; each writes down, where it outlives the pod, that it has run. Its pods go as soon as they end."""
    script = "echo {{pod.name}} >> /ran/$WHO; sleep 1"
    run = {"name": "run", "container": {
        "image": "busybox", "command": ["sh", "-c", script], "env": [{"name": "WHO", "value": f"flow-{number}"}],
        "volumeMounts": [{"name": "ran", "mountPath": "/ran"}]}}
    steps = [[{"name": f"step-{step}", "template": "run"}] for step in range(STEPS)]
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": f"flow-{number}"}, "spec": {
        "entrypoint": "main", "templates": [{"name": "main", "steps": steps}, run],
        "podGC": {"strategy": "OnPodCompletion", "deleteDelayDuration": "0s"}}}


class Replica:
    """A controller process."""

    def __init__(self, process: Process) -> None:
        self.process = process

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


@asynccontextmanager
async def replica(namespace: str) -> AsyncIterator[Replica]:
    """A controller of the namespace, ready; killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "argosy.cli.main", "controller", "-n", namespace, "--kubeconfig", str(KUBECONFIG),
        "--lease-namespace", namespace, "--lease-seconds", str(LEASE_SECONDS), "--shards", str(SHARDS), stdout=PIPE)
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), PATIENCE_SECONDS)
        assert line.startswith(b"ready"), line
        yield Replica(process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@pytest.fixture
async def two(namespace: str) -> AsyncIterator[tuple[Replica, Replica]]:
    async with AsyncExitStack() as stack:
        yield (await stack.enter_async_context(replica(namespace)), await stack.enter_async_context(replica(namespace)))


class Pods:
    """All pods that ever were in the namespace, by name: how often each was made."""

    def __init__(self) -> None:
        self.made: dict[str, set[str]] = {}

    async def watch(self, kube: RemoteKube, namespace: str) -> None:
        async for event in kube.watch(PODS, namespace=namespace):
            if event.type == "ADDED":
                self.made.setdefault(event.object["metadata"]["name"], set()).add(event.object["metadata"]["uid"])


@asynccontextmanager
async def pods_counted(kube: RemoteKube, namespace: str) -> AsyncIterator[Pods]:
    pods = Pods()
    task = asyncio.ensure_future(pods.watch(kube, namespace))
    try:
        yield pods
    finally:
        task.cancel()


async def until(
    kube: RemoteKube, resource: Any, namespace: str, done: Callable[[dict[str, Object]], bool],
) -> dict[str, Object]:
    """The objects by name, once they are as `done` wants them."""
    found: dict[str, Object] = {}
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            event: WatchEvent
            async for event in kube.watch(resource, namespace=namespace):
                if event.type == "BOOKMARK":
                    continue
                name = event.object["metadata"]["name"]
                found[name] = event.object
                if event.type == "DELETED":
                    del found[name]
                if done(found):
                    return found


def shares(leases: dict[str, Object]) -> dict[str, int]:
    """How many shards each replica holds that has a lease of its own."""
    alive = {lease["spec"]["holderIdentity"]: 0 for lease in leases.values()
             if lease["metadata"]["labels"][SORT_LABEL] == "replica"}
    for lease in leases.values():
        holder = lease["spec"].get("holderIdentity") or ""
        if lease["metadata"]["labels"][SORT_LABEL] == "shard" and holder in alive:
            alive[holder] += 1
    return alive


def shared_by(number: int) -> Callable[[dict[str, Object]], bool]:
    """All shards are held, evenly, by so many replicas."""
    return lambda leases: sorted(shares(leases).values()) == [SHARDS // number] * number


async def run_through(
    kube: RemoteKube, namespace: str, folder: Path, trouble: Callable[[], Awaitable[None]],
) -> list[Object]:
    """Submit, let some steps run, make trouble, and return the workflows once all have ended; every step has run once."""
    async with pods_counted(kube, namespace) as pods:
        for number in range(FLOWS):
            await kube.create(WORKFLOWS, _at(flow(number), folder), namespace=namespace)
        await until(kube, WORKFLOWS, namespace, lambda flows: sum(
            "step-0" in str((one.get("status") or {}).get("nodes", "")) for one in flows.values()) == FLOWS)
        await trouble()
        flows = await until(kube, WORKFLOWS, namespace, lambda found: len(found) == FLOWS and all(
            (one.get("status") or {}).get("phase") in ENDED for one in found.values()))
        assert {name: one["status"]["phase"] for name, one in flows.items()} == dict.fromkeys(flows, "Succeeded")
        ran = [line for file in sorted(folder.iterdir()) for line in file.read_text().split()]
        assert len(ran) == len(set(ran)) == FLOWS * STEPS, "every attempt has run once"
        assert {name: len(uids) for name, uids in pods.made.items()} == dict.fromkeys(ran, 1), "every pod was made once"
        await until_no_pods(kube, namespace)
    return list(flows.values())


async def until_no_pods(kube: RemoteKube, namespace: str) -> None:
    """Return once podGC has deleted all pods."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (listing := await kube.list(PODS, namespace=namespace)).items:
            async for event in kube.watch(PODS, namespace=namespace, resource_version=listing.resource_version):
                if event.type == "DELETED":
                    break


def _at(workflow: Object, folder: Path) -> Object:
    workflow["spec"]["volumes"] = [{"name": "ran", "hostPath": {"path": str(folder)}}]
    return workflow


async def test_two_replicas_share_evenly_and_one_that_ends_hands_over_at_once(
    kube: RemoteKube, namespace: str, two: tuple[Replica, Replica], tmp_path: Path,
) -> None:
    await until(kube, LEASES, namespace, shared_by(2))

    async def end_one() -> None:
        two[0].signal(signal.SIGTERM)
        assert await two[0].process.wait() == 0
        leases = {lease["metadata"]["name"]: lease for lease in (await kube.list(LEASES, namespace=namespace)).items}
        assert len(shares(leases)) == 1, "it has taken its lease along, so nobody waits for that to run out"
        await until(kube, LEASES, namespace, shared_by(1))

    flows = await run_through(kube, namespace, tmp_path, end_one)
    assert len({claim.holder for one in flows if (claim := claim_on(one))}) >= 1


async def test_a_replica_that_is_killed_is_replaced(
    kube: RemoteKube, namespace: str, two: tuple[Replica, Replica], tmp_path: Path,
) -> None:
    await until(kube, LEASES, namespace, shared_by(2))

    async def kill_one() -> None:
        two[0].signal(signal.SIGKILL)
        await until(kube, LEASES, namespace, shared_by(1))

    await run_through(kube, namespace, tmp_path, kill_one)


async def test_a_replica_that_was_stopped_past_its_lease_does_nothing_twice(
    kube: RemoteKube, namespace: str, two: tuple[Replica, Replica], tmp_path: Path,
) -> None:
    before = set(shares(await until(kube, LEASES, namespace, shared_by(2))))

    async def stop_one_for_a_while() -> None:
        two[0].signal(signal.SIGSTOP)
        await until(kube, LEASES, namespace, shared_by(1))
        await until(kube, WORKFLOWS, namespace, lambda flows: any(  # so that pods which it may have had in mind are gone
            (one.get("status") or {}).get("phase") in ENDED for one in flows.values()))
        two[0].signal(signal.SIGCONT)
        after = await until(kube, LEASES, namespace, shared_by(2))
        assert len(set(shares(after)) - before) == 1, "it takes part again under another name"

    await run_through(kube, namespace, tmp_path, stop_one_for_a_while)


async def test_every_replica_in_turn_is_stopped_and_goes_on(
    kube: RemoteKube, namespace: str, two: tuple[Replica, Replica], tmp_path: Path,
) -> None:
    await until(kube, LEASES, namespace, shared_by(2))

    async def stop_each() -> None:
        for each in two:
            each.signal(signal.SIGSTOP)
            await until(kube, LEASES, namespace, shared_by(1))
            each.signal(signal.SIGCONT)
            await until(kube, LEASES, namespace, shared_by(2))

    await run_through(kube, namespace, tmp_path, stop_each)
