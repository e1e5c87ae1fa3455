"""Reads Go text templates: `{{ .Input.body.name | upper }}`, if, with, range, variables and trim marks."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from argosy.expressions.errors import ExpressionError
from argosy.expressions.limits import MAX_DEPTH, MAX_SOURCE

TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<text>"(?:[^"\\\n]|\\.)*"|`[^`]*`)
    |(?P<letter>'(?:[^'\\\n]|\\.)+')
    |(?P<number>[-+]?(?:0[xX][0-9A-Fa-f]+|\d[\d_]*(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+)(?![\w.]))
    |(?P<field>(?:\.[A-Za-z_]\w*)+)
    |(?P<variable>\$\w*)
    |(?P<word>[A-Za-z_]\w*)
    |(?P<mark>:=|[=|().,])""",
    re.VERBOSE,
)
OPEN, CLOSE = "{{", "}}"
BLOCKS = ("if", "with", "range")
REFUSED = ("define", "template", "block")
WORDS = {"true": True, "false": False, "nil": None}


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of an action."""

    kind: str
    value: str
    start: int
    end: int


@dataclass(slots=True)
class Operand:
    """A value: kind is constant, dot, variable, function or pipeline, followed by the fields read from it."""

    kind: str
    value: Any
    fields: tuple[str, ...]
    start: int
    end: int


@dataclass(slots=True)
class Pipeline:
    """Commands joined by `|`, whose result may be kept in variables; `declares` tells `:=` from `=`."""

    commands: list[list[Operand]]
    variables: list[str]
    declares: bool
    start: int
    end: int


@dataclass(slots=True)
class Action:
    """`{{ pipeline }}`, or `{{ break }}` and `{{ continue }}` with no pipeline."""

    kind: str
    pipeline: Pipeline | None
    start: int
    end: int


@dataclass(slots=True)
class Block:
    """`if`, `with` or `range`, its body, and what stands after `else`."""

    kind: str
    pipeline: Pipeline
    body: list["Part"] = field(default_factory=list)
    other: list["Part"] = field(default_factory=list)


Part = str | Action | Block


@dataclass(slots=True)
class _Piece:
    """Plain text, or the inside of an action with its place."""

    text: str
    start: int
    action: bool


@lru_cache(maxsize=512)
def read_template(source: str) -> list[Part]:
    """The template's parts."""
    if len(source) > MAX_SOURCE:
        raise ExpressionError(source[:100], 0, 100, f"is longer than {MAX_SOURCE} letters")
    return _Reader(source).whole()


class _Reader:
    def __init__(self, source: str) -> None:
        self.source = source
        self.pieces = _pieces(source)
        self.at = 0
        self.depth = 0
        self.ranges = 0

    def whole(self) -> list[Part]:
        parts, end = self.parts()
        if end is not None:
            raise self.error(end, f"'{end.text.split()[0]}' belongs to no if, with or range")
        return parts

    def error(self, piece: _Piece, text: str) -> ExpressionError:
        return ExpressionError(self.source, piece.start, piece.start + len(piece.text), text)

    def parts(self) -> tuple[list[Part], _Piece | None]:
        """Parts up to the `else` or `end` that closes them, which is handed back."""
        parts: list[Part] = []
        while self.at < len(self.pieces):
            piece = self.pieces[self.at]
            self.at += 1
            if not piece.action:
                parts.append(piece.text)
                continue
            word = (re.match(r"[a-z]*", piece.text) or [""])[0]
            if word in ("else", "end"):
                return parts, piece
            if word in REFUSED:
                raise self.error(piece, f"'{word}' is not supported; write the text where it is needed")
            if word in BLOCKS:
                parts.append(self.block(word, piece, piece.start + len(word)))
            elif piece.text in ("break", "continue"):
                if not self.ranges:
                    raise self.error(piece, f"'{piece.text}' stands only inside range")
                parts.append(Action(piece.text, None, piece.start, piece.start + len(piece.text)))
            else:
                end = piece.start + len(piece.text)
                parts.append(Action("print", _Line(self.source, piece.start, end).whole(), piece.start, end))
        return parts, None

    def block(self, kind: str, opening: _Piece, start: int) -> Block:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(opening, f"the template is nested more than {MAX_DEPTH} deep")
        line = _Line(self.source, start, opening.start + len(opening.text))
        block = Block(kind, line.whole(most=2 if kind == "range" else 1))
        self.ranges += kind == "range"
        block.body, end = self.parts()
        self.ranges -= kind == "range"
        if end is not None and end.text.startswith("else"):
            self.after_else(block, end)
        elif end is None:
            raise self.error(opening, f"this '{kind}' is never closed; add {{{{ end }}}}")
        self.depth -= 1
        return block

    def after_else(self, block: Block, piece: _Piece) -> None:
        match = re.fullmatch(r"else\s+(if|with)\b(.*)", piece.text, re.DOTALL)
        if match is not None:
            block.other = [self.block(match[1], piece, piece.start + match.start(2))]
            return
        if piece.text != "else":
            raise self.error(piece, "after 'else' nothing is expected, or if, or with")
        block.other, end = self.parts()
        if end is None or end.text != "end":
            raise self.error(piece, "this 'else' is never closed; add {{ end }}")


