"""The tree of a workflow's steps, as rows to print: pure, from a Workflow object.

`status.nodes` is a graph (a step's children are also the steps that follow it), so the tree is built from what nodes say
about where they belong: their boundary (the Steps or DAG that holds them), the StepGroup of a row of parallel steps, the
TaskGroup of a fan-out, the Retry node of attempts. Large fan-outs are folded into one row that counts, with only what
failed and what runs below it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from argosy.clock import from_rfc3339
from argosy.kube.contract import Object
from controller.operations_nodes import DONE_PHASES, Node, read_nodes

FOLD_OVER = 20
_SHOWN_OF_FOLDED = 5
_TOPOLOGY_UP_TO = 5000  # beyond it, start times and names alone give the order: the graph's edges may be millions
_BAD = ("Failed", "Error")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the tree: the branches drawn before it, and what it says."""

    prefix: str
    name: str
    phase: str
    kind: str = ""
    template: str = ""
    node_id: str = ""
    seconds: float | None = None
    message: str = ""
    depth: int = 0


@dataclass(slots=True)
class _Item:
    """A node (or a fold of many) with the branches below it; a branch is a list of items that run side by side."""

    row: Row
    branches: list[list["_Item"]] = field(default_factory=list)


def tree_rows(workflow: Object, *, now: float, fold_over: int | None = FOLD_OVER) -> list[Row]:
    """The rows of the whole tree: the entry point's first, then exit handlers and hooks of the workflow."""
    nodes = read_nodes(workflow)
    graph = _Graph(nodes, now, fold_over)
    rows: list[Row] = []
    for root in graph.roots(workflow["metadata"]["name"]):
        _draw(graph.item(root), "", "", 0, rows)
    return rows


def fit(rows: Sequence[Row], height: int) -> list[Row]:
    """At most `height` rows: what failed, runs or waits stays, with what holds it; quiet rows are counted instead."""
    if len(rows) <= height:
        return list(rows)
    wanted = [index for index, row in enumerate(rows) if row.phase not in ("Succeeded", "Skipped", "Omitted")]
    kept: set[int] = {0}
    for index in sorted(wanted, key=lambda index: _urgency(rows[index])):
        if len(kept) >= height - 1:
            break
        needed = {index, *_holders(rows, index)} - kept
        if len(kept) + len(needed) < height:
            kept |= needed
    for index in range(len(rows) - 1, -1, -1):  # room that is left shows the latest
        if len(kept) >= height - 1:
            break
        kept.add(index)
    shown = [row for index, row in enumerate(rows) if index in kept]
    hidden = len(rows) - len(shown)
    return [*shown, Row("  ", f"… {hidden} more steps (argosy get shows all)", "", depth=1)]


def _urgency(row: Row) -> int:
    return 0 if row.phase in _BAD else 1 if row.phase == "Running" else 2


def _holders(rows: Sequence[Row], index: int) -> Iterable[int]:
    depth = rows[index].depth
    for above in range(index - 1, -1, -1):
        if rows[above].depth < depth:
            depth = rows[above].depth
            yield above


def duration_seconds(thing: Mapping[str, object], now: float) -> float | None:
    """How long a node or a workflow's status has taken, or took; None before it started."""
    started = _seconds(thing.get("startedAt"))
    finished = _seconds(thing.get("finishedAt"))
    if started is None:
        return None
    return max(0.0, (now if finished is None else finished) - started)


def age_seconds(time: object, now: float) -> float | None:
    """How long ago an RFC 3339 time was; None where there is none, or where it cannot be read."""
    seconds = _seconds(time)
    return None if seconds is None else max(0.0, now - seconds)


def _seconds(time: object) -> float | None:
    if not isinstance(time, str) or not time:
        return None
    try:
        return from_rfc3339(time)
    except ValueError:
        return None  # somebody else's object; what it says is shown as well as it can be


