"""When pods may be made before the status that names them is saved, and how a new process catches up with such pods. Pure.

A save writes a whole status, so one before each new pod would cost the square of a large workflow. It is not needed where
everything that a new pod rests on can be read again: the successful ends of pods that still exist (none is deleted before
its end is saved), on top of what was saved last. Then whoever comes after a crash finds a pod whose node the saved status
does not know, and works out again how that came to be:

- it takes in the successes first, and of all other pods only that they exist, for failures, deadlines and people's wishes
  may let less begin than had begun;
- it does so as of the time when the last of them was made;
- a pod that exists shows that it, and all around it, had been let in by every limit on what runs at once;
- only then does it look at all the rest.

Whatever else happened since the last save (a failure, a timer, an answer, a wish, a hook ...) is saved before it is acted
upon, for it stands nowhere else, or what follows from it depends on the order in which things were seen.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from argosy.clock import from_rfc3339
from controller.engine.contract import Changes, Observation, PodSeen, Wish
from controller.engine.moves import FAILED
from controller.pods.manifest import NODE_NAME_ANNOTATION
from controller.pods.seen import node_id_of

Tree = Mapping[str, Any]

_CALM = frozenset({"Pending", "Running", "Succeeded"})
_ANSWERED_FROM_OUTSIDE = frozenset({"Suspend", "HTTP", "Plugin"})


def can_be_read_again(seen: Iterable[Observation], changes: Changes, nodes: Mapping[str, Tree]) -> bool:
    """Whether all that the engine was told, and all that it made of that, follows from pods which still exist."""
    return (not changes.delete and not changes.needs and not any(pod.attempt for pod in changes.create)
            and all(_is_calm(each) for each in seen)
            and all(_follows_from_pods(nodes[key]) for key in changes.changed_nodes))


def _is_calm(seen: Observation) -> bool:
    if isinstance(seen, PodSeen):
        return seen.phase in _CALM
    return isinstance(seen, Wish) and not seen.suspend and not seen.shutdown


def _follows_from_pods(node: Tree) -> bool:
    if node["phase"] in FAILED or node.get("daemoned") or node["type"] in _ANSWERED_FROM_OUTSIDE:
        return False
    flags = node.get("nodeFlag") or {}
    return not flags.get("hooked") and not (flags.get("retried") and not node["name"].endswith("(0)"))


def unknown_pods(pods: Iterable[Tree], nodes: Mapping[str, Tree]) -> list[Tree]:
    """The pods whose nodes the saved status does not know."""
    return [pod for pod in pods if node_id_of(pod) not in nodes]


def names_of(pods: Iterable[Tree]) -> list[str]:
    """The names of their nodes."""
    return [str((pod["metadata"].get("annotations") or {}).get(NODE_NAME_ANNOTATION, "")) for pod in pods]


def without_wishes(workflow: Tree) -> dict[str, Any]:
    """The workflow as if nobody had asked it to stop or to pause."""
    spec = {key: value for key, value in (workflow.get("spec") or {}).items() if key not in ("suspend", "shutdown")}
    return {**workflow, "spec": spec}


def evidence(seen: Iterable[Observation]) -> list[PodSeen]:
    """What pods prove of the past: their successes, and of all others that they exist."""
    pods = (each for each in seen if isinstance(each, PodSeen))
    return [pod if pod.phase == "Succeeded" else PodSeen(pod.node_id, "Pending") for pod in pods]


def time_of(unknown: Iterable[Tree], status: Tree, *, now: float) -> float:
    """When the last of the unknown pods was made, and not before the last thing that the status tells of."""
    moments = [pod["metadata"].get("creationTimestamp") or "" for pod in unknown]
    moments.append(status.get("startedAt") or "")
    for node in (status.get("nodes") or {}).values():
        moments += (node.get("startedAt") or "", node.get("finishedAt") or "")
    latest = max(moments)
    return min(now, from_rfc3339(latest)) if latest else now


def running_pod_nodes(status: Tree) -> Iterable[str]:
    """Ids of the nodes whose pod had been seen running when the status was saved."""
    for node_id, node in (status.get("nodes") or {}).items():
        if node.get("type") in ("Pod", "HTTP") and node.get("phase") == "Running":
            yield node_id
