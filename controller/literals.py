"""Arguments of a workflow that are data: what an event or a command line brought is never read as a template. Pure.

Authors may write `value: "{{workflow.name}}"` into their manifests; a commit message that says the same must arrive as
it is. The object itself cannot tell the one from the other, so whoever lays a value over a manifest notes its name.
"""

from collections.abc import Iterable, Mapping
from typing import Any

LITERAL = "argosy.dev/literal-parameters"  # an annotation: names of arguments, separated by commas
_OPEN = "{{"


def mark(metadata: dict[str, Any], values: Mapping[str, Any]) -> None:
    """Note on a Workflow's metadata that these arguments were brought from outside; only those with braces need it."""
    names = {name for name, value in values.items() if isinstance(value, str) and _OPEN in value}
    if names:
        annotations = metadata.get("annotations") or {}
        known = filter(None, str(annotations.get(LITERAL) or "").split(","))
        metadata["annotations"] = {**annotations, LITERAL: ",".join(sorted({*known, *names}))}


def mark_changed(before: Mapping[str, Any], after: dict[str, Any]) -> None:
    """Note on the Workflow `after` which arguments have another value than they had in `before`."""
    old = _values(before)
    changed = {name: value for name, value in _values(after).items() if value != old.get(name)}
    metadata = after.get("metadata")
    if changed and isinstance(metadata, dict):
        mark(metadata, changed)


def literal_names(workflow: Mapping[str, Any]) -> frozenset[str]:
    """The arguments whose values stay as they are."""
    annotations = (workflow.get("metadata") or {}).get("annotations") or {}
    return frozenset(str(annotations.get(LITERAL) or "").split(","))


def _values(workflow: Mapping[str, Any]) -> dict[str, Any]:
    tree: Any = workflow
    for key in ("spec", "arguments", "parameters"):
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    items: Iterable[Any] = tree if isinstance(tree, list) else ()
    return {str(item.get("name")): item.get("value") for item in items if isinstance(item, Mapping)}
