"""`when` and sensor filters: comparisons such as `heads == heads` or `status >= 500 && branch =~ "^rel"`.

The same language is read in two ways. In `when`, everything has been filled in before, so that a bare word is text.
In a sensor's `expr` filter a bare word is the name of a field of the event. Numbers are always fractional numbers.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from argosy.expressions.decision_tokens import Token, read_tokens
from argosy.expressions.decision_values import ARITHMETIC, ORDER, equal, moment, number, search, shown
from argosy.expressions.errors import ExpressionError, did_you_mean

MAX_DEPTH = 60
Look = Callable[[Token], Any]
Step = Callable[[Look], Any]

# How tightly operators bind: a higher number binds tighter.
ROWS: tuple[tuple[str, ...], ...] = (
    ("||",),
    ("&&",),
    ("==", "!=", "<", "<=", ">", ">=", "=~", "!~", "in"),
    ("&", "|", "^"),
    ("<<", ">>"),
    ("+", "-"),
    ("*", "/", "%"),
    ("**",),
)
BINDING = {op: binding for binding, row in enumerate(ROWS) for op in row}
MAX_ROW = 150  # operators one after the other, apart from && and ||


def decide(source: str) -> bool:
    """What a `when` says after its placeholders were filled in; an empty one says yes."""
    if not source:
        return True
    result = _parse(source)(lambda token: token.value)
    if isinstance(result, bool):
        return result
    hint = "compare it with something, such as  value == expected"
    raise ExpressionError(source, 0, len(source), f"gives {shown(result)}, which is neither true nor false; {hint}")


def evaluate_named(source: str, values: Mapping[str, Any]) -> Any:
    """The value of an expression over named fields, as sensor filters write it."""

    def look(token: Token) -> Any:
        if token.value in values:
            return number(values[token.value])
        hint = did_you_mean(str(token.value), values) or (
            "; write text in quotes" if not values else f"; known are {', '.join(sorted(values)[:10])}"
        )
        raise ExpressionError(source, token.start, token.end, f"no field is named '{token.value}'{hint}")

    return _parse(source)(look)


def field_names(source: str) -> frozenset[str]:
    """The fields that a sensor's filter expression reads."""
    return frozenset(str(token.value) for token in read_tokens(source) if token.kind == "word")


@lru_cache(maxsize=2048)
def _parse(source: str) -> Step:
    parser = _Parser(source)
    step = parser.choice()
    token = parser.now
    if token.kind != "end":
        raise parser.unexpected(token)
    return step


@dataclass(slots=True)
class _Parser:
    source: str
    tokens: list[Token]
    at: int = 0
    depth: int = 0

    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = read_tokens(source)
        self.at = self.depth = 0

    @property
    def now(self) -> Token:
        return self.tokens[self.at]

    def take(self, *marks: str) -> Token | None:
        token = self.tokens[self.at]
        if token.kind == "mark" and token.value in marks:
            self.at += 1
            return token
        return None

    def choice(self) -> Step:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(self.now, f"is nested more than {MAX_DEPTH} deep")
        first = self.joined(0)
        if (mark := self.take("?")) is not None:
            first = self.ternary(first, mark)
        elif self.take("??") is not None:
            first = _otherwise(first, self.choice())
        self.depth -= 1
        return first

    def ternary(self, test: Step, mark: Token) -> Step:
        then = self.choice()
        other = self.choice() if self.take(":") is not None else None
        return self.placed(mark, lambda look: _choose(test, then, other, look))

    def joined(self, least: int) -> Step:
        """Operands joined by operators that bind at least so tightly."""
        left = self.prefix()
        links = 0
        while self.now.kind == "mark" and (binding := BINDING.get(self.now.value, -1)) >= least:
            mark = self.now
            if mark.value in ("&&", "||"):
                left = self.logic(left, mark, binding)
                continue
            self.at += 1
            links += 1
            if links > MAX_ROW:
                raise self.error(mark, f"more than {MAX_ROW} operators follow each other")
            left = self.applied(mark, left, self.joined(binding + 1))
        return left

    def applied(self, mark: Token, left: Step, right: Step) -> Step:
        act = _binary(str(mark.value))
        return self.placed(mark, lambda look: act(left(look), right(look)))

    def logic(self, left: Step, mark: Token, binding: int) -> Step:
        """`a && b && c`, however long: asked from the left until one decides."""
        sides, op = [left], str(mark.value)
        while self.take(op) is not None:
            sides.append(self.joined(binding + 1))
        return self.placed(mark, lambda look: _decided(sides, look, op))

    def prefix(self) -> Step:
        mark = self.take("!", "-", "~")
        if mark is None:
            return self.operand()
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(mark, f"is nested more than {MAX_DEPTH} deep")
        inner = self.prefix()
        self.depth -= 1
        act = {"!": _negate, "-": _minus, "~": _invert}[str(mark.value)]
        return self.placed(mark, lambda look: act(inner(look)))

    def operand(self) -> Step:
        token = self.now
        self.at += 1
        if token.kind == "word":
            return lambda look: look(token)
        if token.kind in ("text", "number", "truth"):
            value = token.value
            return lambda _look: value
        if token.kind == "mark" and token.value == "(":
            return self.brackets(token)
        self.at -= 1
        raise self.unexpected(token)

    def brackets(self, opening: Token) -> Step:
        if self.take(")") is not None:
            return lambda _look: []
        items = [self.choice()]
        while self.take(",") is not None:
            items.append(self.choice())
        if self.take(")") is None:
            if self.now.kind == "end":
                raise self.error(opening, "this '(' is never closed; add a ')'")
            raise self.unexpected(self.now)
        if len(items) == 1:
            return items[0]
        return lambda look: [item(look) for item in items]

    def placed(self, mark: Token, act: Step) -> Step:
        """The same step, whose plain errors name the operator's place."""

        def step(look: Look) -> Any:
            try:
                return act(look)
            except (TypeError, ValueError, OverflowError) as error:
                raise self.error(mark, str(error)) from None

        return step

    def error(self, token: Token, text: str) -> ExpressionError:
        return ExpressionError(self.source, token.start, token.end, text)

    def unexpected(self, token: Token) -> ExpressionError:
        if token.kind == "end":
            return self.error(token, "ends where a value was expected")
        shape = self.source[token.start : token.end]
        if token.kind == "mark" and token.value == ")":
            return self.error(token, "this ')' closes nothing, or a value is missing before it")
        if token.kind in ("word", "text", "number", "truth"):
            hint = 'write text of several words in quotes (")'
            return self.error(token, f"'{shape}' stands where an operator was expected; {hint}")
        return self.error(token, f"'{shape}' stands where a value was expected; an empty value needs quotes (\"\")")