class _Line:
    """The pipeline in one action."""

    def __init__(self, source: str, start: int, end: int) -> None:
        self.source = source
        self.tokens = _tokens(source, start, end)
        self.at = 0
        self.depth = 0

    @property
    def now(self) -> Token:
        return self.tokens[self.at]

    def error(self, token: Token, text: str) -> ExpressionError:
        return ExpressionError(self.source, token.start, token.end, text)

    def sees(self, mark: str, ahead: int = 0) -> bool:
        token = self.tokens[min(self.at + ahead, len(self.tokens) - 1)]
        return token.kind == "mark" and token.value == mark

    def whole(self, most: int = 1) -> Pipeline:
        pipeline = self.pipeline(most)
        if self.now.kind != "end":
            raise self.error(self.now, f"'{self.now.value}' is not expected here")
        return pipeline

    def pipeline(self, most: int = 1) -> Pipeline:
        start = self.now.start
        variables, declares = self.variables(most)
        commands = [self.command()]
        while self.sees("|"):
            self.at += 1
            commands.append(self.command())
        for command in commands[1:]:
            if command[0].kind != "function":
                raise ExpressionError(self.source, command[0].start, command[0].end, "after '|' a function is expected")
        return Pipeline(commands, variables, declares, start, self.tokens[self.at - 1].end)

    def variables(self, most: int) -> tuple[list[str], bool]:
        names: list[str] = []
        begin = self.at
        while self.now.kind == "variable":
            names.append(self.now.value)
            self.at += 1
            if self.sees(":=") or self.sees("="):
                declares = self.sees(":=")
                if len(names) > most:
                    raise self.error(self.now, "too many variables before it")
                self.at += 1
                return names, declares
            if not self.sees(","):
                break
            self.at += 1
        self.at = begin
        return [], False

    def command(self) -> list[Operand]:
        operands: list[Operand] = []
        while self.now.kind != "end" and not self.sees("|") and not self.sees(")"):
            operands.append(self.operand())
        if not operands:
            raise self.error(self.now, "a value is missing here")
        return operands

    def operand(self) -> Operand:
        token = self.now
        self.at += 1
        kind, value, fields = token.kind, token.value, tuple[str, ...]()
        if kind == "text":
            return Operand("constant", _unquoted(self, token), (), token.start, token.end)
        if kind == "letter":
            return Operand("constant", ord(_letter(self, token)), (), token.start, token.end)
        if kind == "number":
            return Operand("constant", _number(self, token), (), token.start, token.end)
        if kind == "field":
            return Operand("dot", None, tuple(value[1:].split(".")), token.start, token.end)
        if kind == "mark" and value == ".":
            return Operand("dot", None, (), token.start, token.end)
        if kind == "word":
            if value in WORDS:
                return Operand("constant", WORDS[value], (), token.start, token.end)
            return Operand("function", value, (), token.start, token.end)
        if kind == "variable":
            return Operand("variable", value, self.fields(token), token.start, self.tokens[self.at - 1].end)
        if kind == "mark" and value == "(":
            inner = self.brackets(token)
            fields = self.fields(self.tokens[self.at - 1])
            return Operand("pipeline", inner, fields, token.start, self.tokens[self.at - 1].end)
        self.at -= 1
        raise self.error(token, f"'{value}' is not expected here")

    def brackets(self, opening: Token) -> Pipeline:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(opening, f"the template is nested more than {MAX_DEPTH} deep")
        inner = self.pipeline(0)
        self.depth -= 1
        if not self.sees(")"):
            raise self.error(opening, "this '(' is never closed; add a ')'")
        self.at += 1
        return inner

    def fields(self, before: Token) -> tuple[str, ...]:
        """The fields written directly after a variable or bracket."""
        if self.now.kind == "field" and self.now.start == before.end:
            self.at += 1
            return tuple(self.tokens[self.at - 1].value[1:].split("."))
        return ()


