"""One container as the shim sees it: its first process, its output, and the state that is told to the outside."""

import contextlib
import json
import os
import signal
import socket
import time
from typing import Any

from argosy.embedded.pods.shim import init, kernel
from argosy.embedded.pods.shim.logfile import LogFile

NOT_STARTED = 64  # the exit code of a container that is left out (controller.pods.container_sets has the same)
RESULT_MOST = 256 << 10  # bytes of stdout that become outputs.result
_LOG_TAIL = 2048  # bytes that FallbackToLogsOnError may put into the termination message
_CHUNK = 1 << 18


class Member:
    """A container of the pod. `state` is what the record shows; the shim decides when it starts and what its end means."""

    def __init__(self, spec: dict[str, Any], plan: dict[str, Any]) -> None:
        self.spec, self._plan = spec, plan
        self.name: str = spec["name"]
        self.state: dict[str, Any] = {"state": "waiting", "restarts": 0, "ready": False, "started": False}
        self.captured: dict[str, Any] | None = None
        self.control: socket.socket | None = None
        self.outputs: dict[int, str] = {}  # file to "stdout" or "stderr"
        self.answers: list[tuple[int, int, str]] = []  # (request, exit code, text) of helpers that ended
        self.over = False  # it ended and will not be started again
        self.done: int | None = None  # its command has ended with this code, and its outputs are still to be taken
        self._unread = b""
        self.pid = 0

    @property
    def running(self) -> bool:
        """Whether its first process is there."""
        return self.control is not None

    def start(self) -> None:
        """Begin: the first process builds the root and starts the command, and tells when it has."""
        ours, theirs = socket.socketpair()
        (out, out_end), (err, err_end) = os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)
        plain = self._plan["isolation"] == "plain"
        spec = self.spec
        if self.state["restarts"] and not plain:  # each start has a fresh layer, as on Kubernetes
            spec = {**spec, "layer": f"{spec['layer']}.{self.state['restarts']}"}
        pid = os.fork() if plain else kernel.clone(kernel.CLONE_NEWNS | kernel.CLONE_NEWPID)
        if pid == 0:
            init.main(spec, self._plan, theirs, (out_end, err_end))
        theirs.close()
        for end in (out_end, err_end):
            os.close(end)
        for file in (out, err):
            os.set_blocking(file, False)
        self.pid, self.control, self.outputs = pid, ours, {out: "stdout", err: "stderr"}
        self._log = LogFile(self.spec["log"])
        self._result, self._tail, self._unread = bytearray(), b"", b""
        self._end: dict[str, Any] | None = None
        self.done = None
        self.captured = None

    # ---- what comes from it ----

    def hear(self) -> bool:
        """Read what the first process says; True once the container has ended and `state` tells how."""
        assert self.control is not None, f"container {self.name} is not running"
        data = b""
        with contextlib.suppress(ConnectionResetError):
            data = self.control.recv(_CHUNK)
        if not data:
            self._finish()
            return True
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._take(json.loads(line))
        return False

    def _take(self, message: dict[str, Any]) -> None:
        if "running" in message:
            self.state |= {"state": "running", "started_at": message["running"], "pid": self.pid}
        elif "done" in message:
            self.done = message["done"] if message["done"] >= 0 else 128 - message["done"]
        elif "helper" in message:
            self.answers.append((message["helper"], message["code"], message.get("text", "")))
        else:
            self._end = message

    def drain(self, file: int) -> None:
        """Move what the command has written into the log."""
        with contextlib.suppress(BlockingIOError):
            data = os.read(file, _CHUNK)
            if data:
                self._keep(self.outputs[file], data)
            else:
                del self.outputs[file]
                os.close(file)

    def _keep(self, stream: str, data: bytes) -> None:
        self._log.write(stream, data)
        self._tail = (self._tail + data[-_LOG_TAIL:])[-_LOG_TAIL:]
        if stream == "stdout" and self.spec["result"]:
            self._result += data
            if len(self._result) > 2 * RESULT_MOST:
                del self._result[:-RESULT_MOST]

    def _finish(self) -> None:
        for file in list(self.outputs):  # every writer is dead, so what is in the pipe is all there will be
            while file in self.outputs:
                before = len(self._result), self._tail
                with contextlib.suppress(OSError):
                    self.drain(file)
                if file in self.outputs and (len(self._result), self._tail) == before:
                    del self.outputs[file]
                    os.close(file)
        assert self.control is not None
        self.control.close()
        self.control = None
        self._log.close()
        self._tell_end(self._end or {"code": -signal.SIGKILL, "at": time.time_ns() / 1e9, "captured": None})

    def _tell_end(self, end: dict[str, Any]) -> None:
        started = self.state.get("started_at")
        state: dict[str, Any] = {
            "state": "terminated", "restarts": self.state["restarts"], "ready": False, "started": False}
        if "failed" in end:
            now = time.time_ns() / 1e9
            state |= {"reason": "StartError", "exit_code": init.START_FAILED, "message": end["failed"],
                      "started_at": now, "finished_at": now}
        else:
            code = end["code"]
            captured = end["captured"] or {"parameters": {}, "artifacts": {}, "problems": [], "message": ""}
            message = captured.pop("message", "")
            if not message and code and self.spec["message_policy"] == "FallbackToLogsOnError":
                message = self._tail.decode(errors="replace")
            state |= {"reason": "Error" if code else "Completed", "exit_code": code if code >= 0 else 128 - code,
                      "signal": -code if code < 0 else 0, "message": message, "started_at": started,
                      "finished_at": end["at"]}
            if self.spec["result"]:
                text = bytes(self._result[-RESULT_MOST:]).decode(errors="replace")
                captured["result"] = text.removesuffix("\n")
            self.captured = captured
        self.state = state

    # ---- what goes to it ----

    def send_signal(self, number: int) -> None:
        """A signal for the command's process group."""
        self._send(signal=number)

    def kill(self) -> None:
        """SIGKILL for every process of the container; what it left is gathered all the same."""
        self._send(kill=True)

    def kill_first(self) -> None:
        """SIGKILL for the first process too, when even gathering must end."""
        if self.pid and self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def gather(self) -> None:
        """Take its outputs now: whatever else might write them has ended."""
        self._send(gather=True)

    def leave_out(self, why: str) -> None:
        """It never starts, because one that it was to follow has failed."""
        now = time.time_ns() / 1e9
        self.over = True
        self.state = {"state": "terminated", "restarts": 0, "ready": False, "started": False, "reason": "Error",
                      "exit_code": NOT_STARTED, "signal": 0, "message": why, "started_at": now, "finished_at": now}

    def start_helper(self, number: int, argv: list[str]) -> None:
        """Run another command inside the container; `answers` will hold its end under `number`."""
        self._send(start=number, argv=argv)

    def end_helper(self, number: int) -> None:
        """SIGKILL for a command begun by `start_helper`."""
        self._send(end=number)

    def _send(self, **request: Any) -> None:
        if self.control is not None:
            with contextlib.suppress(OSError):  # it has just ended, which `hear` will find
                self.control.sendall(json.dumps(request).encode() + b"\n")
