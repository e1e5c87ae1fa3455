"""A workflow as lines to print: its heading, its facts, and the table of its tree of steps. Pure."""

from collections.abc import Callable, Sequence
from typing import Any

from argosy.cli.paint import PHASE_STYLES, PHASE_SYMBOLS, Line
from argosy.cli.tree import Row, age_seconds, duration_seconds
from argosy.kube.contract import Object
from controller.operations_nodes import phase_of

_GAP = "  "
_MOST_NAME = 60


def duration_text(seconds: float | None) -> str:
    """``0s``, ``42s``, ``3m 05s``, ``2h 14m``, ``5d 03h``."""
    if seconds is None:
        return ""
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60:02}m"
    return f"{whole // 86400}d {whole % 86400 // 3600:02}h"


def symbol_of(row: Row, spinner: str = "") -> str:
    """The sign before a step's name; `spinner` stands in for what runs."""
    if not row.phase:
        return ""
    if row.kind == "Suspend" and row.phase in ("Running", "Pending"):
        return "‖"
    if row.phase == "Running" and spinner:
        return spinner
    return PHASE_SYMBOLS.get(row.phase, "?")


def heading(workflow: Object, *, now: float, spinner: str = "") -> Line:
    """One line: sign, name, phase, how long, how far."""
    phase, status = phase_of(workflow), workflow.get("status") or {}
    style = PHASE_STYLES.get(phase, "")
    sign = spinner if spinner and phase == "Running" else PHASE_SYMBOLS.get(phase, "?")
    line: Line = [(f"{sign} ", style), (workflow["metadata"]["name"], "bold"), ("  ", ""), (phase, style)]
    taken = duration_seconds(status, now)
    if taken is not None:
        line.append((f"  {duration_text(taken)}", "dim"))
    if status.get("progress") and status["progress"] != "0/0":
        line.append((f"  {status['progress']}", "dim"))
    if status.get("message"):
        line.append((f"  {_one_line(status['message'])}", style if phase in ("Failed", "Error") else "dim"))
    return line


def tree_lines(
    rows: Sequence[Row], *, width: int = 0, spinner: str = "", pod_name: Callable[[Row], str] | None = None,
    header: bool = True,
) -> list[Line]:
    """The table of the tree, its columns aligned; with a `width`, messages are cut to fit."""
    if not rows:
        return []
    names = [_cut(row.name, _MOST_NAME) for row in rows]
    left = [len(row.prefix) + len(name) + (2 if row.phase else 0) for row, name in zip(rows, names, strict=True)]
    pods = [pod_name(row) if pod_name else "" for row in rows]
    cells = [(row.template, pod, duration_text(row.seconds)) for row, pod in zip(rows, pods, strict=True)]
    titles = ("TEMPLATE", "PODNAME", "DURATION")
    first = max([*left, 4 if header else 0])
    widths = [max(len(cell[column]) for cell in cells) for column in range(3)]
    widths = [max(size, len(title)) if size and header else size for size, title in zip(widths, titles, strict=True)]
    lines: list[Line] = []
    if header:
        text = "STEP".ljust(first) + "".join(
            _GAP + title.ljust(size) for title, size in zip(titles, widths, strict=True) if size)
        lines.append([(text, "bold"), (_GAP + "MESSAGE" if any(row.message for row in rows) else "", "bold")])
    used = first + sum(size + len(_GAP) for size in widths if size) + len(_GAP)
    room = max(20, width - used) if width else 0
    for row, name, cell, length in zip(rows, names, cells, left, strict=True):
        lines.append(_tree_line(row, name, cell, widths=widths, pad=first - length, room=room, spinner=spinner))
    return lines


def _tree_line(
    row: Row, name: str, cell: tuple[str, str, str], *, widths: Sequence[int], pad: int, room: int, spinner: str
) -> Line:
    style = PHASE_STYLES.get(row.phase, "dim")
    quiet = "dim" if row.phase in ("Skipped", "Omitted", "") else ""
    line: Line = [(row.prefix, "dim")]
    if row.phase:
        line.append((f"{symbol_of(row, spinner)} ", style))
    line.append((name, quiet or ("bold" if row.depth == 0 else "")))
    line.append((" " * pad, ""))
    line.extend((_GAP + text.ljust(size), "dim") for text, size in zip(cell, widths, strict=True) if size)
    if row.message:
        text = _one_line(row.message)
        line.append((_GAP + (_cut(text, room) if room else text), style if row.phase in ("Failed", "Error") else "dim"))
    return line


def facts(workflow: Object, *, now: float) -> list[Line]:
    """What `get` says above the tree: names, phase, times, parameters, outputs, warnings."""
    metadata, status, spec = workflow["metadata"], workflow.get("status") or {}, workflow.get("spec") or {}
    phase = phase_of(workflow)
    lines = [_fact("Name", metadata["name"]), _fact("Namespace", metadata.get("namespace", ""))]
    account = spec.get("serviceAccountName")
    reference = spec.get("workflowTemplateRef") or {}
    lines += [_fact("Template", reference["name"])] if reference.get("name") else []
    lines += [_fact("ServiceAccount", account)] if account else []
    lines.append(_fact("Status", phase, PHASE_STYLES.get(phase, "")))
    if spec.get("suspend"):
        lines.append(_fact("Suspended", "true (argosy resume lets it go on)", "yellow"))
    if status.get("message"):
        lines.append(_fact("Message", _one_line(status["message"]), PHASE_STYLES.get(phase, "")))
    for condition in _objects(status.get("conditions")):
        lines += _condition(condition)
    for title, text in (("Created", metadata.get("creationTimestamp")), ("Started", status.get("startedAt")),
                        ("Finished", status.get("finishedAt"))):
        if text:
            lines.append(_fact(title, f"{text} ({duration_text(age_seconds(text, now)) or '?'} ago)"))
    taken = duration_seconds(status, now)
    lines += [_fact("Duration", duration_text(taken))] if taken is not None else []
    lines += [_fact("Progress", status["progress"])] if status.get("progress") else []
    lines += _parameters("Parameters", (spec.get("arguments") or {}).get("parameters"))
    lines += _parameters("Output parameters", (status.get("outputs") or {}).get("parameters"))
    lines += _artifacts("Output artifacts", (status.get("outputs") or {}).get("artifacts"))
    return lines


def _fact(title: str, value: Any, style: str = "") -> Line:
    return [(f"{title}:".ljust(17), "dim"), (str(value), style)]


def _objects(items: Any) -> list[dict[str, Any]]:
    """The objects of a list; anybody may have written something else there."""
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _condition(condition: dict[str, Any]) -> list[Line]:
    kind, message = str(condition.get("type", "")), str(condition.get("message", ""))
    if not message or condition.get("status") != "True":
        return []
    return [_fact(kind, line, "yellow" if "Warning" in kind else "red") for line in message.splitlines()]


def _parameters(title: str, parameters: list[dict[str, Any]] | None) -> list[Line]:
    lines: list[Line] = [[(f"{title}:", "dim")]] if parameters else []
    for item in parameters or ():
        value = item.get("value", item.get("default"))
        lines.append([(f"  {item.get('name')}: ", "dim"), ("" if value is None else _one_line(str(value)), "")])
    return lines


def _artifacts(title: str, artifacts: list[dict[str, Any]] | None) -> list[Line]:
    if not artifacts:
        return []
    return [[(f"{title}:", "dim")], *([(f"  {item.get('name')}", "")] for item in artifacts)]


def _one_line(text: str) -> str:
    return " ⏎ ".join(part for part in str(text).splitlines() if part.strip())


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: max(1, length - 1)] + "…"
