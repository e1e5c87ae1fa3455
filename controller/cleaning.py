"""Which ended pods may be deleted (``podGC``), and when a finished workflow goes itself (``ttlStrategy``). Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from argosy.clock import from_rfc3339
from controller.engine.durations import parse_duration
from controller.engine.moves import SETTLED, WORKFLOW_ENDED
from controller.pods.seen import node_id_of

Tree = Mapping[str, Any]

DEFAULT_DELAY_SECONDS = 5.0  # as Argo's: time for whoever follows a log to read its end
_WITH_THE_POD = ("OnPodCompletion", "OnPodSuccess")
_WITH_THE_WORKFLOW = ("OnWorkflowCompletion", "OnWorkflowSuccess")
_POD_ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class EndedPod:
    """As much of a pod that has ended as its deletion needs."""

    namespace: str
    name: str
    uid: str
    phase: str
    labels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, pod: Tree) -> "EndedPod | None":
        """The pod, if it has ended."""
        metadata, phase = pod["metadata"], (pod.get("status") or {}).get("phase")
        if phase not in _POD_ENDED:
            return None
        return cls(metadata["namespace"], metadata["name"], metadata["uid"], phase, metadata.get("labels") or {})


@dataclass(frozen=True, slots=True)
class Cleaning:
    """A workflow's ``podGC``."""

    strategy: str
    delay_seconds: float = DEFAULT_DELAY_SECONDS
    selector: Tree = field(default_factory=dict)

    @classmethod
    def read(cls, spec: Tree) -> "Cleaning | None":
        """What the spec asks for; None where no pod is to be deleted. A delay that cannot be read is the usual one."""
        given = object_in(spec, "podGC")
        if given.get("strategy") not in (*_WITH_THE_POD, *_WITH_THE_WORKFLOW):
            return None
        try:
            delay = max(0.0, parse_duration(given.get("deleteDelayDuration") or f"{DEFAULT_DELAY_SECONDS:.0f}s"))
        except ValueError:
            delay = DEFAULT_DELAY_SECONDS
        return cls(given["strategy"], delay, given.get("labelSelector") or {})

    @property
    def waits_for_workflow(self) -> bool:
        """Whether nothing is deleted before the workflow is over."""
        return self.strategy in _WITH_THE_WORKFLOW

    def takes(self, pod: EndedPod, *, workflow_phase: str) -> bool:
        """Whether this pod is to go, the workflow being in that phase."""
        match self.strategy:
            case "OnPodCompletion":
                due = True
            case "OnPodSuccess":
                due = pod.phase == "Succeeded"
            case "OnWorkflowCompletion":
                due = workflow_phase in WORKFLOW_ENDED
            case _:
                due = workflow_phase == "Succeeded"
        return due and selects(self.selector, pod.labels)


def selects(selector: Tree, labels: Mapping[str, str]) -> bool:
    """Whether a label selector (``matchLabels``, ``matchExpressions``) takes these labels; an empty one takes all."""
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_holds(condition, labels) for condition in selector.get("matchExpressions") or ())


def _holds(condition: Tree, labels: Mapping[str, str]) -> bool:
    value, values = labels.get(condition.get("key", "")), condition.get("values") or ()
    match condition.get("operator"):
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    return False  # an operator that nobody knows selects nothing, so nothing is deleted by mistake


class EndedPods:
    """The ended pods of a workflow that runs: those whose node's end is written down may go as its podGC says."""

    def __init__(self) -> None:
        self._waiting: dict[str, EndedPod] = {}  # by node id
        self._known = False
        self.cleaning: Cleaning | None = None

    def note(self, pod: Tree) -> None:
        """A pod was seen."""
        if self._known and self.cleaning is None:
            return
        ended = EndedPod.of(pod)
        if ended is not None:
            self._waiting[node_id_of(pod)] = ended

    def take(self, spec: Tree, status: Tree) -> Iterator[EndedPod]:
        """The pods that may go now that `status` is saved; each is told once."""
        phase = status.get("phase") or ""
        if not self._known:
            if not phase:
                return  # the spec in force is not known before the workflow has begun
            self._known, self.cleaning = True, Cleaning.read(spec)
            if self.cleaning is None:
                self._waiting.clear()
        if self.cleaning is None or (self.cleaning.waits_for_workflow and phase not in WORKFLOW_ENDED):
            return
        nodes = status.get("nodes") or {}
        for node_id, pod in list(self._waiting.items()):
            if (nodes.get(node_id) or {}).get("phase") in SETTLED:
                del self._waiting[node_id]
                if self.cleaning.takes(pod, workflow_phase=phase):
                    yield pod


def spec_in_force(workflow: Tree) -> Tree:
    """The spec that a Workflow object runs by: with what its WorkflowTemplate adds, once that is known."""
    return object_in(workflow.get("status") or {}, "storedWorkflowTemplateSpec") or object_in(workflow, "spec")


def object_in(tree: Tree, key: str) -> Tree:
    """The object under `key`; an empty one where there is none: a workflow that was refused may hold anything there."""
    found = tree.get(key)
    return found if isinstance(found, Mapping) else {}


def expires_at(workflow: Tree) -> float | None:
    """When a finished workflow is to be deleted, in seconds since 1970; None where it is not finished or stays."""
    status = workflow.get("status") or {}
    phase, finished = status.get("phase"), status.get("finishedAt")
    if phase not in WORKFLOW_ENDED or not finished:
        return None
    strategy = object_in(spec_in_force(workflow), "ttlStrategy")
    particular = "secondsAfterSuccess" if phase == "Succeeded" else "secondsAfterFailure"
    for name in (particular, "secondsAfterCompletion"):
        if strategy.get(name) is not None:
            try:
                return from_rfc3339(finished) + float(strategy[name])
            except (TypeError, ValueError):
                return None  # what cannot be read deletes nothing
    return None
