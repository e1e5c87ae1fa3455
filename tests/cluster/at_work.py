"""A controller at work on the cluster, and waiting for what becomes of its workflows."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from random import Random
from typing import Any

from argosy.clock import SystemClock
from argosy.kube.contract import Object, Resource, WatchEvent
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import WORKFLOWS
from controller.outfitting import for_cluster
from controller.service import Controller
from tests.cluster.layout import PATIENCE_SECONDS

ENDED = ("Succeeded", "Failed", "Error")


def controller_of(kube: Any, namespace: str, **outfit: str) -> Controller:
    """A controller of the namespace; `outfit` are options of its outfitter."""
    return Controller(kube, clock=SystemClock(), chance=Random(7), namespace=namespace, one_machine=False,
                      outfitter=for_cluster(kube, clock=SystemClock(), **outfit))


def workflow(*templates: Object, name: str = "flow", **spec: Any) -> Object:
    """A workflow of these templates, the first of which is its entrypoint."""
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name},
            "spec": {"entrypoint": templates[0]["name"], "templates": list(templates), **spec}}


@asynccontextmanager
async def watched(
    kube: RemoteKube, resource: Resource, namespace: str, **options: str,
) -> AsyncIterator[AsyncIterator[WatchEvent]]:
    """The changes of one kind in the namespace, bookmarks left out, for as long as patience lasts."""
    async with asyncio.timeout(PATIENCE_SECONDS), aclosing(kube.watch(resource, namespace=namespace, **options)) as events:
        yield (event async for event in events if event.type != "BOOKMARK")


async def until(
    kube: RemoteKube, resource: Resource, namespace: str, holds: Callable[[Object], Any], **options: str,
) -> Object:
    """The first object of the kind of which `holds` is true."""
    async with watched(kube, resource, namespace, **options) as events:
        async for event in events:
            if event.type != "DELETED" and holds(event.object):
                return event.object
    raise AssertionError("the watch ended before it came to that")


async def ended(kube: RemoteKube, namespace: str, *, name: str = "flow", phases: tuple[str, ...] = ENDED) -> Object:
    """The workflow's status, once it is in one of the phases."""
    found = await until(kube, WORKFLOWS, namespace, lambda flow: (flow.get("status") or {}).get("phase") in phases,
                        field_selector=f"metadata.name={name}")
    status: Object = found["status"]
    return status


async def run(kube: RemoteKube, namespace: str, *templates: Object, **spec: Any) -> Object:
    """Run a workflow of these templates, the first of which is its entrypoint; its status at the end."""
    await kube.create(WORKFLOWS, workflow(*templates, **spec), namespace=namespace)
    return await ended(kube, namespace)


def nodes_of(status: Object) -> dict[str, Object]:
    """The nodes by their display names."""
    return {node["displayName"]: node for node in status["nodes"].values()}


async def log_of(kube: RemoteKube, namespace: str, pod: str) -> str:
    """All that the pod's main container has printed."""
    return b"".join([piece async for piece in kube.logs(pod, namespace=namespace, container="main")]).decode()


async def gone(kube: RemoteKube, resource: Resource, namespace: str) -> None:
    """Return once there is none of the kind."""
    listing = await kube.list(resource, namespace=namespace)
    left = {item["metadata"]["name"] for item in listing.items}
    async with watched(kube, resource, namespace, resource_version=listing.resource_version) as events:
        while left:
            event = await anext(events)
            if event.type == "DELETED":
                left.discard(event.object["metadata"]["name"])
