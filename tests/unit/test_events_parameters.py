"""Parameters: what is taken out of an event, and where and as what it is put."""

import base64
import json

import pytest

from events.rules.parameters import ParameterError, apply, payload, resolve
from tests.support.events_world import event

PUSH = event("p1", data={"body": {
    "ref": "refs/heads/main", "n": 3, "f": 1.5, "yes": True, "none": None, "text": "", "list": [1, {"a": "ü"}],
    "tricky": "{{workflow.name}} $(x)"}})
EVENTS = {"push": PUSH}


def src(**more) -> dict:
    return {"dependencyName": "push", **more}


@pytest.mark.parametrize(("source", "text"), [
    (src(dataKey="body.ref"), "refs/heads/main"),
    (src(dataKey="body.n"), "3"),
    (src(dataKey="body.f"), "1.5"),
    (src(dataKey="body.yes"), "true"),
    (src(dataKey="body.none"), "null"),
    (src(dataKey="body.text"), ""),
    (src(dataKey="body.list"), '[1,{"a":"ü"}]'),
    (src(dataKey="body.list.#"), "2"),
    (src(dataKey="body.nothing", value="else"), "else"),
    (src(dataTemplate='{{ .Input.body.ref | trimPrefix "refs/heads/" }}'), "main"),
    (src(dataTemplate="{{ .Input.body.nothing }}", dataKey="body.n"), "3"),
    (src(dataTemplate="{{ .Input.body.nothing }}", value="else"), "else"),
    (src(contextKey="id"), "p1"),
    (src(contextKey="type"), "github"),
    (src(contextTemplate="{{ .Input.source }}/{{ .Input.subject }}"), "github/push"),
    (src(value="given"), "given"),
    (src(contextKey="id", dataKey="body.n"), "3"),
])
def test_a_source_gives_its_text(source: dict, text: str):
    found = resolve(source, EVENTS, where="p")
    assert found is not None
    assert found.text == text


def test_a_source_without_a_key_gives_the_whole_event():
    found = resolve(src(), EVENTS, where="p")
    assert found is not None
    tree = json.loads(found.text)
    assert tree["context"]["id"] == "p1"
    assert json.loads(base64.b64decode(tree["data"])) == PUSH.data


def test_a_dependency_that_took_no_part_is_left_out_unless_there_is_a_default():
    assert resolve({"dependencyName": "tag", "dataKey": "x"}, EVENTS, where="p") is None
    found = resolve({"dependencyName": "tag", "dataKey": "x", "value": "v"}, EVENTS, where="p")
    assert found is not None
    assert found.text == "v"


def test_what_cannot_be_found_names_the_parameter_and_the_event():
    with pytest.raises(ParameterError) as error:
        apply({}, [{"src": src(dataKey="body.nothing"), "dest": "a"}], EVENTS, where="spec.parameters")
    assert str(error.value) == (
        "spec.parameters[0].src: path 'body.nothing' does not exist in the event (event p1 of dependency 'push'). "
        "Correct the key, or give a default with `value:`")


@pytest.mark.parametrize(("parameter", "result"), [
    ({"src": src(dataKey="body.n"), "dest": "a.0.v"}, {"a": [{"v": "3"}, {"v": "two"}]}),
    ({"src": src(dataKey="body.n", useRawData=True), "dest": "a.0.v"}, {"a": [{"v": 3}, {"v": "two"}]}),
    ({"src": src(dataKey="body.list", useRawData=True), "dest": "a.0"}, {"a": [[1, {"a": "ü"}], {"v": "two"}]}),
    ({"src": src(dataKey="body.none", useRawData=True), "dest": "a.0.v"}, {"a": [{"v": None}, {"v": "two"}]}),
    ({"src": src(dataKey="body.ref", useRawData=True), "dest": "a.0.v"}, {"a": [{"v": "refs/heads/main"}, {"v": "two"}]}),
    ({"src": src(dataKey="body.n"), "dest": "a.1.v", "operation": "append"}, {"a": [{"v": "one"}, {"v": "two3"}]}),
    ({"src": src(dataKey="body.n"), "dest": "a.1.v", "operation": "prepend"}, {"a": [{"v": "one"}, {"v": "3two"}]}),
    ({"src": src(dataKey="body.n"), "dest": "b", "operation": "append"}, {"a": [{"v": "one"}, {"v": "two"}], "b": "3"}),
    ({"src": src(dataKey="body.n"), "dest": "a.-1"}, {"a": [{"v": "one"}, {"v": "two"}, "3"]}),
    ({"src": src(dataKey="body.tricky"), "dest": "a.0.v"},
     {"a": [{"v": "{{workflow.name}} $(x)"}, {"v": "two"}]}),
])
def test_a_value_is_put_where_dest_says(parameter: dict, result: dict):
    tree = {"a": [{"v": "one"}, {"v": "two"}]}
    assert apply(tree, [parameter], EVENTS, where="p") == result
    assert tree == {"a": [{"v": "one"}, {"v": "two"}]}


def test_a_payload_is_built_from_nothing():
    built = payload([{"src": src(dataKey="body.n", useRawData=True), "dest": "n"},
                     {"src": src(dataKey="body.ref"), "dest": "deep.ref"}], EVENTS, where="p")
    assert built == {"n": 3, "deep": {"ref": "refs/heads/main"}}
    assert payload([{"src": src(dataKey="body.list"), "dest": ""}], EVENTS, where="p") == '[1,{"a":"ü"}]'
    assert payload([], EVENTS, where="p") == ""
