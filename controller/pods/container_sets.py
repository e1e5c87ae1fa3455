"""Container sets: several main containers in one pod, each started once those that it depends on have ended well.

The order travels on the Pod as an annotation, for whoever runs the pod and for whoever reads its status.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from argosy.errors import SpecError
from controller.engine.durations import parse_duration

SET_ANNOTATION = "argosy.dev/container-set"
NOT_STARTED = 64  # the exit code of a container that did not start, because one that it depends on failed

Tree = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """When a container of a set runs: after those named, and again so many times if its command fails."""

    container: str
    after: tuple[str, ...] = ()
    retries: int = 0
    wait_seconds: float = 0.0


def turns_of(template: Tree) -> tuple[Turn, ...]:
    """The turns of a template's container set; none where it is no such template. Raises SpecError."""
    work = template.get("containerSet")
    if not work:
        return ()
    strategy = work.get("retryStrategy") or {}
    try:
        retries = int(str(strategy.get("retries") or 0))
        wait = parse_duration(str(strategy["duration"])) if strategy.get("duration") else 0.0
    except ValueError as error:
        raise SpecError("containerSet.retryStrategy", f"cannot be read: {error}") from error
    if retries < 0:
        raise SpecError("containerSet.retryStrategy.retries", f"is {retries}; write how often to try again, such as 2")
    return tuple(Turn(item["name"], tuple(item.get("dependencies") or ()), retries, wait) for item in work["containers"])


def containers_of_set(template: Tree) -> list[dict[str, Any]]:
    """The containers of a set as a Pod has them, with the mounts that they share."""
    work = template["containerSet"]
    shared = list(work.get("volumeMounts") or ())
    found = []
    for item in work["containers"]:
        container = {key: value for key, value in item.items() if key != "dependencies"}
        mounts = [*(item.get("volumeMounts") or ()), *shared]
        found.append({**container, **({"volumeMounts": mounts} if mounts else {})})
    return found


def turns_to_json(turns: tuple[Turn, ...]) -> str:
    """The annotation's text."""
    return orjson.dumps([asdict(turn) for turn in turns]).decode()


def turns_from(pod: Tree) -> tuple[Turn, ...]:
    """The turns that a Pod's annotation tells; none where it is no container set, or somebody has spoilt the annotation."""
    text = (pod["metadata"].get("annotations") or {}).get(SET_ANNOTATION)
    if not text:
        return ()
    try:
        return tuple(Turn(str(item["container"]), tuple(map(str, item["after"])), int(item["retries"]),
                          float(item["wait_seconds"])) for item in orjson.loads(text))
    except (ValueError, TypeError, KeyError):
        return ()
