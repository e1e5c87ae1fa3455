"""A status that nobody can go on from is refused by name, and the reader is told what to do."""

from typing import Any

import pytest

from argosy.errors import SpecError
from controller.damage import check_status
from tests.support.engine_world import World

NODE = {"id": "wf", "name": "wf", "type": "Pod", "phase": "Running"}


@pytest.mark.parametrize(("status", "told"), [
    ({"phase": "Bogus"}, "status.phase: is 'Bogus', which is no phase of a workflow"),
    ({"phase": 5}, "status.phase: is 5"),
    ({"conditions": "x"}, "status.conditions: must be a list, but is 'x'"),
    ({"conditions": [1]}, r"status.conditions\[0\]: must be an object, but is 1"),
    ({"nodes": [NODE]}, "status.nodes: must be an object"),
    ({"nodes": {"wf": 1}}, "status.nodes.wf: must be an object, but is 1"),
    ({"nodes": {"wf": {}}}, "status.nodes.wf.id: must be text, but is None"),
    ({"nodes": {"wf": {**NODE, "name": 5}}}, "status.nodes.wf.name: must be text, but is 5"),
    ({"nodes": {"wf": {**NODE, "phase": "Lost"}}}, "status.nodes.wf.phase: is 'Lost', which is no phase of a step"),
])
def test_a_damaged_status_is_told_by_place(status: dict[str, Any], told: str) -> None:
    with pytest.raises(SpecError, match=f"{told}.*submit the workflow anew"):
        check_status(status)


@pytest.mark.parametrize("status", [{}, {"phase": "", "nodes": None, "conditions": None}, {"nodes": {"wf": NODE}}])
def test_a_status_that_a_controller_may_have_written_is_taken(status: dict[str, Any]) -> None:
    check_status(status)


def test_what_the_engine_writes_is_never_damaged() -> None:
    world = World({"metadata": {"name": "wf", "namespace": "ns", "uid": "u"}, "spec": {
        "entrypoint": "main", "templates": [{"name": "main", "container": {"image": "alpine"}}]}})
    world.advance()
    check_status(world.run.status)
