"""What a person reads when an expression is wrong: what was found, where, and what to write instead."""

import pytest

from argosy.expressions import ExpressionError, evaluate, names

ENV = {"inputs": {"parameters": {"count": "5", "tags": ["a"]}}, "status": "Failed", "nothing": None}
ERRORS = [
    ("1 +", "the expression ends where a value was expected\n  1 +\n     ^"),
    ("(1", "this '(' is never closed; add a ')'\n  (1\n  ^"),
    ("[1, 2", "this '[' is never closed; add a ']'\n  [1, 2\n  ^"),
    ("1 2", "found '2' where an operator was expected\n  1 2\n    ^"),
    ("status = 'x'", "found '=' where an operator was expected; write == to compare\n  status = 'x'\n         ^"),
    ("status & true", "'&' is not understood here; write && or 'and'\n  status & true\n         ^"),
    ("'abc", "this ' is never closed; add another '\n  'abc\n  ^^^^"),
    ("1a", "'1a' is not a number; put text in quotes\n  1a\n  ^^"),
    (
        "# > 1",
        (
            "found '#' where a value was expected; '#' stands only inside the second argument of filter, map and their kind\n"
            "  # > 1\n"
            "  ^"
        ),
    ),
    ("statsu", "'statsu' is not known here; did you mean 'status'?\n  statsu\n  ^^^^^^"),
    ("zzz", "'zzz' is not known here; known are inputs, nothing, status\n  zzz\n  ^^^"),
    ("lenn(status)", "there is no function 'lenn'; did you mean 'len'?\n  lenn(status)\n  ^^^^"),
    ("sprig.uper('a')", "there is no function 'sprig.uper'; did you mean 'upper'?\n  sprig.uper('a')\n  ^^^^^^^^^^"),
    (
        "inputs.parameters.count + 1",
        (
            "'+' cannot join string and int"
            "; use asInt(x) or asFloat(x) to make a number of text, string(x) to make text of a number\n"
            "  inputs.parameters.count + 1\n"
            "                          ^"
        ),
    ),
    (
        "nothing + 1",
        (
            "'+' cannot join nil and int; use  x ?? default  for a value that may be missing\n"
            "  nothing + 1\n"
            "          ^"
        ),
    ),
    ("nothing.x", "'x' is asked of nil; use  ?.  or  ??  where a value may be missing\n  nothing.x\n  ^^^^^^^^^"),
    ("status.x", "string has no 'x'; use fromJSON(x) to look into JSON text\n  status.x\n  ^^^^^^^^"),
    (
        "inputs.parameters.tags[3]",
        (
            "index 3 lies outside the array, which has 1 elements\n"
            "  inputs.parameters.tags[3]\n"
            "  ^^^^^^^^^^^^^^^^^^^^^^^^^"
        ),
    ),
    ("status && true", "'&&' needs true or false on both sides, not string\n  status && true\n  ^^^^^^"),
    ("status ? 1 : 2", "the condition before '?' must be true or false, not string\n  status ? 1 : 2\n  ^^^^^^"),
    ("not status", "'not' needs true or false, not string\n  not status\n      ^^^^^^"),
    ("asInt('5.5')", "'5.5' is not a whole number\n  asInt('5.5')\n  ^^^^^^^^^^^^"),
    ("split('a')", "split takes 2 to 3 arguments, not 1\n  split('a')\n  ^^^^^^^^^^"),
    ("upper(1)", "the argument must be text, not int; use string(x)\n  upper(1)\n  ^^^^^^^^"),
    (
        "filter('ab', # > 1)",
        (
            "the first argument must be an array, not string; use fromJSON(x) for a list written as text\n"
            "  filter('ab', # > 1)\n"
            "  ^^^^^^^^^^^^^^^^^^^"
        ),
    ),
    (
        "filter([1])",
        (
            "filter needs an array and what to do with each element, as in  filter(list, # > 1)\n"
            "  filter([1])\n"
            "  ^^^^^^^^^^^"
        ),
    ),
    (
        "1 in 'abc'",
        (
            "'in' needs an array or a map after it, not string; use 'contains' for text within text\n"
            "  1 in 'abc'\n"
            "    ^^"
        ),
    ),
    ("'\\q'", "'\\q' is no escape; write \\\\ for a backslash, or put the text between backquotes\n  '\\q'\n   ^^"),
    ("5 % 0", "the remainder of a division by zero does not exist\n  5 % 0\n    ^"),
    (
        "duration('1x')",
        (
            "'1x' is not a length of time; write one such as 90s, 1h30m or 250ms\n"
            "  duration('1x')\n"
            "  ^^^^^^^^^^^^^^"
        ),
    ),
    (
        'jsonpath(\'{"a":1}\', \'$.b\')',
        (
            "the path $.b finds no 'b'\n"
            '  jsonpath(\'{"a":1}\', \'$.b\')\n'
            "  ^^^^^^^^^^^^^^^^^^^^^^^^^^"
        ),
    ),
    ("1 +\nzzz\n+ 2", "'zzz' is not known here; known are inputs, nothing, status\n  zzz\n  ^^^"),
]


