"""SJSON paths: where a value is put, and that the data that came in stays as it was."""

from typing import Any

import pytest

from argosy.expressions import ExpressionError, place

CASES: list[tuple[Any, str, Any]] = [
    ({}, "a", {"a": "V"}),
    ({"a": 5}, "a.b", {"a": {"b": "V"}}),
    ({"a": {"x": 1}}, "a.b", {"a": {"x": 1, "b": "V"}}),
    ({}, "spec.arguments.parameters.0.value", {"spec": {"arguments": {"parameters": [{"value": "V"}]}}}),
    ({"a": [1]}, "a.0", {"a": ["V"]}),
    ({"a": [1]}, "a.-1", {"a": [1, "V"]}),
    ({"a": [1]}, "a.3", {"a": [1, None, None, "V"]}),
    ({}, "a.-1", {"a": ["V"]}),
    ({}, "a.-2", {"a": {"-2": "V"}}),
    ({}, ":1", {"1": "V"}),
    ({}, "a.:-1", {"a": {"-1": "V"}}),
    ({"1": "x"}, "1", {"1": "V"}),
    ({}, "fav\\.movie.x", {"fav.movie": {"x": "V"}}),
    ({}, "a\\|b", {"a|b": "V"}),
    ([1], "-1", [1, "V"]),
    (None, "a", {"a": "V"}),
    ("text", "a", {"a": "V"}),
    ({"a": [{"b": 1}, {"b": 2}]}, "a.1.b", {"a": [{"b": 1}, {"b": "V"}]}),
]


@pytest.mark.parametrize(("tree", "path", "expected"), CASES)
def test_a_value_is_put_where_the_path_says(tree: Any, path: str, expected: Any) -> None:
    assert place(tree, path, "V") == expected


def test_what_came_in_is_not_changed_and_what_did_not_change_is_shared() -> None:
    tree = {"a": {"b": [1, {"c": 2}]}, "other": {"x": 1}}
    grown = place(tree, "a.b.1.c", 3)
    assert tree == {"a": {"b": [1, {"c": 2}]}, "other": {"x": 1}}
    assert grown["a"]["b"][1]["c"] == 3
    assert grown["other"] is tree["other"]


ERRORS = [
    ({"a": [1]}, "a.b", "'b' meets a list; write an index, or -1 to append\n  a.b\n    ^"),
    ({}, "a.#", "'#' is a search, which cannot say where to put a value; write \\# if the key holds it\n  a.#\n    ^"),
    ({}, "a*", "'*' is a wildcard, which cannot say where to put a value; write \\* if the key holds it\n  a*\n   ^"),
    ({}, "@this", "'@' is a modifier, which cannot say where to put a value; write \\@ if the key holds it\n  @this\n  ^"),
    ({}, "", "the path is empty; name a field, such as spec.arguments.parameters.0.value\n  \n  ^"),
    ({}, "a.99999", "index 99999 lies too far past the list's end\n  a.99999\n    ^^^^^"),
]


@pytest.mark.parametrize(("tree", "path", "text"), ERRORS)
def test_a_path_that_says_no_place_is_a_mistake(tree: Any, path: str, text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        place(tree, path, 1)
    assert str(caught.value) == text
