"""GJSON paths: `body.commits.#(author=="ann")#.id` finds values in JSON data; what is not there is MISSING, never an error."""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

from argosy.expressions.gjson_modifiers import MODIFIERS
from argosy.expressions.gjson_queries import Query, glob, parse_query
from argosy.expressions.missing import MISSING
from argosy.expressions.quoted import closing, read_json, unescape

MAX_DEPTH = 64


def lookup(data: Any, path: str) -> Any:
    """The value at a GJSON path, or MISSING."""
    return _find(data, path, 0)


def _find(value: Any, path: str, depth: int) -> Any:
    """Follow the path one component at a time; only what needs its own path for each element goes deeper."""
    if depth > MAX_DEPTH:
        return MISSING
    rest: str | None = path
    while rest is not None:
        first = rest[:1]
        if first == "@" and (split := _modifier(rest)) is not None:
            change, argument, rest = split
            value = change(value, argument)
        elif first == "!":
            value, rest = _literal(rest)
        elif first in ("[", "{") and (end := closing(rest, 0)) is not None:
            value = _pick(value, rest[: end + 1], depth)
            rest = _after(rest, end + 1)
        elif isinstance(value, list):
            value, rest = _in_list(value, rest, depth)
        elif isinstance(value, dict):
            part, more = component(rest)
            value, rest = _member(value, part), more
        else:
            return MISSING
        if value is MISSING:
            return MISSING
    return value


def _after(path: str, at: int) -> str | None:
    """What follows the separator at a place; a component that is followed by anything else ends the path."""
    if at >= len(path):
        return None
    return path[at + 1 :] if path[at] in ".|" else path[at:]


@lru_cache(maxsize=4096)
def component(path: str) -> tuple[str, str | None]:
    """The first component, escapes still in it, and what follows its separator."""
    at, stop = 0, len(path)
    while at < stop:
        if path[at] == "\\":
            at += 1
        elif path[at] in ".|":
            return path[:at], path[at + 1 :]
        at += 1
    return path, None


def _member(value: dict[Any, Any], part: str) -> Any:
    if "*" in part or "?" in part:
        return next((item for key, item in value.items() if glob(str(key), part)), MISSING)
    return value.get(unescape(part) if "\\" in part else part, MISSING)


def _in_list(items: list[Any], path: str, depth: int) -> tuple[Any, str | None]:
    if not path.startswith("#"):
        part, rest = component(path)
        index = int(part) if part.isascii() and part.isdigit() and len(part) < 10 else len(items)
        return (items[index] if index < len(items) else MISSING), rest
    if path.startswith(("#(", "#[")):
        return _select(items, path, depth)
    if path == "#" or path[1] == "|":
        return len(items), path[2:] if len(path) > 1 else None
    if path[1] != ".":
        return MISSING, None
    each, rest = split_pipe(path[2:])
    return _each(items, each, depth), rest


def _each(items: Iterable[Any], path: str, depth: int) -> list[Any]:
    found = (_find(item, path, depth + 1) for item in items)
    return [value for value in found if value is not MISSING]


def _select(items: list[Any], path: str, depth: int) -> tuple[Any, str | None]:
    end = closing(path, 1)
    query = None if end is None else parse_query(path[2:end])
    if end is None or query is None:
        return MISSING, None
    matches = (item for item in items if query.matches(_operand(item, query, depth)))
    many = path.startswith("#", end + 1)
    at = end + (2 if many else 1)
    if not many:
        return next(matches, MISSING), _after(path, at)
    if path.startswith(".", at):
        each, rest = split_pipe(path[at + 1 :])
        return _each(matches, each, depth), rest
    return list(matches), _after(path, at)


def _operand(item: Any, query: Query, depth: int) -> Any:
    if not query.path:
        return item
    return _find(item, query.path, depth + 1) if isinstance(item, dict | list) else MISSING


def split_pipe(path: str) -> tuple[str, str | None]:
    """Cut a path at its first pipe outside brackets, where it stops being applied to each element."""
    at, stop = 0, len(path)
    while at < stop:
        letter = path[at]
        if letter == "\\":
            at += 1
        elif letter in "([{" and (end := closing(path, at)) is not None:
            at = end
        elif letter == "|":
            return path[:at], path[at + 1 :]
        at += 1
    return path, None


def _modifier(path: str) -> tuple[Callable[[Any, str], Any], str, str | None] | None:
    """The change that `@name` or `@name:argument` asks for, its argument, and the rest of the path."""
    at = 1
    while at < len(path) and path[at] not in ":.|":
        at += 1
    change = MODIFIERS.get(path[1:at])
    if change is None:
        return None
    if not path.startswith(":", at):
        return change, "", _after(path, at)
    begin = at + 1
    end = closing(path, begin) if path.startswith(("{", "[", "(", '"'), begin) else None
    if end is not None:
        return change, path[begin : end + 1], _after(path, end + 1)
    end = begin
    while end < len(path) and path[end] not in ".|":
        end += 1
    return change, path[begin:end], _after(path, end)


def _literal(path: str) -> tuple[Any, str | None]:
    value, end = read_json(path, 1)
    return value, (None if value is MISSING else _after(path, end))


def _pick(value: Any, selector: str, depth: int) -> Any:
    """`[a,b]` or `{a,"name":b}`: a new list or object of what its paths find."""
    parts = list(_selectors(selector[1:-1]))
    found = [(name, _find(value, path, depth + 1) if path else MISSING) for name, path in parts]
    if selector[0] == "[":
        return [item for _, item in found if item is not MISSING]
    return {name: item for name, item in found if item is not MISSING}


def _selectors(text: str) -> Iterator[tuple[str, str]]:
    """The names and paths between commas outside brackets and quotes."""
    begin, colon, at = 0, -1, 0
    while at <= len(text):
        letter = text[at] if at < len(text) else ","
        if letter == "\\":
            at += 1
        elif letter in '([{"' and (end := closing(text, at)) is not None:
            at = end
        elif letter == ":" and colon < 0 and "@" not in text[begin:at]:
            colon = at
        elif letter == "," and at > begin:
            yield _named(text[begin:at], colon - begin)
        if letter == ",":
            begin, colon = at + 1, -1
        at += 1


def _named(part: str, colon: int) -> tuple[str, str]:
    if colon < 0:
        return _last_name(part), part
    name = part[:colon]
    known, _ = read_json(name, 0)
    return (known if isinstance(known, str) else name), part[colon + 1 :]


def _last_name(path: str) -> str:
    name = path
    for mark in ".|":
        name = name.rsplit(mark, 1)[-1]
    plain = bool(name) and all(letter.isalnum() or letter in "_-: " for letter in name)
    return name if plain else "_"
