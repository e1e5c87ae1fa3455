"""Follow a workflow to its end, and the logs of all its pods as they start, over any Kube.

A watch that ends or expires is taken up again where it was, a server that is away for a moment is waited for, and a log
that breaks off goes on after the last line that was shown.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol, TextIO, TypeVar

from argosy.backoff import Backoff
from argosy.clock import Clock, SystemClock
from argosy.errors import ArgosyError
from argosy.kube.answers import Unauthorized
from argosy.kube.contract import BadRequest, Expired, Kube, NotFound, Object, Unavailable
from argosy.kube.resources import PODS, WORKFLOWS
from controller.operations_nodes import has_ended, phase_of

WORKFLOW_LABEL = "workflows.argoproj.io/workflow"
CONTAINER_SET_ANNOTATION = "argosy.dev/container-set"  # what controller.pods.container_sets brings along is too much here
NODE_NAME_ANNOTATION = "workflows.argoproj.io/node-name"
_CLOCK = SystemClock()
_WAITS = Backoff(first_seconds=0.1, most_seconds=2.0)
_TRIES = 30  # about a minute without an answer
_STARTED = ("Running", "Succeeded", "Failed")
_STEP_GROUP = re.compile(r"(?<!\()\[\d+\]\.")  # the rows of steps within a name; not the item of a fan-out
_T = TypeVar("_T")


class Screen(Protocol):
    """Where a followed workflow is shown."""

    def show(self, workflow: Object) -> None:
        """The workflow as it is now."""

    def log(self, step: str, text: str) -> None:
        """One line of a step's log."""


class Deleted(ArgosyError):
    """The workflow was deleted while somebody followed it."""


async def follow_workflow(
    kube: Kube, name: str, *, namespace: str, out: TextIO, logs: bool = False, color: bool | None = None,
    clock: Clock = _CLOCK,
) -> str:
    """Show the workflow on `out` until it ends: live on a terminal, else a line per change; returns its last phase."""
    from argosy.cli.screen import open_screen  # late: a screen is made of what this module defines

    with open_screen(out, color=color, clock=clock) as screen:
        return phase_of(await follow(kube, name, namespace=namespace, screen=screen, logs=logs, clock=clock))


async def follow(
    kube: Kube, name: str, *, namespace: str, screen: Screen, logs: bool = False, clock: Clock = _CLOCK,
) -> Object:
    """Show the workflow (and, with `logs`, what its steps print) until it ends; returns it as it was at the end."""
    if not logs:
        return await _show_until_end(kube, name, namespace, screen, clock)
    ended = asyncio.Event()

    async def show() -> Object:
        try:
            return await _show_until_end(kube, name, namespace, screen, clock)
        finally:
            ended.set()

    try:
        async with asyncio.TaskGroup() as group:
            shown = group.create_task(show())
            group.create_task(follow_logs(
                kube, name, namespace=namespace, ended=ended, clock=clock,
                sink=lambda pod, text: screen.log(step_name(pod, name), text)))
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None  # one failure ends both; the first is the cause
    return shown.result()


async def _show_until_end(kube: Kube, name: str, namespace: str, screen: Screen, clock: Clock) -> Object:
    last: Object | None = None
    async with closing(versions(kube, name, namespace=namespace, clock=clock)) as seen:
        async for workflow in seen:
            last = workflow
            screen.show(workflow)
    assert last is not None, "a workflow that exists is seen at least once"
    return last


async def versions(kube: Kube, name: str, *, namespace: str, clock: Clock = _CLOCK) -> AsyncIterator[Object]:
    """The workflow as it is, and again each time it changes, until it has ended. Raises NotFound, Deleted."""
    known = False
    attempt = 0
    while True:
        try:
            workflow = await kube.get(WORKFLOWS, name, namespace=namespace)
            known, attempt = True, 0
            yield workflow
            if has_ended(workflow):
                return
            version = workflow["metadata"]["resourceVersion"]
            watch = kube.watch(WORKFLOWS, namespace=namespace, resource_version=version,
                               field_selector=f"metadata.name={name}")
            async with closing(watch) as events:
                async for event in events:
                    if event.type == "DELETED":
                        raise Deleted(f"workflow {name!r} was deleted")
                    if event.type == "BOOKMARK":
                        continue
                    yield event.object
                    if has_ended(event.object):
                        return
        except Expired:
            pass  # too much happened meanwhile: read it anew
        except NotFound:
            if known:
                raise Deleted(f"workflow {name!r} was deleted") from None
            raise
        except Unavailable as error:
            if attempt >= _TRIES or (isinstance(error, Unauthorized) and not known):
                raise
        await clock.sleep(_WAITS.wait_seconds(attempt))
        attempt += 1


