"""Output parameters read from an object: kubectl's JSONPath templates (``{.metadata.name}``), and jq filters that are paths."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from argosy.expressions import MISSING
from argosy.expressions.jsonpath import find
from controller.pods.assignment import FieldOut
from controller.resources.contract import WorkFailed

_JQ_PATH = re.compile(r"""\.|(?:\.?\[\d+\]|\.?\["[^"\\]*"\]|\.[A-Za-z_]\w*)+""")
_JQ_PART = re.compile(r"""\[(\d+)\]|\["([^"\\]*)"\]|\.([A-Za-z_]\w*)""")
_ENDS = re.compile(r"\{\s*end\s*\}")
_RANGE = re.compile(r"\{\s*range\s+([^}]*)\}")

Tree = Mapping[str, Any]


def read_fields(fields: tuple[FieldOut, ...], obj: Tree | None) -> dict[str, str]:
    """The value of each output parameter; of no object, its default or an empty text. Raises WorkFailed."""
    return {field.name: _read_field(field, obj) for field in fields}


def _read_field(field: FieldOut, obj: Tree | None) -> str:
    default = field.default or ""
    if obj is None:
        return default
    try:
        text = render_path(field.json_path, obj) if field.json_path else _run_jq(field.jq_filter, obj)
    except ValueError as error:
        raise WorkFailed(f"output parameter '{field.name}': {error}") from error
    return text or default


def render_path(template: str, data: Any) -> str:
    """A kubectl JSONPath template over `data`: text, ``{.paths}``, ``{"quoted"}`` and ``{range .items[*]}...{end}``.

    What is not there is an empty text. Raises ValueError for a template that cannot be read.
    """
    if "{" not in template:
        template = f"{{{template}}}" if template.startswith((".", "$", "[")) else f"{{.{template}}}"
    return "".join(_pieces(template, data))


def _pieces(template: str, data: Any) -> Iterator[str]:
    at = 0
    while at < len(template):
        if template[at] != "{":
            end = template.find("{", at)
            end = len(template) if end < 0 else end
            yield template[at:end]
        elif (loop := _RANGE.match(template, at)) is not None:
            inner_end, end = _range_ends(template, loop.end())
            for item in _found(loop[1].strip(), data):
                yield from _pieces(template[loop.end():inner_end], item)
        else:
            end = _closing(template, at) + 1
            yield _piece(template[at + 1:end - 1].strip(), data)
        at = end


def _piece(inner: str, data: Any) -> str:
    if inner[:1] in "\"'" and len(inner) > 1 and inner[-1] == inner[0]:
        try:
            return str(orjson.loads(f'"{inner[1:-1]}"'))
        except orjson.JSONDecodeError:
            return inner[1:-1]
    return " ".join(_text(value) for value in _found(inner, data))


def _found(path: str, data: Any) -> list[Any]:
    """All that a path finds."""
    if path in ("@", ".", "$"):
        return [data]
    whole = path if path.startswith("$") else "$" + path.removeprefix("@")
    if not whole.startswith(("$.", "$[")):
        raise ValueError(f"the path {{{path}}} is not understood; write for example {{.metadata.name}}")
    whole = whole.replace("\\.", "\0")
    if "\0" in whole:  # a dot within a key, as in .metadata.labels.app\.kubernetes\.io/name
        whole = re.sub(r"\.([^.\[\]]*\0[^.\[\]]*)", lambda part: f"['{part[1]}']".replace("\0", "."), whole)
    try:
        found = find(data, whole)
    except ValueError as error:
        if " finds no " in str(error):
            return []
        raise
    many = re.search(r"\*|\.\.|\?|[\[,:]\s*-?\d*\s*[,:]", whole) is not None
    return found if many and isinstance(found, list) else [found]


def _closing(template: str, at: int) -> int:
    """Where the brace that opens at a place is closed; quoted braces do not count."""
    quote = ""
    for place in range(at + 1, len(template)):
        letter = template[place]
        if quote:
            quote = "" if letter == quote and template[place - 1] != "\\" else quote
        elif letter in "\"'":
            quote = letter
        elif letter == "}":
            return place
    raise ValueError(f"the template {template!r} has a '{{' that is never closed")


def _range_ends(template: str, at: int) -> tuple[int, int]:
    """Where the body of a range ends, and where what follows its ``{end}`` begins."""
    depth = 1
    for mark in re.finditer(rf"{_RANGE.pattern}|{_ENDS.pattern}", template[at:]):
        depth += 1 if mark[1] is not None else -1
        if depth == 0:
            return at + mark.start(), at + mark.end()
    raise ValueError(f"the template {template!r} has a range without an {{end}}")


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else orjson.dumps(value).decode()


def _run_jq(source: str, data: Any) -> str:
    """What a jq filter that is a mere path gives: a text as it is, anything else as JSON."""
    path = source.strip()
    if not _JQ_PATH.fullmatch(path):
        raise ValueError(f"the jqFilter {source!r} is more than a path such as .status.phase, which is all that is run; "
                         "write a jsonPath, or give out the whole object with '.' and use an expression")
    value = data
    for index, quoted, name in _JQ_PART.findall(path):
        if isinstance(value, list) and index:
            value = value[int(index)] if int(index) < len(value) else None
        elif isinstance(value, dict) and not index:
            value = value.get(quoted or name)
        elif value is not None:
            raise ValueError(f"the jqFilter {source!r} asks a {type(value).__name__} for {index or quoted or name!r}")
    return "null" if value is None or value is MISSING else _text(value)
