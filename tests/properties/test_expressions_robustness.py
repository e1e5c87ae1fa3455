"""Whatever text comes in, the languages answer or raise their own error; they never crash."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from argosy.expressions import (
    MISSING,
    ExpressionError,
    decide,
    evaluate,
    evaluate_named,
    lookup,
    names,
    parse_condition,
    place,
    render,
)
from argosy.expressions.rendering import go_json

PIECES = [
    *("a", "b.c", "xs", "m", "'t'", '"u"', "`r`", "1", "2.5", "0x1F", "true", "nil", "#", "#acc", ".x", "$env"),
    *("+", "-", "*", "/", "%", "**", "^", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "!", "not", "in", "matches"),
    *("contains", "??", "?.", "?", ":", "..", "|", "(", ")", "[", "]", "{", "}", ",", ";", "let", "=", "if", "else"),
    *("map(", "filter(", "reduce(", "sum(", "len(", "sprig.add(", "jsonpath(", "split(", "date(", "\\", "\n", "//", "/*"),
]
texts = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=14).map(" ".join))
numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
PATHS = ["a", "b", "0", "1", "-1", ".", "|", "#", "#(", ")", ")#", "==", "~true", "%", '"x"', "*", "?", "@keys", "!", "{", "}"]
paths = st.one_of(st.text(max_size=20), st.lists(st.sampled_from([*PATHS, "[", "]", ",", ":", "\\"]), max_size=12).map("".join))
ENV: dict[str, Any] = {"a": 1, "b": {"c": "x"}, "xs": [1, 2.5, "t", None], "m": {"x": 1}}


def shows_its_place(error: ExpressionError) -> None:
    assert 0 <= error.start <= error.end <= len(error.source)
    assert error.text
    assert "^" in str(error)


@settings(deadline=None)
@given(texts)
def test_an_expression_answers_or_tells_its_mistake(source: str) -> None:
    for read in (lambda: evaluate(source, ENV), lambda: names(source)):
        try:
            read()
        except ExpressionError as error:
            shows_its_place(error)


@settings(deadline=None)
@given(texts)
def test_a_when_answers_or_tells_its_mistake(source: str) -> None:
    for read in (lambda: decide(source), lambda: evaluate_named(source, ENV)):
        try:
            read()
        except ExpressionError as error:
            shows_its_place(error)


CONDITION_PIECES = ["a", "b-1", ".Failed", "&&", "||", "!", "(", ")", " "]


@settings(deadline=None)
@given(st.one_of(texts, st.lists(st.sampled_from(CONDITION_PIECES), max_size=12).map("".join)))
def test_a_condition_answers_or_tells_its_mistake(source: str) -> None:
    try:
        condition = parse_condition(source)
    except ExpressionError as error:
        shows_its_place(error)
    else:
        assert condition.terms
        assert condition.evaluate(lambda _name, _state: True) in (True, False)


@settings(deadline=None)
@given(st.one_of(texts, texts.map(lambda text: "{{ " + text + " }}"), st.text("{}-. \"'$range|end if=:", max_size=30)))
def test_a_template_renders_or_tells_its_mistake(source: str) -> None:
    try:
        assert isinstance(render(source, {"x": [1, {"y": None}]}), str)
    except ExpressionError as error:
        shows_its_place(error)


@settings(deadline=None)
@given(json_values, paths)
def test_a_path_finds_something_or_nothing(data: Any, path: str) -> None:
    before = go_json(data)
    lookup(data, path)
    assert go_json(data) == before


@settings(deadline=None)
@given(json_values, paths)
def test_a_value_is_placed_or_the_mistake_told_and_the_data_is_not_changed(data: Any, path: str) -> None:
    before = go_json(data)
    try:
        place(data, path, "V")
    except ExpressionError as error:
        shows_its_place(error)
    assert go_json(data) == before


KEYS = st.text("abcXYZ_- .|#*?\\@1", min_size=1, max_size=6)


@settings(deadline=None)
@given(json_values, st.lists(KEYS, min_size=1, max_size=4))
def test_what_was_placed_is_found_at_the_same_path(data: Any, keys: list[str]) -> None:
    path = ".".join("".join("\\" + letter for letter in key) for key in keys)
    try:
        placed = place(data, path, "V")
    except ExpressionError:
        return
    found: Any = placed
    for key in keys:
        found = found[-1 if key == "-1" else int(key)] if isinstance(found, list) else found[key]
    assert found == "V"
    if not any(key.lstrip("-").isdigit() for key in keys):
        assert lookup(placed, path) == "V"


@settings(deadline=None)
@given(json_values)
def test_json_is_written_as_it_is_read(data: Any) -> None:
    assert json.loads(go_json(data)) == data


@settings(deadline=None)
@given(st.text(max_size=30))
def test_text_stays_text_in_every_language(text: str) -> None:
    quoted = json.dumps(text, ensure_ascii=True)
    if all(ord(letter) < 0x10000 and not 0xD800 <= ord(letter) < 0xE000 for letter in text):
        assert evaluate(quoted, {}) == text
        assert render("{{ " + quoted + " }}", None) == text
    assert evaluate("x", {"x": text}) == text
    assert lookup({"k": text}, "k") == text
    assert lookup({"k": text}, "zz") is MISSING