class _Graph:
    """The nodes with the look-ups that the tree needs, each built once."""

    def __init__(self, nodes: dict[str, Node], now: float, fold_over: int | None) -> None:
        self.nodes = nodes
        self.now = now
        self.fold_over = fold_over
        self.members: dict[str, list[str]] = {}
        self.shown: set[str] = set()
        self.held: set[str] = set()  # shown below a StepGroup, TaskGroup or Retry instead of below the boundary
        self.depths = _depths(nodes) if len(nodes) <= _TOPOLOGY_UP_TO else {}
        for key, node in nodes.items():
            self.members.setdefault(str(node.get("boundaryID", "")), []).append(key)
            if node.get("type") in ("StepGroup", "TaskGroup", "Retry"):
                self.held.update(self.held_by(node))

    def held_by(self, node: Node) -> list[str]:
        """The direct children that a group holds (and not the steps that merely follow it)."""
        children = [key for key in node.get("children") or () if key in self.nodes]
        if node.get("type") == "StepGroup":
            return children
        start = f"{node.get('name')}("
        return [key for key in children if str(self.nodes[key].get("name", "")).startswith(start)]

    def roots(self, name: str) -> list[str]:
        """The entry point's node, then the others that no boundary and no group holds."""
        free = [key for key in self.members.get("", ()) if key not in self.held]
        return sorted(free, key=lambda key: (key != name, *self.order(key)))

    def order(self, key: str) -> tuple[str, int, tuple[object, ...]]:
        node = self.nodes[key]
        return str(node.get("startedAt") or "~"), self.depths.get(key, 0), _natural(str(node.get("displayName", "")))

    def item(self, key: str) -> _Item:
        """The node's row with all that is below it."""
        node = self.nodes[key]
        item = _Item(self.row(key))
        if key in self.shown:
            return item  # an object made by hand may claim that a node holds itself
        self.shown.add(key)
        kind = node.get("type")
        if kind in ("TaskGroup", "Retry"):
            held = sorted(self.held_by(node), key=lambda key: _natural(str(self.nodes[key].get("displayName", ""))))
            return self.folded(item, held) if self.too_many(held) else self.with_branches(item, [[key] for key in held])
        if kind == "Steps":
            groups = [key for key in self.members.get(key, ()) if self.nodes[key].get("type") == "StepGroup"]
            groups.sort(key=lambda key: _natural(str(self.nodes[key].get("displayName", ""))))
            rows = [self.step_row(group) for group in groups]
            item.branches.extend(row for row in rows if row)
        loose = [member for member in self.members.get(key, ())
                 if member not in self.held and self.nodes[member].get("type") != "StepGroup"]
        return self.with_branches(item, [[member] for member in sorted(loose, key=self.order)])

    def step_row(self, group: str) -> list[_Item]:
        """The parallel steps of one StepGroup; a fan-out among them is folded when it is large."""
        fans: dict[str, list[str]] = {}
        for key in self.held_by(self.nodes[group]):
            fans.setdefault(_FAN.sub("", str(self.nodes[key].get("displayName", key))), []).append(key)
        items: list[_Item] = []
        for name, keys in fans.items():
            if self.too_many(keys):
                first = self.nodes[keys[0]]
                fold = Row("", name, self.phase_of_all(keys), kind="Fold", template=_template(first))
                items.append(self.folded(_Item(fold), keys))
            else:
                items.extend(self.item(key) for key in keys)
        return items

    def with_branches(self, item: _Item, branches: Iterable[list[str]]) -> _Item:
        item.branches.extend([self.item(key) for key in branch] for branch in branches)
        return item

    def too_many(self, keys: Sequence[str]) -> bool:
        return self.fold_over is not None and len(keys) > self.fold_over

    def folded(self, item: _Item, keys: Sequence[str]) -> _Item:
        """One row that counts, over the first few that failed and that run."""
        phases = [str(self.nodes[key].get("phase", "")) for key in keys]
        done = sum(phase in DONE_PHASES for phase in phases)
        failed = sum(phase in _BAD for phase in phases)
        running = sum(phase == "Running" for phase in phases)
        says = [f"{done}/{len(keys)} done"]
        says += [f"{failed} failed"] if failed else []
        says += [f"{running} running"] if running else []
        row = item.row
        message = ", ".join(says) + (f"; {row.message}" if row.message else "")
        item.row = Row(row.prefix, row.name, row.phase, row.kind, row.template, row.node_id, row.seconds, message)
        for wanted, what in ((_BAD, "failed"), (("Running",), "running")):
            chosen = [key for key, phase in zip(keys, phases, strict=True) if phase in wanted]
            self.with_branches(item, [[key] for key in chosen[:_SHOWN_OF_FOLDED]])
            more = len(chosen) - _SHOWN_OF_FOLDED
            if more > 0:
                item.branches.append([_Item(Row("", f"… {more} more {what}", ""))])
        return item

    def phase_of_all(self, keys: Iterable[str]) -> str:
        phases = {str(self.nodes[key].get("phase", "")) for key in keys}
        for phase in ("Running", "Pending", "Error", "Failed"):
            if phase in phases:
                return phase
        return "Succeeded"

    def row(self, key: str) -> Row:
        node = self.nodes[key]
        kind, phase = str(node.get("type", "")), str(node.get("phase") or "Pending")
        never_ran = phase in ("Skipped", "Omitted") or kind == "Skipped"
        return Row(
            "", str(node.get("displayName") or node.get("name") or key), phase, kind, _template(node), key,
            None if never_ran else duration_seconds(node, self.now), str(node.get("message") or ""))


