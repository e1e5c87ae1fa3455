"""The lowest of three tiers that a step can run in: as written, under the small executor, or with help beside it."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from controller.pods.assignment import Assignment
from controller.pods.container_sets import turns_of


class Tier(IntEnum):
    """How much is put around a step's command; a higher tier costs more at the start of the pod."""

    PLAIN = 0  # the user's containers as written: exit code and reason come from the container's status
    # The executor starts the command, keeps its result, reads output files, writes scripts, ends sidecars, and hands on
    # the signal of a deadline: a shell that is a container's first process does not heed it.
    WRAPPED = 1
    HELPED = 2  # artifacts come and go, or the step works on Kubernetes objects


def tier_of(template: Mapping[str, Any], assignment: Assignment | None, *, timed: bool = False) -> Tier:
    """The lowest tier that does all this template needs. `assignment` is what `work.build_assignment` found for the pod.

    A pod that is `timed` has a deadline; it is wrapped for that alone only if its command need not be looked up.
    """
    if template.get("resource") or template.get("http") or template.get("data"):
        return Tier.HELPED
    if assignment is not None and assignment.needs_store:
        return Tier.HELPED
    ordered = any(turn.after or turn.retries for turn in turns_of(template))
    ends_in_time = timed and bool((template.get("container") or {}).get("command"))
    if assignment is not None or template.get("sidecars") or ordered or ends_in_time:
        return Tier.WRAPPED
    return Tier.PLAIN
