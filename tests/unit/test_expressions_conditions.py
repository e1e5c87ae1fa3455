"""`depends` and trigger conditions: what they name, when they hold, and how mistakes are told."""

import pytest

from argosy.expressions import STATES, ExpressionError, parse_condition

CASES = [
    ("A", {"A"}, True),
    ("A", set(), False),
    ("!A", set(), True),
    ("A && B", {"A"}, False),
    ("A && B", {"A", "B"}, True),
    ("A || B && C", {"A"}, True),
    ("(A || B) && C", {"A"}, False),
    ("a-b2 && !(c || d)", {"a-b2"}, True),
    ("!!A", {"A"}, True),
    ("A.Failed || B", {"A.Failed"}, True),
    ("A.Failed || B", {"A"}, False),
    ("  A.AnySucceeded\n&& 0-x.AllFailed ", {"A.AnySucceeded", "0-x.AllFailed"}, True),
    ("and && or_1", {"and", "or_1"}, True),
    ("dep_1 || dep-2", {"dep-2"}, True),
]


@pytest.mark.parametrize(("source", "holding", "expected"), CASES)
def test_a_condition_holds_when_its_terms_do(source: str, holding: set[str], expected: bool) -> None:
    condition = parse_condition(source)
    assert condition.evaluate(lambda name, state: (f"{name}.{state}" if state else name) in holding) is expected


def test_terms_are_named_once_in_order_of_appearance() -> None:
    assert parse_condition("b.Failed && (a || b.Failed) && b").terms == (("b", "Failed"), ("a", None), ("b", None))


@pytest.mark.parametrize("state", STATES)
def test_every_state_is_understood(state: str) -> None:
    assert parse_condition(f"task-1.{state}").terms == (("task-1", state),)


def test_only_terms_that_still_matter_are_asked_for() -> None:
    asked: list[str] = []

    def holds(name: str, _state: str | None) -> bool:
        asked.append(name)
        return False

    assert not parse_condition("a && b").evaluate(holds)
    assert asked == ["a"]


ERRORS = [
    ("A.Succeded && B", "'Succeded' is no state of 'A'; did you mean 'Succeeded'?\n  A.Succeded && B\n    ^^^^^^^^"),
    ("A &", "'&' is not understood here; write &&\n  A &\n    ^"),
    ("(A", "this '(' is never closed; add a ')'\n  (A\n  ^"),
    ("A)", "this ')' closes nothing; remove it or add a '(' before\n  A)\n   ^"),
    ("A B", "expected && or || between two names\n  A B\n    ^"),
    ("A and B", "write && for this word\n  A and B\n    ^^^"),
    ("A &&", "ends where a name was expected\n  A &&\n      ^"),
    ("", "is empty; name a task, such as 'A'\n  \n  ^"),
    ("A ==", "'=' is not understood here; use names, && || ! and brackets\n  A ==\n    ^"),
    ("A.", "'' is no state of 'A'; write one of " + ", ".join(STATES) + "\n  A.\n    ^"),
    ("A || && B", "found '&&' where a name, '!' or '(' was expected\n  A || && B\n       ^^"),
]


@pytest.mark.parametrize(("source", "text"), ERRORS)
def test_a_mistake_is_shown_in_its_place(source: str, text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_condition(source)
    assert str(caught.value) == text


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(ExpressionError, match="nested more than"):
        parse_condition("(" * 5000 + "A" + ")" * 5000)
    with pytest.raises(ExpressionError, match="nested more than"):
        parse_condition("!" * 5000 + "A")


def test_long_rows_of_terms_are_fine() -> None:
    condition = parse_condition(" && ".join(f"t{number}" for number in range(5000)))
    assert len(condition.terms) == 5000
    assert condition.evaluate(lambda _name, _state: True)
