"""Whether an object may be run at all, and how one that may not is told so on the object itself."""

from typing import Any

from argosy.clock import to_rfc3339
from argosy.errors import Problem, SpecErrors, Unavailable
from argosy.kube.contract import Conflict, Kube, Object
from argosy.kube.resources import WORKFLOWS
from controller.engine.moves import WORKFLOW_ENDED
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


async def refuse(
    kube: Kube, workflow: Object, text: str, *, phase: str, now: float, claim: Claim | None = None,
) -> Object | None:
    """End a workflow in `phase` (Failed for what the user wrote, Error for all else), unless it is claimed anew.

    Returns it as it is then: an end that it had come to before stays. None where it is another's by now.
    Raises NotFound, KubeError, Unavailable.
    """
    metadata = workflow["metadata"]
    for _ in range(_TRIES):
        current = await kube.get(WORKFLOWS, metadata["name"], namespace=metadata["namespace"])
        if current["metadata"]["uid"] != metadata["uid"] or (claim is not None and is_newer(current, claim)):
            return None
        status = current.get("status")
        if isinstance(status, dict) and str(status.get("phase")) in WORKFLOW_ENDED:
            return current
        try:
            return await kube.replace(WORKFLOWS, _ended(current, text, phase=phase, moment=to_rfc3339(now)))
        except Conflict:
            continue
    raise Unavailable("somebody else writes the workflow all the time")


def _ended(workflow: Object, text: str, *, phase: str, moment: str) -> Object:
    """The workflow in its last phase. What it holds besides may be the very reason, so nothing is taken for granted."""
    status = workflow.get("status")
    kept = status if isinstance(status, dict) else {}
    conditions = kept.get("conditions")
    metadata = workflow["metadata"]
    return {
        **workflow,
        "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), PHASE_LABEL: phase, COMPLETED_LABEL: "true"}},
        "status": {
            "startedAt": moment, **kept, "phase": phase, "message": text, "finishedAt": moment,
            "conditions": [*(conditions if isinstance(conditions, list) else ()), {"type": "Completed", "status": "True"}],
        },
    }
