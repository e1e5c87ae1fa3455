"""Everything at once: controllers killed and stopped, the API server and the kubelet away, while workflows pass values on.

All workflows end right, no attempt runs twice, and nothing is left behind.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from argosy.clock import SystemClock
from argosy.kube.contract import Object
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import LEASES, POD_DISRUPTION_BUDGETS, PODS, WORKFLOWS
from argosy.kube.watching import changes
from controller.leases import SORT_LABEL
from tests.cluster.at_work import ENDED
from tests.cluster.disturbances import restart_api_server, start_again
from tests.cluster.processes import stop
from tests.cluster.test_sharing_on_cluster import LEASE_SECONDS, Replica, replica, shared_by, until

PATIENCE_SECONDS = 420
FLOWS, STEPS = 6, 8
AWAY_SECONDS = 30  # how long the kubelet is gone


def flow(number: int, folder: Path) -> Object:
    """A chain of steps that count up by each other's results; its third step fails at first and is tried again.

    Every attempt writes down, where it outlives the pod, that it has run.
    """
    say = f"echo {{{{pod.name}}}} >> /ran/flow-{number}; sleep 1; "
    mounts = [{"name": "ran", "mountPath": "/ran"}]
    count = {"name": "count", "inputs": {"parameters": [{"name": "n"}]}, "container": {
        "image": "busybox", "volumeMounts": mounts, "command": ["sh", "-c", say + "echo $(({{inputs.parameters.n}} + 1))"]}}
    stumble = {**count, "name": "stumble", "retryStrategy": {"limit": "2"}, "container": {
        "image": "busybox", "volumeMounts": mounts, "command": ["sh", "-c", (
            say + f"mkdir /ran/stumbled-{number} && exit 1; echo $(({{{{inputs.parameters.n}}}} + 1))")]}}

    def step(at: int) -> list[Object]:
        before = f"{{{{steps.step-{at - 1}.outputs.result}}}}" if at else "0"
        return [{"name": f"step-{at}", "template": "stumble" if at == 2 else "count",
                 "arguments": {"parameters": [{"name": "n", "value": before}]}}]

    steps = {"name": "main", "steps": [step(at) for at in range(STEPS)], "outputs": {"parameters": [
        {"name": "sum", "valueFrom": {"parameter": f"{{{{steps.step-{STEPS - 1}.outputs.result}}}}"}}]}}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": f"flow-{number}"}, "spec": {
        "entrypoint": "main", "templates": [steps, count, stumble], "podDisruptionBudget": {"minAvailable": 0},
        "volumes": [{"name": "ran", "hostPath": {"path": str(folder)}}],
        "podGC": {"strategy": "OnPodCompletion", "deleteDelayDuration": "0s"}}}


class Cluster:
    """Two controllers over the namespace, and what is known of its pods and workflows whatever the API server does."""

    def __init__(self, kube: RemoteKube, namespace: str, stack: AsyncExitStack) -> None:
        self.kube = kube
        self.namespace = namespace
        self.stack = stack
        self.replicas: list[Replica] = []
        self.pods: dict[str, set[str]] = {}  # name -> uids of the pods that were ever made under it
        self.flows: dict[str, Object] = {}
        self.changed = asyncio.Condition()

    async def follow_pods(self) -> None:
        async for event in changes(self.kube, PODS, clock=SystemClock(), chance=Random(1), namespace=self.namespace):
            async with self.changed:
                self.pods.setdefault(event.object["metadata"]["name"], set()).add(event.object["metadata"]["uid"])
                self.changed.notify_all()

    async def follow_flows(self) -> None:
        async for event in changes(self.kube, WORKFLOWS, clock=SystemClock(), chance=Random(2), namespace=self.namespace):
            async with self.changed:
                self.flows[event.object["metadata"]["name"]] = event.object
                self.changed.notify_all()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS), self.changed:
            await self.changed.wait_for(holds)

    async def start_replica(self) -> None:
        self.replicas.append(await self.stack.enter_async_context(replica(self.namespace)))

    def all_ended(self) -> bool:
        return len(self.flows) == FLOWS and all(
            (one.get("status") or {}).get("phase") in ENDED for one in self.flows.values())


@pytest.fixture
async def cluster(kube: RemoteKube, namespace: str) -> AsyncIterator[Cluster]:
    async with AsyncExitStack() as stack:
        cluster = Cluster(kube, namespace, stack)
        for _ in range(2):
            await cluster.start_replica()
        async with following(cluster):
            yield cluster


@asynccontextmanager
async def following(cluster: Cluster) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(work) for work in (cluster.follow_pods(), cluster.follow_flows())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


async def kill_a_controller(cluster: Cluster) -> None:
    cluster.replicas.pop(0).signal(signal.SIGKILL)
    await cluster.start_replica()


async def stop_a_controller_past_its_lease(cluster: Cluster) -> None:
    cluster.replicas[0].signal(signal.SIGSTOP)
    await asyncio.sleep(2 * LEASE_SECONDS)
    cluster.replicas[0].signal(signal.SIGCONT)


async def restart_the_api_server(cluster: Cluster) -> None:
    await asyncio.to_thread(restart_api_server)


async def take_the_kubelet_away(cluster: Cluster) -> None:
    await asyncio.to_thread(stop, "kubelet", sign=signal.SIGKILL)
    await asyncio.sleep(AWAY_SECONDS)
    await asyncio.to_thread(start_again, "kubelet")


TROUBLES: tuple[Callable[[Cluster], Awaitable[None]], ...] = (
    kill_a_controller, restart_the_api_server, stop_a_controller_past_its_lease, kill_a_controller, take_the_kubelet_away,
    kill_a_controller, restart_the_api_server, stop_a_controller_past_its_lease,
)


@pytest.mark.parametrize("seed", [1, 2])
async def test_workflows_end_right_whatever_happens_to_the_cluster(cluster: Cluster, tmp_path: Path, seed: int) -> None:
    chance = Random(seed)
    for number in range(FLOWS):
        await cluster.kube.create(WORKFLOWS, flow(number, tmp_path), namespace=cluster.namespace)
    for trouble in chance.sample(TROUBLES, len(TROUBLES)):
        made = len(cluster.pods) + chance.randint(1, 4)  # the trouble comes at a moment of the work, whatever the clock says
        await cluster.until(lambda made=made: len(cluster.pods) >= made or cluster.all_ended())
        await trouble(cluster)
    await cluster.until(cluster.all_ended)
    sums = {name: _outputs(one) for name, one in cluster.flows.items()}
    assert sums == dict.fromkeys(sums, str(STEPS)), {name: one["status"].get("message") for name, one in cluster.flows.items()}
    ran = [line for file in sorted(tmp_path.glob("flow-*")) for line in file.read_text().split()]
    assert len(ran) == len(set(ran)) == FLOWS * (STEPS + 1), "every attempt has run once"
    assert {name: len(uids) for name, uids in cluster.pods.items()} == dict.fromkeys(ran, 1), "every pod was made once"
    await nothing_left(cluster)


def _outputs(one: Object) -> str:
    parameters = (one["status"].get("outputs") or {}).get("parameters") or []
    root = one["status"]["nodes"][one["metadata"]["name"]]
    return str((parameters or (root.get("outputs") or {}).get("parameters") or [{}])[0].get("value"))


async def nothing_left(cluster: Cluster) -> None:
    """Pods and budgets go with their workflows' ends; leases with the controllers'."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        for resource in (PODS, POD_DISRUPTION_BUDGETS):
            while (listing := await cluster.kube.list(resource, namespace=cluster.namespace)).items:
                async for event in cluster.kube.watch(resource, namespace=cluster.namespace,
                                                      resource_version=listing.resource_version):
                    if event.type == "DELETED":
                        break
    await until(cluster.kube, LEASES, cluster.namespace, shared_by(len(cluster.replicas)))  # the dead are known to be dead
    for each in cluster.replicas:
        each.signal(signal.SIGTERM)
        assert await each.process.wait() == 0
    leases = await cluster.kube.list(LEASES, namespace=cluster.namespace, label_selector=f"{SORT_LABEL}=replica")
    assert leases.items == [], "a shard's lease counts for nothing once its holder's own is gone"
