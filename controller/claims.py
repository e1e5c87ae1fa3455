"""The volumes that a workflow brings along: ``volumeClaimTemplates`` become claims at the start and go at the end."""

from collections.abc import Mapping
from typing import Any

from argosy.kube.contract import AlreadyExists, Kube, Object
from argosy.kube.resources import PERSISTENT_VOLUME_CLAIMS
from controller.owned import delete_owned
from controller.pods.manifest import WORKFLOW_LABEL, claim_name, owner_reference


async def make_claims(kube: Kube, workflow: Object, spec: Mapping[str, Any]) -> None:
    """Create the claims that are not there yet; they are owned by the workflow."""
    metadata = workflow["metadata"]
    for template in spec.get("volumeClaimTemplates") or []:
        claim = {
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {
                **template["metadata"], "name": claim_name(metadata["name"], template["metadata"]["name"]),
                "namespace": metadata["namespace"],
                "labels": {**(template["metadata"].get("labels") or {}), WORKFLOW_LABEL: metadata["name"]},
                "ownerReferences": [owner_reference(workflow)],
            },
            "spec": template.get("spec") or {},
        }
        try:
            await kube.create(PERSISTENT_VOLUME_CLAIMS, claim, namespace=metadata["namespace"])
        except AlreadyExists:
            continue  # made before, perhaps by the process that ran this workflow then


async def delete_claims(kube: Kube, workflow: Object, spec: Mapping[str, Any], phase: str) -> None:
    """Delete the claims when the workflow is over: on success, or always with ``volumeClaimGC: OnWorkflowCompletion``."""
    metadata = workflow["metadata"]
    strategy = (spec.get("volumeClaimGC") or {}).get("strategy") or "OnWorkflowSuccess"
    if strategy == "OnWorkflowSuccess" and phase != "Succeeded":
        return
    for template in spec.get("volumeClaimTemplates") or []:
        name = claim_name(metadata["name"], template["metadata"]["name"])
        await delete_owned(kube, PERSISTENT_VOLUME_CLAIMS, name, workflow)
