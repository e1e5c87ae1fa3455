"""Following a workflow to its end: on a screen, through broken watches, and with the logs of all its pods."""

import asyncio
import io
from collections.abc import AsyncIterator, Iterator

import pytest

from argosy.cli.follow import Deleted, follow, follow_workflow, lines_of, step_name
from argosy.cli.screen import LiveScreen, PlainScreen, open_screen
from argosy.clock import SystemClock
from argosy.embedded.store import EmbeddedKube
from argosy.kube.contract import Expired, NotFound, Unavailable
from argosy.kube.resources import PODS, WORKFLOWS


class StillClock:
    """Time that stands still at 2026-11-24T08:00:20Z; waiting for it takes no time."""

    def now(self) -> float:
        return 1_795_507_220.0

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


CLOCK = StillClock()


@pytest.fixture
def kube() -> Iterator[EmbeddedKube]:
    store = EmbeddedKube.open(":memory:", clock=SystemClock(), durable=False)
    yield store
    store.close()


class Seen:
    """A screen that remembers, and lets a test wait for what it saw."""

    def __init__(self) -> None:
        self.phases: list[str] = []
        self.lines: list[str] = []
        self.changed = asyncio.Event()

    def show(self, workflow: dict) -> None:
        self.phases.append((workflow.get("status") or {}).get("phase", "Pending"))
        self.changed.set()

    def log(self, step: str, text: str) -> None:
        self.lines.append(f"{step}: {text}")
        self.changed.set()

    async def until(self, happened) -> None:
        while not happened():
            self.changed.clear()
            await self.changed.wait()


async def create(kube, phase: str = "") -> dict:
    return await kube.create(WORKFLOWS, {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "w"}, "spec": {},
        **({"status": {"phase": phase}} if phase else {})}, namespace="default")


async def set_phase(kube, phase: str, **status) -> None:
    await kube.patch(WORKFLOWS, "w", {"status": {"phase": phase, **status}}, namespace="default")


async def create_pod(kube, name: str, phase: str = "Running", node: str = "") -> None:
    await kube.create(PODS, {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "labels": {"workflows.argoproj.io/workflow": "w"},
                     "annotations": {"workflows.argoproj.io/node-name": node or f"w.{name}"}},
        "spec": {"containers": [{"name": "main", "image": "alpine"}]}, "status": {"phase": phase}}, namespace="default")
    await kube.patch(PODS, name, {"status": {"phase": phase}}, namespace="default", subresource="status")


async def test_every_change_is_shown_until_the_end(kube):
    await create(kube)
    seen = Seen()
    async with asyncio.TaskGroup() as group:
        following = group.create_task(follow(kube, "w", namespace="default", screen=seen, clock=CLOCK))
        await seen.until(lambda: seen.phases)
        await set_phase(kube, "Running")
        await seen.until(lambda: len(seen.phases) == 2)
        await set_phase(kube, "Failed")
    assert seen.phases == ["Pending", "Running", "Failed"]
    assert following.result()["status"]["phase"] == "Failed"


async def test_a_workflow_that_has_ended_is_shown_once(kube):
    await create(kube, "Succeeded")
    seen = Seen()
    await follow(kube, "w", namespace="default", screen=seen, clock=CLOCK)
    assert seen.phases == ["Succeeded"]


async def test_a_workflow_that_does_not_exist_is_told_so(kube):
    with pytest.raises(NotFound):
        await follow(kube, "w", namespace="default", screen=Seen(), logs=True, clock=CLOCK)


async def test_a_workflow_deleted_meanwhile_is_told_so(kube):
    await create(kube, "Running")
    seen = Seen()

    async def followed() -> None:
        with pytest.raises(Deleted, match="was deleted"):
            await follow(kube, "w", namespace="default", screen=seen, clock=CLOCK)

    async with asyncio.TaskGroup() as group:
        group.create_task(followed())
        await seen.until(lambda: seen.phases)
        await kube.delete(WORKFLOWS, "w", namespace="default")


class Flaky:
    """A Kube whose watches and reads fail in turn before they work."""

    def __init__(self, kube: EmbeddedKube, *errors: Exception) -> None:
        self._kube, self._errors = kube, list(errors)

    def __getattr__(self, name: str):
        return getattr(self._kube, name)

    async def get(self, *args, **options):
        return await self._kube.get(*args, **options)

    async def watch(self, resource, **options):
        if resource is WORKFLOWS and self._errors:
            raise self._errors.pop(0)
        async for event in self._kube.watch(resource, **options):
            yield event


async def test_watches_that_break_or_expire_are_taken_up_again(kube):
    await create(kube, "Running")
    seen = Seen()
    flaky = Flaky(kube, Unavailable("away"), Expired("too old"), Unavailable("away"))
    async with asyncio.TaskGroup() as group:
        group.create_task(follow(flaky, "w", namespace="default", screen=seen, clock=CLOCK))
        await seen.until(lambda: len(seen.phases) == 4)
        await set_phase(kube, "Succeeded")
    assert seen.phases[-1] == "Succeeded"


async def test_a_server_that_stays_away_is_given_up(kube):
    await create(kube, "Running")

    class Gone(Flaky):
        async def get(self, *args, **options):
            raise Unavailable("nobody answers")

    with pytest.raises(Unavailable, match="nobody answers"):
        await follow(Gone(kube), "w", namespace="default", screen=Seen(), clock=CLOCK)


def logs_of(**texts: list[bytes]):
    async def read(name, *, namespace, container, follow, tail_lines, since_seconds, timestamps) -> AsyncIterator[bytes]:
        for piece in texts.get(name, []):
            yield piece

    return read


