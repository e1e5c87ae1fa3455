"""Files of manifests become objects: YAML or JSON, several documents, lists; every mistake with its file and line."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from argosy.errors import Problem, SpecErrors
from argosy.manifests.findings import Json, Path, dotted, kind_of
from argosy.manifests.yaml_scalars import through_json
from argosy.manifests.yaml_tree import MOST_CHARACTERS, Mark, YamlError, read_documents


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object of a file. Lines are looked up only when somebody asks, by reading the text once more."""

    object: dict[str, Json]
    source: str = ""
    document: int = 0
    inside: Path = ()  # where in the document, for an element of a List
    _text: "_Text | None" = field(default=None, repr=False, compare=False)

    def line_of(self, path: str) -> int | None:
        """The line of a dotted path, or of the nearest place around it that is written down."""
        mark = self._mark(path_of(path))
        return mark.line if mark else None

    def placed(self, problems: Iterable[Problem]) -> list[Problem]:
        """The problems with file and line, and with a word on scalars that YAML reads otherwise than people do."""
        return [self._placed(problem) for problem in problems]

    def _placed(self, problem: Problem) -> Problem:
        path = path_of(problem.path)
        mark = self._mark(path)
        if mark is None:
            return replace(problem, source=problem.source or self.source)
        here = f"{self.source}:{mark.line}" if self.source else f"line {mark.line}"
        return replace(problem, source=here, text=_as_written(problem.text, path, mark))

    def _mark(self, path: Path) -> Mark | None:
        if self._text is None:
            return None
        marks = self._text.marks[self.document] if self.document < len(self._text.marks) else {}
        full = self.inside + path
        for length in range(len(full), -1, -1):
            if (mark := marks.get(full[:length])) is not None:
                return mark if length == len(full) else Mark(mark.line)
        return None


class _Text:
    """A file's text, kept for as long as one of its manifests is."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def marks(self) -> list[dict[Path, Mark]]:
        marks: list[dict[Path, Mark]] = []
        try:
            read_documents(self._text, marks=marks)
        except YamlError:
            return []  # JSON that is no YAML: it has been read, but its lines are not known
        return marks


def load_manifests(text: str | bytes, *, source: str = "") -> list[Manifest]:
    """The objects of a file, in order. Raises SpecErrors with file and line if it is not what kubectl would read."""
    decoded = _decoded(text, source).removeprefix("\ufeff")
    kept = _Text(decoded)
    try:
        documents = _json_documents(decoded)
        if documents is None:
            documents = read_documents(decoded)
    except YamlError as error:
        raise _refused(error.line, error.text, source) from None
    manifests = [
        manifest for number, document in enumerate(documents) if document is not None
        for manifest in _objects(Manifest(document, source, number, (), kept))
    ]
    wrong = [problem for manifest in manifests for problem in _not_an_object(manifest)]
    if wrong:
        raise SpecErrors(wrong)
    return manifests


def _refused(line: int, text: str, source: str) -> SpecErrors:
    return SpecErrors([Problem("", text, source=f"{source}:{line}" if source else f"line {line}")])


def _decoded(text: str | bytes, source: str) -> str:
    if isinstance(text, str):
        return text
    if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise _refused(1, "is UTF-16; save it as UTF-8", source)
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise _refused(line, f"is not UTF-8 (byte 0x{text[error.start]:02x}); save it as UTF-8", source) from None


def _json_documents(text: str) -> list[Json] | None:
    """The text's JSON values one after the other, or None if it is not JSON."""
    rest = text.lstrip()
    if not rest.startswith("{") or len(text) > MOST_CHARACTERS:
        return None
    decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_float, parse_constant=_no_constant)
    documents: list[Json] = []
    try:
        while rest:
            value, end = decoder.raw_decode(rest)
            documents.append(value)
            rest = rest[end:].lstrip()
    except (ValueError, RecursionError):
        return None  # the YAML reader takes it from here, and says what is wrong and where
    return documents


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        raise ValueError
    return tree


def _float(text: str) -> int | float:
    return through_json(float(text))


def _no_constant(text: str) -> Any:
    raise ValueError(text)


def _objects(manifest: Manifest) -> list[Manifest]:
    """The object itself, or the elements of a List."""
    tree: Json = manifest.object
    if not isinstance(tree, dict) or not isinstance(tree.get("items"), list):
        return [manifest]
    kind = tree.get("kind")
    if not isinstance(kind, str) or not kind.endswith("List"):
        return [manifest]
    return [replace(manifest, object=item, inside=("items", at)) for at, item in enumerate(tree["items"])]


def _not_an_object(manifest: Manifest) -> list[Problem]:
    tree: Json = manifest.object
    if not isinstance(tree, dict):
        text = f"is {kind_of(tree)}; a manifest is an object that begins with apiVersion and kind"
        return [_at(manifest, "", text)]
    found = []
    for key, example in (("apiVersion", "argoproj.io/v1alpha1"), ("kind", "Workflow")):
        value = tree.get(key)
        if value is None or value == "":
            found.append(_at(manifest, "", f"has no {key}; write one, such as '{key}: {example}'"))
        elif not isinstance(value, str):
            found.append(_at(manifest, key, f"must be text, but is {kind_of(value)}"))
    return found


def _at(manifest: Manifest, path: str, text: str) -> Problem:
    problem = manifest.placed([Problem(path, text)])[0]
    place = dotted(manifest.inside)
    return replace(problem, path=f"{place}.{path}".strip(".")) if place else problem


_PART = re.compile(r'\.?(?P<name>[^.\["\]]+)|\[(?P<index>\d+)\]|\[(?P<quoted>"(?:[^"\\]|\\.)*")\]')


def path_of(text: str) -> Path:
    """The reverse of `dotted`: ``spec.templates[2].labels["a.b"]`` as its parts."""
    parts: list[str | int] = []
    for match in _PART.finditer(text):
        if match["index"]:
            parts.append(int(match["index"]))
        else:
            parts.append(json.loads(match["quoted"]) if match["quoted"] else match["name"])
    return tuple(parts)


def _as_written(text: str, path: Path, mark: Mark) -> str:
    """A problem's text, knowing how the scalar was written: ``n`` was meant as a letter, ``1.10`` as a version."""
    last = path[-1] if path else ""
    if mark.key is not None and mark.key != last:
        return f'the key {mark.key} means {last} in YAML 1.1; write "{mark.key}" in quotes'
    if mark.written is None or not text.startswith("must be text, but is the"):
        return text
    if text.startswith("must be text, but is the boolean"):
        meaning = "true" if " true;" in text else "false"
        if mark.written.lower() != meaning:
            return f'{mark.written} means {meaning} in YAML 1.1; write "{mark.written}" in quotes'
    return f'{text.split("; write it in quotes", maxsplit=1)[0]}; write "{mark.written}" in quotes'
