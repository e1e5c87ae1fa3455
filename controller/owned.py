"""Deleting what a workflow brought along, and nothing that merely has the name it would have."""

from contextlib import suppress
from typing import Any

from argosy.kube.contract import Conflict, Kube, NotFound, Object, Resource


async def delete_owned(kube: Kube, resource: Resource, name: str, workflow: Object) -> None:
    """Delete the object if it is there and belongs to this very workflow: one made anew under that name may have its like."""
    metadata: dict[str, Any] = workflow["metadata"]
    with suppress(NotFound, Conflict):  # gone already, or another has its name by now
        found = (await kube.get(resource, name, namespace=metadata["namespace"]))["metadata"]
        if any(owner.get("uid") == metadata["uid"] for owner in found.get("ownerReferences") or ()):
            await kube.delete(resource, name, namespace=metadata["namespace"], uid=found["uid"])
