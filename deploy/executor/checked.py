#!/usr/bin/env python3
"""Puts run-time safety checks into every function of a Zig source text, so that a build for size keeps them.

Zig's ReleaseSafe checks everything but optimizes for speed, and the TLS of its library alone then fills the executor's
whole budget. ReleaseSmall is half that size but checks nothing. `@setRuntimeSafety(true)` as a function's first statement
gives both: this module writes it into the sources that read what strangers send.
"""

import re
import sys
from pathlib import Path

_CHECK = " @setRuntimeSafety(true);"
_TOKEN = re.compile(
    r"""//[^\n]*                      # a comment
      | \\\\[^\n]*                    # a line of a multi-line string
      | "(?:\\.|[^"\\\n])*"           # a string
      | '(?:\\.|[^'\\\n])*'           # a character
      | @?[A-Za-z_][A-Za-z0-9_]*      # a word
      | @"(?:\\.|[^"\\\n])*"          # a quoted name
      | \S                            # anything else, one character at a time
    """,
    re.VERBOSE,
)
_PAIRS = {"(": ")", "{": "}", "[": "]"}
_TYPE_WITH_BRACES = {"error", "struct", "union", "enum", "opaque", "switch"}


def with_checks(source: str) -> str:
    """The same source with checks on in every function that has a body."""
    tokens = [match for match in _TOKEN.finditer(source) if not match[0].startswith(("//", "\\\\"))]
    places = []
    for index, token in enumerate(tokens[:-2]):
        if token[0] == "fn" and tokens[index + 2][0] == "(" and not _naked(tokens, index):
            body = _body(tokens, _past(tokens, index + 2))
            if body is not None:
                places.append(tokens[_last_fixed(tokens, body)].end())
    for place in reversed(places):
        source = source[:place] + _CHECK + source[place:]
    return source


def _naked(tokens: list[re.Match[str]], index: int) -> bool:
    """Whether the function's header says that it has no prologue: nothing may be put into such a one."""
    return any(token[0] == "naked" for token in tokens[index:index + 40])


def _last_fixed(tokens: list[re.Match[str]], body: int) -> int:
    """The last token that must stay in front: the opening brace, or the end of a branch hint that follows it."""
    return _past(tokens, body + 2) if tokens[body + 1][0] == "@branchHint" else body


def _past(tokens: list[re.Match[str]], index: int) -> int:
    """The token behind the bracket that closes the one at `index`."""
    waiting = []
    while True:
        text = tokens[index][0]
        if text in _PAIRS:
            waiting.append(_PAIRS[text])
        elif waiting and text == waiting[-1]:
            waiting.pop()
        index += 1
        if not waiting:
            return index


def _body(tokens: list[re.Match[str]], index: int) -> int | None:
    """The brace that opens the body, behind a return type that may hold braces of its own; None for a mere declaration."""
    type_opens = False
    while index < len(tokens):
        text = tokens[index][0]
        if text == ";":
            return None
        if text == "{":
            if not type_opens:
                return index
            index, type_opens = _past(tokens, index), False
            continue
        if text in _PAIRS:
            index = _past(tokens, index)
            continue
        type_opens = text in _TYPE_WITH_BRACES or (type_opens and text not in ("!", "."))
        index += 1
    return None


if __name__ == "__main__":
    sys.stdout.write(with_checks(Path(sys.argv[1]).read_text()))
