"""Cuts an expression into names, numbers, texts and marks."""

import re
from typing import Any, NamedTuple

from argosy.expressions.errors import ExpressionError
from argosy.expressions.limits import MAX_SOURCE


class Token(NamedTuple):
    """One piece of an expression: kind is name, number, text, mark or end."""

    kind: str
    value: Any
    start: int
    end: int


LEXER = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<name>[^\W\d]\w*|\$\w+)
    |(?P<number>0[xX][0-9A-Fa-f_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*(?:\.(?!\.)[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?[\d_]+)?)
    |(?P<text>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`[^`]*`)
    |(?P<mark>\?\?|\?\.|\.\.|\|\||&&|==|!=|<=|>=|\*\*|::|[-+*/%^<>!?.,;:=|()\[\]{}\#])""",
    re.VERBOSE | re.DOTALL,
)
WORD_MARKS = frozenset(("and", "or", "not", "in", "matches", "contains", "startsWith", "endsWith", "let", "if", "else"))
ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([0-7]{3})|(.))", re.DOTALL)
SIMPLE_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


def tokens(source: str) -> list[Token]:
    """The pieces in order; the last has kind `end`."""
    if len(source) > MAX_SOURCE:
        raise ExpressionError(source[:100], 0, 100, f"is longer than {MAX_SOURCE} letters")
    found: list[Token] = []
    at = 0
    for match in LEXER.finditer(source):
        start, end = match.span()
        if start != at:
            raise _stray(source, at)
        at = end
        kind = match.lastgroup
        if kind == "name":
            word = match.group()
            found.append(Token("mark" if word in WORD_MARKS else "name", word, start, end))
        elif kind == "mark":
            found.append(Token("mark", match.group(), start, end))
        elif kind == "text":
            found.append(Token("text", unquote(source, start, end), start, end))
        elif kind == "number":
            found.append(_number(source, start, end))
    if at != len(source):
        raise _stray(source, at)
    found.append(Token("end", "", at, at))
    return found


def unquote(source: str, start: int, end: int) -> str:
    """The text between the quotes at both ends, with its escapes read."""
    inner = source[start + 1 : end - 1]
    if "\\" not in inner or source[start] == "`":
        return inner

    def letter(match: re.Match[str]) -> str:
        code = match[1] or match[2] or match[3]
        try:
            if code or match[4]:
                return chr(int(code, 16) if code else int(match[4], 8))
        except (ValueError, OverflowError):
            pass
        else:
            if match[5] in SIMPLE_ESCAPES or match[5] in "\\'\"`?":
                return SIMPLE_ESCAPES.get(match[5], match[5])
        begin = start + 1 + match.start()
        hint = "; write \\\\ for a backslash, or put the text between backquotes"
        raise ExpressionError(source, begin, begin + len(match.group()), f"'{match.group()}' is no escape{hint}")

    return ESCAPE.sub(letter, inner)


def _number(source: str, start: int, end: int) -> Token:
    text = source[start:end].replace("_", "")
    if end < len(source) and (source[end].isalnum() or source[end] == "_"):
        hint = "; put text in quotes" if source[end].isalpha() else ""
        raise ExpressionError(source, start, end + 1, f"'{source[start : end + 1]}' is not a number{hint}")
    try:
        if text[:2].lower() in ("0x", "0o", "0b"):
            value: Any = int(text, 0)
        else:
            value = float(text) if any(mark in text for mark in ".eE") else int(text)
    except ValueError:
        raise ExpressionError(source, start, end, f"'{text[:40]}' is not a number") from None
    if isinstance(value, int) and value >= 1 << 63:
        raise ExpressionError(source, start, end, "this number is larger than 9223372036854775807; write it as 1e19")
    return Token("number", value, start, end)


def _stray(source: str, at: int) -> ExpressionError:
    letter = source[at]
    if letter in "'\"`":
        return ExpressionError(source, at, len(source), f"this {letter} is never closed; add another {letter}")
    if source.startswith("/*", at):
        return ExpressionError(source, at, len(source), "this comment is never closed; add */")
    hints = {"&": "; write && or 'and'", "~": "; write 'matches' for a regular expression", "@": "", "\\": ""}
    return ExpressionError(source, at, at + 1, f"'{letter}' is not understood here{hints.get(letter, '')}")