def _otherwise(first: Step, second: Step) -> Step:
    def step(look: Look) -> Any:
        value = first(look)
        return second(look) if value is None else value

    return step


def _choose(test: Step, then: Step, other: Step | None, look: Look) -> Any:
    answer = test(look)
    if not isinstance(answer, bool):
        raise TypeError(f"'?' needs true or false before it, not {shown(answer)}")
    if answer:
        return then(look)
    return None if other is None else other(look)


def _decided(sides: list[Step], look: Look, op: str) -> bool:
    for side in sides:
        value = side(look)
        if not isinstance(value, bool):
            hint = "compare it, such as  value == expected"
            raise TypeError(f"'{op}' joins true and false values, not {shown(value)}; {hint}")
        if value is (op == "||"):
            return value
    return op == "&&"


def _binary(op: str) -> Callable[[Any, Any], Any]:
    if op in ("==", "!="):
        return equal if op == "==" else (lambda a, b: not equal(a, b))
    if op in ORDER:
        return lambda a, b: _ordered(op, a, b)
    if op in ("=~", "!~"):
        return lambda a, b: search(op, a, b) == (op == "=~")
    if op == "in":
        return lambda a, b: any(equal(a, item) for item in (b if isinstance(b, list) else [b]))
    if op == "+":
        return _plus
    return lambda a, b: _calculated(op, a, b)


def _ordered(op: str, left: Any, right: Any) -> bool:
    left, right = moment(left), moment(right)
    both_numbers = isinstance(left, float) and isinstance(right, float)
    if both_numbers or (isinstance(left, str) and isinstance(right, str)):
        return ORDER[op](left, right)
    raise TypeError(f"'{op}' cannot compare {shown(left)} with {shown(right)}; both must be numbers, or both text")


def _plus(left: Any, right: Any) -> Any:
    if isinstance(left, str) or isinstance(right, str):
        return _text(left) + _text(right)
    return _calculated("+", left, right)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value == math.trunc(value) and abs(value) < 1e21:
        return str(int(value))
    return str(value)


def _calculated(op: str, left: Any, right: Any) -> float:
    if isinstance(left, float) and isinstance(right, float):
        return ARITHMETIC[op](left, right)
    hint = '; if it is part of a name, put the name in quotes (")' if op in "-/*" else ""
    raise TypeError(f"'{op}' needs numbers, not {shown(right if isinstance(left, float) else left)}{hint}")


def _negate(value: Any) -> bool:
    if isinstance(value, bool):
        return not value
    raise TypeError(f"'!' needs true or false, not {shown(value)}")


def _minus(value: Any) -> float:
    if isinstance(value, float):
        return -value
    raise TypeError(f"'-' needs a number, not {shown(value)}")


def _invert(value: Any) -> float:
    if isinstance(value, float):
        return float(~int(value))
    raise TypeError(f"'~' needs a number, not {shown(value)}")
