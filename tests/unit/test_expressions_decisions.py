"""`when` and sensor filters: bare words are text in the one and fields in the other."""

import math

import pytest

from argosy.expressions import ExpressionError, decide, evaluate_named, field_names

DECISIONS = [
    ("heads == heads", True),
    ("heads == tails", False),
    ("heads != tails", True),
    ('"a b" == "a b"', True),
    ("'a' == \"a\"", True),
    ("1 < 5 && true", True),
    ("10 > 9", True),
    ("1.0 == 1", True),
    ("02 == 2", True),
    ('"1" == 1', False),
    ('( 3 >= 2 && x =~ "re.*" )', False),
    ('"release-1" =~ "^rel"', True),
    ('"release-1" !~ "^rel"', False),
    ('ab =~ "\\\\w+"', True),
    ("x in (a, b, x)", True),
    ("x in ('a', 'b')", False),
    ("3 in (1, 2, 3)", True),
    ("!(a == b)", True),
    ("!true", False),
    ("true", True),
    ("false || true", True),
    ("a == a && b == c || d == d", True),
    ("1 + 2 * 3 == 7", True),
    ("2 ** 3 == 8 && 7 % 4 == 3 && 7 / 2 == 3.5", True),
    ("-1 < 0", True),
    ("5 - -1 == 6", True),
    ("a + b == ab", True),
    ("(1 < 2 ? yes : no) == yes", True),
    ('"2024-01-01" < "2024-02-01T00:00:00Z"', True),
    ("[my name] == 'my name'", True),
    ("my\\-name == 'my-name'", True),
    ("6 & 3 == 2 && 1 << 3 == 8", True),
    ("0x10 == 16", True),
    ("Succeeded == Succeeded", True),
    ('"" == ""', True),
    ("", True),
]


@pytest.mark.parametrize(("source", "expected"), DECISIONS)
def test_a_when_says_yes_or_no(source: str, expected: bool) -> None:
    assert decide(source) is expected


ERRORS = [
    ("5", "gives the number 5, which is neither true nor false; compare it with something, such as  value == expected"),
    ("heads", "gives the text 'heads', which is neither true nor false; compare it with something, such as  value == expected"),
    (" == heads", "'==' stands where a value was expected; an empty value needs quotes (\"\")"),
    ("a b == c", "'b' stands where an operator was expected; write text of several words in quotes (\")"),
    ("a-b == a-b", "'-' needs numbers, not the text 'a'; if it is part of a name, put the name in quotes (\")"),
    ("a = b", "'=' is not understood here; write =="),
    ("a == 'b", "this ' is never closed; add another '"),
    ("(a == b", "this '(' is never closed; add a ')'"),
    ("a == b)", "this ')' closes nothing, or a value is missing before it"),
    ("1.2.3 == 1", "'1.2.3' is not a number; if it is text, put it in quotes (\")"),
    ("a < 5", "'<' cannot compare the text 'a' with the number 5; both must be numbers, or both text"),
    ("a && true", "'&&' joins true and false values, not the text 'a'; compare it, such as  value == expected"),
    ("a ==", "ends where a value was expected"),
    ("!a", "'!' needs true or false, not the text 'a'"),
    ('5 =~ "5"', "'=~' needs text before it, not the number 5; put it in quotes (\")"),
]


@pytest.mark.parametrize(("source", "text"), ERRORS)
def test_a_when_that_says_neither_is_a_mistake_with_its_remedy(source: str, text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        decide(source)
    assert caught.value.text == text
    assert "^" in str(caught.value)


FILTERS = [
    ("a > 5 && b =~ '^x'", True),
    ("a * 2", 12.0),
    ("b in ('y', 'xyz')", True),
    ("a == 6 ? 'six' : 'other'", "six"),
    ("none ?? 'd'", "d"),
    ("flag && !off", True),
    ("b + a", "xyz6"),
    ("a / 0", math.inf),
    ("'k' in list", True),
    ("some\\-name == 1", True),
    ("[some-name] == 1", True),
]
VALUES = {"a": 6, "b": "xyz", "none": None, "flag": True, "off": False, "list": ["k", 2], "some-name": 1}


@pytest.mark.parametrize(("source", "expected"), FILTERS)
def test_a_filter_reads_the_fields_of_an_event(source: str, expected: object) -> None:
    assert evaluate_named(source, VALUES) == expected


def test_an_unknown_field_is_told_with_what_was_meant() -> None:
    with pytest.raises(ExpressionError, match="no field is named 'brnach'; did you mean 'branch'"):
        evaluate_named("brnach == 'main'", {"branch": "main"})


def test_the_fields_of_a_filter_can_be_listed() -> None:
    assert field_names("a > 5 && b =~ '^x' || c in (d)") == {"a", "b", "c", "d"}


def test_deep_nesting_is_refused() -> None:
    for source in ("(" * 5000 + "1" + ")" * 5000, "!" * 5000 + "true", "1" + " ? 1" * 5000):
        with pytest.raises(ExpressionError):
            decide(source)


def test_a_pattern_that_would_run_for_ever_does_not() -> None:
    assert not decide('"' + "a" * 60 + 'b" =~ "(a+)+$"')
