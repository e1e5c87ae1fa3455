"""Small readers for paths: where a bracket or quote closes, what an escape means, JSON in the middle of text."""

import json
from typing import Any

from argosy.expressions.missing import MISSING

PAIRS = {"(": ")", "[": "]", "{": "}"}


def closing(text: str, start: int) -> int | None:
    """Where the bracket or double quote at `start` closes; None when it does not."""
    if start >= len(text):
        return None
    if text[start] == '"':
        return _end_of_string(text, start)
    depth, at = 0, start
    while at < len(text):
        letter = text[at]
        if letter == "\\":
            at += 1
        elif letter == '"':
            end = _end_of_string(text, at)
            if end is None:
                return None
            at = end
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    return None


def _end_of_string(text: str, start: int) -> int | None:
    at = start + 1
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == '"':
            return at
        at += 1
    return None


def unescape(part: str) -> str:
    """A path component with its backslashes taken away."""
    letters: list[str] = []
    at = 0
    while at < len(part):
        if part[at] == "\\":
            at += 1
        letters.append(part[at : at + 1])
        at += 1
    return "".join(letters)


def read_json(text: str, start: int) -> tuple[Any, int]:
    """The JSON value that begins at `start` and where it ends; MISSING when there is none."""
    try:
        return json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return MISSING, start
