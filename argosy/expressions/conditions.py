"""`depends` and trigger `conditions`: which tasks or events must have come, joined by && || ! and brackets."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from argosy.expressions.errors import ExpressionError, did_you_mean

STATES = ("Succeeded", "Failed", "Errored", "Skipped", "Omitted", "Daemoned", "AnySucceeded", "AllFailed")
MAX_LENGTH = 100_000
MAX_DEPTH = 100
TOKEN = re.compile(r"\s*(?:(?P<name>[A-Za-z0-9_][-A-Za-z0-9_]*)(?:\.(?P<state>[A-Za-z0-9_-]*))?|(?P<mark>&&|\|\||[!()]))")

Holds = Callable[[str, str | None], bool]
Test = Callable[[Holds], bool]


@dataclass(frozen=True, slots=True)
class Condition:
    """A parsed condition: the terms it names, in order of first appearance, and how they are joined."""

    source: str
    terms: tuple[tuple[str, str | None], ...]
    _test: Test = field(repr=False, compare=False)

    def evaluate(self, holds: Callable[[str, str | None], bool]) -> bool:
        """Whether the condition is met, given which terms hold; asks only for terms that still matter."""
        return self._test(holds)


@lru_cache(maxsize=4096)
def parse_condition(source: str) -> Condition:
    """Read `A.Succeeded && (B.Failed || !C)`; a name without a state has state None."""
    if len(source) > MAX_LENGTH:
        raise ExpressionError(source[:200], 0, 200, f"is longer than {MAX_LENGTH} characters")
    return _Parser(source).parse()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # "name", "end", or the mark itself
    start: int
    end: int
    term: tuple[str, str | None] | None = None


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = _tokens(source)
        self.at = 0
        self.depth = 0
        self.terms: dict[tuple[str, str | None], None] = {}

    def parse(self) -> Condition:
        test = self.either()
        token = self.tokens[self.at]
        if token.kind == ")":
            raise self.error(token, "this ')' closes nothing; remove it or add a '(' before")
        if token.kind != "end":
            raise self.error(token, self.between(token))
        return Condition(self.source, tuple(self.terms), test)

    def between(self, token: _Token) -> str:
        """What to write where two names stand side by side."""
        words = {"and": "&&", "or": "||", "not": "!"}
        mark = words.get((token.term or ("",))[0].lower())
        return f"write {mark} for this word" if mark is not None else "expected && or || between two names"

    def either(self) -> Test:
        tests = [self.both()]
        while self.tokens[self.at].kind == "||":
            self.at += 1
            tests.append(self.both())
        return tests[0] if len(tests) == 1 else _any_of(tuple(tests))

    def both(self) -> Test:
        tests = [self.one()]
        while self.tokens[self.at].kind == "&&":
            self.at += 1
            tests.append(self.one())
        return tests[0] if len(tests) == 1 else _all_of(tuple(tests))

    def one(self) -> Test:
        token = self.tokens[self.at]
        if token.kind == "end":
            raise self.error(token, "ends where a name was expected" if self.at else "is empty; name a task, such as 'A'")
        self.at += 1
        if token.kind == "name":
            assert token.term is not None
            self.terms[token.term] = None
            return _term(*token.term)
        if token.kind not in ("!", "("):
            raise self.error(token, f"found '{token.kind}' where a name, '!' or '(' was expected")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(token, f"is nested more than {MAX_DEPTH} deep")
        test = _not(self.one()) if token.kind == "!" else self.bracket(token)
        self.depth -= 1
        return test

    def bracket(self, opening: _Token) -> Test:
        test = self.either()
        closing = self.tokens[self.at]
        if closing.kind == "end":
            raise self.error(opening, "this '(' is never closed; add a ')'")
        if closing.kind != ")":
            raise self.error(closing, "expected && or || or ')' here")
        self.at += 1
        return test

    def error(self, token: _Token, text: str) -> ExpressionError:
        return ExpressionError(self.source, token.start, token.end, text)


def _tokens(source: str) -> list[_Token]:
    found: list[_Token] = []
    at, stop = 0, len(source.rstrip())
    while at < stop:
        match = TOKEN.match(source, at)
        if match is None:
            raise _stray(source, len(source) - len(source[at:].lstrip()))
        if (mark := match["mark"]) is not None:
            found.append(_Token(mark, match.start("mark"), match.end()))
        else:
            found.append(_name(source, match))
        at = match.end()
    found.append(_Token("end", stop, stop))
    return found


def _name(source: str, match: re.Match[str]) -> _Token:
    name, state = match["name"], match["state"]
    if state is not None and state not in STATES:
        start = match.start("state")
        known = ", ".join(STATES)
        hint = did_you_mean(state, STATES) or f"; write one of {known}"
        raise ExpressionError(source, start, max(match.end(), start + 1), f"'{state}' is no state of '{name}'{hint}")
    return _Token("name", match.start("name"), match.end(), (name, state))


def _stray(source: str, at: int) -> ExpressionError:
    letter = source[at]
    doubled = f"; write {letter * 2}" if letter in "&|" else "; use names, && || ! and brackets"
    return ExpressionError(source, at, at + 1, f"'{letter}' is not understood here{doubled}")


def _term(name: str, state: str | None) -> Test:
    return lambda holds: holds(name, state)


def _not(test: Test) -> Test:
    return lambda holds: not test(holds)


def _any_of(tests: tuple[Test, ...]) -> Test:
    return lambda holds: any(test(holds) for test in tests)


def _all_of(tests: tuple[Test, ...]) -> Test:
    return lambda holds: all(test(holds) for test in tests)
