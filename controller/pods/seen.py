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
from controller.engine.contract import ContainerSeen, NodePhase, Observation, Outputs, PodGone, PodSeen
from controller.pods.assignment import (
    ASSIGNMENT_ANNOTATION,
    MAIN_ENDED_ANNOTATION,
    ArtifactOut,
    Assignment,
    Handover,
)
from controller.pods.container_sets import NOT_STARTED, Turn, turns_from
from controller.pods.manifest import MAIN, NODE_ID_ANNOTATION

Tree = Mapping[str, Any]

_DEADLINE = "DeadlineExceeded"
_DEADLINE_MESSAGE = "Pod was active on the node longer than the specified deadline"
_LOST_REASONS = frozenset({  # what a kubelet writes into status.reason when a pod fails through no fault of its own
    "Evicted", "NodeLost", "Preempted", "Preempting", "Shutdown", "Terminated", "NodeShutdown", "NodeAffinity",
    "UnexpectedAdmissionError", "AdmissionError",
})
_REJECTED = "OutOf"  # OutOfcpu, OutOfmemory, OutOfpods: the node was full by the time the pod came to it
_LOST_HANDOVER = ("the step ended well, but what it hands over cannot be read in its termination message, which Kubernetes "
                  "cuts short in pods with many containers; hand over less, or as artifacts")
_UNKNOWN_CONTAINER = "ContainerStatusUnknown"  # the node came back and the container was not there any more
_TOLD_TO_END = (137, 143)  # SIGKILL, SIGTERM
_ON_THE_WAY = ("ContainerCreating", "PodInitializing")


@dataclass(frozen=True, slots=True)
class _Verdict:
    phase: NodePhase
    message: str = ""
    lost: bool = False


@dataclass(frozen=True, slots=True)
class _End:
    """How the container ended whose end is the pod's; an empty state where nobody saw it end."""

    container: str
    state: Tree


def node_id_of(pod: Tree) -> str:
    """The node that this pod runs, or "" where it is none of ours."""
    return str((pod["metadata"].get("annotations") or {}).get(NODE_ID_ANNOTATION, ""))


