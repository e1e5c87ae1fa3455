"""The words, numbers, quoted texts and marks that `when` and sensor filters are made of."""

import re
from dataclasses import dataclass
from typing import Any

from argosy.expressions.errors import ExpressionError

MAX_LENGTH = 1_000_000
SPACE = re.compile(r"\s*")
NUMBER = re.compile(r"0[xX][0-9A-Fa-f]+|[\d.]+")
WORD = re.compile(r"(?:[^\W_]|\\.)(?:\w|\\.)*", re.DOTALL)
QUOTED = re.compile(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)\"""", re.DOTALL)
NAMED = re.compile(r"\[((?:[^\]\\]|\\.)*)\]", re.DOTALL)
MARK = re.compile(r"\|\||&&|==|!=|<=|>=|=~|!~|<<|>>|\*\*|\?\?|[-+*/%&|^~!<>?:(),]")
ESCAPE = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Token:
    """One piece: kind is word, text, number, truth, mark or end."""

    kind: str
    value: Any
    start: int
    end: int


def read_tokens(source: str) -> list[Token]:
    """Cut the source into tokens; the last one has kind `end`."""
    if len(source) > MAX_LENGTH:
        raise ExpressionError(source[:100], 0, 100, f"is longer than {MAX_LENGTH} characters")
    tokens: list[Token] = []
    at = SPACE.match(source, 0).end()  # type: ignore[union-attr]  # `\s*` always matches
    while at < len(source):
        token = _token(source, at)
        tokens.append(token)
        at = SPACE.match(source, token.end).end()  # type: ignore[union-attr]  # `\s*` always matches
    tokens.append(Token("end", None, len(source.rstrip()), len(source.rstrip())))
    return tokens


def _token(source: str, at: int) -> Token:
    letter = source[at]
    if (match := NUMBER.match(source, at)) is not None:
        return _number(source, match)
    if (match := WORD.match(source, at)) is not None:
        return _word(match)
    if letter in "'\"":
        match = QUOTED.match(source, at)
        if match is None:
            raise ExpressionError(source, at, len(source), f"this {letter} is never closed; add another {letter}")
        inner = match[1] if match[1] is not None else match[2]
        return Token("text", ESCAPE.sub(r"\1", inner), at, match.end())
    if letter == "[":
        match = NAMED.match(source, at)
        if match is None:
            raise ExpressionError(source, at, len(source), "this '[' is never closed; add a ']'")
        return Token("word", ESCAPE.sub(r"\1", match[1]), at, match.end())
    match = MARK.match(source, at)
    if match is None:
        hint = "; write ==" if letter == "=" else '; put text that holds it in quotes (")'
        raise ExpressionError(source, at, at + 1, f"'{letter}' is not understood here{hint}")
    return Token("mark", match.group(), at, match.end())


def _number(source: str, match: re.Match[str]) -> Token:
    text = match.group()
    try:
        value = float(int(text, 16)) if text[:2] in ("0x", "0X") else float(text)
    except (ValueError, OverflowError):
        hint = 'if it is text, put it in quotes (")'
        raise ExpressionError(source, match.start(), match.end(), f"'{text}' is not a number; {hint}") from None
    return Token("number", value, match.start(), match.end())


def _word(match: re.Match[str]) -> Token:
    text = match.group()
    if text in ("true", "false"):
        return Token("truth", text == "true", match.start(), match.end())
    if text in ("in", "IN"):
        return Token("mark", "in", match.start(), match.end())
    return Token("word", ESCAPE.sub(r"\1", text), match.start(), match.end())
