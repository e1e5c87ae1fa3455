"""A container's log in the format of Kubernetes' container runtimes: time, stream, F for a whole line or P for a part."""

import contextlib
import os
import time

LINE_MOST = 16 << 10  # bytes of an unfinished line that are held back
FILE_MOST = 32 << 20  # bytes; with the file before it, the last 64 MiB of a container are kept


class LogFile:
    """Writes the log of one container, and starts a new file when the present one is full."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._held: dict[str, bytes] = {}
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._file).st_size

    def write(self, stream: str, data: bytes) -> None:
        """Add what came from `stream`, a piece that may begin or end within a line.

        The last, unfinished line is held back until it ends or grows long, so that the streams mix only line by line.
        """
        if self._size + len(data) > FILE_MOST:
            self._turn()
        prefix = f"{_stamp()} {stream} ".encode()
        lines = (self._held.get(stream, b"") + data).split(b"\n")
        rest = lines.pop()
        text = b"".join([prefix + b"F " + line + b"\n" for line in lines])
        if len(rest) > LINE_MOST:
            text += prefix + b"P " + rest + b"\n"
            rest = b""
        self._held[stream] = rest
        self._put(text)

    def note(self, text: str) -> None:
        """A line of our own among the container's."""
        self._put(f"{_stamp()} stderr F argosy: {text}\n".encode())

    def close(self) -> None:
        """No more will come: what is held back is a line without an end."""
        for stream, rest in self._held.items():
            if rest:
                self._put(f"{_stamp()} {stream} P ".encode() + rest + b"\n")
        os.close(self._file)

    def _put(self, text: bytes) -> None:
        view = memoryview(text)
        try:
            while view:
                view = view[os.write(self._file, view):]
        except OSError:
            # A full disk costs log lines; it must not hold up or end the container.
            return
        finally:
            self._size += len(text)

    def _turn(self) -> None:
        os.close(self._file)
        with contextlib.suppress(OSError):
            os.rename(self._path, self._path + ".1")
        self._file = os.open(self._path, os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        self._size = 0
        self.note(f"this log is long: only its last {2 * FILE_MOST >> 20} MiB are kept")


def _stamp() -> str:
    now = time.time_ns()
    whole = time.gmtime(now // 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', whole)}.{now % 1_000_000_000:09d}Z"
