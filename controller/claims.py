"""The volumes that a workflow brings along: ``volumeClaimTemplates`` become claims at the start and go at the end."""

from collections.abc import Mapping
from typing import Any

from argosy.errors import SpecError, Unavailable
from argosy.kube.contract import AlreadyExists, Kube, NotFound, Object
from argosy.kube.resources import PERSISTENT_VOLUME_CLAIMS
from controller.cleaning import object_in
from controller.owned import belongs_to, delete_owned
from controller.passing import waiting_for_better
from controller.pods.manifest import WORKFLOW_LABEL, claim_name, owner_reference

_SOON_SECONDS = 0.1


async def make_claims(kube: Kube, workflow: Object, spec: Mapping[str, Any]) -> None:
    """Create the claims that are not there yet; they are owned by the workflow.

    Raises Unavailable while another claim has the name of one of them, or a quota leaves no room for it.
    """
    metadata = workflow["metadata"]
    for at, template in enumerate(spec.get("volumeClaimTemplates") or []):
        name = _name_of(template)
        if not name:
            raise SpecError(f"spec.volumeClaimTemplates[{at}].metadata.name", "is required; containers mount the volume by it")
        given = template["metadata"]
        claim: Object = {
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {
                **given, "name": claim_name(metadata["name"], name), "namespace": metadata["namespace"],
                "labels": {**(given.get("labels") or {}), WORKFLOW_LABEL: metadata["name"]},
                "ownerReferences": [owner_reference(workflow)],
            },
            "spec": template.get("spec") or {},
        }
        with waiting_for_better():
            try:
                await kube.create(PERSISTENT_VOLUME_CLAIMS, claim, namespace=metadata["namespace"])
            except AlreadyExists:
                await _check_existing(kube, claim["metadata"]["name"], workflow)


async def _check_existing(kube: Kube, name: str, workflow: Object) -> None:
    """The claim that is there already must be ours, made before, perhaps by the process that ran this workflow then.

    A pod that mounts any other would wait for ever once that one goes.
    """
    try:
        found = await kube.get(PERSISTENT_VOLUME_CLAIMS, name, namespace=workflow["metadata"]["namespace"])
    except NotFound:
        raise Unavailable(f"claim {name} went a moment ago", retry_after_seconds=_SOON_SECONDS) from None
    if found["metadata"].get("deletionTimestamp"):
        raise Unavailable(f"claim {name} is being deleted; waiting for it to go before it is made anew")
    if not belongs_to(found, workflow):
        raise Unavailable(f"claim {name} exists and belongs to somebody else; waiting for it to go")


async def delete_claims(kube: Kube, workflow: Object, spec: Mapping[str, Any], phase: str) -> None:
    """Delete the claims when the workflow is over: on success, or always with ``volumeClaimGC: OnWorkflowCompletion``."""
    strategy = object_in(spec, "volumeClaimGC").get("strategy") or "OnWorkflowSuccess"
    if strategy == "OnWorkflowSuccess" and phase != "Succeeded":
        return
    templates = spec.get("volumeClaimTemplates")
    for name in map(_name_of, templates if isinstance(templates, list) else ()):
        if name:  # else the workflow was refused for its spec
            await delete_owned(kube, PERSISTENT_VOLUME_CLAIMS, claim_name(workflow["metadata"]["name"], name), workflow)


def _name_of(template: Any) -> str:
    """The name of a claim template; empty where there is none, or this is no template."""
    name = object_in(template, "metadata").get("name") if isinstance(template, Mapping) else None
    return name if isinstance(name, str) else ""
