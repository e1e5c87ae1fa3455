"""Whole pods, as they are sent to the cluster: one file each in `pods/`, a Workflow and the Pod that it wants first.

``python tests/unit/test_pods_whole.py`` writes the Pods anew: read what has changed before you keep it.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.engine import Run
from controller.pods.assignment import ASSIGNMENT_ANNOTATION
from controller.pods.manifest import build_pod
from controller.pods.work import build_assignment

NOW = 1_800_000_000.0
CASES = sorted((Path(__file__).parent / "pods").glob("*.yaml"))


def pod_of(workflow: dict[str, Any]) -> dict[str, Any]:
    run = Run.load(workflow)
    run.advance(NOW)
    (wanted,) = run.wanted.values()
    pod = json.loads(json.dumps(build_pod(
        wanted, workflow, run.spec, now=NOW, assignment=build_assignment(wanted, workflow, run.spec))))
    annotations = pod["metadata"]["annotations"]
    if ASSIGNMENT_ANNOTATION in annotations:  # as a tree without what it leaves unsaid, for whoever reads it here
        annotations[ASSIGNMENT_ANNOTATION] = _said(json.loads(annotations[ASSIGNMENT_ANNOTATION]))
    return pod


def _said(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _said(value) for key, value in tree.items() if value not in (None, "", [], {}, False)}
    return [_said(item) for item in tree] if isinstance(tree, list) else tree


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_the_pod_is_exactly_this(case: Path) -> None:
    workflow, pod = yaml.safe_load_all(case.read_text())
    assert pod_of(workflow) == pod


def write_anew(case: Path) -> None:
    """Put the present Pod below the Workflow."""
    text = case.read_text().partition("---\n")[0]
    pod = yaml.safe_dump(pod_of(yaml.safe_load(text)), sort_keys=False, width=120)
    case.write_text(f"{text}---\n{pod}")


if __name__ == "__main__":
    for each in CASES:
        write_anew(each)
