"""One pod's life, from the moment the runtime takes it up until its end is written into its status.

Every step may be the last one before a crash; `run` begins by looking at what the pod's folder says was done already.
"""

import asyncio
import contextlib
import json
import logging
import os
import shutil
import socket
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from argosy.backoff import Backoff
from argosy.clock import Clock
from argosy.embedded.pods.environment import Broken, Found, NotYet
from argosy.embedded.pods.forker import Forker
from argosy.embedded.pods.outcome import hand_over, stage
from argosy.embedded.pods.plain import Rewriter, rewriter_for
from argosy.embedded.pods.plan import Host, assignment_of, make_plan, references_of
from argosy.embedded.pods.shim import record
from argosy.embedded.pods.standins import Standins
from argosy.embedded.pods.status import failed_status, running_status, waiting_status
from argosy.embedded.pods.volumes import lay_out
from argosy.errors import Unavailable
from argosy.kube.contract import Conflict, Kube, NotFound, Object, PatchKind
from argosy.kube.kinds import Kinds
from argosy.kube.resources import CONFIG_MAPS, PERSISTENT_VOLUME_CLAIMS, PODS, SECRETS
from controller.artifacts.contract import ArtifactError, ArtifactStore
from controller.pods.assignment import Assignment

_LOG = logging.getLogger(__name__)
_RESOURCES = {"ConfigMap": CONFIG_MAPS, "Secret": SECRETS, "PersistentVolumeClaim": PERSISTENT_VOLUME_CLAIMS}
_FORKS_MOST = 3  # how often a shim is asked for that never takes the pod up
_LOST = ("The processes of this pod are gone and left no outcome: the machine was restarted, or they were killed together "
         "with what watched over them")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all pods of a runtime share."""

    kube: Kube
    clock: Clock
    forker: Forker
    artifacts: ArtifactStore
    host: Host
    standins: Standins
    folder: Path
    threads: Executor
    keep_layers: bool
    kinds: Kinds


class Life:
    """Carries one Pod object through. `run` returns when its end is written, or nobody needs it any more."""

    needs_process = True

    def __init__(self, around: Surroundings, pod: Object) -> None:
        self._around = around
        self.pod = pod
        metadata = pod["metadata"]
        self.name, self.namespace, self.uid = metadata["name"], metadata["namespace"], metadata["uid"]
        self.folder = around.folder / "pods" / self.uid
        self.logs = around.folder / "logs" / self.namespace / self.name / self.uid
        self.state: Mapping[str, Any] | None = None  # what the shim last recorded
        self.over = False
        self.changed = asyncio.Event()  # set, and replaced, whenever the state has changed
        self._connection: socket.socket | None = None
        self._stop: dict[str, Any] | None = None
        self._stopped = asyncio.Event()
        self._gone = False  # the object is deleted: there is no status to be written
        self._written: Object | None = None

    # ---- what the runtime tells ----

    def stop(self, *, grace_seconds: float, gone: bool = False) -> None:
        """The pod is deleted: end it. A later call can only shorten the grace."""
        self._gone = self._gone or gone
        if self._stop is not None and self._stop["stop"] <= grace_seconds:
            return
        self._stop = {"stop": grace_seconds, "reason": "", "message": ""}
        self._stopped.set()
        self._tell_stop()

    def _tell_stop(self) -> None:
        if self._connection is not None and self._stop is not None:
            with contextlib.suppress(OSError):  # the shim has just ended
                self._connection.send(json.dumps(self._stop).encode() + b"\n")

    # ---- the life ----

    async def run(self) -> None:
        try:
            await self._begin()
            await self._follow()
            await self._finish()
        except Broken as error:
            await self._write(self._failed("StartError", str(error)))
        except _Stopped:
            pass
        except Exception as error:  # noqa: BLE001  our own bug: it costs this pod, loudly, and no other
            _LOG.exception("pod failed by a bug", extra={"fields": {
                "pod": f"{self.namespace}/{self.name}", "uid": self.uid}})
            self.stop(grace_seconds=0)
            await self._write(self._failed("InternalError", f"Argosy failed to run this pod: {error!r}"))
        finally:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
        await self._farewell()

    async def _begin(self) -> None:
        """Have a shim for the pod: the one it has, or a new one if it never had any."""
        claimed = await self._in_thread(record.claimed, str(self.folder))
        if claimed:
            return
        if self._stop is not None:
            raise _Stopped
        await self._in_thread(self._make_folder)
        plan = await self._prepare()
        await self._in_thread(lambda: record.write(str(self.folder), record.PLAN, plan, durable=False))
        for _ in range(_FORKS_MOST):
            if self._stop is not None:
                raise _Stopped
            self._connection = self._around.forker.fork_shim(self.folder)
            await self._listen()
            if await self._in_thread(record.claimed, str(self.folder)):
                return
        raise Broken("no process could be started for this pod: the machine has too many, or too little memory")

    def _make_folder(self) -> None:
        if self.folder.exists():  # begun by a runtime that was killed before a shim took the pod up
            remove(self.folder)
        for name in ("staged", "gathered", "volumes"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "gathered").chmod(0o777)  # written with the rights of the pod; the folder above is closed
        self.logs.mkdir(parents=True, exist_ok=True)

    async def _prepare(self) -> dict[str, Any]:
        """The plan, once everything that the pod names is there."""
        backoff, attempt = Backoff(first_seconds=0.25, most_seconds=5.0), 0
        began = self._around.clock.now()
        limit = self.pod["spec"].get("activeDeadlineSeconds")
        deadline = began + limit if limit is not None else None
        assignment = assignment_of(self.pod)
        while True:
            try:
                found = {pair: await self._fetch(*pair) for pair in references_of(self.pod)}
                places = await self._in_thread(self._lay_out, found)
                staged = []
                if assignment is not None:
                    staged = await self._in_thread(
                        stage, assignment, self.folder, self._around.artifacts, self._rewriter(assignment))
                standins = await self._in_thread(self._around.standins.for_pod, self.pod)
                return make_plan(
                    self.pod, found, self._around.host, folder=str(self.folder), logs=str(self.logs), places=places,
                    standins=standins, staged=staged, deadline=deadline)
            except NotYet as error:
                await self._write(waiting_status(
                    self.pod, reason="CreateContainerConfigError", message=str(error), scheduled=True, now=began))
                if deadline is not None and self._around.clock.now() >= deadline:
                    raise Broken(f"Pod was active on the node longer than the specified deadline, waiting: {error}") from error
            except (ArtifactError, OSError) as error:
                raise Broken(str(error)) from error
            await self._sleep(backoff.wait_seconds(attempt))
            attempt += 1

    def _lay_out(self, found: Found) -> dict[str, tuple[str, str]]:
        return lay_out(self.pod, found, folder=self.folder / "volumes", claims=self._around.folder / "claims",
                       node=self._around.host.node)

    def _rewriter(self, assignment: Assignment) -> Rewriter | None:
        if self._around.host.isolation != "plain":
            return None
        for container in self.pod["spec"]["containers"]:
            if container["name"] == assignment.container:
                return rewriter_for(container, assignment, f"{self.folder}/layers/{assignment.container}")
        return None

    async def _fetch(self, kind: str, name: str) -> Object | None:
        try:
            return await self._around.kube.get(_RESOURCES[kind], name, namespace=self.namespace)
        except NotFound:
            return None

    async def _sleep(self, seconds: float) -> None:
        """Wait, but not past the moment at which the pod is to end."""
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(self._around.clock.sleep(seconds))
            stopped = group.create_task(self._stopped.wait())
            await asyncio.wait([waiting, stopped], return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            stopped.cancel()
        if self._stop is not None:
            raise _Stopped

    async def _follow(self) -> None:
        """Listen to the shim until it has gone, writing each change into the status."""
        while True:
            await self._listen()
            claimed = await self._in_thread(record.claimed, str(self.folder))
            if claimed != "held":
                break
            await self._connect()
        self._read_state()

    async def _listen(self) -> None:
        """Until the connection ends."""
        loop = asyncio.get_running_loop()
        while self._connection is not None:
            self._tell_stop() if self._stop and self.state is None else None
            try:
                data = await loop.sock_recv(self._connection, 4096)
            except OSError:
                data = b""
            if not data:
                self._connection.close()
                self._connection = None
                return
            self._read_state()
            if self.state is not None and self.state["phase"] != "Ended":
                await self._show()

    async def _connect(self) -> None:
        """Reach the living shim of a pod that was started before."""
        loop = asyncio.get_running_loop()
        connection = socket.socket(socket.AF_UNIX)
        connection.setblocking(False)
        place = os.open(self.folder, os.O_PATH | os.O_CLOEXEC)  # a socket's own path may only be 107 bytes long
        try:
            await loop.sock_connect(connection, f"/proc/self/fd/{place}/{record.SOCKET}")
        except OSError:
            connection.close()
            await self._around.clock.sleep(0.01)  # it holds its claim, so it is about to listen, or about to end
            return
        finally:
            os.close(place)
        self._connection = connection
        self._tell_stop()
        self._read_state()
        if self.state is not None and self.state["phase"] != "Ended":
            await self._show()

    def _read_state(self) -> None:
        found = record.read(str(self.folder), record.STATE)
        if found is not None:
            assignment = assignment_of(self.pod)
            self.state = {**found, "assigned": assignment.container if assignment else ""}
            self._tell_change()

    def _tell_change(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    async def _show(self) -> None:
        assert self.state is not None
        status = running_status(self.pod, self.state, isolation=self._around.host.isolation)
        preparing = status["phase"] == "Pending" and not any(
            status["state"].get("running") for status in status.get("initContainerStatuses") or ())
        ending = self.pod["spec"].get("restartPolicy") == "Never" and all(
            "terminated" in status["state"] for status in status["containerStatuses"])
        if not preparing and not ending:  # what comes next is told in one write with the phase that it means
            await self._write(status)

    async def _finish(self) -> None:
        """Keep what the pod left behind, and write its end."""
        if self.state is None or self.state["phase"] != "Ended":
            message = _LOST
            text = self.folder / "shim-error.txt"
            said = text.read_text().strip() if text.exists() else ""
            if said:  # on a full disk not even the error can be written
                message = f"what watched over this pod failed: {said.splitlines()[-1]}"
            now = self._around.clock.now()
            await self._write(failed_status(self.pod, reason="NodeLost", message=message, now=now,
                                            isolation=self._around.host.isolation, seen=self.state or {"began": now}))
            return
        handover = ""
        assignment = assignment_of(self.pod)
        if assignment is not None and self.state["captured"] is not None and not self._gone:
            result = await self._in_thread(hand_over, assignment, self.state["captured"], self.folder, self._around.artifacts)
            own_words = self.state["containers"].get(assignment.container, {}).get("message") or ""
            handover = replace(result, message=own_words).to_json()
        await self._write(running_status(
            self.pod, self.state, isolation=self._around.host.isolation, handover=handover))

    async def _farewell(self) -> None:
        """The end is written: clear up, and let a deletion go through that waited for it."""
        self.over = True
        self._tell_change()
        if not self._around.keep_layers or self._stop is not None:
            await self._in_thread(remove, self.folder)
        if self._stop is not None and not self._gone:
            with contextlib.suppress(NotFound, Conflict):
                await self._retrying(lambda: self._around.kube.delete(
                    PODS, self.name, namespace=self.namespace, uid=self.uid, grace_seconds=0))

    def _failed(self, reason: str, message: str) -> Object:
        return failed_status(self.pod, reason=reason, message=message, isolation=self._around.host.isolation,
                             now=self._around.clock.now())

    async def _write(self, status: Object) -> None:
        if self._gone or status == self._written:
            return
        patch = {"metadata": {"uid": self.uid}, "status": {"reason": None, "message": None, **status}}
        try:
            await self._retrying(lambda: self._around.kube.patch(
                PODS, self.name, patch, namespace=self.namespace, kind=PatchKind.MERGE, subresource="status"))
            self._written = status
        except (NotFound, Conflict):  # it is deleted, or another pod has its name: end this one
            self.stop(grace_seconds=0, gone=True)

    async def _retrying(self, call: Any) -> None:
        backoff, attempt = Backoff(), 0
        while True:
            try:
                await call()
            except Unavailable as error:
                await self._around.clock.sleep(error.retry_after_seconds or backoff.wait_seconds(attempt))
                attempt += 1
            else:
                return

    async def _in_thread(self, work: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._around.threads, work, *arguments)


class _Stopped(Exception):
    """The pod was deleted before it began."""


def remove(folder: Path) -> None:
    """Remove a folder that a pod wrote into, also where the modes it left forbid that."""
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():
        return
    for inner, names, _ in os.walk(folder):  # top down: a folder is opened before it is entered
        for name in names:
            place = Path(inner, name)
            if not place.is_symlink():
                with contextlib.suppress(OSError):
                    place.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