_FAN = re.compile(r"\(\d+:.*\)$", re.DOTALL)
_NUMBER = re.compile(r"(\d+)")


def _natural(text: str) -> tuple[object, ...]:
    """``step-10`` after ``step-9``."""
    return tuple((1, int(part), "") if part.isdecimal() else (0, 0, part) for part in _NUMBER.split(text))


def _template(node: Node) -> str:
    reference = node.get("templateRef")
    if isinstance(reference, dict):
        return f"{reference.get('name', '')}/{reference.get('template', '')}"
    return str(node.get("templateName") or "")


def _depths(nodes: Mapping[str, Node]) -> dict[str, int]:
    """How many steps lead to each node at the most: what follows comes later even within the same second."""
    waits: dict[str, int] = dict.fromkeys(nodes, 0)
    for node in nodes.values():
        for child in node.get("children") or ():
            if child in waits:
                waits[child] += 1
    depths = {key: 0 for key, count in waits.items() if count == 0}
    ready = list(depths)
    for key in ready:
        for child in nodes[key].get("children") or ():
            if child not in waits:
                continue
            depths[child] = max(depths.get(child, 0), depths[key] + 1)
            waits[child] -= 1
            if waits[child] == 0:
                ready.append(child)
    return depths


def _draw(item: _Item, first: str, rest: str, depth: int, rows: list[Row]) -> None:
    row = item.row
    rows.append(Row(first, row.name, row.phase, row.kind, row.template, row.node_id, row.seconds, row.message, depth))
    side_by_side = any(len(branch) > 1 for branch in item.branches)
    for index, branch in enumerate(item.branches):
        last = index == len(item.branches) - 1
        corner, beside = ("└─", "  ") if last else ("├─", "│ ")
        for place, child in enumerate(branch):
            if not side_by_side:
                _draw(child, f"{rest}{corner} ", f"{rest}{beside} ", depth + 1, rows)
                continue
            alone, end = len(branch) == 1, place == len(branch) - 1
            lead = f"{corner}{'──' if alone else '┬─'} " if place == 0 else f"{beside}{'└─' if end else '├─'} "
            _draw(child, rest + lead, f"{rest}{beside}{'  ' if end else '│ '} ", depth + 1, rows)
