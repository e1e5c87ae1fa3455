"""SJSON paths: `spec.arguments.parameters.0.value` puts a value into a copy of JSON data, making what is missing on the way."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from argosy.expressions.errors import ExpressionError

MAX_PADDING = 10_000  # how far past a list's end an index may lie
MAX_PARTS = 200
SEARCHES = {"*": "a wildcard", "?": "a wildcard", "#": "a search", "|": "a pipe"}


@dataclass(frozen=True, slots=True)
class Part:
    """One key or index of a path; `key_only` is set by a leading colon, which makes digits a key."""

    text: str
    start: int
    key_only: bool

    @property
    def index(self) -> int | None:
        """The index that the part may mean: -1 is one past the end."""
        if self.key_only:
            return None
        if self.text == "-1":
            return -1
        return int(self.text) if self.text.isascii() and self.text.isdigit() and len(self.text) < 10 else None


def place(tree: Any, path: str, value: Any) -> Any:
    """A new tree in which the path holds the value; the tree that came in is not touched, and shares what is unchanged."""
    if not path:
        raise ExpressionError(path, 0, 0, "the path is empty; name a field, such as spec.arguments.parameters.0.value")
    return _place(tree, _parts(path), value, path)


def _place(tree: Any, parts: tuple[Part, ...], value: Any, path: str) -> Any:
    if not parts:
        return value
    part, below = parts[0], parts[1:]
    if isinstance(tree, dict):
        return {**tree, part.text: _place(tree.get(part.text), below, value, path)}
    index = part.index
    if not isinstance(tree, list) and index is None:
        return {part.text: _place(None, below, value, path)}
    items = tree if isinstance(tree, list) else []
    end = part.start + len(part.text)
    if index is None:
        raise ExpressionError(path, part.start, end, f"'{part.text}' meets a list; write an index, or -1 to append")
    index = len(items) if index < 0 else index
    if index > len(items) + MAX_PADDING:
        raise ExpressionError(path, part.start, end, f"index {index} lies too far past the list's end")
    grown = items + [None] * (index + 1 - len(items))
    grown[index] = _place(grown[index], below, value, path)
    return grown


@lru_cache(maxsize=1024)
def _parts(path: str) -> tuple[Part, ...]:
    parts: list[Part] = []
    at = 0
    while at <= len(path):
        part, at = _part(path, at)
        parts.append(part)
        if len(parts) > MAX_PARTS:
            raise ExpressionError(path, 0, len(path), f"has more than {MAX_PARTS} parts")
    return tuple(parts)


def _part(path: str, start: int) -> tuple[Part, int]:
    letters: list[str] = []
    key_only = path.startswith(":", start)
    at = start + 1 if key_only else start
    while at < len(path) and path[at] != ".":
        letter = path[at]
        if letter == "\\" and at + 1 < len(path):
            at += 1
            letter = path[at]
        elif letter in SEARCHES or (letter == "@" and not letters and not key_only):
            what = SEARCHES.get(letter, "a modifier")
            hint = f"; write \\{letter} if the key holds it"
            raise ExpressionError(path, at, at + 1, f"'{letter}' is {what}, which cannot say where to put a value{hint}")
        letters.append(letter)
        at += 1
    return Part("".join(letters), start, key_only), at + 1
