"""Laying a claim to a workflow that others may run too, and giving way to a newer one."""

from argosy.errors import Unavailable
from argosy.kube.contract import Conflict, Kube, NotFound, Object
from argosy.kube.resources import WORKFLOWS
from controller.engine.moves import WORKFLOW_ENDED
from controller.fencing import Deposed, Overtaken
from controller.passing import waiting_for_better
from controller.sharding import CLAIM_ANNOTATION, Claim, claim_on, is_newer

_TRIES_AT_ONCE = 4  # each on top of what somebody else wrote meanwhile


async def lay_claim(kube: Kube, workflow: Object, claim: Claim) -> Object:
    """`workflow` as it is once our claim is on it; where it came from another replica, only its name need be known.

    From then on whatever another replica still wants to save is a Conflict. A workflow that nobody has begun is claimed by
    its first save, before which nothing is done for it; one that is over needs no claim.
    Raises Deposed where there is a newer claim, NotFound where the workflow is gone, Unavailable where it may be laid later.
    """
    with waiting_for_better():
        return await _lay_claim(kube, workflow, claim)


async def _lay_claim(kube: Kube, workflow: Object, claim: Claim) -> Object:
    known = workflow if "spec" in workflow else await current(kube, workflow)
    for _ in range(_TRIES_AT_ONCE):
        metadata, phase = known["metadata"], (known.get("status") or {}).get("phase", "")
        if not phase or phase in WORKFLOW_ENDED or claim_on(known) == claim:
            return known
        _give_way(known, claim)
        patch = {"metadata": {"resourceVersion": metadata["resourceVersion"],
                              "annotations": {CLAIM_ANNOTATION: claim.text(metadata["uid"])}}}
        try:
            return await kube.patch(WORKFLOWS, metadata["name"], patch, namespace=metadata["namespace"])
        except Conflict:
            known = await current(kube, workflow)
    raise Unavailable("somebody else writes the workflow all the time")


async def current(kube: Kube, workflow: Object) -> Object:
    """The workflow as it stands. Raises NotFound where it is gone, or another has its name."""
    metadata = workflow["metadata"]
    found = await kube.get(WORKFLOWS, metadata["name"], namespace=metadata["namespace"])
    if found["metadata"]["uid"] != metadata["uid"]:
        raise NotFound(f"workflow {metadata['name']} was deleted and made anew")
    return found


def yield_to_others(found: Object, *, known: Object, claim: Claim) -> None:
    """Our save of `known` was refused, for the workflow is `found` by now: may we write on top of that?

    Raises Deposed where there is a newer claim, Overtaken where somebody had begun it before we had claimed it.
    """
    if claim_on(found) == claim:
        return
    _give_way(found, claim)
    if claim_on(known) != claim and (found.get("status") or {}).get("phase"):
        raise Overtaken(found)


def _give_way(workflow: Object, claim: Claim) -> None:
    if is_newer(workflow, claim):
        raise Deposed(f"another replica has claimed workflow {workflow['metadata']['name']}")
