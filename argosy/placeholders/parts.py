"""Cuts a text into what stays and the placeholders in it."""

import re
from dataclasses import dataclass
from functools import lru_cache

OPEN, CLOSE = "{{", "}}"
QUOTES = "'\"`"
# What matters when looking for the end of an expression: quotes, comments, escapes and brackets.
STEP = re.compile(r"//|/\*|[{}'\"`]")


@dataclass(frozen=True, slots=True)
class Tag:
    """`{{name}}`; a name may be put together from placeholders of its own, as in `{{a.{{b}}}}`."""

    written: str
    name: str
    inner: tuple["str | Tag", ...] = ()


@dataclass(frozen=True, slots=True)
class Formula:
    """`{{=source}}`."""

    written: str
    source: str


Part = str | Tag | Formula
KEPT_LENGTH = 65_536  # longer texts are cut up again each time, so that the cache stays small


def parts_of(text: str) -> tuple[Part, ...]:
    """The text's parts in order; a placeholder that is never closed is plain text."""
    return _kept_parts(text) if len(text) <= KEPT_LENGTH else _parts(text)


@lru_cache(maxsize=4096)
def _kept_parts(text: str) -> tuple[Part, ...]:
    return _parts(text)


def _parts(text: str) -> tuple[Part, ...]:
    parts: list[Part] = []
    begin = 0
    while (start := text.find(OPEN, begin)) >= 0:
        found = _formula(text, start) if text.startswith("=", start + 2) else _tag(text, start)
        if found is None:
            break
        part, start, end = found
        if start > begin:
            parts.append(text[begin:start])
        parts.append(part)
        begin = end
    if begin < len(text):
        parts.append(text[begin:])
    return tuple(parts)


def _tag(text: str, start: int) -> tuple[Tag, int, int] | None:
    """The tag with where it begins and ends; an opening that another follows before it is closed is plain text."""
    end = text.find(CLOSE, start)
    if end < 0:
        return None
    inner = text.rfind(OPEN, start + 2, end)
    if inner >= 0:
        nested = _nested(text, start)
        if nested is not None:
            return nested
        start = inner
    written = text[start : end + 2]
    return Tag(written, written[2:-2].strip()), start, end + 2


def _nested(text: str, start: int) -> tuple[Tag, int, int] | None:
    """A tag whose name holds whole tags; found by matching openings with closings."""
    depth, at = 0, start
    while at < len(text):
        if text.startswith(OPEN, at):
            depth, at = depth + 1, at + 2
        elif text.startswith(CLOSE, at):
            depth, at = depth - 1, at + 2
            if depth == 0:
                written = text[start:at]
                inner = tuple(part for part in _parts(written[2:-2].strip()) if not isinstance(part, Formula))
                return Tag(written, written[2:-2].strip(), inner), start, at
        else:
            at += 1
        if depth > 2:
            return None
    return None


def _formula(text: str, start: int) -> tuple[Formula, int, int] | None:
    """An expression ends at the first `}}` outside its own quotes, brackets and comments; if there is none, at the first."""
    end = _end_of_formula(text, start + 3)
    if end is None:
        end = text.find(CLOSE, start + 3)
    if end < 0:
        return None
    return Formula(text[start : end + 2], text[start + 3 : end]), start, end + 2


def _end_of_formula(text: str, at: int) -> int | None:
    depth = 0
    while (match := STEP.search(text, at)) is not None:
        mark, at = match.group(), match.end()
        if mark == "{":
            depth += 1
        elif mark == "}":
            if depth == 0:
                return at - 1 if text.startswith("}", at) else None
            depth -= 1
        else:
            after = _skip(text, mark, at)
            if after is None:
                return None
            at = after
    return None


def _skip(text: str, mark: str, at: int) -> int | None:
    """Where a quoted text or comment that was opened by `mark` is over."""
    if mark in ("//", "/*"):
        end = text.find("\n" if mark == "//" else "*/", at)
        return None if end < 0 else end + (1 if mark == "//" else 2)
    while at < len(text):
        if text[at] == "\\" and mark != "`":
            at += 1
        elif text[at] == mark:
            return at + 1
        at += 1
    return None
