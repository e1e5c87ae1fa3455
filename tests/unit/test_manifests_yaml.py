"""YAML is read as kubectl reads it, and text that is none is told so without harm."""

import pytest

from argosy.manifests.findings import dotted
from argosy.manifests.loading import path_of
from argosy.manifests.yaml_tree import DEEPEST, MOST_CHARACTERS, YamlError, read_documents


def value_of(text: str) -> object:
    (document,) = read_documents(f"a: {text}")
    return document["a"]


# What sigs.k8s.io/yaml makes of an unquoted scalar.
SCALARS = [
    ("yes", True), ("Off", False), ("y", True), ("N", False), ("true", True), ("~", None), ("null", None),
    ("010", 8), ("0o17", 15), ("0x1F", 31), ("0b101", 5), ("-0x10", -16), ("1_000", 1000), ("+5", 5), ("08", 8),
    ("1e3", 1000), ("1.0", 1), ("1.50", 1.5), (".5", 0.5), ("5.", 5), ("1e-2", 0.01),
    ("12345678901234567890123", 12345678901234567890123),
    ("12:30:45", "12:30:45"), ("2026-11-24", "2026-11-24"), ("2026-11-24T10:00:00Z", "2026-11-24T10:00:00Z"),
    ("1.2.3", "1.2.3"), ("1e400", "1e400"), ("-", None), ("tRUE", "tRUE"), ('"yes"', "yes"), ("'010'", "010"),
    ("!!str 010", "010"), ('!!int "7"', 7), ("!anything text", "text"), ("!!binary aGk=", "hi"),
]


@pytest.mark.parametrize(("written", "meant"), [case for case in SCALARS if case[0] != "-"])
def test_a_scalar_means_what_it_means_to_kubectl(written: str, meant: object) -> None:
    found = value_of(written)
    assert found == meant
    assert type(found) is type(meant)


@pytest.mark.parametrize(("written", "key"), [("n", "false"), ("yes", "true"), ("010", "8"), ("1.50", "1.5"), ('"n"', "n")])
def test_keys_become_text(written: str, key: str) -> None:
    assert read_documents(f"{written}: x") == [{key: "x"}]


def test_merge_keys_fill_in_what_is_not_written() -> None:
    text = "base: &base {a: 1, b: 2}\nmore: &more {c: 3}\nboth:\n  b: 5\n  <<: [*base, *more]\n"
    assert read_documents(text)[0]["both"] == {"a": 1, "b": 5, "c": 3}


def test_aliases_are_copies() -> None:
    document = read_documents("a: &x [1]\nb: *x\n")[0]
    document["a"].append(2)
    assert document["b"] == [1]


def test_documents_are_read_in_order_and_empty_ones_are_null() -> None:
    assert read_documents("---\na: 1\n---\n# nothing\n---\nb: 2\n") == [{"a": 1}, None, {"b": 2}]


@pytest.mark.parametrize(("text", "line", "words"), [
    ("a: 1\nb: 2\na: 3", 3, "'a' is there twice"),
    ("a:\n\tb: 1", 2, "indented with a tab"),
    ("a: b: c", 1, "a second ': ' on the line"),
    ("a: {{x}}", 1, "put {{...}} in quotes"),
    ("a: @x", 1, "may not begin with @"),
    ("a: 'x", 1, "does not end"),
    ("a:\n - 1\nb\n", 3, "without ':'"),
    ("a: *x", 1, "nothing before it is marked &x"),
    ("a: &x [*x]", 1, "nothing before it is marked &x"),
    ("a: .nan", 1, "JSON cannot hold"),
    ("~: 1", 1, "a key must be text"),
    ("a: 1\nb: \x07", 2, "control character"),
    ("a: \ud800", 1, "surrogate"),
    ("<<: 5", 1, "<< must be followed by a mapping"),
    ("a: !!binary '***'", 1, "not base64"),
])
def test_what_is_wrong_is_told_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(YamlError) as told:
        read_documents(text)
    assert told.value.line == line
    assert words in told.value.text


@pytest.mark.parametrize("text", ["[" * 1_000_000, "{a: " * 200_000, "- " * 100_000, "? " * 100_000])
def test_deep_nesting_is_refused_and_not_followed(text: str) -> None:
    with pytest.raises(YamlError, match="levels deep"):
        read_documents(text)


def test_nesting_by_aliases_is_refused_too() -> None:
    lines = ["a0: &a0 [x]", *(f"a{at}: &a{at} {'[' * 30}*a{at - 1}{']' * 30}" for at in range(1, 10))]
    with pytest.raises(YamlError, match=f"more than {DEEPEST} levels deep"):
        read_documents("\n".join(lines))


def test_a_bomb_of_aliases_is_refused_early() -> None:
    rows = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]" for before, name in zip("abcdefg", "bcdefgh", strict=True)]
    with pytest.raises(YamlError, match="grow without end"):
        read_documents("\n".join(rows))


def test_an_endless_file_is_refused() -> None:
    with pytest.raises(YamlError, match="larger than 8 MiB"):
        read_documents("#" * (MOST_CHARACTERS + 1))


@pytest.mark.parametrize("path", [
    (), ("spec",), ("spec", "templates", 2, "container"), ("metadata", "labels", "a.b/c"), ("x", 'q"uote', 0), ("a]b", "[0]"),
])
def test_a_path_is_read_back_from_its_text(path: tuple[str | int, ...]) -> None:
    assert path_of(dotted(path)) == path
