"""What `kubectl get pods` shows of a pod: how many containers are ready, and one word for how it is."""

from typing import Any

from argosy.kube.contract import Object


def ready(pod: Object) -> str:
    """``1/2``: containers that are ready, of all that run beside each other."""
    status = pod.get("status") or {}
    containers = status.get("containerStatuses") or []
    wanted = len((pod.get("spec") or {}).get("containers") or [])
    return f"{sum(1 for container in containers if container.get('ready'))}/{wanted}"


def restarts(pod: Object) -> str:
    """How often containers of this pod were started again, all together."""
    status = pod.get("status") or {}
    return str(sum(int(container.get("restartCount") or 0) for container in status.get("containerStatuses") or []))


def word(pod: Object) -> str:
    """One word for the state: a container's own reason where there is one, else the pod's phase."""
    status = pod.get("status") or {}
    answer = str(status.get("reason") or status.get("phase") or "Pending")
    started = _init_word(pod) or _main_word(status, answer)
    if (pod.get("metadata") or {}).get("deletionTimestamp"):
        return "Unknown" if status.get("reason") == "NodeLost" else "Terminating"
    return started


def _init_word(pod: Object) -> str:
    """``Init:1/2``, or ``Init:`` and the reason, while init containers are not over."""
    wanted = (pod.get("spec") or {}).get("initContainers") or []
    sidecars = {container.get("name") for container in wanted if container.get("restartPolicy") == "Always"}
    statuses = (pod.get("status") or {}).get("initContainerStatuses") or []
    for index, container in enumerate(statuses):
        state = container.get("state") or {}
        ended = state.get("terminated")
        if ended is not None and not ended.get("exitCode"):
            continue
        if container.get("name") in sidecars and container.get("started"):
            continue
        if ended is not None:
            return f"Init:{_reason_of_end(ended)}"
        waits_for = (state.get("waiting") or {}).get("reason", "")
        if waits_for and waits_for != "PodInitializing":
            return f"Init:{waits_for}"
        return f"Init:{index}/{len(wanted)}"
    return ""


def _main_word(status: dict[str, Any], answer: str) -> str:
    running = False
    for container in reversed(status.get("containerStatuses") or []):
        state = container.get("state") or {}
        if (state.get("waiting") or {}).get("reason"):
            answer = state["waiting"]["reason"]
        elif state.get("terminated") is not None:
            answer = _reason_of_end(state["terminated"])
        elif container.get("ready") and state.get("running") is not None:
            running = True
    return "Running" if answer == "Completed" and running else answer


def _reason_of_end(ended: dict[str, Any]) -> str:
    if ended.get("reason"):
        return str(ended["reason"])
    return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode', 0)}"
