"""The shim: carries one pod's plan out from its first container to its end, whatever becomes of Argosy meanwhile.

It leads a session of its own and keeps the pod's record (`record.py`). Whoever wants to know connects to its socket: each
byte that arrives there says that the record has changed, and the end of the connection that the shim has gone.
"""

import contextlib
import json
import os
import signal
import socket
import time

from argosy.embedded.pods.shim import kernel, record
from argosy.embedded.pods.shim.checks import Checks
from argosy.embedded.pods.shim.init import kill_descendants
from argosy.embedded.pods.shim.loop import Loop
from argosy.embedded.pods.shim.member import Member

_RESTART_WAITS = (0.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0)  # seconds, as the kubelet's back-off
_GATHER_MOST = 60.0  # seconds that a killed container's outputs may take


class Shim:
    """Runs one pod. `run` returns when all of it is over and recorded."""

    def __init__(self, folder: str, connection: socket.socket | None) -> None:
        self._folder = folder
        self._connections: dict[int, socket.socket] = {}
        self._unread: dict[int, bytes] = {}
        self._first = connection

    def run(self) -> None:
        os.chdir(self._folder)
        self._plan = plan = record.read(".", record.PLAN)
        self._durable = plan["durable"]
        if not record.claim(".", durable=self._durable):
            return
        self._began = time.time_ns() / 1e9
        self._init = [Member(spec, plan) for spec in plan["init"]]
        self._main = [Member(spec, plan) for spec in plan["containers"]]
        self._deciding = [member for member in self._main if member.name in plan["deciding"]]
        self._begun: set[str] = set()
        self._stopping = self._failed = False
        self._reason = self._message = ""
        self._changed = self._must_last = False
        self._next = 0
        self._loop = Loop()
        self._checks = Checks(self._loop, self._change, self._unhealthy)
        self._listen()
        signal.signal(signal.SIGTERM, lambda *_: self._loop.after(0, lambda: self.stop(
            plan["grace"], "Terminated", "the machine is shutting down")))
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        try:
            self._enter()
            self._write("Running")
            self._loop.after_each = self._publish
            if plan["deadline"] is not None:
                self._loop.after(plan["deadline"] - self._began, self._too_long)
            self._go_on()
            self._loop.run()
        except OSError as error:
            self._failed, self._reason, self._message = True, "StartError", f"cannot run the pod: {error}"
        if plan["isolation"] == "plain":
            kill_descendants(os.getpid())  # what outlived the first process of its container
        self._must_last = True
        self._write("Ended")

    def _enter(self) -> None:
        isolation = self._plan["isolation"]
        if isolation == "plain":
            kernel.adopt_orphans()
            return
        flags = kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS
        if isolation == "rootless":
            enter_user_namespace(flags)
        else:
            kernel.unshare(flags)
        kernel.set_hostname(self._plan["hostname"])

    # ---- what is told ----

    def _listen(self) -> None:
        listening = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(record.SOCKET)
        listening.bind(record.SOCKET)
        listening.listen(8)
        self._loop.read(listening.fileno(), lambda: self._connect(listening.accept()[0]))
        if self._first:
            self._connect(self._first)

    def _connect(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        file = connection.fileno()
        self._connections[file], self._unread[file] = connection, b""
        self._loop.read(file, lambda: self._hear(file))

    def _hear(self, file: int) -> None:
        data = b""
        with contextlib.suppress(OSError):
            data = self._connections[file].recv(65536)
        if not data:
            self._loop.forget(file)
            self._connections.pop(file).close()
            return
        *lines, self._unread[file] = (self._unread[file] + data).split(b"\n")
        for line in lines:
            request = json.loads(line)
            self.stop(request["stop"], request["reason"], request["message"])

    def _change(self) -> None:
        self._changed = True

    def _publish(self) -> None:
        if self._changed:
            self._write("Running")

    def _write(self, phase: str) -> None:
        """Record the state; a container's end is on disk before anybody can hear of it."""
        captured = [member.captured for member in self._main if member.name == self._plan["assigned"]]
        record.write(".", record.STATE, {
            "phase": phase, "failed": self._failed, "reason": self._reason, "message": self._message,
            "began": self._began, "shim": os.getpid(), "stopping": self._stopping,
            "containers": {member.name: member.state for member in [*self._init, *self._main]},
            "captured": captured[0] if captured else None,
        }, durable=self._durable and self._must_last)
        self._changed = self._must_last = False
        for connection in self._connections.values():
            with contextlib.suppress(OSError):
                connection.send(b"c")

    # ---- from one container to the next ----

    def _go_on(self) -> None:
        """Start what may start now, or end the pod when nothing is left to do."""
        while not self._stopping and self._next < len(self._init):
            member = self._init[self._next]
            succeeded = member.over and not member.state.get("exit_code")
            if succeeded or (member.spec["sidecar"] and member.state["started"]):
                self._next += 1
            elif member.running or member.over or "waiting_for" in member.state:
                return
            else:
                self._start(member)
                return
        if not self._stopping and self._next == len(self._init):
            self._next += 1
        if self._next > len(self._init):
            self._start_due()
            self._gather_due()
            if all(member.over for member in self._deciding):
                self._halt()
        self._end_if_over()

    def _start_due(self) -> None:
        """Start each container whose turn has come; one that follows a failed one is left out, and so is what follows it."""
        known: int | None = None
        while known != len(self._begun):
            known = len(self._begun)
            for member in self._main:
                if not self._stopping and member.name not in self._begun:
                    self._start_if_due(member)

    def _start_if_due(self, member: Member) -> None:
        codes = {other.name: other.state.get("exit_code") if other.over else other.done for other in self._main}
        after = {name: codes[name] for name in member.spec["after"]}
        failed = next(((name, code) for name, code in after.items() if code), None)
        if failed is not None:
            self._begun.add(member.name)
            member.leave_out(f'dependency "{failed[0]}" exited with non-zero code: {failed[1]}')
            self._changed = self._must_last = True
        elif None not in after.values():
            self._begun.add(member.name)
            self._start(member)

    def _gather_due(self) -> None:
        """Let outputs be taken that wait for everybody who might write them."""
        for member in self._deciding:
            others = [other for other in self._deciding if other is not member]
            if member.done is not None and all(other.over or (self._stopping and not other.running) for other in others):
                member.gather()

    def _start(self, member: Member) -> None:
        member.state.pop("waiting_for", None)
        if self._stopping:
            return
        member.start()
        assert member.control is not None
        self._loop.read(member.control.fileno(), lambda: self._hear_member(member))
        for file in member.outputs:
            self._loop.read(file, lambda file=file: self._drain(member, file))  # type: ignore[misc]  # bound here

    def _drain(self, member: Member, file: int) -> None:
        member.drain(file)
        if file not in member.outputs:
            self._loop.forget(file)

    def _hear_member(self, member: Member) -> None:
        assert member.control is not None
        files = [member.control.fileno(), *member.outputs]
        before = member.state["state"], member.done
        ended = member.hear()
        self._checks.answered(member)
        if ended:
            for file in files:
                self._loop.forget(file)
            self._ended(member)
        elif before[0] != member.state["state"]:
            self._changed = True
            self._checks.begin(member, self._go_on)
            self._go_on()
        elif before[1] != member.done:
            self._go_on()

    def _ended(self, member: Member) -> None:
        self._changed = self._must_last = True
        self._checks.end(member)
        self._loop.child(member.pid, lambda _: None)  # taking its mounts apart may last longer than anybody should wait
        if self._restarts(member):
            count = member.state["restarts"]
            wait = _RESTART_WAITS[min(count, len(_RESTART_WAITS) - 1)]
            last = {key: member.state[key] for key in
                    ("exit_code", "signal", "reason", "message", "started_at", "finished_at") if key in member.state}
            member.state = {
                "state": "waiting", "restarts": count + 1, "ready": False, "started": False, "last": last,
                "waiting_for": wait, "reason": "CrashLoopBackOff",
                "message": f"back-off {wait:.0f}s restarting failed container={member.name}"}
            self._loop.after(wait, lambda: self._start(member))
            return
        member.over = True
        if member in self._init and not member.spec["sidecar"] and member.state["exit_code"]:
            self._failed = True
            self._halt()
        self._go_on()

    def _restarts(self, member: Member) -> bool:
        if self._stopping or (member.name == self._plan["main"] and self._plan["restart"] == "Always"):
            return False
        if member.spec["sidecar"] or self._plan["restart"] == "Always":
            return member in self._main or member.spec["sidecar"] or bool(member.state["exit_code"])
        return self._plan["restart"] == "OnFailure" and bool(member.state["exit_code"])

    def _all_over(self) -> bool:
        return self._next > len(self._init) and all(member.over for member in self._main)

    def _end_if_over(self) -> None:
        everyone = [*self._init, *self._main]
        if any(member.running for member in everyone) or not (self._stopping or self._all_over()):
            return
        self._failed = self._failed or any(member.state.get("exit_code") for member in self._deciding)
        self._loop.stop()

    # ---- the end ----

    def _too_long(self) -> None:
        self._failed = True
        self.stop(self._plan["grace"], "DeadlineExceeded", "Pod was active on the node longer than the specified deadline")

    def _unhealthy(self, member: Member, why: str) -> None:
        """A liveness or startup probe failed for good, or a postStart hook did: the container ends, and may restart."""
        member.state["message"] = why
        self._end_member(member, self._plan["grace"])

    def stop(self, grace: float, reason: str, message: str) -> None:
        """End the pod from outside: preStop, SIGTERM, and SIGKILL when the grace period is over."""
        if reason and not self._reason and not all(member.over for member in self._main):
            self._failed, self._reason, self._message = True, reason, message
        again = self._stopping
        self._halt(grace)
        if again:
            for member in [*self._init, *self._main]:
                self._kill_later(member, grace)
        self._go_on()

    def _halt(self, grace: float | None = None) -> None:
        """End every container that still runs; none is started any more."""
        if self._stopping:
            return
        self._stopping = self._changed = True
        for member in [*self._init, *self._main]:
            self._end_member(member, self._plan["grace"] if grace is None else grace)

    def _end_member(self, member: Member, grace: float) -> None:
        if not member.running:
            return
        if grace > 0:
            self._checks.before_stop(member, lambda: member.send_signal(signal.SIGTERM))
        self._kill_later(member, grace)

    def _kill_later(self, member: Member, grace: float) -> None:
        control = member.control

        def kill() -> None:
            if member.control is control and control is not None:
                member.kill()
                self._loop.after(_GATHER_MOST, kill_first)

        def kill_first() -> None:
            if member.control is control:
                member.kill_first()

        if grace > 0:
            self._loop.after(grace, kill)
        else:
            kill()


def enter_user_namespace(flags: int) -> None:
    """A user namespace in which we are root, mapped to who we are outside, and the other namespaces of `flags`."""
    user, group = os.geteuid(), os.getegid()
    kernel.unshare(kernel.CLONE_NEWUSER | flags)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)
