"""Two ways to show a followed workflow: a live tree on a terminal, and one plain line per change everywhere else."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TextIO

from argosy.cli.draw import duration_text, heading, tree_lines
from argosy.cli.follow import Screen
from argosy.cli.paint import PHASE_STYLES, Line, colored, fitting, log_style, plain, wants_color
from argosy.cli.tree import duration_seconds, fit, tree_rows
from argosy.clock import Clock, SystemClock
from argosy.kube.contract import Object
from controller.operations_nodes import has_ended, phase_of, read_nodes

_CLOCK = SystemClock()
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_FRAMES_PER_SECOND = 4
_REST_FACTOR = 10  # of its time, at most a tenth goes into drawing
_WIDEST_NAME = 40
_SHOWN_KINDS = ("Pod", "Container", "Suspend", "HTTP", "Plugin", "Skipped")


@contextmanager
def open_screen(
    out: TextIO, *, color: bool | None = None, live: bool | None = None, tree: bool = True, clock: Clock = _CLOCK
) -> Iterator[Screen]:
    """A screen on `out`: live where it is a terminal, else plain lines; without `tree`, only logs are shown."""
    colors = wants_color(out, color)
    if not tree:
        yield LogScreen(out, colors=colors)
        return
    if not (out.isatty() if live is None else live):
        yield PlainScreen(out, colors=colors, clock=clock)
        return
    screen = LiveScreen(out, colors=colors, clock=clock)
    screen.start()
    try:
        yield screen
    finally:
        screen.stop()


class LogScreen:
    """Only the logs, each line behind the name of its step."""

    def __init__(self, out: TextIO, *, colors: bool) -> None:
        self._out = out
        self._colors = colors

    def show(self, workflow: Object) -> None:
        """Nothing: the logs speak."""

    def log(self, step: str, text: str) -> None:
        """Print one line."""
        self.print([(f"{step}: ", log_style(step)), (text, "")])

    def print(self, line: Line) -> None:
        """Print a line at once, so that a reader of a pipe sees it when it happens."""
        text = colored(line) if self._colors else plain(line)
        self._out.write(fitting(text, self._out) + "\n")
        self._out.flush()


class PlainScreen(LogScreen):
    """One line for each step that starts or ends, and for the workflow itself: ``12:01:03  build  Succeeded  2s``."""

    def __init__(self, out: TextIO, *, colors: bool, clock: Clock = _CLOCK) -> None:
        super().__init__(out, colors=colors)
        self._clock = clock
        self._phases: dict[str, str] = {}
        self._width = 0

    def show(self, workflow: Object) -> None:
        """Print what has changed since the last time."""
        now = self._clock.now()
        phase, own_name = phase_of(workflow), workflow["metadata"]["name"]
        news = [(key, node) for key, node in read_nodes(workflow).items()
                if self._is_news(node) and self._phases.get(key) != node["phase"]
                and node.get("name") != own_name]
        news.sort(key=lambda item: str(item[1].get("finishedAt") or item[1].get("startedAt") or ""))
        names = [str(node.get("displayName") or key) for key, node in news]
        self._width = max(self._width, *(min(len(name), _WIDEST_NAME) for name in [*names, own_name]))
        if self._phases.get("") is None and not has_ended(workflow):
            self._change("", own_name, phase, workflow.get("status") or {}, now)
        for (key, node), name in zip(news, names, strict=True):
            self._change(key, name, node["phase"], node, now)
        self._change("", own_name, phase, workflow.get("status") or {}, now)

    @staticmethod
    def _is_news(node: dict[str, Any]) -> bool:
        """A step that does something, and not one that merely waits for its turn (unless it says why)."""
        phase = node.get("phase")
        return node.get("type") in _SHOWN_KINDS and bool(phase) and (phase != "Pending" or bool(node.get("message")))

    def _change(self, key: str, name: str, phase: str, thing: dict[str, Any], now: float) -> None:
        if self._phases.get(key) == phase:
            return
        self._phases[key] = phase
        taken = duration_seconds(thing, now) if thing.get("finishedAt") and phase not in ("Skipped", "Omitted") else None
        clock_time = datetime.fromtimestamp(now, UTC).astimezone().strftime("%H:%M:%S")
        line: Line = [(clock_time, "dim"), (f"  {name.ljust(self._width)}  ", ""), (phase.ljust(9),
                      PHASE_STYLES.get(phase, ""))]
        line.append((f"  {duration_text(taken)}", "dim"))
        if thing.get("message"):
            line.append((f"  {' '.join(str(thing['message']).split())}", PHASE_STYLES.get(phase, "")))
        self.print(line)


class LiveScreen:
    """The tree, redrawn in place four times a second while the logs scroll by above it."""

    def __init__(self, out: TextIO, *, colors: bool, clock: Clock = _CLOCK) -> None:
        from rich.console import Console
        from rich.live import Live

        self._clock = clock
        self._workflow: Object | None = None
        self._frame = 0
        self._logged = False
        self._ended = False
        self._drawn: Any = None
        self._draw_again_at = 0.0
        self._lock = threading.Lock()
        self._console = Console(file=out, no_color=not colors, highlight=False, soft_wrap=False)
        self._live = Live(console=self._console, refresh_per_second=_FRAMES_PER_SECOND, get_renderable=self._picture,
                          vertical_overflow="crop", redirect_stdout=False, redirect_stderr=False)

    def start(self) -> None:
        """Take the lower part of the terminal."""
        self._live.start()

    def stop(self) -> None:
        """Draw it for the last time, in full, and leave it there."""
        self._ended = True
        self._live.vertical_overflow = "visible"
        self._live.stop()

    def show(self, workflow: Object) -> None:
        """Draw this from now on."""
        with self._lock:
            self._workflow = workflow

    def log(self, step: str, text: str) -> None:
        """Print a line of a log above the tree."""
        self._logged = True
        self._live.console.print(_rich_text([(f"{step}: ", log_style(step)), (text, "")]), soft_wrap=True)

    def _picture(self) -> Any:
        """What to draw now; a huge tree, which takes long to lay out, is laid out less often."""
        now = self._clock.now()
        if self._drawn is None or self._ended or now >= self._draw_again_at:
            self._drawn = self._draw(now)
            self._draw_again_at = now + (self._clock.now() - now) * _REST_FACTOR
        return self._drawn

    def _draw(self, now: float) -> Any:
        with self._lock:
            workflow = self._workflow
        if workflow is None:
            return _rich_text([("waiting for the workflow …", "dim")])
        self._frame += 1
        spinner = _SPINNER[self._frame % len(_SPINNER)]
        rows = tree_rows(workflow, now=now)
        if not self._ended:
            rows = fit(rows, max(4, self._console.height - 5))
        lines = [*([[]] if self._logged else []), heading(workflow, now=now, spinner=spinner)]
        if rows:
            lines += [[], *tree_lines(rows, width=self._console.width, spinner=spinner)]
        text = _rich_text(lines[0])
        for line in lines[1:]:
            text.append("\n")
            text.append_text(_rich_text(line))
        text.no_wrap = True
        text.overflow = "ellipsis"
        return text


def _rich_text(line: Line) -> Any:
    from rich.text import Text

    text = Text()
    for piece, style in line:
        text.append(piece, style=style)
    return text
