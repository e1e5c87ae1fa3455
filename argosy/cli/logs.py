"""``argosy logs``: what the steps of a workflow printed, or print."""

import asyncio
import heapq
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import click

from argosy.cli.follow import (
    NODE_NAME_ANNOTATION,
    WORKFLOW_LABEL,
    closing,
    containers_to_read,
    follow_logs,
    lines_of,
    pods_of,
    stream_pod,
    versions,
)
from argosy.cli.options import VerbCommand, parse_duration
from argosy.cli.paint import log_style
from argosy.cli.session import Session, run_verb
from argosy.clock import from_rfc3339
from argosy.kube.contract import NotFound, Object
from argosy.kube.resources import WORKFLOWS
from controller.operations import read_nodes

_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Choice:
    """Which lines of which pods."""

    pod: str = ""
    container: str = ""
    follow: bool = False
    tail: int | None = None
    since_seconds: float | None = None
    timestamps: bool = False
    grep: str = ""

    def wants(self, pod: Object) -> bool:
        """Whether the pod was asked for: by its name, its node's id, or the step's name."""
        if not self.pod:
            return True
        metadata = pod["metadata"]
        notes = metadata.get("annotations") or {}
        node = str(notes.get(NODE_NAME_ANNOTATION) or "")
        workflow = str((metadata.get("labels") or {}).get(WORKFLOW_LABEL) or "")
        return self.pod in (metadata["name"], notes.get("workflows.argoproj.io/node-id"), node,
                            node.removeprefix(f"{workflow}."), node.rpartition("].")[2])


@click.command(cls=VerbCommand)
@click.argument("name", metavar="WORKFLOW")
@click.argument("pod", required=False, default="", metavar="[POD]")
@click.option("-f", "--follow", is_flag=True, help="Go on as long as the workflow runs.")
@click.option("-c", "--container", metavar="NAME", default="",
              help="The container to read; else main, or all of a container set.")
@click.option("--tail", type=click.IntRange(min=-1), default=-1, metavar="LINES",
              help="Only the last lines of each pod; -1 means all.")
@click.option("--since", metavar="DURATION", default="", help="Only lines of the last 5s, 2m, 3h.")
@click.option("--since-time", "since_time", metavar="TIME", default="", help="Only lines after this RFC 3339 time.")
@click.option("--timestamps", is_flag=True, help="Begin each line with its time.")
@click.option("--grep", metavar="PATTERN", default="", help="Only lines in which the regular expression is found.")
def command(*, name: str, pod: str, **given: Any) -> int:
    """Print the logs of a workflow's steps, each line behind the name of its pod.

    POD may be a pod's name or a step's.

    \b
    argosy logs @latest
    argosy logs my-workflow --follow
    argosy logs my-workflow build --tail 20
    """
    if given["since"] and given["since_time"]:
        raise click.UsageError("--since and --since-time exclude each other")

    async def work(session: Session) -> int:
        since = parse_duration(given["since"]) if given["since"] else None
        if given["since_time"]:
            since = session.clock.now() - _time(given["since_time"])
        choice = Choice(
            pod=pod, container=given["container"], follow=given["follow"], timestamps=given["timestamps"],
            tail=given["tail"] if given["tail"] >= 0 else None, since_seconds=since, grep=given["grep"])
        return await logs(session, name, choice)

    return run_verb(work)


def _time(text: str) -> float:
    try:
        return from_rfc3339(text)
    except ValueError:
        raise click.UsageError(f"{text!r} is no time; write it so: 2026-11-24T08:00:00Z") from None


async def logs(session: Session, name: str, choice: Choice) -> int:
    """Print what was chosen."""
    pattern = _pattern(choice.grep)
    async with session.naming(name) as resolved:
        if choice.follow:
            await _follow(session, resolved, choice, pattern)
        else:
            await _print_past(session, resolved, choice, pattern)
    return 0


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise click.UsageError(f"--grep {text!r} is no regular expression: {error}") from error


async def _follow(session: Session, name: str, choice: Choice, pattern: re.Pattern[str]) -> None:
    ended = asyncio.Event()

    async def until_end() -> None:
        try:
            async with closing(versions(session.kube, name, namespace=session.namespace, clock=session.clock)) as seen:
                async for _ in seen:
                    pass
        finally:
            ended.set()

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(until_end())
            group.create_task(follow_logs(
                session.kube, name, namespace=session.namespace, ended=ended, wanted=choice.wants, clock=session.clock,
                sink=_printer(session, pattern), container=choice.container, tail_lines=choice.tail,
                since_seconds=choice.since_seconds, timestamps=choice.timestamps))
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None  # one failure ends both; the first is the cause


