"""Probes and lifecycle hooks of a container in the form that the shim carries out (pure)."""

from typing import Any

from argosy.embedded.pods.environment import Broken
from argosy.kube.contract import Object


def probes_of(container: Object) -> dict[str, Any]:
    """``startup``, ``readiness`` and ``liveness``, those that the container has. Raises Broken."""
    probes = {}
    for kind in ("startup", "readiness", "liveness"):
        probe = container.get(f"{kind}Probe")
        if probe:
            probes[kind] = {
                "action": action_of(probe, container, f"{kind}Probe"), "delay": probe.get("initialDelaySeconds") or 0,
                "period": max(1, probe.get("periodSeconds") or 10), "timeout": max(1, probe.get("timeoutSeconds") or 1),
                "success": max(1, probe.get("successThreshold") or 1),
                "failure": max(1, probe.get("failureThreshold") or 3)}
    return probes


def hooks_of(container: Object) -> dict[str, Any]:
    """``postStart`` and ``preStop``, those that the container has. Raises Broken."""
    lifecycle = container.get("lifecycle") or {}
    return {name: action_of(lifecycle[name], container, f"lifecycle.{name}")
            for name in ("postStart", "preStop") if lifecycle.get(name)}


def action_of(check: Object, container: Object, where: str) -> dict[str, Any]:
    """One check: a command, a request, a connection or a wait. Raises Broken."""
    if "exec" in check:
        return {"exec": list(check["exec"]["command"])}
    if "sleep" in check:
        return {"sleep": check["sleep"]["seconds"]}
    for kind in ("httpGet", "tcpSocket"):
        if kind in check:
            asked = check[kind]
            host = asked.get("host") or "127.0.0.1"
            headers = [[header["name"], header["value"]] for header in asked.get("httpHeaders") or ()]
            if not any(name.lower() == "host" for name, _ in headers):
                headers.append(["Host", host])
            return {
                "host": host, "port": _port(asked["port"], container), "path": asked.get("path") or "/",
                "scheme": "TCP" if kind == "tcpSocket" else asked.get("scheme") or "HTTP", "headers": headers}
    raise Broken(f"{where} of container '{container['name']}' must be one of exec, httpGet, tcpSocket and sleep, "
                 f"found {', '.join(check)}")


def _port(port: int | str, container: Object) -> int:
    if isinstance(port, int) or port.isdigit():
        return int(port)
    for entry in container.get("ports") or ():
        if entry.get("name") == port:
            return int(entry["containerPort"])
    raise Broken(f"container '{container['name']}' has no port named '{port}'")
