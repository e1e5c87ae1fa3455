"""Patches: their standards' own examples, and properties that hold for any object."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.embedded.store.patches import edited, merged
from argosy.embedded.store.selectors import parse_selector
from argosy.kube.contract import BadRequest, Invalid
from argosy.kube.strategic_merge import strategically_merged

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3), max_leaves=12)
TREES = st.dictionaries(st.text(max_size=2), JSON, max_size=4)


@pytest.mark.parametrize(("target", "patch", "result"), [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "foo"}, None, None),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
])
def test_a_merge_patch_gives_what_the_standard_says(target: Any, patch: Any, result: Any) -> None:
    assert merged(target, patch) == result


@given(TREES, TREES)
def test_a_merge_patch_applied_twice_is_applied_once(target: Any, patch: Any) -> None:
    once = merged(target, patch)
    assert merged(once, patch) == once


@pytest.mark.parametrize(("tree", "operations", "result"), [
    ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"foo": "bar", "baz": "qux"}),
    ({"foo": ["bar", "baz"]}, [{"op": "add", "path": "/foo/1", "value": "qux"}], {"foo": ["bar", "qux", "baz"]}),
    ({"foo": ["bar", "qux", "baz"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["bar", "baz"]}),
    ({"baz": "qux"}, [{"op": "replace", "path": "/baz", "value": "boo"}], {"baz": "boo"}),
    ({"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
     [{"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}],
     {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}}),
    ({"foo": ["all", "grass", "cows", "eat"]}, [{"op": "move", "from": "/foo/1", "path": "/foo/3"}],
     {"foo": ["all", "cows", "eat", "grass"]}),
    ({"foo": None}, [{"op": "replace", "path": "/foo", "value": "x"}], {"foo": "x"}),
    ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}),
    ({"foo": ["bar"]}, [{"op": "add", "path": "/foo/-", "value": ["abc", "def"]}], {"foo": ["bar", ["abc", "def"]]}),
    ({"a": [1, 2]}, [{"op": "replace", "path": "/a/0", "value": 5}], {"a": [5, 2]}),
    ({"a": 1}, [{"op": "replace", "path": "", "value": {"b": 2}}], {"b": 2}),
])
def test_a_json_patch_gives_what_the_standard_says(tree: Any, operations: Any, result: Any) -> None:
    assert edited(tree, operations) == result


@pytest.mark.parametrize("operations", [
    [{"op": "add", "path": "/a/b", "value": 1}], [{"op": "remove", "path": "/nothing"}], [{"op": "remove", "path": ""}],
    [{"op": "test", "path": "/n", "value": True}], [{"op": "test", "path": "/n", "value": "1"}],
    [{"op": "add", "path": "/list/9", "value": 1}], [{"op": "add", "path": "/list/01", "value": 1}],
    [{"op": "replace", "path": "/nothing", "value": 1}], [{"op": "move", "from": "/map", "path": "/map/x"}],
    [{"op": "remove", "path": "/list/-"}], [{"op": "remove", "path": "/list/-1"}], [{"op": "add", "path": "/n/x", "value": 1}],
])
def test_an_operation_that_cannot_be_done_is_refused(operations: Any) -> None:
    with pytest.raises(Invalid, match="operation 0"):
        edited({"n": 1, "list": [1], "map": {}}, operations)


@pytest.mark.parametrize("operations", [
    {}, "x", [1], [{"op": "add", "path": "a", "value": 1}], [{"op": "add", "path": "/a"}], [{"path": "/a"}],
    [{"op": "move", "path": "/a"}], [{"op": "add", "path": 5, "value": 1}],
])
def test_a_malformed_json_patch_is_refused(operations: Any) -> None:
    with pytest.raises(BadRequest):
        edited({"n": 1}, operations)


@given(TREES, st.lists(st.fixed_dictionaries({
    "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]), "path": st.text("/ab01-~", max_size=5),
    "from": st.text("/ab01", max_size=4), "value": JSON}), max_size=4))
def test_a_json_patch_never_changes_its_target(tree: Any, operations: Any) -> None:
    before = repr(tree)
    with contextlib.suppress(Invalid, BadRequest):
        edited(tree, operations)
    assert repr(tree) == before


POD = {"spec": {"containers": [{"name": "a", "image": "1", "ports": [{"containerPort": 80}]}, {"name": "b", "image": "1"}],
                "tolerations": [{"key": "x"}], "volumes": [{"name": "v", "emptyDir": {}}]},
       "metadata": {"finalizers": ["x/one"], "labels": {"a": "b"}}}


@pytest.mark.parametrize(("patch", "path", "result"), [
    ({"spec": {"containers": [{"name": "b", "image": "2"}]}}, ("spec", "containers", 1), {"name": "b", "image": "2"}),
    ({"spec": {"containers": [{"name": "c"}]}}, ("spec", "containers", 2), {"name": "c"}),
    ({"spec": {"containers": [{"name": "a", "$patch": "delete"}]}}, ("spec", "containers"), [{"name": "b", "image": "1"}]),
    ({"spec": {"containers": [{"$patch": "replace"}, {"name": "z"}]}}, ("spec", "containers"), [{"name": "z"}]),
    ({"spec": {"containers": [{"name": "a", "ports": [{"containerPort": 81}]}]}}, ("spec", "containers", 0, "ports"),
     [{"containerPort": 80}, {"containerPort": 81}]),
    ({"spec": {"tolerations": [{"key": "y"}]}}, ("spec", "tolerations"), [{"key": "y"}]),
    ({"spec": {"volumes": [{"$retainKeys": ["name", "configMap"], "name": "v", "configMap": {"name": "c"}}]}},
     ("spec", "volumes"), [{"name": "v", "configMap": {"name": "c"}}]),
    ({"metadata": {"finalizers": ["x/two"]}}, ("metadata", "finalizers"), ["x/one", "x/two"]),
    ({"metadata": {"$deleteFromPrimitiveList/finalizers": ["x/one"]}}, ("metadata", "finalizers"), []),
    ({"metadata": {"labels": {"a": None, "c": "d"}}}, ("metadata", "labels"), {"c": "d"}),
    ({"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}}, ("spec", "containers", 0, "name"), "b"),
    ({"metadata": {"$patch": "replace", "name": "n"}}, ("metadata",), {"name": "n"}),
])
def test_a_strategic_merge_follows_the_merge_keys(patch: Any, path: tuple[Any, ...], result: Any) -> None:
    found: Any = strategically_merged(POD, patch)
    for step in path:
        found = found[step]
    assert found == result


@given(TREES, TREES)
def test_a_strategic_merge_never_changes_its_target(target: Any, patch: Any) -> None:
    before = repr(target)
    with contextlib.suppress(BadRequest):
        strategically_merged(target, patch)
    assert repr(target) == before


@given(st.text(max_size=20), st.dictionaries(st.text(max_size=5), st.text(max_size=5)))
def test_a_selector_is_read_or_refused_whatever_it_is(text: str, labels: dict[str, str]) -> None:
    try:
        parse_selector(text, text).takes(labels, labels)
    except BadRequest as refused:
        assert "selector" in str(refused)  # noqa: PT017  both outcomes are right
