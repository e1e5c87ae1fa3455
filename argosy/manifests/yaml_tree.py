"""YAML text becomes JSON trees, exactly as kubectl reads it, within bounds whatever the text.

The parser's events are turned into dicts and lists with a stack of our own: PyYAML's composer recurses in C and dies
of deeply nested text. Aliases are copied, and counted, so that a few lines cannot fill the memory.
"""

import base64
import binascii
import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from argosy.manifests.findings import Json, Path
from argosy.manifests.yaml_scalars import float_text, plain_scalar, through_json
from argosy.manifests.yaml_words import in_words

MOST_CHARACTERS = 8 << 20
DEEPEST = 100
MOST_VALUES = 1_000_000
_MOST_COPIES = 20_000  # values that aliases may add, beyond ten for each value written
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_ABSENT: Any = object()


class YamlError(Exception):
    """Text that is not YAML, or not what a manifest may be; `line` counts from 1."""

    def __init__(self, line: int, text: str) -> None:
        self.line, self.text = line, text
        super().__init__(f"line {line}: {text}")


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a value stands, and how it was written if it is a scalar; `key` is how its key was written."""

    line: int
    written: str | None = None
    key: str | None = None


@dataclass(slots=True)
class _Open:
    """A mapping or sequence that has begun and not ended."""

    value: dict[str, Json] | list[Json]
    line: int
    anchor: str | None
    begun_at: int  # how many values there were when it began
    levels: int = 1  # how deep what it holds is nested, itself included
    key: str = _ABSENT
    key_written: str | None = None
    key_line: int = 0
    merged: list[Json] = field(default_factory=list)
    is_merging: bool = False


def read_documents(text: str, *, marks: list[dict[Path, Mark]] | None = None) -> list[Json]:
    """All documents of the text; `marks` (slower) is filled with one table of places for each. Raises YamlError."""
    if len(text) > MOST_CHARACTERS:
        raise YamlError(1, f"is larger than {MOST_CHARACTERS >> 20} MiB; split it into several files")
    documents: list[Json] = []
    tree = _Tree()
    try:
        for event in _events(text):
            if isinstance(event, yaml.DocumentStartEvent):
                tree = _Tree(marks={} if marks is not None else None)
            elif isinstance(event, yaml.DocumentEndEvent):
                documents.append(tree.root)
                if marks is not None:
                    marks.append(tree.marks or {})
            else:
                tree.take(event)
    except yaml.YAMLError as error:
        raise in_words(error, text, YamlError) from None
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise YamlError(line, "holds half of a surrogate pair, which is no character") from None
    return documents


def _events(text: str) -> Iterator[Any]:
    return iter(yaml.parse(text, Loader=_LOADER))


class _Tree:
    """One document as it grows."""

    def __init__(self, *, marks: dict[Path, Mark] | None = None) -> None:
        self.root: Json = None
        self.marks = marks
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Json, int, int]] = {}  # value, how many values it is, how many levels
        self._values = 0
        self._copies = 0  # how many of the values stand there by alias

    def take(self, event: Any) -> None:
        """Let one of the parser's events grow the tree."""
        take: Callable[[_Tree, Any], None] | None = _TAKE.get(type(event))
        if take is not None:
            take(self, event)

    def scalar(self, event: Any) -> None:
        line = event.start_mark.line + 1
        self._count(1, line)
        value = _scalar_value(event, line)
        if event.anchor:
            self._anchors[event.anchor] = (value, 1, 0)
        self._add(value, line, event.value)

    def begin(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if len(self._open) >= DEEPEST:
            raise YamlError(line, f"is nested more than {DEEPEST} levels deep")
        self._count(1, line)
        kind: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._open.append(_Open(kind, line, event.anchor, self._values))

    def end(self, _event: Any) -> None:
        done = self._open.pop()
        for merged in done.merged:
            assert isinstance(done.value, dict)
            for key, value in merged.items():
                done.value.setdefault(key, value)
        if done.anchor:
            self._anchors[done.anchor] = (done.value, self._values - done.begun_at + 1, done.levels)
        self._add(done.value, done.line, None, levels=done.levels)

    def alias(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if event.anchor not in self._anchors:
            raise YamlError(line, f"uses *{event.anchor}, but nothing before it is marked &{event.anchor}")
        value, size, levels = self._anchors[event.anchor]
        self._copies += size
        if self._copies > _MOST_COPIES + 10 * (self._values - self._copies):
            raise YamlError(line, f"*{event.anchor} repeats so much that the document would grow without end")
        if len(self._open) + levels > DEEPEST:
            raise YamlError(line, f"is nested more than {DEEPEST} levels deep")
        self._count(size, line)
        self._add(copy.deepcopy(value), line, None, levels=levels)

    def _add(self, value: Json, line: int, written: str | None, *, levels: int = 0) -> None:
        """Put a finished value where it belongs: a key, a key's value, an element, or the document itself."""
        if not self._open:
            self.root = value
            self._mark((), Mark(line, written))
            return
        parent = self._open[-1]
        parent.levels = max(parent.levels, levels + 1)
        if isinstance(parent.value, list):
            self._mark((len(parent.value),), Mark(line, written))
            parent.value.append(value)
        elif parent.is_merging:
            parent.merged += _mappings(value, line)
            parent.is_merging = False
        elif parent.key is _ABSENT:
            self._key(parent, value, line, written)
        else:
            self._mark((parent.key,), Mark(parent.key_line, written, parent.key_written))
            parent.value[parent.key] = value
            parent.key = _ABSENT

    def _key(self, parent: _Open, value: Json, line: int, written: str | None) -> None:
        if value == "<<" and written == "<<":
            parent.is_merging = True
            return
        key = _key_text(value, line)
        if key in parent.value:
            raise YamlError(line, f"the key '{key}' is there twice; remove or rename one of them")
        parent.key, parent.key_written, parent.key_line = key, written, line

    def _mark(self, last: Path, mark: Mark) -> None:
        if self.marks is None:
            return
        outer = tuple(
            len(frame.value) if isinstance(frame.value, list) else frame.key for frame in self._open[:-1])
        self.marks[outer + last] = mark

    def _count(self, more: int, line: int) -> None:
        self._values += more
        if self._values > MOST_VALUES:
            raise YamlError(line, f"holds more than {MOST_VALUES:,} values; split it into several documents")


_TAKE: dict[type, Callable[[_Tree, Any], None]] = {
    yaml.ScalarEvent: _Tree.scalar, yaml.AliasEvent: _Tree.alias,
    yaml.MappingStartEvent: _Tree.begin, yaml.SequenceStartEvent: _Tree.begin,
    yaml.MappingEndEvent: _Tree.end, yaml.SequenceEndEvent: _Tree.end,
}


def _scalar_value(event: Any, line: int) -> Json:
    text: str = event.value
    tag = event.tag
    if tag is None or tag == "!":
        value: Json = plain_scalar(text) if event.implicit[0] and tag is None else text
    elif tag == _TAG + "binary":
        value = _decoded(text, line)
    elif tag in (_TAG + "int", _TAG + "float", _TAG + "bool", _TAG + "null"):
        value = plain_scalar(text)
    else:
        value = text
    if isinstance(value, float) and not math.isfinite(value):
        raise YamlError(line, f"{text} is a number that JSON cannot hold; write it in quotes if it is meant as text")
    if tag == _TAG + "float" and isinstance(value, float):
        return through_json(value)
    return value


def _decoded(text: str, line: int) -> str:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        raise YamlError(line, "is marked !!binary, but is not base64 of UTF-8 text") from None


def _key_text(value: Json, line: int) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return float_text(value)
    found = "empty" if value is None else "a list" if isinstance(value, list) else "an object"
    hint = "; put {{...}} in quotes" if isinstance(value, dict) else ""
    raise YamlError(line, f"a key must be text, but is {found}{hint}")


def _mappings(value: Json, line: int) -> list[Json]:
    several = value if isinstance(value, list) else [value]
    if not all(isinstance(one, dict) for one in several):
        raise YamlError(line, "<< must be followed by a mapping, or a list of mappings")
    return several
