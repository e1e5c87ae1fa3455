"""Where checks write down what they find."""

import re
from collections.abc import Iterator
from typing import Any

from argosy.errors import Problem
from argosy.manifests.findings import dotted
from argosy.placeholders.parts import Formula, Tag, parts_of

_FIELD_NAME = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*")
_VALUE_NAME = re.compile(r"[-a-zA-Z0-9_]+")
_AMOUNT = r"(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h)"
_DURATION = re.compile(rf"[-+]?(?:\d+|(?:{_AMOUNT})+)")


class Report:
    """The problems found so far."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def error(self, path: str, text: str) -> None:
        """Something that must be changed."""
        self.problems.append(Problem(path, text))

    def warn(self, path: str, text: str) -> None:
        """Something that may surprise."""
        self.problems.append(Problem(path, text, severity="warning"))

    def unique_names(self, names: list[str], path: str, *, of_values: bool = False) -> None:
        """Names must be there, be well formed and differ. `path` has a place for the index: ``spec.templates[{}]``."""
        seen: dict[str, int] = {}
        for at, name in enumerate(names):
            here = path.format(at) + ".name"
            if not name:
                self.error(here, "is required; write 'name: ...'")
                continue
            self.well_formed(name, here, of_values=of_values)
            if name in seen:
                self.error(here, f"'{name}' is already the name of {path.format(seen[name])}; names must be unique")
            seen.setdefault(name, at)

    def well_formed(self, name: str, path: str, *, of_values: bool = False) -> None:
        """A name's characters and length."""
        plain = "".join("x" if isinstance(part, Tag | Formula) else part for part in parts_of(name))
        if of_values:
            if not _VALUE_NAME.fullmatch(plain):
                self.error(path, f"'{name}' may hold only letters, digits, '-' and '_'")
            return
        if not _FIELD_NAME.fullmatch(plain):
            self.error(path, f"'{name}' may hold only letters, digits and '-', and must begin with a letter or digit")
        elif len(name) > 128:
            self.error(path, f"is {len(name)} characters long; 128 are allowed")

    def duration(self, text: str, path: str) -> None:
        """Seconds, or Go's form of a duration."""
        if text and "{{" not in text and not _DURATION.fullmatch(text):
            self.error(path, f"'{text}' is no duration; write seconds, or a text such as 30s, 5m or 1h30m")


def is_filled_later(text: str) -> bool:
    """Whether the text holds a placeholder, so that its value is not known yet."""
    return any(not isinstance(part, str) for part in parts_of(text))


def placeholders(tree: Any, path: str) -> Iterator[tuple[str, Tag | Formula]]:
    """Every placeholder within a tree, and where it stands."""
    todo: list[tuple[tuple[str | int, ...], Any]] = [((), tree)]
    while todo:
        inside, value = todo.pop()
        if isinstance(value, dict):
            todo += [((*inside, key), entry) for key, entry in value.items()]
        elif isinstance(value, list):
            todo += [((*inside, at), entry) for at, entry in enumerate(value)]
        elif isinstance(value, str) and "{{" in value:
            here = _joined(path, dotted(inside))
            for part in parts_of(value):
                if not isinstance(part, str):
                    yield from ((here, one) for one in _flat(part))


def _joined(path: str, inner: str) -> str:
    return path + inner if inner.startswith("[") else f"{path}.{inner}" if inner else path


def _flat(part: Tag | Formula) -> Iterator[Tag | Formula]:
    inner = [one for one in part.inner if isinstance(one, Tag)] if isinstance(part, Tag) else []
    if not inner:
        yield part
    for one in inner:
        yield from _flat(one)
