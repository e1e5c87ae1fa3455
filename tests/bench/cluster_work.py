"""The same work twice on a real API server: as bare pods, made as fast as it takes them, and as one workflow."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from argosy.clock import new_suffix
from argosy.kube.contract import Object
from argosy.kube.kubeconfig import read_kubeconfig
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import NAMESPACES, PODS, WORKFLOWS
from tests.bench.cluster_controller import Running, controller
from tests.cluster import fake_node, objects
from tests.cluster.layout import KUBECONFIG

_AT_ONCE = 64  # bare pods on their way to the API server
_OVER = ("Succeeded", "Failed", "Error")
ECHO = ("sh", "-c", "echo hello")


@asynccontextmanager
async def namespace() -> AsyncIterator[tuple[RemoteKube, str]]:
    """A namespace for one measurement; it and all that is in it are gone before the next one begins."""
    name = f"bench-{new_suffix(8)}"
    async with RemoteKube(read_kubeconfig([KUBECONFIG])) as kube:
        await kube.create(NAMESPACES, {"metadata": {"name": name}})
        for needed in ("serviceaccount/default", "configmap/kube-root-ca.crt"):  # a pod would wait for them
            objects.kube("wait", "--for=create", "--timeout=30s", needed, f"--namespace={name}")
        try:
            yield kube, name
        finally:
            await kube.delete(NAMESPACES, name)
            objects.kube("wait", "--for=delete", "--timeout=600s", f"namespace/{name}")


# ---- bare pods ----


def _pod(number: int, *, fake: bool) -> Object:
    spec: dict[str, Any] = {"restartPolicy": "Never", "containers": [
        {"name": "main", "image": "busybox", "command": list(ECHO)}]}
    return {"metadata": {"name": f"bare-{number}"}, "spec": {**spec, **(_to_fake_node() if fake else {})}}


def _to_fake_node() -> Object:
    return {"nodeSelector": fake_node.SELECTOR, "tolerations": [fake_node.TOLERATION]}


async def bare(count: int, *, fake: bool = False) -> float:
    """The seconds from the first create to the last pod's success."""
    async with namespace() as (kube, name):
        limit = asyncio.Semaphore(_AT_ONCE)

        async def make(number: int) -> None:
            async with limit:
                await kube.create(PODS, _pod(number, fake=fake), namespace=name)

        version = (await kube.list(PODS, namespace=name)).resource_version
        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(_until_succeeded(kube, name, version, count))
            for number in range(count):
                group.create_task(make(number))
        return await watching - started


async def _until_succeeded(kube: RemoteKube, name: str, version: str, count: int) -> float:
    done: set[str] = set()
    while True:
        async for event in kube.watch(PODS, namespace=name, resource_version=version):
            metadata = event.object["metadata"]
            version = metadata["resourceVersion"]
            if event.type != "BOOKMARK" and event.object["status"].get("phase") == "Succeeded":
                done.add(metadata["name"])
            if len(done) == count:
                return time.perf_counter()


# ---- workflows ----


def workflow(templates: list[Object], **spec: Any) -> Object:
    """A workflow whose first template is its entry."""
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "flow"},
            "spec": {"entrypoint": templates[0]["name"], "templates": templates, **spec}}


def echo(name: str, *command: str, **more: Any) -> Object:
    """A template that runs one small command."""
    return {"name": name, "container": {"image": "busybox", "command": list(command or ECHO)}, **more}


def side_by_side(count: int, *, fake: bool = False, **spec: Any) -> Object:
    """So many plain steps at once."""
    each = {"name": "each", "template": "leaf", "withSequence": {"count": str(count)}}
    return workflow([{"name": "main", "dag": {"tasks": [each]}}, echo("leaf")], **(_to_fake_node() if fake else {}), **spec)


def diamond(*, results: bool = False) -> Object:
    """Four steps, two of them side by side; with `results` each prints what those before it printed."""
    word = {"name": "leaf", "inputs": {"parameters": [{"name": "word"}]}}
    leaf = echo("leaf") if not results else {**echo("leaf", "sh", "-c", "echo {{inputs.parameters.word}}"), **word}

    def task(name: str, *after: str) -> Object:
        texts = " ".join(f"{{{{tasks.{each}.outputs.result}}}}" for each in after) or "hello"
        arguments = {"arguments": {"parameters": [{"name": "word", "value": texts}]}} if results else {}
        return {"name": name, "template": "leaf", "dependencies": list(after), **arguments}

    tasks = [task("a"), task("b", "a"), task("c", "a"), task("d", "b", "c")]
    return workflow([{"name": "main", "dag": {"tasks": tasks}}, leaf])


def one_that_is_read() -> Object:
    """One step whose result is handed over (to the outputs of the graph around it)."""
    task = {"name": "a", "template": "leaf"}
    outputs = {"parameters": [{"name": "said", "valueFrom": {"parameter": "{{tasks.a.outputs.result}}"}}]}
    return workflow([{"name": "main", "dag": {"tasks": [task]}, "outputs": outputs}, echo("leaf")])


async def run(flow: Object) -> tuple[float, Running]:
    """The seconds from its creation to its success, and what that cost the controller."""
    async with namespace() as (kube, name):
        with controller(name) as found:
            version = (await kube.list(WORKFLOWS, namespace=name)).resource_version
            started = time.perf_counter()
            await kube.create(WORKFLOWS, flow, namespace=name)
            ended = await _until_over(kube, name, version)
            found.cpu, found.grown = found.cpu_seconds(), found.grown_bytes()
        return ended - started, found


async def _until_over(kube: RemoteKube, name: str, version: str) -> float:
    """Only of its end are we told: to watch a large workflow grow would burden the server."""
    while True:
        async for event in kube.watch(WORKFLOWS, namespace=name, resource_version=version,
                                      label_selector="workflows.argoproj.io/completed=true"):
            version = event.object["metadata"]["resourceVersion"]
            status = event.object.get("status") or {}
            if event.type != "BOOKMARK" and status.get("phase") in _OVER:
                assert status["phase"] == "Succeeded", status.get("message")
                return time.perf_counter()
