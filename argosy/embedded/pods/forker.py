"""Argosy's side of the helper process: start it, ask it for shims, and start it again should it end."""

import asyncio
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from argosy.errors import Unavailable

_ROOT = str(Path(__file__).resolve().parents[3])
_PROGRAM = """import sys
sys.path.insert(0, sys.argv[2])
from argosy.embedded.pods.shim.spawner import main
main(int(sys.argv[1]))"""


class Forker:
    """The helper process. `start` it before anything else; `close` ends it and leaves the shims alone."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None

    def start(self) -> None:
        """Start the helper. It takes some tens of milliseconds to answer; this does not wait for it."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # The pods get none of Argosy's environment, and so its helper gets none either.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _PROGRAM, str(theirs.fileno()), _ROOT], pass_fds=[theirs.fileno()],
            env={"LANG": "C.UTF-8"}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            cwd="/")
        theirs.close()
        ours.setblocking(False)
        self._requests = ours

    async def find_isolation(self, folder: Path) -> dict[str, Any]:
        """The strongest isolation that works: ``{"isolation": ..., "refused": {...why}}``."""
        assert self._requests is not None, "the helper is not started"
        loop = asyncio.get_running_loop()
        self._requests.send(json.dumps({"probe": str(folder)}).encode())
        answer = await loop.sock_recv(self._requests, 65536)
        if not answer:
            raise Unavailable("the helper process that starts pods ended; see its message on standard error")
        found: dict[str, Any] = json.loads(answer)
        return found

    def fork_shim(self, folder: Path) -> socket.socket:
        """Have a shim forked for the pod in `folder`; the answer is the connection to it."""
        ours, theirs = socket.socketpair()
        request = json.dumps({"pod": str(folder)}).encode()
        try:
            self._send(request, theirs)
        except OSError:
            self.close()
            self.start()
            self._send(request, theirs)
        theirs.close()
        ours.setblocking(False)
        return ours

    def _send(self, request: bytes, connection: socket.socket) -> None:
        assert self._requests is not None, "the helper is not started"
        self._requests.setblocking(True)  # a full socket empties within a fork's time
        try:
            socket.send_fds(self._requests, [request], [connection.fileno()])
        finally:
            self._requests.setblocking(False)

    def close(self) -> None:
        """End the helper."""
        if self._requests is not None:
            self._requests.close()
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
        self._process = self._requests = None
