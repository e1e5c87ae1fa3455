"""JSONPath, for the `jsonpath(text, path)` function: `$.items[?(@.age > 42)].name`.

A path that can name only one place gives the value there, and is a mistake when nothing is there; a path with a
wildcard, slice, union, filter or `..` gives the list of all that it finds.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from argosy.expressions.errors import ExpressionError, did_you_mean
from argosy.expressions.limits import check_items
from argosy.expressions.quoted import closing

NAME = re.compile(r"[^.\[\]()'\"\s]+")
SLICE = re.compile(r"\s*(-?\d{1,9})?\s*:\s*(-?\d{1,9})?\s*(?::\s*(-?\d{1,9})?\s*)?")
QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")
# In a filter `@` is the element and `$` the whole document; outside quotes they become names of the language.
FILTER_MARKS = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|/(?:[^/\\]|\\.)+/|@|\$|=~")
MAX_FOUND = 100_000


@dataclass(frozen=True, slots=True)
class Step:
    """One step: kind is key, index, wildcard, slice, union, filter or descend."""

    kind: str
    value: Any = None


def find(data: Any, path: str) -> Any:
    """What the path names in the data."""
    steps = _steps(path)
    many = False
    found = [data]
    for number, step in enumerate(steps):
        if step.kind in ("key", "index") and not many:
            found = [_only(found[0], step, path)]
            continue
        many = True
        deep = number > 0 and steps[number - 1].kind == "descend"
        found = [inner for value in found for inner in _select(value, step, data, strict=not deep)]
        check_items(len(found) * 10)
    return found if many else found[0]


def _only(value: Any, step: Step, path: str) -> Any:
    for inner in _select(value, step, None, strict=True):
        return inner
    if step.kind == "index":
        raise ValueError(f"the path {path} finds no element {step.value}")
    hint = did_you_mean(step.value, value) if isinstance(value, dict) else ""
    raise ValueError(f"the path {path} finds no '{step.value}'{hint}")


def _select(value: Any, step: Step, root: Any, *, strict: bool) -> Iterator[Any]:
    match step.kind:
        case "key":
            yield from _by_key(value, step.value, counted=strict)
        case "index":
            if isinstance(value, list) and -len(value) <= step.value < len(value):
                yield value[step.value]
        case "wildcard":
            yield from _inside(value)
        case "slice":
            if isinstance(value, list):
                yield from value[slice(*step.value)]
        case "union":
            for part in step.value:
                yield from _select(value, part, root, strict=strict)
        case "filter":
            yield from (inner for inner in _inside(value) if _passes(step.value, inner, root))
        case "descend":
            yield from _all_below(value)


def _by_key(value: Any, key: str, *, counted: bool) -> Iterator[Any]:
    if isinstance(value, dict) and key in value:
        yield value[key]
    elif key == "length" and counted and isinstance(value, dict | list | str):
        yield float(len(value))


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [value[key] for key in sorted(value)]
    return value if isinstance(value, list) else []


def _all_below(value: Any) -> list[Any]:
    """The value and everything inside it, outermost first."""
    found, waiting = [], [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict | list):
            found.append(one)
            waiting.extend(reversed(_inside(one)))
        if len(found) > MAX_FOUND:
            raise ValueError("the path finds too much")
    return found


def _passes(source: str, element: Any, root: Any) -> bool:
    from argosy.expressions.interpreter import evaluate

    try:
        result = evaluate(source, {"at_": element, "root_": root})
    except ExpressionError:
        return False  # elements of another shape do not pass; a filter that cannot be read was refused before
    return result if isinstance(result, bool) else result is not None


@lru_cache(maxsize=512)
def _steps(path: str) -> tuple[Step, ...]:
    if not path.startswith("$") or len(path) > 10_000:
        raise ValueError(f"the path '{path[:40]}' must begin with $")
    steps: list[Step] = []
    at = 1
    while at < len(path):
        if path.startswith("..", at):
            steps.append(Step("descend"))
            at += 2
            if path.startswith("[", at):
                continue
            at = _name(path, at, steps)
        elif path[at] == ".":
            at = _name(path, at + 1, steps)
        elif path[at] == "[":
            end = _end_of_brackets(path, at)
            steps.append(_bracketed(path[at + 1 : end].strip(), path))
            at = end + 1
        else:
            raise ValueError(f"the path {path} is not understood from '{path[at : at + 20]}' on")
    return tuple(steps)


def _name(path: str, at: int, steps: list[Step]) -> int:
    match = NAME.match(path, at)
    if match is None:
        raise ValueError(f"the path {path} needs a name after the dot")
    steps.append(Step("wildcard") if match.group() == "*" else Step("key", match.group()))
    return match.end()


def _end_of_brackets(path: str, start: int) -> int:
    end = closing(path.replace("'", '"'), start)
    if end is None:
        raise ValueError(f"the path {path} has a '[' that is never closed")
    return end


def _bracketed(inner: str, path: str) -> Step:
    if inner == "*":
        return Step("wildcard")
    if inner.startswith("?"):
        return Step("filter", _filter(inner[1:].strip(), path))
    match = SLICE.fullmatch(inner)
    if match is not None:
        return Step("slice", tuple(None if edge is None else int(edge) for edge in match.groups()))
    parts = _union(inner)
    if parts:
        return parts[0] if len(parts) == 1 else Step("union", tuple(parts))
    raise ValueError(f"the path {path} is not understood at [{inner}]")


def _union(inner: str) -> list[Step]:
    """The keys and indexes between commas; empty when something else is there."""
    parts: list[Step] = []
    at = 0
    while at < len(inner):
        match = QUOTED.match(inner, at) or re.compile(r"-?\d{1,9}").match(inner, at)
        if match is None:
            return []
        quoted = match.group()[0] in "'\""
        parts.append(Step("key", re.sub(r"\\(.)", r"\1", match.group()[1:-1])) if quoted else Step("index", int(match.group())))
        rest = re.compile(r"\s*(,\s*|$)").match(inner, match.end())
        if rest is None:
            return []
        at = rest.end()
    return parts


def _filter(inner: str, path: str) -> str:
    from argosy.expressions.parser import parse

    source = FILTER_MARKS.sub(_filter_mark, inner)
    try:
        parse(source)
    except ExpressionError as error:
        raise ValueError(f"the path {path} holds a filter that is not understood: {error.text}") from None
    return source


def _filter_mark(match: re.Match[str]) -> str:
    mark = match.group()
    if mark.startswith("/"):
        return "`" + mark[1:-1].replace("`", "") + "`"
    return {"@": "at_", "$": "root_", "=~": " matches "}.get(mark, mark)
