"""Workflows while parts of the cluster fail: each ends right, and no step runs twice."""

import asyncio
import signal
from random import Random

from argosy.clock import SystemClock
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import PODS, WORKFLOWS
from argosy.kube.watching import changes
from argosy.lifecycle import running
from tests.cluster.at_work import ENDED, controller_of
from tests.cluster.disturbances import restart_api_server, start_again
from tests.cluster.layout import PATIENCE_SECONDS
from tests.cluster.processes import stop

FLOW = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "flow"}, "spec": {
    "entrypoint": "main", "templates": [
        {"name": "main", "steps": [[{"name": name, "template": "work"}] for name in ("one", "two", "three")]},
        {"name": "work", "container": {"image": "busybox", "command": ["sh", "-c", "sleep 2"]}}]}}


async def seen(kube: RemoteKube, namespace: str, *, pods: int = 0, ended: bool = False) -> None:
    """Return once so many pods have been made, or the workflow has ended; a server that is away is waited for."""
    made: set[str] = set()
    resource = WORKFLOWS if ended else PODS
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for event in changes(kube, resource, clock=SystemClock(), chance=Random(7), namespace=namespace):
            made.add(event.object["metadata"]["name"])
            if ended and (event.object.get("status") or {}).get("phase") in ENDED:
                return
            if not ended and len(made) >= pods:
                return


async def assert_ended_right(kube: RemoteKube, namespace: str) -> None:
    flow = await kube.get(WORKFLOWS, "flow", namespace=namespace)
    assert flow["status"]["phase"] == "Succeeded", flow["status"]
    ran = [node["displayName"] for node in flow["status"]["nodes"].values() if node["type"] == "Pod"]
    assert sorted(ran) == ["one", "three", "two"]
    assert len((await kube.list(PODS, namespace=namespace)).items) == 3


async def test_the_api_server_is_killed_while_a_workflow_runs(kube: RemoteKube, namespace: str) -> None:
    async with running([controller_of(kube, namespace)]):
        await kube.create(WORKFLOWS, FLOW, namespace=namespace)
        await seen(kube, namespace, pods=2)
        await asyncio.to_thread(restart_api_server)
        await seen(kube, namespace, ended=True)
    await assert_ended_right(kube, namespace)


async def test_the_kubelet_is_away_when_a_step_begins(kube: RemoteKube, namespace: str) -> None:
    async with running([controller_of(kube, namespace)]):
        await asyncio.to_thread(stop, "kubelet", sign=signal.SIGKILL)
        await kube.create(WORKFLOWS, FLOW, namespace=namespace)
        await seen(kube, namespace, pods=1)
        await asyncio.to_thread(start_again, "kubelet")
        await seen(kube, namespace, ended=True)
    await assert_ended_right(kube, namespace)
