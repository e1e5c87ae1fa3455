"""What the real Argo did with its own examples, and how to tell whether we did the same.

The folder ``../shared/peers`` beside the checkout holds the examples and the recorded answers; a public checkout has none.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PEERS = Path(__file__).parents[3] / "shared" / "peers"
EXAMPLES = PEERS / "argo-workflows" / "examples"
FIXTURES = PEERS / "argo-workflows" / "fixtures"
GOLDEN = PEERS / "argo-workflows" / "golden"

NEEDED_LEVEL = 5  # phase, node names, types and phases, inputs, outputs, exit codes, edges, messages

# Examples that throw dice without being marked so: their shape is compared, not their luck.
DICE = {"scripts-bash": "prints a number from /dev/urandom", "template-defaults": "exits with a random code, and retries",
        "k8s-wait-wf": "hands on the name that a workflow was given by chance"}

Tree = dict[str, Any]


def as_sent(tree: Any) -> Any:
    """The manifest as the recording sent it: whatever names an image says IfNotPresent, loop items included."""
    if isinstance(tree, dict):
        extra = {"imagePullPolicy": "IfNotPresent"} if isinstance(tree.get("image"), str) else {}
        return {**{key: as_sent(value) for key, value in tree.items()}, **extra}
    return [as_sent(item) for item in tree] if isinstance(tree, list) else tree


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far an answer agrees: 0 nothing, 1 phase, 2 nodes, 3 values, 4 edges, 5 messages; and where it first differs."""

    level: int
    difference: str = ""
    by_shape: bool = False  # the example throws dice, so only its shape was compared


def golden(case: str) -> Tree:
    """The recorded answer of one example."""
    answer: Tree = json.loads((GOLDEN / f"{case}.json").read_text())
    return answer


def cases() -> list[str]:
    """The names of all recorded examples."""
    return sorted(path.stem for path in GOLDEN.glob("*.json"))


def manifest_of(case: str) -> Path:
    """The example that `case` records."""
    return EXAMPLES / f"{case}.yaml"


def normal(workflow: Tree) -> Tree:
    """A finished Workflow in the recorded form: names made stable, only what can be compared."""
    name = workflow["metadata"]["name"]

    def stable(text: Any) -> Any:
        return text.replace(name, "WF") if isinstance(text, str) else text

    status = workflow.get("status") or {}
    nodes = status.get("nodes") or {}
    names = {node_id: stable(node["name"]) for node_id, node in nodes.items()}
    return {
        "phase": status.get("phase"),
        "message": stable(status.get("message") or ""),
        "outputs": _values(status.get("outputs"), stable),
        "nodes": {names[node_id]: _node(node, names, stable) for node_id, node in nodes.items()},
    }


def _values(holder: Tree | None, stable: Any) -> Tree:
    return {item["name"]: stable(item.get("value")) for item in (holder or {}).get("parameters") or []}


def _node(node: Tree, names: dict[str, str], stable: Any) -> Tree:
    outputs = node.get("outputs") or {}
    return {
        "type": node.get("type"), "phase": node.get("phase"), "displayName": stable(node.get("displayName")),
        "template": node.get("templateName") or (node.get("templateRef") or {}).get("template"),
        "message": stable(node.get("message") or ""),
        "inputs": _values(node.get("inputs"), stable), "outputs": _values(outputs, stable),
        "result": stable(outputs.get("result")), "exitCode": outputs.get("exitCode"),
        "artifacts": sorted(item["name"] for item in outputs.get("artifacts") or []),
        "children": sorted(names.get(child, child) for child in node.get("children") or []),
        "boundary": names.get(node.get("boundaryID", ""), ""),
    }


_LEVELS = (("type", "phase"), ("inputs", "outputs", "result", "exitCode", "artifacts", "displayName"),
           ("children", "boundary"))


def compare(theirs: Tree, ours: Tree, *, random: bool = False) -> Verdict:
    """How far `ours` agrees with the recorded `theirs`; with `random`, or where that is marked so, only the shape counts."""
    if random or theirs.get("random"):
        return _compare_shape(theirs, ours)
    if theirs["phase"] != ours["phase"]:
        return Verdict(0, f"phase {theirs['phase']} but {ours['phase']}: {ours.get('message')}")
    for level, fields in enumerate(_LEVELS, 1):
        left, right = _picked(theirs, fields), _picked(ours, fields)
        if left != right:
            return Verdict(level, _first_difference(left, right))
        if level == 2 and theirs.get("outputs", {}) != ours.get("outputs", {}):
            return Verdict(level, f"workflow outputs {theirs.get('outputs')} but {ours.get('outputs')}")
    for name, node in theirs["nodes"].items():
        pair = _settled(node["message"]), _settled(ours["nodes"][name]["message"])
        if pair[0] != pair[1]:
            return Verdict(4, f"{name}: message {pair[0]!r} but {pair[1]!r}")
    if _settled(theirs["message"]) != _settled(ours["message"]):
        return Verdict(4, f"message {theirs['message']!r} but {ours['message']!r}")
    return Verdict(5)


def _compare_shape(theirs: Tree, ours: Tree) -> Verdict:
    """An example that throws dice: it must end, and nodes that both have must be of one type and template."""
    if ours["phase"] not in ("Succeeded", "Failed", "Error") or (ours["phase"] == "Error"):
        return Verdict(0, f"phase {ours['phase']}: {ours.get('message')}")
    for name in theirs["nodes"].keys() & ours["nodes"].keys():
        left, right = theirs["nodes"][name], ours["nodes"][name]
        same_kind = left["type"] == right["type"] or "Skipped" in (left["type"], right["type"])
        if not same_kind or left["template"] != right["template"]:
            return Verdict(1, f"{name}: {left['type']}/{left['template']} but {right['type']}/{right['template']}")
    return Verdict(5, by_shape=True)


def _picked(answer: Tree, fields: tuple[str, ...]) -> dict[str, Tree]:
    return {name: {field: _without_logs(node.get(field)) for field in fields} for name, node in answer["nodes"].items()}


def _without_logs(value: Any) -> Any:
    """Archived logs are an artifact of the recording cluster's settings, not of the example."""
    return [item for item in value if not str(item).endswith("-logs")] if isinstance(value, list) else value


def _first_difference(left: dict[str, Tree], right: dict[str, Tree]) -> str:
    for name in sorted(left.keys() | right.keys()):
        if left.get(name) != right.get(name):
            return f"{name}: {left.get(name)} but {right.get(name)}"
    raise AssertionError("called only where there is a difference")


def _settled(message: str | None) -> str:
    """A message without what differs from run to run: ids and durations."""
    return re.sub(r"WF-\d+", "WF-N", re.sub(r"\d+(\.\d+)?(ms|s|m)\b", "T", message or ""))
