"""`{{=expression}}`: the environment it needs is built from the names it reads, then it is evaluated."""

from collections.abc import Callable, Mapping
from typing import Any

from argosy.expressions.errors import ExpressionError, did_you_mean
from argosy.expressions.interpreter import evaluate
from argosy.expressions.json_reading import from_json
from argosy.expressions.reading import Path, names, paths
from argosy.expressions.rendering import go_text
from argosy.expressions.scopes import StrictMap
from argosy.placeholders.errors import PlaceholderError
from argosy.placeholders.parts import Formula

# Names that stand for a JSON text as a tag, but in an expression for a map of what lies below them.
FAMILIES = ("item", "parameters", "artifacts", "labels", "annotations")


def formula_names(formula: Formula) -> frozenset[str]:
    """The dotted names that a formula reads; none when it cannot be read, which filling it in will tell."""
    try:
        return names(formula.source)
    except ExpressionError:
        return frozenset()


def environment(source: str, scope: Mapping[str, Any]) -> StrictMap:
    """The variables that an expression reads, nested as it looks for them, from a scope of dotted names."""
    return _environment(source, scope)[0]


def calculate(formula: Formula, scope: Mapping[str, Any], keep: Callable[[str], bool]) -> str:
    """The formula's value as text."""
    try:
        env, missing = _environment(formula.source, scope)
        if any(map(keep, missing)):
            return formula.written
        value = evaluate(formula.source, env)
        if value is not None:
            return go_text(value)
    except (ExpressionError, ValueError) as error:
        raise PlaceholderError(formula.written, f"{_short(formula.written)}: {error}") from None
    if any(keep(".".join(path)) for path in paths(formula.source)):
        return formula.written
    raise PlaceholderError(formula.written, f"{_short(formula.written)} gives nil; use  x ?? 'default'")


def _environment(source: str, scope: Mapping[str, Any]) -> tuple[StrictMap, list[str]]:
    """The environment, and the names for which there was nothing."""
    env = StrictMap(lambda name: _hint(name, scope))
    missing: list[str] = []
    for path in paths(source):
        if not _provide(env, path, scope):
            missing.append(".".join(path))
            _level(env, path[:-1])
    return env, missing


def _short(written: str) -> str:
    line = " ".join(written.split())
    return line if len(line) <= 80 else line[:77] + "..."


def _hint(name: str, scope: Mapping[str, Any]) -> str:
    """What may have been meant, written as an expression writes it: names with '-' need brackets."""
    longer = next((key for key in scope if key.startswith(name + "-")), None)
    near = did_you_mean(name, scope) if longer is None else f"'{longer}'"
    ahead, _, last = near[near.find("'") + 1 : near.rfind("'")].rpartition(".")
    return f"; write  {ahead}['{last}']" if ahead and not last.isidentifier() else near


def _provide(env: StrictMap, path: Path, scope: Mapping[str, Any]) -> bool:
    """Put into the environment what a path reads; whether there was anything."""
    whole = ".".join(path)
    if path[-1] in FAMILIES or whole not in scope:
        below = _below(whole, scope)
        for key in below:
            _put(env, (*path, *key[len(whole) + 1 :].split(".")), scope[key])
        if below:
            return True
    for length in range(len(path), 0, -1):
        name = ".".join(path[:length])
        if name in scope and (length == len(path) or not (path[length - 1] in FAMILIES and isinstance(scope[name], str))):
            _put(env, path[:length], scope[name])
            return True
    return False


def _below(name: str, scope: Mapping[str, Any]) -> list[str]:
    """The known names below a name. Its JSON text tells them; only without one the whole scope is gone through."""
    if name not in scope:
        return [key for key in scope if key.startswith(name + ".")]
    value = scope[name]
    if not isinstance(value, str) or not value.startswith(("{", "[")):
        return []
    try:
        found = from_json(value)
    except ValueError:
        return []
    parts = [part.get("name") for part in found if isinstance(part, dict)] if isinstance(found, list) else found
    return [f"{name}.{part}" for part in parts if f"{name}.{part}" in scope]


def _put(env: StrictMap, path: Path, value: Any) -> None:
    level = _level(env, path[:-1])
    if not isinstance(level.get(path[-1]), StrictMap):
        level[path[-1]] = value


def _level(env: StrictMap, path: Path) -> StrictMap:
    """The map at a path, made where it is missing."""
    level = env
    for part in path:
        below = level.get(part)
        if not isinstance(below, StrictMap):
            below = level[part] = StrictMap(env.hint)
        level = below
    return level
