"""``podSpecPatch``: what a workflow and its template lay over the finished pod spec, as YAML or JSON text.

The text is a strategic merge patch: lists of named things (containers, volumes, env) are merged by name, everything
else is replaced. The workflow's patch goes first, the template's on top of it. What it says of the containers that
Argo adds to every pod concerns nothing here.
"""

from collections.abc import Iterable
from typing import Any

from argosy.errors import SpecError
from argosy.kube.contract import BadRequest
from argosy.kube.strategic_merge import strategically_merged

_ADDED_BY_ARGO = {"containers": "wait", "initContainers": "init"}


def patched_spec(pod_spec: dict[str, Any], texts: Iterable[str | None]) -> dict[str, Any]:
    """`pod_spec` with every patch laid over it, in order. Raises SpecError for a text that is no such patch."""
    for text in texts:
        if text:
            pod_spec = _with_patch(pod_spec, text)
    return pod_spec


def _with_patch(pod_spec: dict[str, Any], text: str) -> dict[str, Any]:
    try:
        result = strategically_merged(pod_spec, _read(text))
    except BadRequest as error:
        raise SpecError("podSpecPatch", str(error)) from error
    if not result.get("containers"):
        raise SpecError("podSpecPatch", "leaves the pod without containers; patch a container by its name, such as main")
    for field, foreign in _ADDED_BY_ARGO.items():
        for container in result.get(field) or ():
            if not container.get("name"):
                raise SpecError("podSpecPatch", f"an item of {field} has no name; name the container that it is meant for")
        if field in result:
            result[field] = [item for item in result[field] if item["name"] != foreign or "image" in item]
    return result


def _read(text: str) -> dict[str, Any]:
    from argosy.manifests.yaml_tree import YamlError, read_documents  # late: few workflows have a patch

    try:
        documents = [tree for tree in read_documents(text) if tree is not None]
    except YamlError as error:
        raise SpecError("podSpecPatch", f"cannot be read as YAML: {error}") from error
    if not documents:
        return {}
    if len(documents) > 1 or not isinstance(documents[0], dict):
        raise SpecError("podSpecPatch", 'must be one mapping of pod fields, such as {"terminationGracePeriodSeconds": 5}')
    return documents[0]
