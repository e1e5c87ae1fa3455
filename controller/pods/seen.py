"""What a Pod's status means for its node: the phase, the message, the exit code and what was handed over.

Phases and messages follow Argo Workflows' reading of pods: the main container's fate decides, a sidecar that was killed
does not fail the step, and a step whose outputs could not be gathered ends in Error. What the user's program did is
Failed; what the cluster did to it (evicted, preempted, its node gone) is Error and marked as `lost`, so that a
retryStrategy with any policy tries again, as it would with Argo, which calls both Failed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from argosy.clock import from_rfc3339
from controller.engine.contract import NodePhase, Observation, Outputs, PodGone, PodSeen
from controller.pods.assignment import ASSIGNMENT_ANNOTATION, Assignment, Handover
from controller.pods.manifest import MAIN, NODE_ID_ANNOTATION

Tree = Mapping[str, Any]

_DEADLINE = "DeadlineExceeded"
_DEADLINE_MESSAGE = "Pod was active on the node longer than the specified deadline"
_LOST_REASONS = frozenset({  # what a kubelet writes into status.reason when a pod fails through no fault of its own
    "Evicted", "NodeLost", "Preempted", "Preempting", "Shutdown", "Terminated", "NodeShutdown", "NodeAffinity",
    "UnexpectedAdmissionError", "AdmissionError",
})
_REJECTED = "OutOf"  # OutOfcpu, OutOfmemory, OutOfpods: the node was full by the time the pod came to it
_UNKNOWN_CONTAINER = "ContainerStatusUnknown"  # the node came back and the container was not there any more
_TOLD_TO_END = (137, 143)  # SIGKILL, SIGTERM
_ON_THE_WAY = ("ContainerCreating", "PodInitializing")


@dataclass(frozen=True, slots=True)
class _Verdict:
    phase: NodePhase
    message: str = ""
    lost: bool = False


def node_id_of(pod: Tree) -> str:
    """The node that this pod runs, or "" where it is none of ours."""
    return str((pod["metadata"].get("annotations") or {}).get(NODE_ID_ANNOTATION, ""))


def read_pod(pod: Tree) -> PodSeen:
    """What the engine should know of this pod."""
    status = pod.get("status") or {}
    statuses = {item["name"]: item for item in status.get("containerStatuses") or []}
    ended = _ended(statuses.get(MAIN) or {})
    assignment = _assignment_of(pod)
    handover = Handover.from_json(ended.get("message") or "") if ended and assignment else None
    verdict = _judge(pod, ended, handover, told=handover is not None or assignment is None)
    return PodSeen(
        node_id=node_id_of(pod),
        phase=verdict.phase,
        message=verdict.message,
        exit_code=ended.get("exitCode") if ended else None,
        outputs=_outputs(assignment, handover),
        started_at=_time(status.get("startTime")),
        finished_at=_time(ended.get("finishedAt")) if verdict.phase not in ("Pending", "Running") else None,
        ip=status.get("podIP") or "",
        host=(pod.get("spec") or {}).get("nodeName") or "",
        daemon_ready=verdict.phase == "Running" and bool(statuses) and all(
            item.get("ready") for item in statuses.values()),
        lost=verdict.lost,
    )


def read_gone(pod: Tree) -> tuple[Observation, ...]:
    """What the engine should know of a pod that is gone, from the status it had last."""
    seen = read_pod(pod)
    disruption = _disruption(pod.get("status") or {})
    if seen.phase == "Running" and disruption:
        return (replace(seen, phase="Error", message=disruption, lost=True),)
    return (seen, PodGone(seen.node_id))


def _time(text: Any) -> float | None:
    return from_rfc3339(text) if text else None


def _ended(container: Tree) -> Tree:
    found: Tree = (container.get("state") or {}).get("terminated") or {}
    return found


def _judge(pod: Tree, ended: Tree, handover: Handover | None, *, told: bool) -> _Verdict:
    """The pod's phase; `told` says that nothing which the pod should hand over is still to come."""
    status = pod.get("status") or {}
    match "Succeeded" if told and _has_done_all(pod) else status.get("phase") or "Pending":
        case "Succeeded":
            return _Verdict("Error", handover.error) if handover and handover.error else _Verdict("Succeeded")
        case "Failed":
            return _judge_failure(pod, ended, handover)
        case "Running":
            return _Verdict("Running")
        case "Pending":
            return _Verdict("Pending", _waiting_reason(status))
        case other:  # Unknown: its node cannot be reached
            return _Verdict("Error", f"Unexpected pod phase for {pod['metadata'].get('name')}: {other}", lost=True)