def outcome_is_elsewhere(pod: Tree) -> bool:
    """Whether the pod ended and its outputs are in the WorkflowTaskResult that is called after its node."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    main: Tree = next((item for item in statuses if item["name"] == MAIN), {})
    handover = Handover.from_json(_ended(main).get("message") or "") if _assignment_of(pod) else None
    return handover is not None and handover.elsewhere


def read_pod(pod: Tree, outcome: Tree | None = None) -> PodSeen:
    """What the engine should know of this pod; `outcome` is the WorkflowTaskResult, where it has one (see above)."""
    status = pod.get("status") or {}
    statuses = {item["name"]: item for item in status.get("containerStatuses") or []}
    ended = _ended(statuses.get(MAIN) or {})
    assignment = _assignment_of(pod)
    handover = Handover.from_json(ended.get("message") or "") if ended and assignment else None
    if handover is not None and handover.elsewhere:
        handover = _with_outcome(handover, outcome or {})
    turns = turns_from(pod)
    decisive = _decisive_of_set(turns, statuses) if turns else _End(MAIN, ended)
    verdict = _judge(pod, decisive, handover, told=handover is not None or assignment is None)
    if verdict.phase == "Succeeded" and ended and assignment is not None and handover is None:
        verdict = _Verdict("Error", _LOST_HANDOVER)
    return PodSeen(
        node_id=node_id_of(pod),
        phase=verdict.phase,
        message=verdict.message,
        exit_code=ended.get("exitCode") if ended else None,
        outputs=_outputs(assignment, handover),
        started_at=_time(status.get("startTime")),
        finished_at=_time(decisive.state.get("finishedAt")) if verdict.phase not in ("Pending", "Running") else None,
        ip=status.get("podIP") or "",
        host=(pod.get("spec") or {}).get("nodeName") or "",
        daemon_ready=verdict.phase == "Running" and bool(statuses) and all(
            item.get("ready") for item in statuses.values()),
        lost=verdict.lost,
        containers=tuple(_member(turn.container, statuses, status.get("phase")) for turn in turns),
    )


def read_gone(pod: Tree) -> tuple[Observation, ...]:
    """What the engine should know of a pod that is gone, from the status it had last."""
    seen = read_pod(pod)
    disruption = _disruption(pod.get("status") or {})
    if seen.phase == "Running" and disruption:
        return (replace(seen, phase="Error", message=disruption, lost=True),)
    return (seen, PodGone(seen.node_id))


def lingers(pod: Tree) -> bool:
    """Whether the step that this pod runs is over, and containers beside it run on.

    Its own sidecars are told to end. Those that others put into the pod (a service mesh's) are told by nobody.
    """
    status, metadata = pod.get("status") or {}, pod["metadata"]
    statuses = status.get("containerStatuses") or ()
    if status.get("phase") != "Running" or len(statuses) < 2 or "deletionTimestamp" in metadata:
        return False
    over = {item["name"] for item in statuses if _ended(item)}
    own = {turn.container for turn in turns_from(pod)} or {MAIN}
    return own <= over and len(over) < len(statuses)


def _time(text: Any) -> float | None:
    return from_rfc3339(text) if text else None


def _ended(container: Tree) -> Tree:
    found: Tree = (container.get("state") or {}).get("terminated") or {}
    return found


def _decisive_of_set(turns: tuple[Turn, ...], statuses: Mapping[str, Tree]) -> _End:
    """The end in a container set that is the pod's: a failure's, else one that is still to come, else the last one."""
    ends = [_End(turn.container, _ended(statuses.get(turn.container) or {})) for turn in turns]
    failed = [end for end in ends if end.state.get("exitCode")]
    causes = [end for end in failed if end.state["exitCode"] != NOT_STARTED]
    open_ends = [end for end in ends if not end.state]
    latest = sorted(ends, key=lambda end: str(end.state.get("finishedAt") or ""))
    return next(iter((*causes, *failed, *open_ends, latest[-1])))


def _member(name: str, statuses: Mapping[str, Tree], pod_phase: str | None) -> ContainerSeen:
    """One container of a set, by Argo's rules: one that could not start is an Error, one that the pod took along Failed."""
    state = (statuses.get(name) or {}).get("state") or {}
    ended = state.get("terminated")
    if ended:
        code, finished_at = ended.get("exitCode", 0), _time(ended.get("finishedAt"))
        if code == 0:
            return ContainerSeen(name, "Succeeded", finished_at=finished_at)
        return ContainerSeen(name, "Error" if code == NOT_STARTED else "Failed", f"{name}: {_end_text(ended)}", finished_at)
    if pod_phase == "Failed":
        return ContainerSeen(name, "Failed", "Pod Failed whilst container running")
    return ContainerSeen(name, "Running" if state.get("running") else "Pending")


def _judge(pod: Tree, end: _End, handover: Handover | None, *, told: bool) -> _Verdict:
    """The pod's phase; `told` says that nothing which the pod should hand over is still to come."""
    status = pod.get("status") or {}
    phase = status.get("phase") or "Pending"
    match "Succeeded" if phase in ("Pending", "Running") and told and _has_done_all(pod) else phase:
        case "Succeeded":
            return _Verdict("Error", handover.error) if handover and handover.error else _Verdict("Succeeded")
        case "Failed":
            return _judge_failure(pod, end, handover)
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


def _judge_failure(pod: Tree, end: _End, handover: Handover | None) -> _Verdict:
    status, ended = pod["status"], end.state
    if MAIN_ENDED_ANNOTATION not in (pod["metadata"].get("annotations") or {}):  # else the step was over before
        by_cluster = _done_by_cluster(pod, end)
        if by_cluster is not None:
            return by_cluster
        if status.get("reason") == _DEADLINE:
            return _Verdict("Failed", status.get("message") or _DEADLINE_MESSAGE)
    for item in _plain_init_statuses(pod):
        if (init_ended := _ended(item)).get("exitCode"):
            before = Handover.from_json(init_ended.get("message") or "")
            if before is not None and not before.started:  # our own, which lays artifacts
                return _Verdict("Error", before.error)
            return _Verdict("Failed", f"{item['name']}: {_end_text(init_ended)}")
    if not ended:
        return _never_ended(pod)
    if handover and not handover.started:  # what had to be there before the command could not be brought
        return _Verdict("Error", handover.error)
    if ended.get("exitCode", 0) != 0:
        return _Verdict("Failed", f"{end.container}: {_end_text(ended)}")
    if handover and handover.error:
        return _Verdict("Error", handover.error)
    return _judge_sidecars(status)


def _done_by_cluster(pod: Tree, end: _End) -> _Verdict | None:
    """The verdict on a failed pod that the cluster, or somebody who deleted it, brought down."""
    status, ended = pod["status"], end.state
    reason = status.get("reason") or ""
    if reason in _LOST_REASONS or reason.startswith(_REJECTED):
        return _Verdict("Error", (status.get("message") or f"pod lost: {reason}").strip(), lost=True)
    if ended and ended.get("exitCode", 0) == 0:
        return None  # main had done its work by then
    if reason != _DEADLINE and (disruption := _disruption(status)):
        return _Verdict("Error", disruption, lost=True)
    if ended.get("reason") == _UNKNOWN_CONTAINER:
        return _Verdict("Error", f"{end.container}: {_end_text(ended)}", lost=True)
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
    handover = Handover.from_json(message) if message else None
    own_words = message if handover is None else handover.message
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


def _with_outcome(handover: Handover, outcome: Tree) -> Handover:
    """The handover with the outputs that a WorkflowTaskResult has; it comes from a pod, so nothing in it is certain."""
    outputs = outcome.get("outputs")
    if not isinstance(outputs, dict):
        return replace(handover, error=handover.error or "the step's outputs were stored as a WorkflowTaskResult, which is "
                       "not there any more; run the step again")
    parameters = [item for item in outputs.get("parameters") or () if isinstance(item, dict)]
    artifacts = [item for item in outputs.get("artifacts") or () if isinstance(item, dict)]
    result = outputs.get("result")
    return replace(
        handover, result=None if result is None else str(result),
        parameters={str(item.get("name")): str(item.get("value", "")) for item in parameters},
        artifacts=[str(item.get("name")) for item in artifacts])


def _outputs(assignment: Assignment | None, handover: Handover | None) -> Outputs:
    if assignment is None or handover is None:
        return Outputs()
    kept = set(handover.artifacts)
    logs = [assignment.logs] if assignment.logs else []
    return Outputs(
        result=handover.result,
        parameters=handover.parameters,
        artifacts=tuple(_artifact(item) for item in (*assignment.artifacts_out, *logs) if item.name in kept),
    )


def _artifact(kept: ArtifactOut) -> dict[str, Any]:
    """As the node's outputs show it; a log has no path in the container and is not packed."""
    shown = {"path": kept.path, "archive": {kept.archive: {}}} if kept.path else {}
    return {"name": kept.name, **shown, **(kept.location or {"s3": {"key": kept.key}})}
