"""Fields of an event's data, by GJSON path and by JSONPath."""

import pytest

from argosy.expressions import MISSING
from events.rules.fields import field_of

DATA = {"body": {"ref": "refs/heads/main", "commits": [
    {"id": "a", "modified": ["x", "y"], "size": 1}, {"id": "b", "modified": ["z"], "size": 5}]}, "$.odd": 1}


@pytest.mark.parametrize(("path", "value"), [
    ("body.ref", "refs/heads/main"),
    ("body.commits.#.id", ["a", "b"]),
    ("$.body.ref", "refs/heads/main"),
    ("$.body.commits[0].id", "a"),
    ("$.body.commits[*].modified[*]", ["x", "y", "z"]),
    ("$.body.commits[?(@.size > 3)].id", ["b"]),
    ("$['body']['ref']", "refs/heads/main"),
])
def test_a_key_finds_its_field(path: str, value: object) -> None:
    assert field_of(DATA, path) == (value, "")


@pytest.mark.parametrize(("path", "why"), [
    ("body.nothing", "path 'body.nothing' does not exist in the event"),
    ("$.body.nothing", "path '$.body.nothing' does not exist in the event"),
])
def test_a_field_that_is_not_there_is_told_so(path: str, why: str) -> None:
    assert field_of(DATA, path) == (MISSING, why)


@pytest.mark.parametrize("path", ["$.body[", "$..[?(", "$.[[["])
def test_a_key_that_is_no_jsonpath_is_told_so(path: str) -> None:
    found, why = field_of(DATA, path)
    assert found is MISSING
    assert "is no JSONPath" in why
