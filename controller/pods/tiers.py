"""The lowest of three tiers that a step can run in: as written, under the small executor, or with help beside it."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from controller.pods.assignment import Assignment


class Tier(IntEnum):
    """How much is put around a step's command; a higher tier costs more at the start of the pod."""

    PLAIN = 0  # the user's containers as written: exit code and reason come from the container's status
    WRAPPED = 1  # the executor starts the command, keeps its result, reads output files, writes scripts, ends sidecars
    HELPED = 2  # artifacts come and go, or the step works on Kubernetes objects


def tier_of(template: Mapping[str, Any], assignment: Assignment | None) -> Tier:
    """The lowest tier that does all this template needs. `assignment` is what `work.build_assignment` found for the pod."""
    if template.get("resource") or template.get("data"):
        return Tier.HELPED
    if assignment is not None and (assignment.artifacts_in or assignment.artifacts_out):
        return Tier.HELPED
    if assignment is not None or template.get("sidecars") or template.get("containerSet"):
        return Tier.WRAPPED
    return Tier.PLAIN
