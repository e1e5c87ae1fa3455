"""Finds in a manifest what is known and yet does nothing: fields without effect, retired ones, keys in the wrong case."""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from argosy.errors import Problem
from argosy.manifests.findings import Json, Path, dotted
from argosy.manifests.model import Model, keys_of, model_at, spelled

Table: TypeAlias = Mapping[str, Mapping[str, str]]  # a model's name -> its key -> what a person should know


def unused(model: type[Model], tree: Json, table: Table) -> list[Problem]:
    """A warning for each key of the tree that the table names, that is retired, or that is written in another case."""
    return [Problem(dotted(path), text, severity="warning") for path, text in _walk(model, tree, table, ())]


def _walk(model: type[Model], tree: Json, table: Table, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(tree, list):
        for at, element in enumerate(tree):
            yield from _walk(model, element, table, (*path, at))
        return
    if not isinstance(tree, dict):
        return
    without_effect = table.get(model.__name__, {})
    for written, value in tree.items():
        if value is None or not isinstance(written, str):
            continue
        here = (*path, written)
        if written in model.retired:
            yield here, model.retired[written]
            continue
        key = spelled(model, written)
        if key is None:
            continue
        if key != written:
            yield here, f"write '{key}': upper and lower case are the same to Argo, but not to everybody"
        if key in without_effect and _says_something(value):
            yield here, without_effect[key]
        inner = model_at(model, key)
        if inner is None:
            continue
        if is_mapping(model, key) and isinstance(value, dict):
            for name, entry in value.items():
                yield from _walk(inner, entry, table, (*here, name))
        else:
            yield from _walk(inner, value, table, here)


def is_mapping(model: type[Model], key: str) -> bool:
    """Whether a key's value is a mapping of names to models."""
    return isinstance(model.model_fields[keys_of(model)[key]].default, dict)


def _says_something(value: Json) -> bool:
    return value not in (False, "", [], {})
