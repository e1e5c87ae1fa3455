"""Which steps of an ended workflow run again when it is retried, and what its status says until they do.

Pure. What failed is forgotten together with everything that followed it; the groups around it (Steps, DAG, StepGroup,
TaskGroup, Retry) are running again; exit handlers are forgotten, since they run again at the new end.
"""

from collections.abc import Iterable

from argosy.clock import to_rfc3339
from argosy.kube.contract import Object
from controller.operations_build import LABEL_COMPLETED, LABEL_PHASE, LABEL_PREFIX
from controller.operations_nodes import Node, NodeSelector, read_nodes, write_nodes

_GROUPS = frozenset({"Steps", "DAG", "StepGroup", "TaskGroup", "Retry"})
_FAILED = frozenset({"Failed", "Error"})


def retried(workflow: Object, *, restart: NodeSelector, now: float) -> set[str]:
    """Change the ended workflow so that it runs on, and return the ids of the nodes that were forgotten."""
    nodes = read_nodes(workflow)
    forgotten = _forgotten(nodes, restart)
    kept = {key: node for key, node in nodes.items() if key not in forgotten}
    for key in _around(nodes, forgotten) | {key for key, node in kept.items() if node.get("phase") in _FAILED}:
        if key in kept:
            _set_running(kept[key])
    for node in kept.values():
        for link in ("children", "outboundNodes"):
            if link in node:
                node[link] = [key for key in node[link] if key not in forgotten]
    write_nodes(workflow, kept)
    _reopen(workflow, now)
    return forgotten


def _forgotten(nodes: dict[str, Node], restart: NodeSelector) -> set[str]:
    exit_names = {f"{node.get('name')}.onExit" for node in nodes.values() if not node.get("boundaryID")}
    first: set[str] = set()
    for key, node in nodes.items():
        name = str(node.get("name", ""))
        chosen = bool(restart) and restart.matches(node)
        failed = node.get("phase") in _FAILED and (node.get("type") not in _GROUPS or not node.get("children"))
        if chosen or failed or any(name == exit_name or name.startswith(exit_name + ".") for exit_name in exit_names):
            first.add(key)
    _add_failed_attempts(nodes, first)
    return _with_followers(nodes, first)


def _add_failed_attempts(nodes: dict[str, Node], first: set[str]) -> None:
    """A Retry node that failed starts counting anew: every attempt of it goes."""
    for node in nodes.values():
        if node.get("type") == "Retry" and node.get("phase") in _FAILED:
            prefix = f"{node.get('name')}("
            children = node.get("children") or ()
            first.update(key for key in children if str(nodes.get(key, {}).get("name")).startswith(prefix))


def _with_followers(nodes: dict[str, Node], first: Iterable[str]) -> set[str]:
    members: dict[str, list[str]] = {}
    for key, node in nodes.items():
        members.setdefault(str(node.get("boundaryID", "")), []).append(key)
    found: set[str] = set()
    waiting = list(first)
    while waiting:
        key = waiting.pop()
        if key in found or key not in nodes:
            continue
        found.add(key)
        waiting.extend(nodes[key].get("children") or ())
        waiting.extend(members.get(key, ()))
    return found


def _around(nodes: dict[str, Node], forgotten: set[str]) -> set[str]:
    """The groups that hold a forgotten node: its boundary and that one's boundary, and its direct group parents."""
    parents: dict[str, list[str]] = {}
    for key, node in nodes.items():
        if node.get("type") in _GROUPS:
            for child in node.get("children") or ():
                parents.setdefault(child, []).append(key)
    found: set[str] = set()
    waiting = list(forgotten)
    seen: set[str] = set()
    while waiting:
        key = waiting.pop()
        if key in seen or key not in nodes:
            continue
        seen.add(key)
        boundary = str(nodes[key].get("boundaryID", ""))
        around = [key for key in (*parents.get(key, ()), boundary) if key and key not in forgotten]
        found.update(around)
        waiting.extend(around)
    return found


def _set_running(node: Node) -> None:
    node["phase"] = "Running"
    for gone in ("message", "finishedAt", "outboundNodes"):
        node.pop(gone, None)


def _reopen(workflow: Object, now: float) -> None:
    status, spec, metadata = workflow["status"], workflow.setdefault("spec", {}), workflow["metadata"]
    status.update(phase="Running", startedAt=to_rfc3339(now))
    for gone in ("message", "finishedAt", "outputs"):
        status.pop(gone, None)
    status["conditions"] = [item for item in status.get("conditions") or () if item.get("type") != "Completed"]
    spec.pop("shutdown", None)
    labels = metadata.setdefault("labels", {})
    labels.pop(LABEL_COMPLETED, None)
    labels.pop(LABEL_PREFIX + "workflow-archiving-status", None)
    labels[LABEL_PHASE] = "Running"
