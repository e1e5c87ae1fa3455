"""What other people wrote into a Workflow that runs: wishes in its spec, and what they gave suspend nodes. Pure."""

from collections.abc import Mapping
from typing import Any

from controller.engine.contract import Observation, Resumed, Supplied, Wish

Tree = Mapping[str, Any]


def foreign_edits(workflow: Tree, status: Tree) -> list[Observation]:
    """What `workflow`, as somebody wrote it, asks of the run whose own status is `status`.

    ``argo resume``, ``argo node set`` and our own command write the phase, the values and the message of a suspend node
    into ``status.nodes``, as Argo's server does; they count where that node is still Running here.
    """
    spec = workflow.get("spec") or {}
    edits: list[Observation] = [
        Wish(suspend=bool(spec.get("suspend")), shutdown=_shutdown(spec.get("shutdown")))
    ]
    theirs = (workflow.get("status") or {}).get("nodes") or {}
    ours = status.get("nodes") or {}
    for node_id, node in theirs.items():
        own = ours.get(node_id)
        if own is None or own.get("type") != "Suspend" or own.get("phase") != "Running":
            continue
        supplied = _supplied(node)
        if node.get("phase") in ("Succeeded", "Failed", "Error", "Skipped"):
            edits.append(Resumed(node_id, supplied, node["phase"], node.get("message") or ""))
            continue
        before, message = _supplied(own), node.get("message") or ""
        given = {name: value for name, value in supplied.items() if before.get(name) != value}
        if given or message not in ("", own.get("message")):
            edits.append(Supplied(node_id, given, message))
    return edits


def _shutdown(value: Any) -> Any:
    return value if value in ("Stop", "Terminate") else ""


def _supplied(node: Tree) -> dict[str, str]:
    parameters = (node.get("outputs") or {}).get("parameters") or []
    return {item["name"]: str(item["value"]) for item in parameters if item.get("value") is not None}