async def follow_logs(
    kube: Kube, name: str, *, namespace: str, sink: Callable[[Object, str], None], ended: asyncio.Event,
    wanted: Callable[[Object], bool] = bool, container: str = "", clock: Clock = _CLOCK, **options: Any,
) -> None:
    """Give `sink` each line of each `wanted` pod of the workflow as it is printed, until `ended` is set and all is read.

    `options` are those of `Kube.logs`.
    """
    streams: set[str] = set()

    async with asyncio.TaskGroup() as group:

        def look(pod: Object) -> None:
            uid = pod["metadata"]["uid"]
            if uid not in streams and wanted(pod) and (pod.get("status") or {}).get("phase") in _STARTED:
                streams.add(uid)
                for one, shown_as in containers_to_read(pod, container):
                    group.create_task(stream_pod(kube, shown_as, sink=sink, container=one, clock=clock, **options))

        watcher = group.create_task(_watch_pods(kube, name, namespace, look, clock))
        await ended.wait()
        watcher.cancel()
        for pod in await pods_of(kube, name, namespace=namespace):
            look(pod)


async def _watch_pods(kube: Kube, name: str, namespace: str, look: Callable[[Object], None], clock: Clock) -> None:
    attempt = 0
    selector = f"{WORKFLOW_LABEL}={name}"
    while True:
        try:
            listing = await kube.list(PODS, namespace=namespace, label_selector=selector)
            for pod in listing.items:
                look(pod)
            watch = kube.watch(PODS, namespace=namespace, resource_version=listing.resource_version,
                               label_selector=selector)
            async with closing(watch) as events:
                async for event in events:
                    attempt = 0
                    if event.type in ("ADDED", "MODIFIED"):
                        look(event.object)
        except (Expired, Unavailable):
            pass  # list anew; the workflow's own watch says when the server is gone for good
        await clock.sleep(_WAITS.wait_seconds(attempt))
        attempt += 1


async def pods_of(kube: Kube, name: str, *, namespace: str) -> list[Object]:
    """The workflow's pods that exist, oldest first."""
    found: list[Object] = []
    token = ""
    while True:
        page = await kube.list(PODS, namespace=namespace, label_selector=f"{WORKFLOW_LABEL}={name}", limit=500,
                               continue_token=token)
        found.extend(page.items)
        token = page.continue_token
        if not token:
            return sorted(found, key=_started)


def _started(pod: Object) -> str:
    return str((pod.get("status") or {}).get("startTime") or pod["metadata"].get("creationTimestamp") or "")


def containers_to_read(pod: Object, asked: str) -> list[tuple[str, Object]]:
    """The containers whose lines are shown, each with the pod as what its lines are told to be of.

    That is the main one, unless another is asked for, or all of a container set, which are nodes of their own.
    """
    notes = pod["metadata"].get("annotations") or {}
    try:
        names = [] if asked else [str(turn["container"]) for turn in json.loads(notes.get(CONTAINER_SET_ANNOTATION) or "[]")]
    except (ValueError, TypeError, KeyError):  # somebody has spoilt it
        names = []
    if not names:
        return [(asked or "main", pod)]
    return [(name, {**pod, "metadata": {**pod["metadata"], "annotations": {
        **notes, NODE_NAME_ANNOTATION: f"{notes.get(NODE_NAME_ANNOTATION, '')}.{name}"}}}) for name in names]


async def stream_pod(
    kube: Kube, pod: Object, *, sink: Callable[[Object, str], None], container: str = "main", follow: bool = True,
    clock: Clock = _CLOCK, **options: Any,
) -> None:
    """Give `sink` each line of the pod's log; a log that is gone has no lines, one that breaks off is taken up again."""
    metadata = pod["metadata"]
    shown = 0
    for attempt in range(_TRIES):
        number = 0
        try:
            pieces = kube.logs(metadata["name"], namespace=metadata["namespace"], container=container, follow=follow,
                               **options)
            async with closing(lines_of(pieces)) as lines:
                async for line in lines:
                    number += 1
                    if number > shown:
                        shown = number
                        sink(pod, line)
        except NotFound:
            return
        except (Unavailable, BadRequest) as error:
            if isinstance(error, BadRequest) and not follow:
                return  # the container has not started: there is nothing to show yet
            await clock.sleep(_WAITS.wait_seconds(attempt))
            continue
        return


async def lines_of(pieces: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """The pieces of a log as lines, without their ends."""
    rest = b""
    async with closing(pieces) as stream:
        async for piece in stream:
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                yield line.decode(errors="replace").rstrip("\r")
    if rest:
        yield rest.decode(errors="replace").rstrip("\r")


def step_name(pod: Object, workflow_name: str) -> str:
    """What to call a pod's step: its node's name within the workflow, else the pod's own name."""
    metadata = pod["metadata"]
    node = str((metadata.get("annotations") or {}).get(NODE_NAME_ANNOTATION) or "")
    inside = _STEP_GROUP.sub(".", node.removeprefix(workflow_name)).removeprefix(".")
    return inside or node or str(metadata["name"])


@asynccontextmanager
async def closing(stream: AsyncIterator[_T]) -> AsyncIterator[AsyncIterator[_T]]:
    """Leave the block, and the stream is closed at once rather than when it is collected."""
    try:
        yield stream
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()
