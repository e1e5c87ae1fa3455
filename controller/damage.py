"""A status that somebody else has written, judged before a run is loaded from it: is it one that can be gone on from? Pure."""

from typing import Any

from argosy.errors import SpecError
from controller.engine.moves import NODE_MOVES, WORKFLOW_MOVES

_REMEDY = "; nobody but the controller should write it: submit the workflow anew"
_TEXTS = ("id", "name", "type")


def check_status(status: Any) -> None:
    """Raise SpecError for the first part of a Workflow's status that cannot be what a controller wrote."""
    _expect("status", status, dict)
    phase = status.get("phase") or ""
    if phase and (not isinstance(phase, str) or phase not in WORKFLOW_MOVES):
        raise SpecError("status.phase", f"is {phase!r}, which is no phase of a workflow{_REMEDY}")
    _expect("status.conditions", status.get("conditions"), list)
    for number, condition in enumerate(status.get("conditions") or ()):
        _expect(f"status.conditions[{number}]", condition, dict, optional=False)
    _expect("status.nodes", status.get("nodes"), dict)
    for key, node in (status.get("nodes") or {}).items():
        _check_node(f"status.nodes.{key}", node)


def _check_node(path: str, node: Any) -> None:
    _expect(path, node, dict, optional=False)
    for field in _TEXTS:
        if not isinstance(node.get(field), str):
            raise SpecError(f"{path}.{field}", f"must be text, but is {node.get(field)!r}{_REMEDY}")
    phase = node.get("phase") or ""
    if phase and (not isinstance(phase, str) or phase not in NODE_MOVES):
        raise SpecError(f"{path}.phase", f"is {phase!r}, which is no phase of a step{_REMEDY}")


def _expect(path: str, value: Any, kind: type, *, optional: bool = True) -> None:
    if not (isinstance(value, kind) or (value is None and optional)):
        raise SpecError(path, f"must be {'a list' if kind is list else 'an object'}, but is {value!r}{_REMEDY}")
