"""Probes and lifecycle hooks of a pod's containers: exec, httpGet, tcpSocket and sleep."""

import os
import signal
import socket
from collections.abc import Callable
from itertools import count
from typing import Any

from argosy.embedded.pods.shim.loop import Loop
from argosy.embedded.pods.shim.member import Member

_HOOK_MOST = 3600.0  # seconds; a preStop hook is cut short by the pod's own grace period


class Checks:
    """Runs the checks of every container and tells the shim when readiness changes or health is lost."""

    def __init__(self, loop: Loop, changed: Callable[[], None], unhealthy: Callable[[Member, str], None]) -> None:
        self._loop, self._changed, self._unhealthy = loop, changed, unhealthy
        self._numbers = count(1)
        self._waiting: dict[int, Callable[[int], None]] = {}  # number of a command in a container to who waits for it
        self._lives: dict[str, object] = {}  # container to a token of its present life

    def begin(self, member: Member, started: Callable[[], None]) -> None:
        """The container's command runs: postStart, then the startup probe, then the others."""
        token = self._lives[member.name] = object()

        def after_hook(code: int) -> None:
            if code and self._alive(member, token):
                self._unhealthy(member, f"the postStart hook failed with exit code {code}")
            elif "startup" in member.spec["probes"]:
                self._repeat(member, token, "startup", now_started)
            else:
                now_started()

        def now_started() -> None:
            if not self._alive(member, token):
                return
            member.state["started"] = True
            member.state["ready"] = "readiness" not in member.spec["probes"]
            for kind in ("readiness", "liveness"):
                if kind in member.spec["probes"]:
                    self._repeat(member, token, kind, lambda: None)
            self._changed()
            started()

        hook = member.spec["hooks"].get("postStart")
        if hook:
            self._try(member, hook, _HOOK_MOST, after_hook)
        else:
            after_hook(0)

    def end(self, member: Member) -> None:
        """The container has ended: nobody is to be asked about it any more."""
        self._lives.pop(member.name, None)

    def before_stop(self, member: Member, then: Callable[[], None]) -> None:
        """The preStop hook, if it has one, and then `then`."""
        hook = member.spec["hooks"].get("preStop")
        if hook and member.state["state"] == "running":
            self._try(member, hook, _HOOK_MOST, lambda _: then())
        else:
            then()

    def answered(self, member: Member) -> None:
        """Commands inside the container have ended."""
        while member.answers:
            number, code, _ = member.answers.pop(0)
            waiting = self._waiting.pop(number, None)
            if waiting:
                waiting(code)

    def _alive(self, member: Member, token: object) -> bool:
        return self._lives.get(member.name) is token

    def _repeat(self, member: Member, token: object, kind: str, passed: Callable[[], None]) -> None:
        probe = member.spec["probes"][kind]
        tally = {"good": 0, "bad": 0}

        def once() -> None:
            if self._alive(member, token):
                self._try(member, probe["action"], probe["timeout"], judge)

        def judge(code: int) -> None:
            if not self._alive(member, token):
                return
            tally["good"], tally["bad"] = (0, tally["bad"] + 1) if code else (tally["good"] + 1, 0)
            if tally["good"] >= probe["success"]:
                if kind == "startup":
                    passed()
                    return
                self._set_ready(member, kind, ready=True)
            elif tally["bad"] >= probe["failure"]:
                if kind != "readiness":
                    self._unhealthy(member, f"its {kind} probe failed {tally['bad']} times in a row")
                    return
                self._set_ready(member, kind, ready=False)
            self._loop.after(probe["period"], once)

        self._loop.after(probe["delay"], once)

    def _set_ready(self, member: Member, kind: str, *, ready: bool) -> None:
        if kind == "readiness" and member.state["ready"] != ready:
            member.state["ready"] = ready
            self._changed()

    def _try(self, member: Member, action: dict[str, Any], timeout: float, then: Callable[[int], None]) -> None:
        if "exec" in action:
            number = next(self._numbers)
            self._waiting[number] = then
            member.start_helper(number, action["exec"])
            self._loop.after(timeout, lambda: member.end_helper(number) if number in self._waiting else None)
        elif "sleep" in action:
            self._loop.after(action["sleep"], lambda: then(0))
        else:
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    signal.set_wakeup_fd(-1)
                    signal.alarm(max(1, int(timeout)))  # SIGALRM ends this process: a failed check
                    code = _reach(action, timeout)
                finally:
                    os._exit(code)
            self._loop.child(pid, then)


def _reach(action: dict[str, Any], timeout: float) -> int:
    """0 if the port answers (and, over HTTP, with a status from 200 to 399)."""
    connection: socket.socket = socket.create_connection((action["host"], action["port"]), timeout)
    if action["scheme"] == "TCP":
        return 0
    if action["scheme"] == "HTTPS":
        import ssl  # here, in a process of its own: few pods need it and it is large

        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # as the kubelet does
        connection = context.wrap_socket(connection)
    lines = [f"GET {action['path']} HTTP/1.0", *(f"{name}: {value}" for name, value in action["headers"])]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    answer = connection.recv(64).split(b" ")
    return 0 if len(answer) > 1 and b"200" <= answer[1][:3] <= b"399" else 1
