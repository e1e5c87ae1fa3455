"""The nodes of a Workflow object as operations and displays see them: read in whichever form they are kept, and chosen.

They are plain in ``status.nodes``, or, when large, in ``status.compressedNodes`` (see `packing`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from argosy.errors import ArgosyError
from argosy.kube.contract import Object
from controller.packing import pack, unpack

Node = dict[str, Any]

DONE_PHASES = frozenset({"Succeeded", "Failed", "Error", "Skipped", "Omitted"})
ENDED_WORKFLOW_PHASES = frozenset({"Succeeded", "Failed", "Error"})


def phase_of(workflow: Object) -> str:
    """The workflow's phase; a workflow that no controller has looked at yet is Pending."""
    phase: str = (workflow.get("status") or {}).get("phase") or "Pending"
    return phase


def has_ended(workflow: Object) -> bool:
    """Whether the workflow has come to its end, good or bad."""
    return phase_of(workflow) in ENDED_WORKFLOW_PHASES


def read_nodes(workflow: Object) -> dict[str, Node]:
    """Every node by id, however it is stored. What somebody has put there that is no node is left out."""
    status = workflow.get("status") or {}
    packed = status.get("compressedNodes")
    nodes: Any = unpack(packed) if packed else status.get("nodes")
    return {key: node for key, node in nodes.items() if isinstance(node, dict)} if isinstance(nodes, dict) else {}


def write_nodes(workflow: Object, nodes: Mapping[str, Node]) -> None:
    """Put the nodes back in the form they came in."""
    status = workflow.setdefault("status", {})
    if status.get("compressedNodes"):
        status["compressedNodes"] = pack(orjson.dumps(nodes))
    else:
        status["nodes"] = dict(nodes)


@dataclass(frozen=True, slots=True)
class NodeSelector:
    """Which nodes are meant: every term must hold. A term is (field, ``=`` or ``!=``, value)."""

    terms: tuple[tuple[str, str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "NodeSelector":
        """``displayName=approve,phase!=Running``. Raises ArgosyError where it is no selector."""
        return cls(tuple(_term(part.strip()) for part in text.split(",") if part.strip()))

    def matches(self, node: Mapping[str, Any]) -> bool:
        """Whether all terms hold for the node."""
        return all((_field(node, name) == value) == (sign == "=") for name, sign, value in self.terms)

    def __bool__(self) -> bool:
        return bool(self.terms)


_PLAIN_FIELDS = ("displayName", "templateName", "phase", "name", "id", "type")


def _term(text: str) -> tuple[str, str, str]:
    sign = "!=" if "!=" in text else "="
    name, found, value = text.partition(sign)
    if sign == "=" and value.startswith("="):
        value = value[1:]
    name, value = name.strip(), value.strip()
    known = name in _PLAIN_FIELDS or name.startswith(("templateRef.", "inputs.parameters.", "outputs.parameters."))
    if not found or not known:
        raise ArgosyError(
            f"{text!r} selects no node; write FIELD=VALUE (or FIELD!=VALUE) with a field such as displayName, "
            "templateName, phase, name, id, templateRef.name, inputs.parameters.NAME.value")
    return name, sign, value


def _field(node: Mapping[str, Any], name: str) -> str:
    head, _, rest = name.partition(".")
    if not rest:
        return str(node.get(head, ""))
    if head == "templateRef":
        return str((node.get("templateRef") or {}).get(rest, ""))
    parameter = rest.removeprefix("parameters.").removesuffix(".value")
    for item in (node.get(head) or {}).get("parameters") or []:
        if item.get("name") == parameter:
            return str(item.get("value", ""))
    return ""
