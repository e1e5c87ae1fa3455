"""The engine alone against what the real Argo did: same nodes, same values, same edges, same messages.

No process runs: each pod ends as the recorded one of the same node did. What differs is listed with its reason.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.engine import PodSeen, WantedPod
from tests.support.engine_world import World, outcome

PEERS = Path(__file__).parents[2].parent / "shared" / "peers" / "argo-workflows"
CASES = sorted((PEERS / "golden").glob("*.json")) if PEERS.exists() else []


def _local_images(tree: Any) -> None:
    """The recorded runs had this on every container, and it shows in the names of loops over maps."""
    if isinstance(tree, dict):
        if isinstance(tree.get("image"), str):
            tree["imagePullPolicy"] = "IfNotPresent"
        for value in tree.values():
            _local_images(value)
    elif isinstance(tree, list):
        for value in tree:
            _local_images(value)


def _objects() -> list[dict[str, Any]]:
    return [each for path in (PEERS / "fixtures").glob("*.yaml") for each in yaml.safe_load_all(path.read_text()) if each]


def _summary(status: Mapping[str, Any]) -> dict[str, Any]:
    names = {key: node["name"] for key, node in status.get("nodes", {}).items()}
    nodes = {}
    for node in status.get("nodes", {}).values():
        outputs = node.get("outputs") or {}
        nodes[node["name"]] = {
            "type": node["type"], "phase": node["phase"], "displayName": node["displayName"],
            "message": _settled(node.get("message", "")),
            "template": node.get("templateName") or (node.get("templateRef") or {}).get("template"),
            "inputs": _values(node.get("inputs") or {}), "outputs": _values(outputs), "result": outputs.get("result"),
            "exitCode": outputs.get("exitCode"), "artifacts": sorted(each["name"] for each in outputs.get("artifacts") or ()),
            "children": sorted(names[key] for key in node.get("children") or ()),
            "boundary": names.get(node.get("boundaryID", ""), ""),
        }
    return {
        "phase": status["phase"], "message": _settled(status.get("message", "")), "progress": status.get("progress"),
        "outputs": _values(status.get("outputs") or {}), "nodes": nodes,
    }


def _values(holder: Mapping[str, Any]) -> dict[str, Any]:
    return {each["name"]: each.get("value") for each in holder.get("parameters") or ()}


def _settled(text: str) -> str:
    """Ids hang on the workflow's own name, which was another one in the recorded run."""
    return re.sub(r"WF-\d+", "WF-N", text)


def _expected(golden: Mapping[str, Any]) -> dict[str, Any]:
    nodes = {
        name: {**node, "message": _settled(node["message"]),
               "artifacts": [each for each in node["artifacts"] if not each.endswith("-logs")]}
        for name, node in golden["nodes"].items()
    }
    return {key: golden[key] for key in ("phase", "progress", "outputs")} | {
        "message": _settled(golden["message"]), "nodes": nodes}


@pytest.mark.skipif(not CASES, reason="what the real Argo did is not on this machine")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_the_engine_does_what_argo_did(case: Path) -> None:
    golden = json.loads(case.read_text())
    path = PEERS / "examples" / f"{case.stem}.yaml"
    documents = [each for each in yaml.safe_load_all(path.read_text()) if each]
    workflow = next(each for each in documents if each["kind"] == "Workflow")
    _local_images(workflow)
    workflow["metadata"] |= {"name": "WF", "namespace": "argo", "uid": "1", "creationTimestamp": "2026-01-01T00:00:00Z"}

    def plan(pod: WantedPod) -> PodSeen:
        return outcome(pod, golden["nodes"][pod.node_name], golden["nodes"])

    status = World(workflow, plan=plan, objects=[*_objects(), *documents]).to_end()
    assert _summary(status) == _expected(golden)
