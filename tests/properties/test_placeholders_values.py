"""Values arrive byte for byte, and what holds no placeholder is not touched."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from argosy.placeholders import PlaceholderError, fill, tags

plain = st.text(max_size=20).filter(lambda text: "{{" not in text)
trees = st.recursive(
    st.none() | st.booleans() | st.integers() | plain,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(plain, inner, max_size=4),
    max_leaves=12,
)
PIECES = ["{{", "}}", "{{x}}", "{{=x}}", '"', "\\", "\n", "a"]
hostile = st.one_of(st.text(max_size=30), st.lists(st.sampled_from(PIECES), max_size=8).map("".join))


@settings(deadline=None)
@given(trees)
def test_a_tree_without_placeholders_comes_back_itself(tree: Any) -> None:
    assert fill(tree, {}) is tree
    assert tags(tree) == frozenset()


@settings(deadline=None)
@given(hostile, plain.filter(lambda text: not text.endswith("{")), plain)
def test_a_value_arrives_byte_for_byte_and_is_never_expanded(value: str, before: str, after: str) -> None:
    scope = {"x": value, "inputs.parameters.x": value}
    assert fill(before + "{{x}}" + after, scope) == before + value + after
    assert fill({"k": ["{{=inputs.parameters.x}}"]}, scope) == {"k": [value]}
    assert fill({"{{x}}": "{{x}}{{x}}"}, scope) == {value: value + value}


@settings(deadline=None)
@given(hostile)
def test_any_text_is_filled_or_refused(text: str) -> None:
    try:
        filled = fill(text, {"x": "1"})
    except PlaceholderError as error:
        filled = error.text
    assert filled or not text


@settings(deadline=None)
@given(hostile)
def test_what_is_kept_can_be_filled_in_later(text: str) -> None:
    try:
        once = fill(text, {"x": "1"})
    except PlaceholderError:
        return
    assert fill(fill(text, {}, keep=lambda _name: True), {"x": "1"}) == once
