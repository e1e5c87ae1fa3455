"""Placeholders become values: once, byte for byte, anywhere in a manifest."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from argosy.placeholders import PlaceholderError, fill, tags
from argosy.placeholders.formulas import environment

SCOPE: dict[str, Any] = {
    "inputs.parameters.x": "X",
    "inputs.parameters.my-name": "N",
    "inputs.parameters.braces": "{{inputs.parameters.x}}",
    "inputs.parameters": '[{"name":"x"},{"name":"my-name"},{"name":"braces"},{"name":"number"}]',
    "inputs.parameters.number": "5",
    "item": '{"a":"1"}',
    "item.a": "1",
    "steps.flip-coin.outputs.result": "heads",
    "workflow.creationTimestamp": "2026-05-01T10:00:00Z",
    "skipped": None,
    "workflow.labels": '{"l":"v"}',
    "workflow.labels.l": "v",
    "text.that.is": '{"a":1}',
    "names.b": "x",
    "truth": True,
    "whole": 3,
    "fraction": 1.5,
    "big": 1e21,
    "list": [1, "a", {"b": None}],
    "map": {"b": "<", "a": 1.0},
}
TEXTS = [
    ("plain", "plain"),
    ("{{inputs.parameters.x}}", "X"),
    ("a{{ inputs.parameters.x }}b{{\tinputs.parameters.my-name\n}}", "aXbN"),
    ("{{inputs.parameters.braces}}", "{{inputs.parameters.x}}"),
    ("{{truth}} {{whole}} {{fraction}} {{big}}", "true 3 1.5 1e+21"),
    ("{{list}} {{map}}", '[1,"a",{"b":null}] {"a":1,"b":"\\u003c"}'),
    ("{{workflow.labels}}", '{"l":"v"}'),
    ("{{inputs.parameters.{{names.b}}}}", "X"),
    ("never {{closed", "never {{closed"),
    ("closed}} but not opened", "closed}} but not opened"),
    ("{{ opened {{inputs.parameters.x}}", "{{ opened X"),
    ("{{=inputs.parameters.x}}", "X"),
    ("{{=inputs.parameters.braces}}", "{{inputs.parameters.x}}"),
    ("{{=asInt(inputs.parameters.number) * 10}} %", "50 %"),
    ("{{=inputs.parameters['my-name'] + '}}'}}", "N}}"),
    ("{{={'a': {'b': 1}}.a.b}}", "1"),
    ("{{=\n  inputs.parameters.x // a }} comment\n}}", "X"),
    ("{{=7 / 2}} {{=6 / 2}} {{=1 == 1}} {{=[1, 'a']}}", '3.5 3 true [1,"a"]'),
    ("{{=item.a}} {{item.a}} {{item}}", '1 1 {"a":"1"}'),
    ("{{=toJson(item)}}", '{"a":"1"}'),
    ("{{=len(inputs.parameters)}}", "4"),
    ("{{=workflow.labels['l']}} {{=keys(workflow.labels)}}", 'v ["l"]'),
    ("{{=jsonpath(text.that.is, '$.a')}}", "1"),
    ("{{=keys(text.that)}}", '["is"]'),
    ("{{=steps['flip-coin'].outputs.result == 'heads'}}", "true"),
    ("{{=sprig.date('2006', workflow.creationTimestamp)}}", "2026"),
    ("{{=skipped ?? 'default'}}", "default"),
    ("{{=inputs.parameters.nope ?? 'default'}}", "default"),
    ("{{=steps?.nope?.outputs ?? 'default'}}", "default"),
    ("{{=true ? 'a' : tasks.x.outputs.result}}", "a"),
    ("{{='tab\\t\"quoted\"'}}", 'tab\t"quoted"'),
]


@pytest.mark.parametrize(("text", "expected"), TEXTS)
def test_a_text_is_filled_in(text: str, expected: str) -> None:
    assert fill(text, SCOPE) == expected


def test_the_whole_tree_is_filled_in_and_keys_too() -> None:
    tree = {"{{inputs.parameters.x}}": [1, None, True, {"a": "{{whole}}"}], "same": {"b": 1.5}}
    filled = fill(tree, SCOPE)
    assert filled == {"X": [1, None, True, {"a": "3"}], "same": {"b": 1.5}}
    assert filled["same"] is tree["same"]
    assert tree["same"] == {"b": 1.5}
    assert "{{inputs.parameters.x}}" in tree


def test_a_tree_without_placeholders_comes_back_as_it_is() -> None:
    tree = {"a": [1, {"b": "text"}], "c": "}} {"}
    assert fill(tree, {}) is tree


ERRORS = [
    ("{{inputs.parameters.y}}", "{{inputs.parameters.y}} is not known here; did you mean 'inputs.parameters.x'?"),
    ("{{skipped}}", "{{skipped}} has no value: what it names was skipped or left out, and has no default"),
    ("{{=nil}}", "{{=nil}} gives nil; use  x ?? 'default'"),
    (
        "{{=inputs.parameters.numbr}}",
        (
            "{{=inputs.parameters.numbr}}: 'inputs.parameters.numbr' has no value here"
            "; did you mean 'inputs.parameters.number'?\n"
            "  inputs.parameters.numbr\n"
            "                    ^^^^^"
        ),
    ),
    (
        "{{=inputs.parameters.my-name}}",
        (
            "{{=inputs.parameters.my-name}}: 'inputs.parameters.my' has no value here; write  inputs.parameters['my-name']\n"
            "  inputs.parameters.my-name\n"
            "                    ^^"
        ),
    ),
    ("{{=1 +}}", "{{=1 +}}: the expression ends where a value was expected\n  1 +\n     ^"),
    ("{{=}}", "{{=}}: the expression is empty; write a value, such as  inputs.parameters.x\n  \n  ^"),
]


@pytest.mark.parametrize(("text", "expected"), ERRORS)
def test_what_cannot_be_filled_in_is_told(text: str, expected: str) -> None:
    with pytest.raises(PlaceholderError) as caught:
        fill({"a": [text]}, SCOPE)
    assert str(caught.value) == expected


def test_what_is_kept_stays_as_it_is_written() -> None:
    text = "{{ later }} {{inputs.parameters.x}} {{=later.b + inputs.parameters.x}} {{={'a': later}}}"
    filled = fill(text, SCOPE, keep=lambda name: name.startswith("later"))
    assert filled == "{{ later }} X {{=later.b + inputs.parameters.x}} {{={'a': later}}}"


def test_what_is_known_is_filled_in_even_if_it_might_be_kept() -> None:
    assert fill("{{whole}}", SCOPE, keep=lambda _name: True) == "3"


def test_a_name_made_of_a_kept_one_is_kept() -> None:
    text = "{{inputs.parameters.{{item.name}}}}"
    assert fill(text, SCOPE, keep=lambda name: name.startswith("item")) == text


def test_only_names_that_occur_are_looked_up() -> None:
    class Lazy(Mapping[str, Any]):
        def __init__(self) -> None:
            self.asked: list[str] = []

        def __getitem__(self, name: str) -> Any:
            self.asked.append(name)
            return SCOPE[name]

        def __iter__(self) -> Iterator[str]:
            raise AssertionError("nobody may walk over the scope")

        def __len__(self) -> int:
            return len(SCOPE)

    scope = Lazy()
    assert fill("{{whole}}{{=inputs.parameters.x}}", scope) == "3X"
    assert set(scope.asked) <= {"whole", "inputs.parameters.x"}


def test_the_environment_of_an_expression_holds_what_it_reads() -> None:
    source = "steps['flip-coin'].outputs.result == inputs.parameters['x'] && item.a == nope.at.all"
    assert environment(source, SCOPE) == {
        "steps": {"flip-coin": {"outputs": {"result": "heads"}}},
        "inputs": {"parameters": {"x": "X"}},
        "item": {"a": "1"},
        "nope": {"at": {}},
    }


def test_every_name_that_is_read_can_be_listed() -> None:
    tree = {
        "{{a}}": ["{{ b.c }} {{d.{{e}}}}", "{{=f.g['h-i'] + j}} {{=map(k, #.l)}}"],
        "m": "{{=let n = o; n.p}} {{=sprig.upper(q)}} {{=broken +}} {{open",
    }
    assert tags(tree) == {"a", "b.c", "e", "f.g.h-i", "j", "k", "o", "q"}


def test_a_manifest_that_is_nested_too_deeply_is_refused() -> None:
    tree: Any = "x"
    for _ in range(100_000):
        tree = [tree]
    with pytest.raises(PlaceholderError, match="nested"):
        fill(tree, {})
    with pytest.raises(PlaceholderError, match="nested"):
        tags(tree)
    while tree != "x":  # taken apart by hand, since the interpreter would do it by going as deep
        tree = tree[0]


def test_a_long_text_is_filled_in_in_one_pass() -> None:
    assert fill("{{whole}} " * 20_000, SCOPE) == "3 " * 20_000
    assert fill("{{" * 20_000, SCOPE) == "{{" * 20_000
