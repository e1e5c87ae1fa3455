"""Regular expressions as Go reads them, in time that does not explode."""

import pytest

from argosy.expressions.limits import TooMuch
from argosy.expressions.pattern_machine import Machine
from argosy.expressions.patterns import Pattern, compile_pattern, expand

FOUND = [
    ("^a.c$", "abc", (0, 3)),
    ("a$", "a\n", None),
    ("(?m)a$", "a\nb", (0, 1)),
    ("(?m)^b", "a\nb", (2, 3)),
    (".", "\n", None),
    ("(?s).", "\n", (0, 1)),
    ("(?i)AbC", "xabc", (1, 4)),
    ("(?i:a)b", "Ab", (0, 2)),
    ("(?i:a)b", "AB", None),
    ("(?U)a+", "aaa", (0, 1)),
    (r"\d+\s\w", "12 x", (0, 4)),
    (r"\d", "٣", None),
    ("[[:alpha:]]+", "12ab", (2, 4)),
    ("[^[:digit:]-]+", "1-a]b", (2, 5)),
    ("[a&&b~|-]+", "~|-&", (0, 4)),
    (r"\Qa.b\E+", "a.bb", (0, 4)),
    (r"\x41\x{42}\.\a?", "AB.", (0, 3)),
    (r"a\z", "ba", (1, 2)),
    ("(?P<x>a)|(?<y>b)", "b", (0, 1)),
    ("x{2,3}", "xxxx", (0, 3)),
    ("x{,3}", "x{,3}", (0, 5)),
    ("(a|ab)(c|bcd)*", "abcd", (0, 4)),
    ("imminent node shutdown|pod deleted", "the pod deleted", (4, 15)),
]


@pytest.mark.parametrize(("pattern", "text", "span"), FOUND)
def test_a_pattern_finds_what_go_finds(pattern: str, text: str, span: tuple[int, int] | None) -> None:
    compiled = compile_pattern(pattern)
    found = compiled.search(text)
    assert (found and found.spans[0]) == span
    slow = Machine(compiled.piece, compiled.groups).search(text, 0)
    assert (slow and slow[0]) == span


REFUSED = ["(?=a)", "(?!a)", "(?<=a)", "a**", "(", ")", "[a", "[z-a]", r"\1", "(?P=x)", "a{2000}", "*a", "(?#c)", "a++", r"\pL"]


@pytest.mark.parametrize("pattern", [*REFUSED, "(" * 3000, "a" * 20_000])
def test_what_go_refuses_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="regular expression"):
        compile_pattern(pattern)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*!", "(a|aa)+$", "(.*)*x$", "([a-z]+)*!$", "(a*)*b$"])
def test_patterns_that_explode_elsewhere_take_a_moment(pattern: str) -> None:
    assert compile_pattern(pattern).search("a" * 200 + "?") is None


def test_too_much_work_is_refused() -> None:
    with pytest.raises(TooMuch):
        compile_pattern("((a{0,30}){0,30}){0,30}$").search("a" * 1000)
    with pytest.raises(TooMuch):
        compile_pattern("(a*)*b").search("a" * 2_000_000)


def test_matches_follow_each_other_without_overlap() -> None:
    spans = [match.spans[0] for match in Pattern("a*").finditer("baac")]
    assert spans == [(0, 0), (1, 3), (4, 4)]


def test_a_replacement_names_groups() -> None:
    match = compile_pattern("(?P<first>a)(b)?").search("a")
    assert match is not None
    assert expand("$1-${first}-$2-$first-$$-$9", match) == "a-a--a-$-"