@pytest.mark.parametrize(("source", "text"), ERRORS)
def test_a_mistake_is_told_in_its_place(source: str, text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(source, ENV)
    assert str(caught.value) == text


def test_a_long_line_is_cut_around_the_place() -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate("'" + "a" * 300 + "' + zzz + '" + "b" * 300 + "'", ENV)
    _, line, marks = str(caught.value).split("\n")
    assert len(line) < 120
    assert line[marks.index("^") : marks.rindex("^") + 1] == "zzz"


LIMITS = [
    "repeat('abc', 100000000)",
    "1..100000000",
    "map(1..1000, map(1..1000, #))",
    "let s = repeat('a', 9000000); s + s",
    "reduce(1..60, #acc + #acc, 'x')",
    "replace(repeat('a', 1000000), 'a', repeat('b', 1000))",
    "sprig.repeat(100000000, 'abc')",
    "sprig.until(100000000)",
    "sprig.indent(1000000, repeat('\n', 1000))",
    "join(map(1..1000, repeat('a', 100000)))",
    "9223372036854775807 + 1",
    "'a' matches '(' ",
    "(" * 3000 + "1" + ")" * 3000,
    "-" * 3000 + "1",
    "a" + ".b" * 3000,
    "1" + "?1:1" * 3000,
    "[" * 3000,
    "fromJSON(repeat('[', 100000))",
    "'" + "a" * 200_000 + "'",
]


@pytest.mark.parametrize("source", LIMITS, ids=range(len(LIMITS)))
def test_no_expression_can_take_the_machine(source: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(source, ENV)


def test_long_rows_of_operators_are_fine() -> None:
    assert evaluate(" + ".join(["1"] * 900), {}) == 900
    assert evaluate(" && ".join(["true"] * 900), {}) is True
    assert names(" || ".join(f"t{number}.x" for number in range(900))) == {f"t{number}.x" for number in range(900)}


NAMES = [
    ("tasks.a.outputs.result", {"tasks.a.outputs.result"}),
    ("steps['flip-coin'].outputs.result == 'heads' ? a.b : c", {"steps.flip-coin.outputs.result", "a.b", "c"}),
    ("inputs.parameters", {"inputs.parameters"}),
    ("inputs.parameters[item]", {"inputs.parameters", "item"}),
    ("a.b[0].c", {"a.b"}),
    ("a?.b ?? c", {"a.b", "c"}),
    ("map(xs, #.y + z)", {"xs", "z"}),
    ("let x = a.b; x.c + d", {"a.b", "d"}),
    ("sprig.trim(a) + string(b)", {"a", "b"}),
    ("a.b.Format('2006')", {"a.b"}),
    ("$env.a", {"a"}),
    ("1 + 2", set()),
]


@pytest.mark.parametrize(("source", "expected"), NAMES)
def test_the_names_that_an_expression_reads_are_known_beforehand(source: str, expected: set[str]) -> None:
    assert names(source) == expected
