"""What is wrong with a YAML text, in words that say what to write instead."""

from collections.abc import Callable
from typing import Any, TypeVar

_Error = TypeVar("_Error", bound=Exception)

_HINTS: tuple[tuple[str, str], ...] = (
    ("mapping values are not allowed", "a second ': ' on the line; put the value in quotes"),
    ("did not find expected key", "the indentation does not fit the lines above"),
    ("did not find expected node content", "a value is missing; a list in [ ] or an object in { } may not have ended"),
    ("did not find expected '-' indicator", "the indentation does not fit the list above; begin the line with '- '"),
    ("did not find expected ',' or ']'", "a list in [ ] does not end; close it with ']'"),
    ("did not find expected ',' or '}'",
     "an object in { } does not end; close it with '}', or put a value that begins with '{{' in quotes"),
    ("could not find expected ':'", "a key without ':'"),
    ("found unexpected end of stream", "a quoted text does not end; close the quotes"),
    ("found unexpected document indicator", "a quoted text does not end; close the quotes"),
    ("found unknown escape character", "a backslash that means nothing inside \"...\"; write \\\\ or use '...'"),
    ("did not find expected <document start>", "text after the end of the document; begin a new one with '---'"),
    ("found undefined tag handle", "a tag that is not declared; remove it, or put the value in quotes"),
    ("block sequence entries are not allowed", "a list may not begin here; put it on its own line"),
    ("exceeded maximum nesting depth", "it is nested hundreds of levels deep"),
    ("found incompatible YAML document", "a %YAML version that is not supported; remove the line"),
)


def in_words(error: Any, text: str, make: Callable[[int, str], _Error]) -> _Error:
    """A parser's error as one of ours, with line and advice."""
    if hasattr(error, "reason"):  # a ReaderError: a character that YAML forbids
        line = text.count("\n", 0, max(error.position, 0)) + 1 if isinstance(error.position, int) else 1
        return make(line, "holds a control character, which YAML does not allow; remove it")
    is_unfinished = (error.context or "").startswith("while scanning")  # then the context is where it began
    mark = (error.context_mark if is_unfinished else None) or error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    problem = str(error.problem or error)
    row = text.split("\n")[line - 1] if mark and line <= text.count("\n") + 1 else ""
    if "cannot start any token" in problem:
        return make(line, _bad_beginning(row, mark.column if mark else 0))
    hint = next((hint for begin, hint in _HINTS if problem.startswith(begin)), problem)
    if problem.startswith("did not find expected key") and mark and row[: mark.column].strip():
        hint = "text after the end of a quoted value; put all of it in quotes"
    if row.lstrip(" ").startswith("\t"):
        hint = "is indented with a tab; indent with spaces"
    return make(line, f"cannot be read as YAML: {hint}")


def _bad_beginning(row: str, column: int) -> str:
    character = row[column: column + 1]
    if character == "\t":
        return "is indented with a tab; indent with spaces"
    return f"a value may not begin with {character or 'this'}; put it in quotes"
