"""The part of a GJSON path between `#(` and `)`: which elements of a list are meant."""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from argosy.expressions.missing import MISSING
from argosy.expressions.quoted import closing, read_json, unescape

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
OPERATOR = re.compile(r"!=|!%|<=|>=|==|=|<|>|%")
TRUE_WORDS = ("1", "t", "T", "true", "TRUE", "True")
FALSE_WORDS = ("0", "f", "F", "false", "FALSE", "False")


@dataclass(frozen=True, slots=True)
class Query:
    """`path op value`; without an op it asks whether the path finds anything."""

    path: str
    op: str
    value: str

    def matches(self, found: Any) -> bool:
        """Whether what `path` found fulfils the query; values compare by the type of what was found."""
        wanted = self.value
        if wanted.startswith("~"):
            found, wanted = _as_truth(found, wanted[1:])
        if found is MISSING:
            return False
        if not self.op:
            return True
        if isinstance(found, bool):
            return _compare_truth(found, self.op, wanted)
        if isinstance(found, str):
            if self.op in ("%", "!%"):
                return glob(found, wanted) == (self.op == "%")
            return COMPARISONS[self.op](found, wanted)
        if isinstance(found, int | float) and self.op in COMPARISONS:
            return COMPARISONS[self.op](found, _number(wanted))
        return False


@lru_cache(maxsize=1024)
def parse_query(text: str) -> Query | None:
    """Read `age>45`, `last=="Murphy"`, `name%"D*"` or `nets.#(=="fb")`; None when it is not one."""
    at = 0
    while at < len(text):
        letter = text[at]
        if letter == "\\":
            at += 1
        elif letter in '([{"':
            end = closing(text, at)
            if end is None:
                return None
            at = end
        elif (match := OPERATOR.match(text, at)) is not None:
            op = "=" if match.group() == "==" else match.group()
            return Query(text[:at].strip(), op, _value(text[match.end() :].strip()))
        at += 1
    return Query(text.strip(), "", "") if text.strip() else None


def _value(text: str) -> str:
    if text.startswith('"'):
        value, _ = read_json(text, 0)
        return value if isinstance(value, str) else text.strip('"')
    return text


def _number(text: str) -> float:
    try:
        return float(text) if "_" not in text else 0.0
    except ValueError:
        return 0.0


def _compare_truth(found: bool, op: str, wanted: str) -> bool:
    if op == "=":
        return wanted == ("true" if found else "false")
    if op == "!=":
        return wanted != ("true" if found else "false")
    if found:
        return op == ">=" or (op == ">" and wanted == "false")
    return op == "<=" or (op == "<" and wanted == "true")


def _as_truth(found: Any, wanted: str) -> tuple[Any, str]:
    """The tilde forms turn what was found into true or false before it is compared with true."""
    if wanted == "*":
        return found is not MISSING, "true"
    if wanted == "null":
        return found is MISSING or found is None, "true"
    if wanted in ("true", "false"):
        return (_truthy(found) if wanted == "true" else _falsy(found)), "true"
    return MISSING, ""


def _truthy(found: Any) -> bool:
    if isinstance(found, bool):
        return found
    if isinstance(found, str):
        return found in TRUE_WORDS
    return isinstance(found, int | float) and found != 0


def _falsy(found: Any) -> bool:
    """Not the opposite of truthy: text such as "data" is neither."""
    if isinstance(found, str):
        return found in FALSE_WORDS
    return found is MISSING or found is None or found is False or (isinstance(found, int | float) and found == 0)


def glob(text: str, pattern: str) -> bool:
    """Whether a pattern with `*`, `?` and backslash escapes covers the whole text; never slower than their product."""
    parts = _parts(pattern)
    at = place = 0
    star, mark = -1, 0
    while at < len(text):
        if place < len(parts) and parts[place] != "*" and parts[place] in ("?", "\\" + text[at]):
            at, place = at + 1, place + 1
        elif place < len(parts) and parts[place] == "*":
            star, mark, place = place, at, place + 1
        elif star >= 0:
            mark += 1
            at, place = mark, star + 1
        else:
            return False
    return all(part == "*" for part in parts[place:])


@lru_cache(maxsize=1024)
def _parts(pattern: str) -> tuple[str, ...]:
    """The pattern letter by letter: `*`, `?`, or a backslash before the letter that is meant as it stands."""
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        letter = pattern[at]
        if letter == "\\" and at + 1 < len(pattern):
            at += 1
            parts.append("\\" + unescape("\\" + pattern[at]))
        else:
            parts.append(letter if letter in "*?" else "\\" + letter)
        at += 1
    return tuple(parts)
