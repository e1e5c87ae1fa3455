"""Whether an object may be run at all, and how one that may not is told so on the object itself."""

from typing import Any

from argosy.clock import to_rfc3339
from argosy.errors import Problem, SpecErrors, Unavailable
from argosy.kube.contract import Conflict, Kube, Object
from argosy.kube.resources import WORKFLOWS
from controller.labels import COMPLETED_LABEL, PHASE_LABEL
from controller.sharding import Claim, is_newer

_TRIES = 5


def spec_problems(workflow: Object, *, one_machine: bool = True) -> tuple[list[Problem], list[Problem]]:
    """The errors and the warnings of a Workflow's spec.

    Templates that it refers to are not looked into: the engine asks for them when it comes to them.
    """
    from controller.spec import check_workflow, effectless, parse_workflow

    try:
        parsed = parse_workflow(workflow)
    except SpecErrors as error:
        return error.problems, []
    found = check_workflow(parsed)
    errors = [problem for problem in found if problem.severity == "error"]
    warnings = [problem for problem in found if problem.severity != "error"]
    return errors, [*warnings, *effectless(workflow, one_machine=one_machine)]


def spec_warning(warnings: list[Problem]) -> dict[str, Any]:
    """The condition that tells of fields which are known and have no effect."""
    return {"type": "SpecWarning", "status": "True", "message": "; ".join(str(problem) for problem in warnings)}


async def refuse(kube: Kube, workflow: Object, text: str, *, phase: str, now: float, claim: Claim | None = None) -> bool:
    """End a workflow in `phase` (Failed for what the user wrote, Error for all else), unless it is claimed anew.

    Returns whether it did. Raises NotFound, KubeError, Unavailable.
    """
    metadata = workflow["metadata"]
    moment = to_rfc3339(now)
    for _ in range(_TRIES):
        current = await kube.get(WORKFLOWS, metadata["name"], namespace=metadata["namespace"])
        if current["metadata"]["uid"] != metadata["uid"] or (claim is not None and is_newer(current, claim)):
            return False
        status = current.get("status") or {}
        current["status"] = {
            "startedAt": moment, **status, "phase": phase, "message": text, "finishedAt": moment,
            "conditions": [*(status.get("conditions") or []), {"type": "Completed", "status": "True"}],
        }
        labels = dict(current["metadata"].get("labels") or {})
        labels.update({PHASE_LABEL: phase, COMPLETED_LABEL: "true"})
        current["metadata"]["labels"] = labels
        try:
            await kube.replace(WORKFLOWS, current)
        except Conflict:
            continue
        return True
    raise Unavailable("somebody else writes the workflow all the time")
