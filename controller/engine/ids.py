"""What a node and its pod are called: Argo's identifiers, derived from the workflow's and the node's names alone."""

import re

MOST_PREFIX_LETTERS = 252 - 10  # of a pod's name: what is left of 253 after "-" and the hash
_BOUNDARY_SEPARATOR = re.compile(r"^(\[\d+\])?\.")


def fnv1a_32(text: str) -> int:
    """The 32-bit FNV-1a hash of `text` in UTF-8."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def node_id(workflow_name: str, node_name: str) -> str:
    """The key of a node in ``status.nodes``."""
    return workflow_name if node_name == workflow_name else f"{workflow_name}-{fnv1a_32(node_name)}"


def pod_name(workflow_name: str, node_name: str, template_name: str) -> str:
    """The name of a node's pod ("v2" of Argo's pod name formats)."""
    if node_name == workflow_name:
        return workflow_name
    prefix = f"{workflow_name}-{template_name}" if template_name else workflow_name
    return f"{prefix[:MOST_PREFIX_LETTERS]}-{fnv1a_32(node_name)}"


def pod_name_of(workflow_name: str, key: str, template_name: str) -> str:
    """The same from the node's id, which for one in thousands of millions is not that of its name alone."""
    if key == workflow_name:
        return workflow_name
    prefix = f"{workflow_name}-{template_name}" if template_name else workflow_name
    return f"{prefix[:MOST_PREFIX_LETTERS]}-{key.rpartition('-')[2]}"


def display_name(node_name: str, boundary_name: str | None) -> str:
    """The part of a node's name that is new below its boundary; without one, the whole name."""
    if boundary_name is None:
        return node_name
    return _BOUNDARY_SEPARATOR.sub("", node_name.removeprefix(boundary_name))
