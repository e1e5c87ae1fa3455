"""What an EventSource or a Sensor tells about itself: status conditions with Argo's names."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from argosy.clock import Clock, to_rfc3339
from argosy.errors import Problem
from argosy.kube.contract import Kube, KubeError, Object, Resource, Unavailable
from argosy.logs import note

log = logging.getLogger(__name__)

WARNING = "SpecWarning"  # not Argo's: a field or kind that is accepted and has no effect yet


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: `holds` is True, False, or None for Unknown."""

    type: str
    holds: bool | None
    reason: str = ""
    message: str = ""


def warnings_of(problems: Sequence[Problem]) -> list[Condition]:
    """The condition that carries all warnings, if there are any; what is told as an error is not told again."""
    errors = {problem.path for problem in problems if problem.severity == "error"}
    told = "\n".join(dict.fromkeys(
        str(problem) for problem in problems if problem.severity == "warning" and problem.path not in errors))
    return [Condition(WARNING, True, "NoEffectYet", told)] if told else []


async def tell(kube: Kube, resource: Resource, obj: Object, conditions: Sequence[Condition], *, clock: Clock) -> None:
    """Write the conditions into the object's status, unless they say what it says already.

    A status that cannot be written now is only logged: the object works or does not, whatever its status says.
    """
    meta = obj["metadata"]
    old = obj.get("status") or {}
    before = {one.get("type"): one for one in (old.get("conditions") or [])}
    now = to_rfc3339(clock.now())
    wanted = [_as_json(one, before.get(one.type), now) for one in conditions]
    status = {"conditions": wanted, "observedGeneration": meta.get("generation", 0)}
    if wanted == list(before.values()) and old.get("observedGeneration") == status["observedGeneration"]:
        return
    try:
        await kube.patch(
            resource, meta["name"], {"status": status}, namespace=meta.get("namespace", ""), subresource="status")
    except (KubeError, Unavailable) as error:
        note(log, "status not written", level=logging.WARNING, kind=resource.kind, namespace=meta.get("namespace"),
             name=meta["name"], reason=str(error))


def _as_json(condition: Condition, before: dict[str, Any] | None, now: str) -> dict[str, Any]:
    status = "Unknown" if condition.holds is None else str(condition.holds)
    tree = {"type": condition.type, "status": status, "reason": condition.reason, "message": condition.message}
    same = before is not None and all(before.get(key) == value for key, value in tree.items())
    tree["lastTransitionTime"] = before["lastTransitionTime"] if before and same else now
    return tree
