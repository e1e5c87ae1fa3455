"""Deleting what a workflow brought along, and nothing that merely has the name it would have."""

from contextlib import suppress
from typing import Any

from argosy.kube.contract import Conflict, Kube, NotFound, Object, Resource


def belongs_to(found: Object, workflow: Object) -> bool:
    """Whether the object belongs to this very workflow: one made anew under that name may have its like."""
    owners = found["metadata"].get("ownerReferences") or ()
    return any(owner.get("uid") == workflow["metadata"]["uid"] for owner in owners)


async def delete_owned(kube: Kube, resource: Resource, name: str, workflow: Object) -> None:
    """Delete the object if it is there and belongs to the workflow."""
    metadata: dict[str, Any] = workflow["metadata"]
    with suppress(NotFound, Conflict):  # gone already, or another has its name by now
        found = await kube.get(resource, name, namespace=metadata["namespace"])
        if belongs_to(found, workflow):
            await kube.delete(resource, name, namespace=metadata["namespace"], uid=found["metadata"]["uid"])
