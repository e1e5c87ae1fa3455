"""Reads regular expressions in Go's syntax into a tree; what Go does not know, such as look-ahead, is refused by name."""

import re
from dataclasses import dataclass
from typing import Final

MAX_LENGTH = 10_000
MAX_REPEAT = 1000
MAX_DEPTH = 60
CLASSES: Final = {"d": "0-9", "w": "0-9A-Za-z_", "s": r"\t\n\f\r ", "D": "0-9", "W": "0-9A-Za-z_", "S": r"\t\n\f\r "}
POSIX: Final = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7F",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1F\x7F",
    "digit": "0-9",
    "graph": r"!-\~",
    "lower": "a-z",
    "print": r" -\~",
    "punct": r"!-/:-@\[-`{-\~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
ESCAPES: Final = {"n": r"\n", "t": r"\t", "r": r"\r", "f": r"\f", "v": r"\x0b", "a": r"\x07"}
EDGES: Final = {"b": r"\b", "B": r"\B", "A": r"\A", "z": r"\Z"}
COUNT: Final = re.compile(r"\{(\d{1,9})(,(\d{1,9})?)?\}")
FLAGS: Final = re.compile(r"\(\?([imsU]*)(-[imsU]+)?([:)])")
ESCAPED: Final = re.compile(
    r"\\(?:x([0-9A-Fa-f]{2})|x\{([0-9A-Fa-f]{1,6})\}|0([0-7]{0,2})|([^A-Za-z0-9])|([nrtfva]))", re.DOTALL
)
NAMED: Final = re.compile(r"\(\?P?<(\w+)>", re.ASCII)


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter of a set, written as Python writes the set."""

    python: str


@dataclass(frozen=True, slots=True)
class Edge:
    """A place between letters, such as the end of a word."""

    python: str


@dataclass(frozen=True, slots=True)
class Row:
    """One after the other."""

    items: tuple["Piece", ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One of several; earlier ones are preferred."""

    items: tuple["Piece", ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """Again and again; `most` is None without an upper bound."""

    body: "Piece"
    least: int
    most: int | None
    greedy: bool


@dataclass(frozen=True, slots=True)
class Group:
    """What is remembered as a numbered, and perhaps named, part of the match."""

    body: "Piece"
    number: int
    name: str | None


Piece = Letter | Edge | Row | Either | Repeat | Group


@dataclass(slots=True)
class Flags:
    """What (?i), (?m), (?s) and (?U) switch."""

    fold: bool = False
    lines: bool = False
    dot_all: bool = False
    lazy: bool = False


def read_pattern(source: str) -> Piece:
    """The tree of a pattern; raises ValueError with what is wrong and where."""
    if len(source) > MAX_LENGTH:
        raise ValueError(f"the regular expression is longer than {MAX_LENGTH} letters")
    reader = _Reader(source)
    piece = reader.either(Flags())
    if reader.at < len(source):
        raise reader.wrong("this ')' closes nothing")
    return piece


class _Reader:
    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.groups = 0
        self.depth = 0

    def wrong(self, text: str) -> ValueError:
        return ValueError(f"the regular expression '{self.source[:60]}' is wrong at letter {self.at + 1}: {text}")

    def either(self, flags: Flags) -> Piece:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.wrong(f"it is nested more than {MAX_DEPTH} deep")
        options = [self.row(flags)]
        while self.source.startswith("|", self.at):
            self.at += 1
            options.append(self.row(flags))
        self.depth -= 1
        return options[0] if len(options) == 1 else Either(tuple(options))

    def row(self, flags: Flags) -> Piece:
        items: list[Piece] = []
        while self.at < len(self.source) and self.source[self.at] not in "|)":
            switch = FLAGS.match(self.source, self.at)
            if switch is not None and switch[3] == ")":
                self.at = switch.end()
                _switch(flags, switch)
            elif self.source.startswith(r"\Q", self.at):
                *before, last = self.quoted(flags) or [Row(())]
                items += [*before, self.repeated(last, flags)]
            else:
                items.append(self.repeated(self.one(flags), flags))
        return items[0] if len(items) == 1 else Row(tuple(items))

    def quoted(self, flags: Flags) -> list[Piece]:
        end = self.source.find(r"\E", self.at)
        inner = self.source[self.at + 2 : end if end >= 0 else len(self.source)]
        self.at = end + 2 if end >= 0 else len(self.source)
        return [_letter(re.escape(letter), flags) for letter in inner]

    def repeated(self, piece: Piece, flags: Flags) -> Piece:
        times = self.times()
        if times is None:
            return piece
        lazy = self.source.startswith("?", self.at)
        self.at += lazy
        piece = Repeat(piece, *times, greedy=lazy == flags.lazy)
        if self.times() is not None:
            raise self.wrong("a repetition cannot be repeated; put brackets around it")
        return piece

    def times(self) -> tuple[int, int | None] | None:
        sign = self.source[self.at : self.at + 1]
        if sign and sign in "*+?":
            self.at += 1
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        count = COUNT.match(self.source, self.at)
        if count is None:
            return None
        least = int(count[1])
        most = least if count[2] is None else int(count[3]) if count[3] else None
        if max(least, most or 0) > MAX_REPEAT or (most is not None and most < least):
            raise self.wrong(f"{count.group()} is no repetition; at most {MAX_REPEAT} are allowed")
        self.at = count.end()
        return least, most

    def one(self, flags: Flags) -> Piece:
        letter = self.source[self.at]
        if letter == "(":
            return self.group(flags)
        if letter == "[":
            return self.set_of(flags)
        if letter == "\\":
            return self.escape(flags)
        if letter in "*+?":
            raise self.wrong(f"'{letter}' has nothing to repeat")
        self.at += 1
        if letter == ".":
            return Letter(r"[\s\S]" if flags.dot_all else r"[^\n]")
        if letter == "^":
            return Edge(r"(?m:^)" if flags.lines else r"\A")
        if letter == "$":
            return Edge(r"(?m:$)" if flags.lines else r"\Z")
        return _letter(re.escape(letter), flags)

    def group(self, flags: Flags) -> Piece:
        inner = Flags(flags.fold, flags.lines, flags.dot_all, flags.lazy)
        switch = FLAGS.match(self.source, self.at)
        named = NAMED.match(self.source, self.at)
        number, name = 0, None
        if switch is not None:
            self.at = switch.end()
            _switch(inner, switch)
        elif named is None and self.source.startswith("(?", self.at):
            raise self.wrong("Go knows no look-ahead, look-behind or other forms of '(?'")
        else:
            self.groups += 1
            number, name = self.groups, named[1] if named is not None else None
            self.at = named.end() if named is not None else self.at + 1
        body = self.either(inner)
        if not self.source.startswith(")", self.at):
            raise self.wrong("a '(' is never closed")
        self.at += 1
        return Group(body, number, name) if number else Row((body,))

    def escape(self, flags: Flags) -> Piece:
        letter = self.source[self.at + 1 : self.at + 2]
        if letter and letter in EDGES:
            self.at += 2
            return Edge(EDGES[letter])
        if letter and letter in CLASSES:
            self.at += 2
            return Letter(f"[{'^' if letter.isupper() else ''}{CLASSES[letter]}]")
        if letter in ("p", "P"):
            raise self.wrong(r"classes such as \pL are not supported; write the letters in [ ]")
        return _letter(self.escaped_letter(), flags)

    def escaped_letter(self) -> str:
        """A backslash and what follows, when together they mean one letter; as Python writes it."""
        match = ESCAPED.match(self.source, self.at)
        if match is None:
            digit = self.source[self.at + 1 : self.at + 2].isdigit()
            raise self.wrong("Go knows no references back to groups" if digit else "this backslash means nothing here")
        self.at = match.end()
        if match[5]:
            return ESCAPES[match[5]]
        if match[4]:
            return re.escape(match[4])
        code = int(match[1] or match[2] or "0", 16) if match[3] is None else int(match[3] or "0", 8)
        if code > 0x10FFFF:
            raise self.wrong("there is no such letter")
        return re.escape(chr(code)) if code > 127 else f"\\x{code:02x}"

    def set_of(self, flags: Flags) -> Piece:
        self.at += 1
        negated = self.source.startswith("^", self.at)
        self.at += negated
        parts: list[str] = []
        while not (self.source.startswith("]", self.at) and parts):
            if self.at >= len(self.source):
                raise self.wrong("a '[' is never closed")
            parts.append(self.set_part())
        self.at += 1
        return _letter(f"[{'^' if negated else ''}{''.join(parts)}]", flags)

    def set_part(self) -> str:
        posix = re.compile(r"\[:(\^?)([a-z]+):\]").match(self.source, self.at)
        if posix is not None:
            if posix[2] not in POSIX or posix[1]:
                raise self.wrong(f"{posix.group()} is not a known class")
            self.at = posix.end()
            return POSIX[posix[2]]
        letter = self.source[self.at + 1 : self.at + 2] if self.source[self.at] == "\\" else ""
        if letter and letter in "dws":
            self.at += 2
            return CLASSES[letter]
        if letter and letter in "DWS":
            self.at += 2
            return "\\" + letter
        low = self.set_letter()
        if self.source.startswith("-", self.at) and not self.source.startswith("-]", self.at):
            self.at += 1
            high = self.set_letter()
            if re.fullmatch(f"[{low}]", high) is None and _code(low) > _code(high):
                raise self.wrong("the range runs backwards")
            return f"{low}-{high}"
        return low

    def set_letter(self) -> str:
        if self.at >= len(self.source):
            raise self.wrong("a '[' is never closed")
        if self.source[self.at] == "\\":
            return self.escaped_letter()
        self.at += 1
        letter = self.source[self.at - 1]
        return "\\" + letter if letter in r"[]^-&~|\\" else letter


def _code(python: str) -> int:
    letter = python.removeprefix("\\")
    if letter.startswith("x") and len(letter) == 3:
        return int(letter[1:], 16)
    return ord({"n": "\n", "t": "\t", "r": "\r", "f": "\f"}.get(letter, letter) if python.startswith("\\") else letter)


def _letter(python: str, flags: Flags) -> Letter:
    return Letter(f"(?i:{python})" if flags.fold else python)


def _switch(flags: Flags, switch: re.Match[str]) -> None:
    for letters, value in ((switch[1], True), ((switch[2] or "")[1:], False)):
        flags.fold = value if "i" in letters else flags.fold
        flags.lines = value if "m" in letters else flags.lines
        flags.dot_all = value if "s" in letters else flags.dot_all
        flags.lazy = value if "U" in letters else flags.lazy
