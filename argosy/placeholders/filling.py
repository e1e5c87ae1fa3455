"""Puts values in the place of placeholders, in one pass over the parsed tree, byte for byte."""

from collections.abc import Callable, Mapping
from typing import Any

from argosy.placeholders.errors import PlaceholderError
from argosy.placeholders.parts import OPEN, Formula, Part, Tag, parts_of

MAX_DEPTH = 200
Keep = Callable[[str], bool]


def never(_tag: str) -> bool:
    """Keep no placeholder."""
    return False


def fill(tree: Any, scope: Mapping[str, Any], *, keep: Keep = never) -> Any:
    """The tree with every placeholder replaced; parts without one are shared with the tree that came in.

    A value is never looked at again: one that holds `{{x}}` stays as it is. `keep` says which unknown names are left
    in place for a later pass.
    """
    return _fill(tree, scope, keep, MAX_DEPTH)


def tags(tree: Any) -> frozenset[str]:
    """Every dotted name that the tree's placeholders read."""
    found: set[str] = set()
    _gather(tree, found, MAX_DEPTH)
    return frozenset(found)


def _fill(tree: Any, scope: Mapping[str, Any], keep: Keep, depth: int) -> Any:
    if isinstance(tree, str):
        return _text(tree, scope, keep) if OPEN in tree else tree
    if isinstance(tree, dict):
        if not depth:
            raise _too_deep()
        return _fill_members(tree, scope, keep, depth - 1)
    if isinstance(tree, list):
        if not depth:
            raise _too_deep()
        items = [_fill(item, scope, keep, depth - 1) for item in tree]
        return tree if all(map(_same, items, tree)) else items
    return tree


def _fill_members(tree: dict[Any, Any], scope: Mapping[str, Any], keep: Keep, depth: int) -> dict[Any, Any]:
    changed = False
    members: dict[Any, Any] = {}
    for key, value in tree.items():
        name = _text(key, scope, keep) if isinstance(key, str) and OPEN in key else key
        filled = _fill(value, scope, keep, depth) if isinstance(value, str | dict | list) else value
        changed = changed or filled is not value or name is not key
        members[name] = filled
    return members if changed else tree


def _same(one: Any, other: Any) -> bool:
    return one is other


def _too_deep() -> PlaceholderError:
    return PlaceholderError("", f"the manifest is nested more than {MAX_DEPTH} levels deep")


def _text(text: str, scope: Mapping[str, Any], keep: Keep) -> str:
    out = [part if isinstance(part, str) else _value(part, scope, keep) for part in parts_of(text)]
    return out[0] if len(out) == 1 else "".join(out)


def _value(part: Tag | Formula, scope: Mapping[str, Any], keep: Keep) -> str:
    if isinstance(part, Formula):
        from argosy.placeholders.formulas import calculate

        return calculate(part, scope, keep)
    name = part.name
    if part.inner:
        if any(isinstance(piece, Tag) and piece.name not in scope and keep(piece.name) for piece in part.inner):
            return part.written
        name = "".join(piece if isinstance(piece, str) else _value(piece, scope, keep) for piece in part.inner)
    value = scope.get(name)
    if isinstance(value, str):
        return value
    if value is None:
        return _absent(part, name, scope, keep)
    from argosy.expressions.rendering import go_text

    return go_text(value)


def _absent(part: Tag, name: str, scope: Mapping[str, Any], keep: Keep) -> str:
    if keep(name):
        return part.written
    if name in scope:
        text = f"{part.written} has no value: what it names was skipped or left out, and has no default"
        raise PlaceholderError(name, text)
    from argosy.expressions.errors import did_you_mean

    raise PlaceholderError(name, f"{part.written} is not known here{did_you_mean(name, scope)}")


def _gather(tree: Any, found: set[str], depth: int) -> None:
    if isinstance(tree, str):
        if OPEN in tree:
            for part in parts_of(tree):
                _gather_part(part, found)
    elif isinstance(tree, dict | list):
        if not depth:
            raise _too_deep()
        if isinstance(tree, dict):
            for key in tree:
                _gather(key, found, depth - 1)
        for item in tree.values() if isinstance(tree, dict) else tree:
            _gather(item, found, depth - 1)


def _gather_part(part: Part, found: set[str]) -> None:
    if isinstance(part, Formula):
        from argosy.placeholders.formulas import formula_names

        found.update(formula_names(part))
    elif isinstance(part, Tag):
        if not part.inner:
            found.add(part.name)
        for piece in part.inner:
            _gather_part(piece, found)
