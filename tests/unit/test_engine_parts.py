"""The small parts of the engine: names, durations, items, merging, moves."""

from pathlib import Path
from typing import Any

import pytest

from controller.engine.catalogue import Catalogue, Home
from controller.engine.diagram import page
from controller.engine.durations import parse_duration, show_duration
from controller.engine.errors import NodeError
from controller.engine.ids import display_name, fnv1a_32, node_id, pod_name
from controller.engine.items import item_at, items_of
from controller.engine.merge import merge, merge_specs
from controller.engine.moves import FAILED, NODE_MOVES, SETTLED, WORKFLOW_MOVES, check_move
from controller.engine.nodes import Nodes
from controller.engine.values import text_of


def test_names_are_those_that_argo_gives() -> None:
    assert fnv1a_32("") == 2166136261
    assert node_id("hello", "hello") == "hello"
    assert node_id("hello", "hello[0].say") == f"hello-{fnv1a_32('hello[0].say')}"
    assert pod_name("hello", "hello", "whalesay") == "hello"
    assert pod_name("hello", "hello[0].say", "whalesay") == f"hello-whalesay-{fnv1a_32('hello[0].say')}"


def test_a_pod_name_is_never_too_long() -> None:
    name = pod_name("w" * 63, "w.x", "t" * 300)
    assert len(name) <= 253
    assert name.endswith(f"-{fnv1a_32('w.x')}")


def test_two_nodes_whose_names_have_the_same_hash_get_different_ids_and_pods() -> None:
    assert fnv1a_32("declinate") == fnv1a_32("macallums")
    nodes = Nodes("wf", {})
    for name in ("declinate", "macallums"):
        nodes.create(name, "Pod", "Pending", now=0.0, boundary=None, owner=None, about={})
    assert len(nodes.json) == 2
    assert nodes.pod_name("declinate", "t") != nodes.pod_name("macallums", "t")
    again = Nodes("wf", nodes.json)
    assert all(again.key_of(name) == nodes.key_of(name) for name in ("macallums", "declinate"))


@pytest.mark.parametrize(("name", "boundary", "shown"), [
    ("wf", None, "wf"), ("wf[0]", "wf", "[0]"), ("wf[0].step", "wf", "step"), ("wf.task", "wf", "task"),
    ("wf.task(0:a)", "wf", "task(0:a)"), ("wf.onExit", None, "wf.onExit"), ("wf[0].s.onExit", "wf", "s.onExit"),
])
def test_a_node_is_shown_without_what_is_around_it(name: str, boundary: str | None, shown: str) -> None:
    assert display_name(name, boundary) == shown


@pytest.mark.parametrize(("text", "seconds"), [
    ("90", 90), ("2m", 120), ("1h30m", 5400), ("500ms", 0.5), ("-5s", -5), ("1.5h", 5400), ("10us", 1e-5),
])
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "soon", "5 minutes", "1d", "1h30", "h"])
def test_what_is_no_duration_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="as a duration; write"):
        parse_duration(text)


@pytest.mark.parametrize(("seconds", "text"), [
    (1, "1 second"), (59.9, "59 seconds"), (60, "1 minute 0 seconds"), (150, "2 minutes 30 seconds"),
    (7260, "2 hours 1 minutes"), (90000, "1 day 1 hours"),
])
def test_durations_are_shown_as_argo_shows_them(seconds: float, text: str) -> None:
    assert show_duration(seconds) == text


@pytest.mark.parametrize(("value", "name", "item"), [
    ("hello world", "s(0:hello world)", "hello world"), (7, "s(0:7)", "7"), (9.1, "s(0:9.1)", "9.1"),
    (True, "s(0:true)", "true"),
    ("a(b)c", "s(0:abc)", "a(b)c"), ({"b": 1, "a": "x"}, "s(0:a:x,b:1)", '{"a":"x","b":1}'),
    (["x", 2], "s(0:[x 2])", '["x",2]'), ({"m": {"n": [1]}}, 's(0:m:{"n":[1]})', '{"m":{"n":[1]}}'),
])
def test_a_turn_of_a_loop_is_named_after_its_item(value: Any, name: str, item: str) -> None:
    turn = item_at("s", 0, value)
    assert (turn.name, turn.variables["item"]) == (name, item)


@pytest.mark.parametrize(("sequence", "items"), [
    ({"count": 3}, ["0", "1", "2"]), ({"count": "0"}, []), ({"start": 5, "end": 3}, ["5", "4", "3"]),
    ({"start": "1", "count": "2", "format": "n%02X"}, ["n01", "n02"]), ({"end": 1}, ["0", "1"]),
])
def test_sequences_count_up_and_down(sequence: Any, items: list[str]) -> None:
    assert items_of({"withSequence": sequence}) == items