def _has_done_all(pod: Tree) -> bool:
    """Whether every container has ended well: the kubelet says so a second before it gives the pod its phase."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    wanted = (pod.get("spec") or {}).get("containers") or []
    return (0 < len(wanted) == len(statuses) and all(_ended(item).get("exitCode") == 0 for item in statuses)
            and "deletionTimestamp" not in pod["metadata"])


def _judge_failure(pod: Tree, ended: Tree, handover: Handover | None) -> _Verdict:
    status = pod["status"]
    by_cluster = _done_by_cluster(pod, ended)
    if by_cluster is not None:
        return by_cluster
    if status.get("reason") == _DEADLINE:
        return _Verdict("Failed", status.get("message") or _DEADLINE_MESSAGE)
    for item in _plain_init_statuses(pod):
        if (init_ended := _ended(item)).get("exitCode"):
            return _Verdict("Failed", f"{item['name']}: {_end_text(init_ended)}")
    if not ended:
        return _never_ended(pod)
    if handover and not handover.started:  # what had to be there before the command could not be brought
        return _Verdict("Error", handover.error)
    if ended.get("exitCode", 0) != 0:
        return _Verdict("Failed", f"{MAIN}: {_end_text(ended)}")
    if handover and handover.error:
        return _Verdict("Error", handover.error)
    return _judge_sidecars(status)


def _done_by_cluster(pod: Tree, ended: Tree) -> _Verdict | None:
    """The verdict on a failed pod that the cluster, or somebody who deleted it, brought down."""
    status = pod["status"]
    reason = status.get("reason") or ""
    if reason in _LOST_REASONS or reason.startswith(_REJECTED):
        return _Verdict("Error", (status.get("message") or f"pod lost: {reason}").strip(), lost=True)
    if ended and ended.get("exitCode", 0) == 0:
        return None  # main had done its work by then
    if reason != _DEADLINE and (disruption := _disruption(status)):
        return _Verdict("Error", disruption, lost=True)
    if ended.get("reason") == _UNKNOWN_CONTAINER:
        return _Verdict("Error", f"{MAIN}: {_end_text(ended)}", lost=True)
    killed = not ended or ended.get("exitCode") in _TOLD_TO_END
    if pod["metadata"].get("deletionTimestamp") and killed and reason != _DEADLINE:
        return _Verdict("Error", "pod deleted")
    return None


def _disruption(status: Tree) -> str:
    """Why the cluster takes the pod away (preempted, drained, tainted, its node removed), or "" where it does not."""
    for condition in status.get("conditions") or ():
        if condition.get("type") == "DisruptionTarget" and condition.get("status") == "True":
            return f"pod lost: {_joined(condition.get('reason'), condition.get('message')) or 'disrupted'}"
    return ""


def _plain_init_statuses(pod: Tree) -> Iterable[Tree]:
    """Statuses of init containers without the native sidecars, which are told to end and may say so."""
    native = {item["name"] for item in (pod.get("spec") or {}).get("initContainers") or ()
              if item.get("restartPolicy") == "Always"}
    return (item for item in pod["status"].get("initContainerStatuses") or () if item["name"] not in native)


def _never_ended(pod: Tree) -> _Verdict:
    """The pod failed and nobody saw its main container end."""
    status, metadata = pod["status"], pod["metadata"]
    if status.get("message"):
        return _Verdict("Failed", status["message"])
    containers = status.get("containerStatuses") or []
    for item in containers:
        waiting = (item.get("state") or {}).get("waiting")
        if waiting:
            why = _joined(waiting.get("reason"), waiting.get("message"))
            return _Verdict("Error", f"Pod failed before {item['name']} container starts due to {why}", lost=True)
    if not containers:
        text = f"can't find failed message for pod {metadata.get('name')} namespace {metadata.get('namespace')}"
        return _Verdict("Error", text, lost=True)
    return _Verdict("Error", "pod failed: main container did not complete successfully", lost=True)


def _judge_sidecars(status: Tree) -> _Verdict:
    """Main did well; a sidecar that failed by itself, rather than by being told to end, fails the step."""
    for item in status.get("containerStatuses") or ():
        ended = _ended(item)
        if item["name"] != MAIN and ended.get("exitCode", 0) not in (0, *_TOLD_TO_END):
            return _Verdict("Failed", f"{item['name']}: {_end_text(ended)}")
    return _Verdict("Succeeded")


def _end_text(ended: Tree) -> str:
    text = f"{ended.get('reason') or 'Error'} (exit code {ended.get('exitCode')})"
    message = ended.get("message") or ""
    own_words = message if message and Handover.from_json(message) is None else ""
    return f"{text}: {own_words.strip()}" if own_words else text


def _waiting_reason(status: Tree) -> str:
    """What keeps the pod from starting: a container's trouble first, then the scheduler's, then where it has got to."""
    waits = [(item.get("state") or {}).get("waiting") or {} for item in (
        *(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or []))]
    for waiting in waits:
        if waiting.get("reason") and waiting["reason"] not in _ON_THE_WAY:
            return _joined(waiting["reason"], waiting.get("message"))
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return _joined(condition.get("reason"), condition.get("message"))
    return next((_joined(waiting["reason"], waiting.get("message")) for waiting in waits if waiting.get("reason")), "")


def _joined(*parts: str | None) -> str:
    return ": ".join(part for part in parts if part)


def _assignment_of(pod: Tree) -> Assignment | None:
    """What was to be done around the main command; None also where somebody has spoilt the annotation."""
    text = (pod["metadata"].get("annotations") or {}).get(ASSIGNMENT_ANNOTATION)
    try:
        return Assignment.from_json(text) if text else None
    except ValueError:
        return None


def _outputs(assignment: Assignment | None, handover: Handover | None) -> Outputs:
    if assignment is None or handover is None:
        return Outputs()
    kept = set(handover.artifacts)
    return Outputs(
        result=handover.result,
        parameters=handover.parameters,
        artifacts=tuple(
            {"name": item.name, "path": item.path, "s3": {"key": item.key}, "archive": {item.archive: {}}}
            for item in assignment.artifacts_out if item.name in kept
        ),
    )
