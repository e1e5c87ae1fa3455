"""The shim's event loop: files that become readable, moments that come, children that end. One thread, no asyncio.

asyncio would cost every pod some ten megabytes and its start-up time.
"""

import contextlib
import heapq
import os
import select
import signal
import time
from collections.abc import Callable
from itertools import count


class Loop:
    """Calls back; `run` goes on until `stop`."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._readers: dict[int, Callable[[], None]] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._children: dict[int, Callable[[int], None]] = {}
        self._numbers = count()
        self._going = True
        self._wake, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.read(self._wake, self._awake)
        self.after_each: Callable[[], None] = lambda: None

    def read(self, file: int, then: Callable[[], None]) -> None:
        """Call `then` whenever `file` has something to read, or was closed at the other end."""
        self._readers[file] = then
        self._poll.register(file, select.POLLIN)

    def forget(self, file: int) -> None:
        """No longer watch `file`."""
        if self._readers.pop(file, None):
            with contextlib.suppress(KeyError, OSError):
                self._poll.unregister(file)

    def after(self, seconds: float, then: Callable[[], None]) -> None:
        """Call `then` once, `seconds` from now."""
        heapq.heappush(self._timers, (time.monotonic() + max(0.0, seconds), next(self._numbers), then))

    def child(self, pid: int, then: Callable[[int], None]) -> None:
        """Call `then` with the exit code when the child `pid` has ended."""
        self._children[pid] = then

    def stop(self) -> None:
        """Let `run` return."""
        self._going = False

    def run(self) -> None:
        """Work until `stop`."""
        while self._going:
            for file, _ in self._poll.poll(self._wait_ms()):
                reader = self._readers.get(file)
                if reader:
                    reader()
            while self._timers and self._timers[0][0] <= time.monotonic():
                heapq.heappop(self._timers)[2]()
            self.after_each()

    def _wait_ms(self) -> float | None:
        if not self._going:
            return 0
        if not self._timers:
            return None
        return max(0.0, (self._timers[0][0] - time.monotonic()) * 1000 + 0.5)

    def _awake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake, 4096)
        for pid in list(self._children):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self._children.pop(pid)(os.waitstatus_to_exitcode(status))
