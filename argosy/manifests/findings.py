"""A mistake in a manifest, in words: where it is, what was found there, and what to write instead."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

Json: TypeAlias = Any
Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake: where, and what was found and what to write instead."""

    path: Path
    text: str


def dotted(path: Path) -> str:
    """``spec.templates[2].container``; a key that is no plain name is quoted: ``labels["a.b"]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.replace("-", "_").isidentifier():
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part, ensure_ascii=False)}]"
    return text


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'image'?``, or nothing if no known word is near."""
    import difflib  # needed only when something is wrong

    by_folded = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), by_folded, n=1, cutoff=0.6)
    return f"; did you mean '{by_folded[near[0]]}'?" if near else ""


def shown(value: Any) -> str:
    """A value as a person wrote it, cut to a length that fits a line."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def kind_of(value: Any) -> str:
    """The JSON type of a value in words, with the value where it is short."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return f"the boolean {shown(value)}"
    if isinstance(value, int | float):
        return f"the number {shown(value)}"
    if isinstance(value, str):
        return f"the text {shown(value)}"
    return "a list" if isinstance(value, list) else "an object"


def object_expected(value: Any, keys: Iterable[str]) -> str:
    """What to say where an object is needed and something else stands."""
    some = ", ".join(list(keys)[:4])
    return f"must be an object (with fields such as {some}), but is {kind_of(value)}"


BARE_WORDS = "YAML 1.1 reads y, n, yes, no, on and off as booleans"
_EXPECTED = {
    "string_type": "text", "int_type": "a whole number", "float_type": "a number", "bool_type": "true or false",
    "list_type": "a list", "dict_type": "an object", "int_from_float": "a whole number",
}


def explain(path: Path, detail: Any, keys: Iterable[str]) -> Finding:
    """One of pydantic's errors in words."""
    kind, value = detail["type"], detail["input"]
    last = path[-1] if path else ""
    if kind == "extra_forbidden":
        return Finding(path, f"unknown field '{last}'{did_you_mean(str(last), keys)}")
    if kind == "missing":
        return Finding(path, "is required")
    if kind == "string_type" and isinstance(value, bool | int | float):
        written = f" ({BARE_WORDS})" if isinstance(value, bool) else ""
        return Finding(path, f'must be text, but is {kind_of(value)}; write it in quotes: "{shown(value)}"{written}')
    if kind == "list_type" and isinstance(value, str):
        words = value.split() if last == "command" else [value]
        return Finding(path, f"must be a list, but is {kind_of(value)}; write {shown(words)}")
    if kind in _EXPECTED:
        return Finding(path, f"must be {_EXPECTED[kind]}, but is {kind_of(value)}")
    if kind == "literal_error":
        return Finding(path, f"must be {detail['ctx']['expected']}, but is {kind_of(value)}")
    if kind == "invalid_key":
        return Finding(path[:-1], f"has the key {shown(value)}, which is not text; write it in quotes")
    return Finding(path, detail["msg"])