def _pieces(source: str) -> list[_Piece]:
    pieces: list[_Piece] = []
    at, trim = 0, False
    while (start := source.find(OPEN, at)) >= 0:
        end = _end_of_action(source, start)
        trim_before = source.startswith("-", start + 2) and source[start + 3 : start + 4].isspace()
        begin, stop = start + 2 + trim_before, end
        trim_after = source.startswith("-", end - 1) and source[end - 2 : end - 1].isspace() and end - 1 > begin
        _add_text(pieces, source[at:start], before=trim, after=trim_before)
        stop -= trim_after
        inner = source[begin:stop]
        if not inner.strip().startswith("/*"):
            lead = len(inner) - len(inner.lstrip())
            pieces.append(_Piece(inner.strip(), begin + lead, action=True))
        at, trim = end + 2, trim_after
    _add_text(pieces, source[at:], before=trim, after=False)
    return pieces


def _add_text(pieces: list[_Piece], text: str, *, before: bool, after: bool) -> None:
    text = text.lstrip(" \t\r\n") if before else text
    text = text.rstrip(" \t\r\n") if after else text
    if text:
        pieces.append(_Piece(text, 0, action=False))


def _end_of_action(source: str, start: int) -> int:
    comment = re.compile(r"\{\{(?:-\s+)?\s*/\*.*?\*/\s*-?\}\}", re.DOTALL).match(source, start)
    if comment is not None:
        return comment.end() - 2
    at = start + 2
    while at < len(source) and not source.startswith(CLOSE, at):
        letter = source[at]
        at += 1
        if letter in "\"`'":
            while at < len(source) and source[at] != letter:
                at += 2 if source[at] == "\\" and letter != "`" else 1
            at += 1
    if at >= len(source):
        raise ExpressionError(source, start, start + 2, "this '{{' is never closed; add '}}'")
    return at


def _tokens(source: str, start: int, end: int) -> list[Token]:
    found: list[Token] = []
    at = start
    while at < end:
        match = TOKEN.match(source, at, end)
        if match is None or match.lastgroup is None:
            raise ExpressionError(source, at, at + 1, f"'{source[at]}' is not understood here")
        if match.lastgroup != "space":
            found.append(Token(match.lastgroup, match.group(), at, match.end()))
        at = match.end()
    return [*found, Token("end", "}}", end, end)]


def _unquoted(line: _Line, token: Token) -> str:
    from argosy.expressions.tokens import unquote

    return unquote(line.source, token.start, token.end)


def _letter(line: _Line, token: Token) -> str:
    letter = _unquoted(line, token)
    if len(letter) != 1:
        raise line.error(token, 'single quotes hold one letter; use " for text')
    return letter


def _number(line: _Line, token: Token) -> int | float:
    digits = token.value.replace("_", "")
    try:
        return int(digits, 0) if re.fullmatch(r"[-+]?(0[xX].*|\d+)", digits) else float(digits)
    except ValueError:
        raise line.error(token, f"'{digits[:40]}' is not a number") from None