async def _print_past(session: Session, name: str, choice: Choice, pattern: re.Pattern[str]) -> None:
    """Print the lines of all pods in the order of their times."""
    workflow = await session.kube.get(WORKFLOWS, name, namespace=session.namespace)
    pods = [pod for pod in await pods_of(session.kube, name, namespace=session.namespace) if choice.wants(pod)]
    gone = [pod for pod in _gone_pods(workflow, pods) if choice.wants(pod)]
    pods += gone
    if choice.pod and not pods:
        raise NotFound(f"workflow {name!r} has no pod and no step {choice.pod!r}; argosy get {name} shows them")
    gate = asyncio.Semaphore(_AT_ONCE)

    async def read(pod: Object, container: str) -> list[tuple[str, str, Object]]:
        found: list[tuple[str, Object]] = []
        async with gate:
            await stream_pod(
                session.kube, pod, sink=lambda pod, line: found.append((line, pod)), container=container,
                follow=False, clock=session.clock, tail_lines=choice.tail, since_seconds=choice.since_seconds,
                timestamps=True)
            if not found and pod in gone and choice.container in ("", "main"):
                return await _archived(session, workflow, pod, choice)
        return list(_timed(found))

    async with asyncio.TaskGroup() as group:
        reading = [group.create_task(read(shown_as, container)) for pod in pods
                   for container, shown_as in containers_to_read(pod, choice.container)]
    show = _printer(session, pattern)
    for time, line, pod in heapq.merge(*(task.result() for task in reading), key=lambda item: item[0].rstrip("Z")):
        show(pod, f"{time} {line}" if choice.timestamps else line)


async def _archived(session: Session, workflow: Object, pod: Object, choice: Choice) -> list[tuple[str, str, Object]]:
    """The lines of a log that was kept as an artifact, all at the time when the step began: it has no times of its own."""
    from argosy.cli.archived import archived_log

    node = read_nodes(workflow)[pod["metadata"]["uid"]]
    async with closing(lines_of(archived_log(session, workflow, node))) as lines:
        found = [(str(node.get("startedAt") or ""), line, pod) async for line in lines]
    return found[-choice.tail:] if choice.tail else found if choice.tail is None else []


def _timed(lines: Iterable[tuple[str, Object]]) -> Iterable[tuple[str, str, Object]]:
    """Each line with its time; a line without one belongs to the line before it."""
    last = ""
    for line, pod in lines:
        found = _TIME.match(line)
        if found is None:
            yield last, line, pod
            continue
        last = found[1]
        yield last, line[found.end():], pod


_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) ?")


def _gone_pods(workflow: Object, there: Iterable[Object]) -> list[Object]:
    """Stand-ins for pods that are no more: where logs outlive pods, they are found by the pod's name."""
    from controller.engine.ids import pod_name  # late: the engine's package costs more than the rest of this command

    metadata = workflow["metadata"]
    known = {pod["metadata"]["name"] for pod in there}
    found: dict[str, Object] = {}
    for key, node in read_nodes(workflow).items():
        if node.get("type") != "Pod" or node.get("phase") in (None, "Pending", "Omitted", "Skipped"):
            continue
        template = node.get("templateName") or (node.get("templateRef") or {}).get("template") or ""
        name = pod_name(metadata["name"], node["name"], template)
        if name not in known:
            found[name] = {"metadata": {
                "name": name, "namespace": metadata["namespace"], "uid": key, "labels": {WORKFLOW_LABEL: metadata["name"]},
                "annotations": {NODE_NAME_ANNOTATION: node["name"], "workflows.argoproj.io/node-id": key}}}
    return sorted(found.values(), key=lambda pod: str(pod["metadata"]["name"]))


def _printer(session: Session, pattern: re.Pattern[str]) -> Callable[[Object, str], None]:
    def show(pod: Object, line: str) -> None:
        if pattern.search(line):
            name = pod["metadata"]["name"]
            session.print([(f"{name}: ", log_style(name)), (line, "")])

    return show
