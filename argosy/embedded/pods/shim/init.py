"""The first process of a container: builds its root, starts its command, reaps, passes signals on, and gathers outputs.

It speaks with the shim over a socket, one JSON object a line. When that socket closes, or the shim dies, it ends, and
with it (as the first process of its PID namespace) every process of the container.
"""

import contextlib
import errno
import json
import os
import select
import signal
import socket
import time
from typing import Any, NoReturn

from argosy.embedded.pods.shim import gather, kernel, root

START_FAILED = 128  # the exit code of a container whose command could not be started, as container runtimes give it
_MESSAGE_MOST = 4096  # bytes of a termination message


def main(container: dict[str, Any], plan: dict[str, Any], control: socket.socket, output: tuple[int, int]) -> NoReturn:
    """Be the first process of the container. Never returns."""
    first = _First(container, plan, control, output)
    try:
        first.run()
    except BaseException as error:  # noqa: BLE001  nothing above us could report it
        with contextlib.suppress(OSError):
            first.tell(failed=f"cannot start the container: {error}")
    finally:
        os._exit(0)


class _First:
    def __init__(
        self, container: dict[str, Any], plan: dict[str, Any], control: socket.socket, output: tuple[int, int],
    ) -> None:
        self._container, self._plan, self._control, self._output = container, plan, control, output
        self._plain = plan["isolation"] == "plain"
        self._command = -1
        self._told_to_end = self._may_gather = False
        self._helpers: dict[int, int] = {}  # pid to the number of the request
        self._unread = b""

    def tell(self, **fields: Any) -> None:
        self._control.sendall(json.dumps(fields).encode() + b"\n")

    def run(self) -> None:
        self._settle()
        staged, gathered = (os.open(f"{self._plan['folder']}/{name}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                            for name in ("staged", "gathered"))
        try:
            self._build()
            self._stage(staged)
        except (root.Refused, OSError) as error:
            self.tell(failed=str(error))
            return
        os.close(staged)
        try:
            self._command = self._start(self._container["argv"], self._output)
        except root.Refused as error:
            self.tell(failed=str(error))
            return
        self.tell(running=time.time_ns() / 1e9)
        code = os.waitstatus_to_exitcode(self._run_command())
        ended = time.time_ns() / 1e9
        if self._container["gather_last"]:
            self.tell(done=code)
            while not self._may_gather:
                self._heed(None)
        self.tell(code=code, at=ended, captured=self._capture(self._container["gather"], gathered))

    # ---- before the command ----

    def _settle(self) -> None:
        keep = sorted({self._control.fileno(), *self._output})
        below = 0
        for file in [*keep, 1 << 16]:
            os.closerange(below, file)
            below = file + 1
        null = os.open("/dev/null", os.O_RDWR)
        for file in (0, 1, 2):
            if file not in keep and file != null:
                os.dup2(null, file)
        if not self._plain:  # there, the socket's end tells of the shim's, and leaves time to end what has no namespace
            kernel.die_with_parent()
        kernel.hide_from_debuggers()
        kernel.set_name("argosy-init")
        if self._plain:
            kernel.adopt_orphans()
        self._wake, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def _build(self) -> None:
        os.umask(0o022)
        if self._plain:
            self._private = f"{self._container['layer']}/root"
            root.build_plain(self._container, self._private)
            return
        self._private = ""
        root.build(self._container, rootless=self._plan["isolation"] == "rootless", hide=self._plan["hide"],
                   hosts=self._plan["hosts"])

    def _stage(self, staged: int) -> None:
        items = self._container["stage"]
        if not items:
            return
        answer = self._aside(lambda: gather.stage(
            items, root=self._private, staged=staged, user=self._container["user"]), as_user=False)
        if answer is not None:
            raise root.Refused(str(answer))

    def _start(self, argv: list[str], output: tuple[int, int] | None) -> int:
        """Start a command of this container; raises Refused where that cannot be done."""
        reading, writing = os.pipe2(os.O_CLOEXEC)
        child = os.fork()
        if child == 0:
            self._become(argv, output, writing)
        os.close(writing)
        said = b""
        while piece := os.read(reading, 4096):
            said += piece
        os.close(reading)
        if said:
            os.waitpid(child, 0)
            raise root.Refused(said.decode(errors="replace"))
        return child

    def _become(self, argv: list[str], output: tuple[int, int] | None, writing: int) -> NoReturn:
        said = "it ended before it began"
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGPIPE, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
            os.dup2(null, 0)
            for standard, file in zip((1, 2), output or (null, null), strict=True):
                os.dup2(file, standard)
            if self._plain:
                kernel.die_with_parent()
            self._enter_cwd()
            self._take_identity()
            said = self._exec(argv)
        except OSError as error:
            said = str(error)
        finally:
            os.write(writing, said.encode())
            os._exit(START_FAILED)

    def _enter_cwd(self) -> None:
        cwd = self._container["cwd"]
        if not os.path.isdir(cwd):
            os.makedirs(cwd, exist_ok=True)
            if self._container["user"] is not None:
                os.chown(cwd, self._container["user"], -1)
        os.chdir(cwd)

    def _take_identity(self) -> None:
        container = self._container
        if not self._plain and container["capabilities"] is not None:
            kernel.keep_capabilities(frozenset(container["capabilities"]))
        if self._plan["isolation"] != "root" or container["user"] is None:
            return
        group = container["group"] if container["group"] is not None else container["user"]
        os.setgroups(container["groups"])
        os.setgid(group)
        os.setuid(container["user"])

    def _exec(self, argv: list[str]) -> str:
        """Become the program; returns only when that failed, with the reason."""
        env = self._container["env"]
        name = argv[0]
        found = _find_program(name, env.get("PATH", ""))
        if found is None:
            return str(self._container["missing"]).replace("{program}", name)
        try:
            os.execve(found, argv, env)  # noqa: S606  a pod's command is the user's, and no shell is meant
        except OSError as error:
            if error.errno == errno.ENOENT:
                return f"cannot run '{name}': the interpreter that its first line names does not exist"
            if error.errno == errno.ENOEXEC:
                return (f"cannot run '{name}': it is no program for this machine; "
                        "a script needs a first line such as #!/bin/sh")
            if error.errno == errno.E2BIG:
                return f"cannot run '{name}': its arguments and environment are larger than the kernel takes"
            return f"cannot run '{name}': {error.strerror}"
        except ValueError:
            return f"cannot run '{name}': an argument or a variable holds a NUL byte, which no program can be given"

    # ---- while the command runs ----

    def _run_command(self) -> int:
        """Serve until the command has ended, tried as often as it may be; its last wait status."""
        for again in range(self._container["tries"] - 1, -1, -1):
            if not again:
                for file in self._output:
                    os.close(file)
            status = self._serve()
            self._command = -1
            self._kill_all()
            if status == 0 or not again:
                break
            pause_ends = time.monotonic() + self._container["try_again_after"]
            while not self._told_to_end and (left := pause_ends - time.monotonic()) > 0:
                self._heed(left * 1000)
            if self._told_to_end:
                break
            self._command = self._start(self._container["argv"], self._output)
        return status

    def _serve(self) -> int:
        """Reap, and do as the shim says, until the command ends; its wait status."""
        while True:
            status = self._reap()
            if status is not None:
                return status
            self._heed(None)

    def _heed(self, milliseconds: float | None) -> None:
        """Wait until a child has ended or the shim has said something, which is then done."""
        watch = select.poll()
        watch.register(self._control, select.POLLIN)
        watch.register(self._wake, select.POLLIN)
        for file, _ in watch.poll(milliseconds):
            if file == self._wake:
                os.read(self._wake, 4096)
            else:
                self._listen()

    def _reap(self) -> int | None:
        ended = None
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                if pid == self._command:
                    ended = status
                elif pid in self._helpers:
                    self.tell(helper=self._helpers.pop(pid), code=os.waitstatus_to_exitcode(status))
        return ended

    def _listen(self) -> None:
        data = self._control.recv(65536)
        if not data:
            self._kill_all()
            os._exit(0)
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._obey(json.loads(line))

    def _obey(self, request: dict[str, Any]) -> None:
        if "signal" in request:
            self._told_to_end = True
            with contextlib.suppress(ProcessLookupError):
                if self._command > 0:
                    os.killpg(self._command, request["signal"])
        elif "kill" in request:
            self._told_to_end = self._may_gather = True
            self._kill_all(reap=False)
        elif "gather" in request:
            self._may_gather = True
        elif "start" in request:
            try:
                self._helpers[self._start(request["argv"], None)] = request["start"]
            except root.Refused as error:
                self.tell(helper=request["start"], code=START_FAILED, text=str(error))
        elif "end" in request:
            for pid, number in self._helpers.items():
                if number == request["end"]:
                    os.kill(pid, signal.SIGKILL)

    def _kill_all(self, *, reap: bool = True) -> None:
        """SIGKILL for every process of the container but this one."""
        if self._plain:
            kill_descendants(os.getpid())
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
        if reap:
            with contextlib.suppress(ChildProcessError):
                while True:
                    os.waitpid(-1, 0)

    # ---- after the command ----

    def _capture(self, wanted: dict[str, Any], gathered: int) -> dict[str, Any]:
        answer: dict[str, Any] = {"parameters": {}, "artifacts": {}, "problems": [], "message": ""}
        message_path = self._container["message_path"]
        if not message_path and not wanted["parameters"] and not wanted["artifacts"]:
            return answer

        def work() -> dict[str, Any]:
            found = gather.capture(wanted, root=self._private, gathered=gathered)
            found["message"] = _read_start(gather.place_of(self._private, message_path)) if message_path else ""
            return found

        if not wanted["parameters"] and not wanted["artifacts"]:
            place = gather.place_of(self._private, message_path)
            if not os.path.lexists(place):
                return answer  # the usual case, and not worth a process
        result = self._aside(work, as_user=True)
        if isinstance(result, dict):
            return result
        answer["problems"] = [f"cannot gather the outputs: {result}"]
        return answer

    def _aside(self, work: Any, *, as_user: bool) -> Any:
        """Run `work` in a process of its own; what it returned, or the error's text.

        With `as_user` it has the rights of the container's command, and otherwise those of a container's root: in either
        case no link can lead it where the container has no business.
        """
        reading, writing = os.pipe2(os.O_CLOEXEC)
        child = os.fork()
        if child == 0:
            try:
                kernel.die_with_parent()
                if not self._plain:
                    own = self._container["capabilities"] if as_user else None
                    kernel.limit_self(kernel.DEFAULT_CAPABILITIES if own is None else frozenset(own))
                if as_user:
                    self._take_identity()
                answer = work()
            except BaseException as error:  # noqa: BLE001  carried to the other side of the pipe
                answer = error.strerror if isinstance(error, OSError) and error.strerror else repr(error)
            try:
                data = memoryview(json.dumps(answer).encode())
                while data:
                    data = data[os.write(writing, data):]
            finally:
                os._exit(0)
        os.close(writing)
        said = b""
        while piece := os.read(reading, 1 << 20):
            said += piece
        os.close(reading)
        os.waitpid(child, 0)
        return json.loads(said) if said else "the process that did it was killed"


def _find_program(name: str, path: str) -> str | None:
    if "/" in name:
        return name if os.path.isfile(name) else None
    for folder in path.split(":"):
        place = f"{folder or '.'}/{name}"
        if os.path.isfile(place) and os.access(place, os.X_OK):
            return place
    return None


def _read_start(path: str) -> str:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(file, _MESSAGE_MOST).decode(errors="replace")
    except OSError:
        return ""
    finally:
        os.close(file)


def kill_descendants(pid: int) -> None:
    """SIGKILL for everything below `pid`, until nothing new is found: what was forked just before the end is found then.

    None of them is reaped here, so that no number can come back for another process.
    """
    killed: set[int] = set()
    while new := set(descendants(pid)) - killed:
        for child in new:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        killed |= new


def descendants(pid: int) -> list[int]:
    """Every living process below `pid`."""
    found = []
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = [int(child) for child in file.read().split()]
    except OSError:
        return []
    for child in children:
        found += [child, *descendants(child)]
    return found
