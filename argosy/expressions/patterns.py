"""Regular expressions as Go reads them, in time that does not explode whatever the pattern and the text.

Most patterns run on Python's own matcher, which is quick but tries every way to match. A pattern that could take
exponentially long there (a repetition inside a repetition) runs on a slower matcher that walks all ways at once.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from argosy.expressions.pattern_machine import Machine
from argosy.expressions.pattern_syntax import Edge, Either, Group, Letter, Piece, Repeat, Row, read_pattern

MANY_LETTERS = 500  # from here on three open repetitions in a row are too slow for the quick matcher


class Found:
    """A match of either matcher, seen in one way."""

    __slots__ = ("names", "source", "spans")

    def __init__(self, source: str, spans: tuple[tuple[int, int], ...], names: dict[str, int]) -> None:
        self.source = source
        self.spans = spans
        self.names = names

    def group(self, number: int = 0) -> str:
        start, end = self.spans[number]
        return self.source[start:end] if start >= 0 else ""

    def start(self) -> int:
        return self.spans[0][0]

    def end(self) -> int:
        return self.spans[0][1]


class Pattern:
    """A compiled pattern."""

    def __init__(self, source: str) -> None:
        piece = read_pattern(source)
        self.names: dict[str, int] = {}
        self.quick = re.compile(_python(piece, self.names))
        self.piece = piece
        self.risky = _risky(piece, within=False)
        self.open_repeats = _open_repeats(piece)
        self._machine: Machine | None = None

    @property
    def groups(self) -> int:
        return self.quick.groups

    def search(self, text: str) -> Found | None:
        """The first match, or None."""
        return self._from(text, 0)

    def finditer(self, text: str) -> Iterator[Found]:
        """All matches that do not overlap; an empty one directly after another match does not count."""
        at, last_end = 0, -1
        while at <= len(text):
            found = self._from(text, at)
            if found is None:
                return
            if found.end() > found.start() or found.start() != last_end:
                yield found
            last_end = found.end()
            at = found.end() if found.end() > found.start() else found.end() + 1

    def _from(self, text: str, at: int) -> Found | None:
        if not self.risky and not (self.open_repeats > 2 and len(text) > MANY_LETTERS):
            match = self.quick.search(text, at)
            return None if match is None else Found(text, match.regs, self.names)
        if self._machine is None:
            self._machine = Machine(self.piece, self.groups)
        spans = self._machine.search(text, at)
        return None if spans is None else Found(text, spans, self.names)


@lru_cache(maxsize=512)
def compile_pattern(source: str) -> Pattern:
    """The compiled pattern; raises ValueError when Go would not take it."""
    return Pattern(source)


def expand(template: str, match: Found) -> str:
    """`$1` and `${name}` in a replacement become what the groups found; `$$` is a dollar."""

    def put(reference: re.Match[str]) -> str:
        name = reference[1] or reference[2]
        if name is None:
            return "$"
        number = int(name) if name.isdigit() and len(name) < 6 else match.names.get(name, -1)
        return match.group(number) if 0 <= number < len(match.spans) else ""

    return re.sub(r"\$(?:(\w+)|\{(\w+)\}|\$)", put, template, flags=re.ASCII)


def _python(piece: Piece, names: dict[str, int]) -> str:
    match piece:
        case Letter(python) | Edge(python):
            return python
        case Row(items):
            parts = [(item, _python(item, names)) for item in items]
            return "".join(f"(?:{text})" if isinstance(item, Either) else text for item, text in parts)
        case Either(items):
            return "|".join(_python(item, names) for item in items)
        case Repeat(body, least, most, greedy):
            counted = f"{{{least},{'' if most is None else most}}}"
            times = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((least, most), counted)
            return f"(?:{_python(body, names)}){times}{'' if greedy else '?'}"
        case Group(body, number, name):
            if name is not None:
                names[name] = number
            return f"({_python(body, names)})"


def _risky(piece: Piece, *, within: bool) -> bool:
    """Whether a repetition holds something that can match the same text in more than one way."""
    match piece:
        case Row(items):
            return any(_risky(item, within=within) for item in items)
        case Either(items):
            return within or any(_risky(item, within=within) for item in items)
        case Repeat(body, least, most, _):
            if within and least != most:
                return True
            return _risky(body, within=within or most is None or most > 1)
        case Group(body):
            return _risky(body, within=within)
    return False


def _open_repeats(piece: Piece) -> int:
    match piece:
        case Row(items) | Either(items):
            return sum(map(_open_repeats, items))
        case Repeat(body, _, most, _):
            return _open_repeats(body) + (1 if most is None or most > 10 else 0)
        case Group(body):
            return _open_repeats(body)
    return 0