@pytest.mark.parametrize(("loop", "text"), [
    ({"withParam": "oops"}, "could not be parsed as a JSON list"), ({"withParam": '{"a": 1}'}, "it is no list"),
    ({"withSequence": {"count": "many"}}, "must be a whole number"), ({"withSequence": {"start": 1}}, "neither end nor count"),
    ({"withSequence": {"end": 99_999_999}}, "more than"), ({"withSequence": {"count": 1, "format": "%q"}}, "does not fit"),
])
def test_what_is_no_loop_is_told(loop: Any, text: str) -> None:
    with pytest.raises(NodeError, match=text):
        items_of(loop)


def test_values_keep_their_text() -> None:
    assert [text_of(value) for value in ("a", 1, 1.0, 2.5, True, None, [1], {"b": 1})] == [
        "a", "1", "1", "2.5", "true", "null", "[1]", '{"b":1}']


def test_merging_joins_maps_and_named_lists() -> None:
    under = {"a": 1, "templates": [{"name": "x", "v": 1}, {"name": "y"}], "args": [1, 2], "m": {"k": 1}}
    over = {"templates": [{"name": "x", "w": 2}, {"name": "z"}], "args": [3], "m": {"l": 2}}
    assert merge(under, over) == {
        "a": 1, "templates": [{"name": "x", "v": 1, "w": 2}, {"name": "y"}, {"name": "z"}], "args": [3],
        "m": {"k": 1, "l": 2},
    }


def test_a_parameter_of_the_workflow_replaces_the_whole_of_the_templates() -> None:
    theirs = [{"name": "p", "valueFrom": {"configMapKeyRef": {}}}, {"name": "q"}]
    stored = {"suspend": True, "arguments": {"parameters": theirs}}
    own = {"arguments": {"parameters": [{"name": "p", "value": "mine"}]}, "workflowTemplateRef": {"name": "t"}}
    merged = merge_specs(stored, own)
    assert merged["arguments"]["parameters"] == [{"name": "p", "value": "mine"}, {"name": "q"}]
    assert "suspend" not in merged


def test_defaults_are_laid_under_templates_of_the_same_kind_only() -> None:
    spec = {
        "templateDefaults": {"timeout": "30s", "container": {"image": "default", "env": [{"name": "A", "value": "1"}]}},
        "templates": [
            {"name": "c", "container": {"command": ["x"], "env": [{"name": "B", "value": "2"}]}},
            {"name": "s", "script": {"image": "own", "source": "y"}},
        ],
    }
    catalogue = Catalogue(Home("local", "wf"), spec, {}, {})
    container = catalogue.find({"template": "c"}, catalogue.home).json
    assert container["timeout"] == "30s"
    assert container["container"]["image"] == "default"
    assert [env["name"] for env in container["container"]["env"]] == ["A", "B"]
    script = catalogue.find({"template": "s"}, catalogue.home)
    assert "container" not in script.json
    assert script.json["timeout"] == "30s"


def test_a_template_knows_whose_results_it_reads() -> None:
    steps = [[{"name": "b", "template": "x", "when": "{{steps.a.outputs.result}} == 1"}],
             [{"name": "c", "template": "x", "withParam": "{{=toJson(steps['d-e'].outputs.result)}}"}]]
    catalogue = Catalogue(Home("local", "wf"), {"templates": [{"name": "m", "steps": steps}]}, {}, {})
    assert catalogue.find({"template": "m"}, catalogue.home).results_read == {"a", "d-e"}


def test_only_the_moves_of_the_table_are_allowed() -> None:
    check_move(NODE_MOVES, "n", "Pending", "Running")
    with pytest.raises(AssertionError, match="illegal move of n: Succeeded -> Running"):
        check_move(NODE_MOVES, "n", "Succeeded", "Running")


def test_every_move_leads_to_a_phase_that_the_table_knows() -> None:
    for moves in (NODE_MOVES, WORKFLOW_MOVES):
        assert all(onward <= moves.keys() for onward in moves.values())
    assert FAILED < SETTLED


def test_the_drawn_state_diagram_is_that_of_the_table() -> None:
    drawn = Path(__file__).parents[2] / "docs" / "state-diagram.md"
    assert drawn.read_text() == page(), "run: python -m controller.engine.diagram > docs/state-diagram.md"
