"""What a person is told about a manifest that is wrong: each script is a manifest, a line of dashes, the exact text."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from argosy.errors import Problem, SpecErrors
from argosy.manifests import Manifest, load_manifests
from controller import spec as workflows
from events import spec as events

FILES = ("workflows.txt", "events.txt")
READERS: dict[str, Any] = {
    "Workflow": workflows.parse_workflow, "WorkflowTemplate": workflows.parse_workflow_template,
    "CronWorkflow": workflows.parse_cron_workflow, "EventSource": events.parse_event_source,
    "Sensor": events.parse_sensor,
}
CHECKS: dict[str, Any] = {"EventSource": events.check_event_source, "Sensor": events.check_sensor}


def cases() -> Iterator[tuple[str, str, str]]:
    """Title, manifest and expected text of every script."""
    for file in FILES:
        for script in (Path(__file__).parent / file).read_text().split("\n====\n"):
            title, _, rest = script.partition("\n")
            manifest, _, expected = rest.partition("\n----\n")
            yield title, manifest, expected.strip()


def told(text: str) -> str:
    """Everything that a person is told about a file."""
    try:
        manifests = load_manifests(text, source="m.yaml")
    except SpecErrors as error:
        return str(error)
    templates = {manifest.object["metadata"].get("name"): manifest for manifest in manifests}

    def find(_kind: str, name: str) -> workflows.WorkflowTemplate | None:
        return workflows.parse_workflow_template(templates[name].object) if name in templates else None

    lines: list[Problem] = []
    for manifest in manifests:
        lines += manifest.placed(_problems(manifest, find))
    return "\n".join(f"warning: {line}" if line.severity == "warning" else str(line) for line in lines)


def _problems(manifest: Manifest, find: workflows.FindTemplate) -> list[Problem]:
    kind = manifest.object["kind"]
    try:
        model = READERS[kind](manifest.object)
    except SpecErrors as error:
        return error.problems
    return CHECKS[kind](model) if kind in CHECKS else workflows.check_workflow(model, find)


@pytest.mark.parametrize(("title", "manifest", "expected"), [pytest.param(*case, id=case[0]) for case in cases()])
def test_a_person_is_told(title: str, manifest: str, expected: str) -> None:
    assert told(manifest) == expected
