"""What the shim recorded becomes the Pod's status, in the words of a kubelet (pure)."""

from collections.abc import Mapping
from typing import Any

from argosy.clock import to_rfc3339
from argosy.kube.contract import Object

HOST_IP = "127.0.0.1"
ISOLATED = "argosy.dev/Isolated"  # the condition that says how the pod's processes are kept apart
_ISOLATION = {
    "root": ("True", "Namespaces", "own namespaces and a private layer over the host's root"),
    "rootless": ("True", "UserNamespace", "own namespaces of an ordinary user, a private layer over the host's folders"),
    "plain": ("False", "Plain", "plain processes with a private folder, since namespaces are refused or not wanted here"),
}


def running_status(pod: Object, state: Mapping[str, Any], *, isolation: str, handover: str = "") -> Object:
    """The status for a pod that its shim has begun. `handover` replaces the assigned container's termination message."""
    began, members = state["began"], state["containers"]
    init = [_container_status(container, members, "") for container in pod["spec"].get("initContainers") or ()]
    assigned = state.get("assigned", "")
    main = [_container_status(container, members, handover if container["name"] == assigned else "")
            for container in pod["spec"]["containers"]]
    over = state["phase"] == "Ended"
    initialized = all(status["started"] or _succeeded(status) for status in init)
    if over:
        phase = "Failed" if state["failed"] else "Succeeded"
    else:
        begun = any("waiting" not in status["state"] or status["restartCount"] for status in main)
        phase = "Running" if begun and initialized else "Pending"
    ready = not over and initialized and all(status["ready"] for status in main)
    why = "" if ready else "PodCompleted" if over and phase == "Succeeded" else "ContainersNotReady"
    since = to_rfc3339(began)
    status: Object = {
        "phase": phase, "startTime": since, "hostIP": HOST_IP, "hostIPs": [{"ip": HOST_IP}], "podIP": HOST_IP,
        "podIPs": [{"ip": HOST_IP}], "qosClass": qos_class(pod), "containerStatuses": main,
        "conditions": [
            _condition("PodScheduled", since, holds=True),
            _condition("Initialized", since, holds=initialized,
                       reason="" if initialized else "ContainersNotInitialized"),
            _condition("ContainersReady", since, holds=ready, reason=why),
            _condition("Ready", since, holds=ready, reason=why),
            isolation_condition(isolation, since),
        ],
    }
    if init:
        status["initContainerStatuses"] = init
    if state["reason"]:
        status["reason"] = state["reason"]
    if state["message"]:
        status["message"] = state["message"]
    return status


def waiting_status(pod: Object, *, reason: str, message: str, scheduled: bool, now: float) -> Object:
    """The status for a pod that cannot begin yet."""
    since = to_rfc3339(now)
    conditions = [_condition("PodScheduled", since, holds=scheduled, reason="" if scheduled else reason,
                             message="" if scheduled else message)]
    status: Object = {"phase": "Pending", "qosClass": qos_class(pod), "conditions": conditions}
    if scheduled:
        status["containerStatuses"] = [
            _blank(container) | {"state": {"waiting": {"reason": reason, "message": message}}}
            for container in pod["spec"]["containers"]]
        status["startTime"] = since
    return status


def failed_status(
    pod: Object, *, reason: str, message: str, isolation: str, now: float, seen: Mapping[str, Any] | None = None,
) -> Object:
    """The status for a pod that ends without a shim's word: it never could start, or its shim is gone."""
    at = to_rfc3339(now)
    members = (seen or {}).get("containers") or {}
    statuses = []
    for container in pod["spec"]["containers"]:
        began = members.get(container["name"], {}).get("started_at")
        ended = {"exitCode": 137 if seen else 128, "reason": reason, "message": message, "finishedAt": at,
                 "startedAt": to_rfc3339(began) if began else at}
        statuses.append(_blank(container) | {"state": {"terminated": ended}})
    return {
        "phase": "Failed", "reason": reason, "message": message, "qosClass": qos_class(pod), "hostIP": HOST_IP,
        "startTime": to_rfc3339(seen["began"]) if seen else at, "containerStatuses": statuses,
        "conditions": [_condition("PodScheduled", at, holds=True), _condition("Ready", at, holds=False, reason="PodFailed"),
                       isolation_condition(isolation, at)],
    }


def isolation_condition(isolation: str, since: str) -> Object:
    """How the pod's processes are kept apart from the host and from other pods."""
    holds, reason, message = _ISOLATION[isolation]
    return {"type": ISOLATED, "status": holds, "reason": reason, "message": message, "lastTransitionTime": since}


def _condition(kind: str, since: str, *, holds: bool, reason: str = "", message: str = "") -> Object:
    condition: Object = {"type": kind, "status": "True" if holds else "False", "lastTransitionTime": since}
    if reason:
        condition["reason"] = reason
    if message:
        condition["message"] = message
    return condition


def _succeeded(status: Object) -> bool:
    ended = status["state"].get("terminated")
    return ended is not None and ended["exitCode"] == 0


def _blank(container: Object) -> Object:
    image = container.get("image") or ""
    return {"name": container["name"], "image": image, "imageID": "", "restartCount": 0, "ready": False, "started": False,
            "state": {"waiting": {"reason": "PodInitializing"}}, "lastState": {}}


def _container_status(container: Object, members: Mapping[str, Any], handover: str) -> Object:
    member = members.get(container["name"]) or {"state": "waiting", "restarts": 0, "ready": False, "started": False}
    status = _blank(container) | {
        "restartCount": member["restarts"], "ready": member["ready"], "started": member["started"]}
    if member["state"] == "running":
        status["state"] = {"running": {"startedAt": to_rfc3339(member["started_at"])}}
    elif member["state"] == "terminated":
        status["state"] = {"terminated": _terminated(member, handover)}
        status["ready"] = False
    elif member.get("reason"):
        status["state"] = {"waiting": {"reason": member["reason"], "message": member.get("message", "")}}
    if member.get("last"):
        status["lastState"] = {"terminated": _terminated(member["last"], "")}
    return status


def _terminated(member: Mapping[str, Any], handover: str) -> Object:
    ended: Object = {"exitCode": member["exit_code"], "reason": member["reason"]}
    if member.get("signal"):
        ended["signal"] = member["signal"]
    message = handover or member.get("message")
    if message:
        ended["message"] = message
    for field, key in (("startedAt", "started_at"), ("finishedAt", "finished_at")):
        if member.get(key):
            ended[field] = to_rfc3339(member[key])
    return ended


def qos_class(pod: Object) -> str:
    """Guaranteed, Burstable or BestEffort, from what the containers ask for."""
    containers = [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())]
    resources = [container.get("resources") or {} for container in containers]
    asked = [(entry.get("requests") or {}, entry.get("limits") or {}) for entry in resources]
    if not any(requests or limits for requests, limits in asked):
        return "BestEffort"
    exact = all({"cpu", "memory"} <= limits.keys() and all(requests.get(key, limits[key]) == limits[key] for key in limits)
                for requests, limits in asked)
    return "Guaranteed" if exact else "Burstable"
