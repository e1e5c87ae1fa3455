"""Reading the nodes of a workflow that somebody else has written to."""

import pytest

from controller.operations_nodes import read_nodes

NODE = {"id": "wf", "name": "wf", "type": "Pod", "phase": "Running"}


@pytest.mark.parametrize("status", [None, {}, {"nodes": None}, {"nodes": 5}, {"nodes": [NODE]}])
def test_a_workflow_without_nodes_has_none(status):
    assert read_nodes({"status": status}) == {}


@pytest.mark.parametrize("spoilt", [None, 5, "x", [], [NODE]])
def test_what_is_no_node_is_left_out(spoilt):
    assert read_nodes({"status": {"nodes": {"wf": NODE, "x": spoilt}}}) == {"wf": NODE}
