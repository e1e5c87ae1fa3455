"""Reads the pods' logs back, as ``kubectl logs`` asks for them, while a container runs and after its pod is gone."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from argosy.clock import Clock, to_rfc3339_micro
from argosy.embedded.pods.life import Life
from argosy.kube.contract import BadRequest, Kube, NotFound, Object
from argosy.kube.resources import PODS

_CHUNK = 1 << 18
_LOOK_SECONDS = 0.02  # how often a followed file is looked at for more


class LogStore:
    """The folder of logs: namespace, pod, uid, and a file for each container."""

    def __init__(self, kube: Kube, folder: Path, *, clock: Clock, life_of: Callable[[str], Life | None]) -> None:
        self._kube, self._folder, self._clock, self._life_of = kube, folder, clock, life_of

    async def read(
        self, name: str, *, namespace: str, container: str, follow: bool, tail_lines: int | None,
        since_seconds: float | None, timestamps: bool,
    ) -> AsyncIterator[bytes]:
        """The log as pieces of bytes. Raises NotFound, BadRequest."""
        pod = await self._find_pod(name, namespace)
        folder = await asyncio.to_thread(self._find_folder, name, namespace, pod)
        if pod is None and folder is None:
            raise NotFound(f'pods "{name}" not found')
        uid = pod["metadata"]["uid"] if pod else ""
        container = container or _choose(name, pod, folder)
        _check_container(name, container, pod, folder)
        path = (folder or self._folder / namespace / name / uid) / f"{container}.log"
        ended = self._ending(uid, container)
        if not path.exists():
            if ended() or not follow:
                if not ended():
                    raise BadRequest(f'container "{container}" in pod "{name}" is waiting to start: PodInitializing')
                return
            while not path.exists() and not ended():
                await self._clock.sleep(_LOOK_SECONDS)
        cutoff = _stamp(self._clock.now() - since_seconds) if since_seconds is not None else b""
        shape = _Shape(cutoff=cutoff, timestamps=timestamps)
        async for data in self._pieces(path, follow=follow, tail_lines=tail_lines, ended=ended):
            text = shape(data)
            if text:
                yield text

    async def _find_pod(self, name: str, namespace: str) -> Object | None:
        try:
            return await self._kube.get(PODS, name, namespace=namespace)
        except NotFound:
            return None

    def _find_folder(self, name: str, namespace: str, pod: Object | None) -> Path | None:
        home = (self._folder / namespace / name).resolve()
        if not home.is_relative_to(self._folder.resolve()) or not home.is_dir():
            return None
        if pod is not None:
            own = home / pod["metadata"]["uid"]
            return own if own.is_dir() else None
        return max(home.iterdir(), key=lambda path: path.stat().st_mtime, default=None)

    def _ending(self, uid: str, container: str) -> Callable[[], bool]:
        """Tells whether the container writes no more."""

        def ended() -> bool:
            life = self._life_of(uid)
            if life is None or life.over:
                return True
            if life.state is None:
                return False
            member = life.state["containers"].get(container) or {}
            return life.state["phase"] == "Ended" or member.get("state") == "terminated"

        return ended

    async def _pieces(
        self, path: Path, *, follow: bool, tail_lines: int | None, ended: Callable[[], bool],
    ) -> AsyncIterator[bytes]:
        """Whole lines of the files, oldest first; with `follow`, what is added until the container has ended."""
        files = await asyncio.to_thread(_open_from, path, tail_lines)
        try:
            rest = b""
            while True:
                last = not follow or ended()  # asked before reading: what was written before the end is then read
                data = await asyncio.to_thread(_read_some, files, path)
                if data:
                    cut = data.rfind(b"\n") + 1
                    if cut:
                        yield rest + data[:cut]
                        rest = data[cut:]
                    else:
                        rest += data
                elif last:
                    return
                else:
                    await self._clock.sleep(_LOOK_SECONDS)
        finally:
            for file in files:
                file.close()


def _choose(name: str, pod: Object | None, folder: Path | None) -> str:
    if pod is not None:
        annotations = pod["metadata"].get("annotations") or {}
        names = [container["name"] for container in pod["spec"]["containers"]]
        default = annotations.get("kubectl.kubernetes.io/default-container", "")
        if default in names:
            return str(default)
    else:
        names = sorted(path.name.removesuffix(".log") for path in folder.glob("*.log")) if folder else []
    if len(names) == 1:
        return str(names[0])
    if "main" in names:
        return "main"
    raise BadRequest(f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]")


def _check_container(name: str, container: str, pod: Object | None, folder: Path | None) -> None:
    if pod is not None:
        spec = pod["spec"]
        known = [entry["name"] for entry in [*spec["containers"], *(spec.get("initContainers") or ())]]
    else:
        known = [path.name.removesuffix(".log") for path in folder.glob("*.log")] if folder else []
    if container not in known:
        raise BadRequest(f"container {container} is not valid for pod {name}")


# ---- files ----


def _open_from(path: Path, tail_lines: int | None) -> list[BinaryIO]:
    """The files to be read, oldest first, each at the place where reading begins."""
    older = path.with_name(path.name + ".1")
    files: list[BinaryIO] = []
    files += [place.open("rb") for place in (older, path) if place.exists()]
    if tail_lines is None:
        return files
    wanted = tail_lines
    for index in range(len(files) - 1, -1, -1):
        wanted = _seek_back(files[index], wanted)
        if wanted <= 0:
            for file in files[:index]:
                file.close()
            return files[index:]
    for file in files:
        file.seek(0)
    return files


def _seek_back(file: BinaryIO, lines: int) -> int:
    """Stand before the last `lines` lines of `file`; how many of them it does not have.

    Read backwards, record by record: a record begins a line of the container if the one before it ends a line (F).
    """
    position = file.seek(0, 2)
    if lines <= 0:
        return 0
    found, later, carry = 0, None, b""
    while position > 0:
        size = min(_CHUNK, position)
        position -= size
        file.seek(position)
        data = file.read(size) + carry
        cut = data.find(b"\n") + 1 if position > 0 else 0  # up to there it is the end of a record that begins earlier
        carry, offset = data[:cut], position + len(data)
        for record in reversed(data[cut:].split(b"\n")[:-1]):
            offset -= len(record) + 1
            if later is not None and record.split(b" ", 3)[2:3] == [b"F"]:
                found += 1
                if found == lines:
                    file.seek(later)
                    return 0
            later = offset
    file.seek(0)
    return lines - found - (later is not None)


def _read_some(files: list[BinaryIO], path: Path) -> bytes:
    """The next piece, going on to the next file where one is read to its end or was replaced by a newer one."""
    data = files[0].read(_CHUNK) if files else b""
    if data or not files:
        return data
    if len(files) == 1:
        current = _inode(files[0])
        if not path.exists() or path.stat().st_ino == current:
            return b""
        # It was renamed: what came last before that is still to be read, and perhaps a whole file after it.
        older = path.with_name(path.name + ".1")
        if older.exists() and older.stat().st_ino != current:
            files.append(older.open("rb"))
        files.append(path.open("rb"))
        data = files[0].read(_CHUNK)
    if not data:
        files.pop(0).close()
        data = files[0].read(_CHUNK)
    return data


def prune(folder: Path, *, most_bytes: int, alive: Collection[str]) -> None:
    """Remove the oldest pods' logs until all together are no larger than `most_bytes`; those of living pods stay."""
    sizes = []
    for home in folder.glob("*/*/*"):
        with contextlib.suppress(OSError):
            size = sum(file.stat().st_size for file in home.iterdir())
            sizes.append((home.stat().st_mtime, size, home))
    total = sum(size for _, size, _ in sizes)
    for _, size, home in sorted(sizes, key=lambda entry: entry[0]):
        if total <= most_bytes:
            return
        if home.name not in alive:
            shutil.rmtree(home, ignore_errors=True)
            total -= size
            with contextlib.suppress(OSError):  # another pod of that name has its logs there
                home.parent.rmdir()


def _inode(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_ino


# ---- the lines ----


@dataclass(slots=True)
class _Shape:
    """Turns records (time, stream, tag, text) into what the reader asked for."""

    cutoff: bytes
    timestamps: bool
    _fresh: bool = field(default=True)

    def __call__(self, records: bytes) -> bytes:
        parts = []
        for record in records.split(b"\n"):
            stamp, _, rest = record.partition(b" ")
            _, _, rest = rest.partition(b" ")
            tag, _, text = rest.partition(b" ")
            if not stamp or stamp < self.cutoff:
                continue
            if self.timestamps and self._fresh:
                parts.append(stamp + b" ")
            parts.append(text)
            self._fresh = tag != b"P"
            if self._fresh:
                parts.append(b"\n")
        return b"".join(parts)


def _stamp(seconds: float) -> bytes:
    return to_rfc3339_micro(seconds).removesuffix("Z").encode() + b"000Z"