async def test_the_logs_of_every_pod_are_shown_as_they_start(kube):
    kube.log_reader = logs_of(a=[b"one\ntw", b"o\n"], b=[b"no newline at the end"])
    await create(kube, "Running")
    await create_pod(kube, "a")
    seen = Seen()
    async with asyncio.TaskGroup() as group:
        group.create_task(follow(kube, "w", namespace="default", screen=seen, logs=True, clock=CLOCK))
        await seen.until(lambda: len(seen.lines) == 2)
        await create_pod(kube, "b")
        await seen.until(lambda: len(seen.lines) == 3)
        await set_phase(kube, "Succeeded")
    assert seen.lines == ["a: one", "a: two", "b: no newline at the end"]


async def test_a_pod_that_came_and_ended_with_the_workflow_is_not_missed(kube):
    kube.log_reader = logs_of(a=[b"quick\n"])
    await create(kube, "Succeeded")
    await create_pod(kube, "a", "Succeeded")
    seen = Seen()
    await follow(kube, "w", namespace="default", screen=seen, logs=True, clock=CLOCK)
    assert seen.lines == ["a: quick"]


async def test_a_log_that_breaks_off_goes_on_after_the_last_line_shown(kube):
    tries = []

    async def read(name, **options) -> AsyncIterator[bytes]:
        tries.append(name)
        yield b"one\n"
        if len(tries) == 1:
            raise Unavailable("the connection broke")
        yield b"two\n"

    kube.log_reader = read
    await create(kube, "Succeeded")
    await create_pod(kube, "a", "Succeeded")
    seen = Seen()
    await follow(kube, "w", namespace="default", screen=seen, logs=True, clock=CLOCK)
    assert seen.lines == ["a: one", "a: two"]


async def test_bytes_that_are_no_text_are_shown_as_well_as_they_can_be():
    async def pieces() -> AsyncIterator[bytes]:
        yield b"caf\xc3"
        yield b"\xa9 \xff\r\n"

    assert [line async for line in lines_of(pieces())] == ["café \ufffd"]


@pytest.mark.parametrize(("node", "step"), [
    ("w.build", "build"), ("w[0].a(1:x)", "a(1:x)"), ("w[0].in[12].x([0].y)", "in.x([0].y)"), ("w", "w"), ("", "w-pod")])
def test_a_pod_is_called_by_its_step(node, step):
    pod = {"metadata": {"name": "w-pod", "annotations": {"workflows.argoproj.io/node-name": node}}}
    assert step_name(pod, "w") == step


# ---- screens ----


def a_node(step: str, phase: str, **more) -> dict:
    return {"id": step, "name": f"w.{step}", "displayName": step, "type": "Pod", "phase": phase, "boundaryID": "w",
            "startedAt": "2026-11-24T08:00:00Z", **more}


def a_workflow(phase: str, *nodes: dict, **status) -> dict:
    return {"metadata": {"name": "w"}, "status": {
        "phase": phase, "startedAt": "2026-11-24T08:00:00Z", "nodes": {item["id"]: item for item in nodes}, **status}}


def test_a_plain_screen_prints_only_what_changes():
    out = io.StringIO()
    screen = PlainScreen(out, colors=False, clock=CLOCK)
    screen.show(a_workflow("Running", a_node("build", "Pending"), a_node("w", "Pending", name="w")))
    screen.show(a_workflow("Running", a_node("build", "Running"), a_node("w", "Running", name="w")))
    screen.show(a_workflow("Running", a_node("build", "Running"), a_node("w", "Running", name="w")))
    screen.log("build", "hello")
    screen.show(a_workflow("Failed", a_node("build", "Failed", finishedAt="2026-11-24T08:00:02Z", message="exit 1"),
                           finishedAt="2026-11-24T08:00:03Z"))
    lines = [line[8:] for line in out.getvalue().splitlines()]  # without the wall clock, which depends on the time zone
    assert lines == ["  w  Running", "  build  Running", "ello", "  build  Failed     2s  exit 1", "  w      Failed     3s"]


async def test_a_pipe_gets_plain_lines_and_the_phase_is_returned(kube):
    await create(kube, "Succeeded")
    out = io.StringIO()
    assert await follow_workflow(kube, "w", namespace="default", out=out, clock=CLOCK) == "Succeeded"
    assert out.getvalue().endswith("  w  Succeeded\n")


def test_without_a_tree_only_the_logs_are_shown():
    out = io.StringIO()
    with open_screen(out, tree=False) as screen:
        screen.show(a_workflow("Running", a_node("build", "Running")))
        screen.log("build", "hello")
    assert out.getvalue() == "build: hello\n"


class Terminal(io.StringIO):
    """Text that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_the_tree_with_the_logs_above_it():
    out = Terminal()
    with open_screen(out, color=True, clock=CLOCK) as screen:
        assert isinstance(screen, LiveScreen)
        screen.show(a_workflow("Running", a_node("build", "Running")))
        screen.log("build", "hello")
        screen.show(a_workflow("Succeeded", a_node("build", "Succeeded", finishedAt="2026-11-24T08:00:02Z"),
                               finishedAt="2026-11-24T08:00:03Z"))
    text = out.getvalue()
    assert "build: " in text
    assert text.index("hello") < text.index("Succeeded")
    assert "\x1b[32m" in text


def test_letters_that_the_terminal_cannot_print_are_replaced():
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    with open_screen(out, tree=False) as screen:
        screen.log("build", "✔ café")
    assert raw.getvalue() == b"build: + caf?\n"
