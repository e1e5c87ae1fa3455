"""The embedded kubelet: runs every Pod of the store as processes of this machine and writes its status."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

from argosy.clock import Clock
from argosy.embedded.pods.claims import keep_claims
from argosy.embedded.pods.forker import Forker
from argosy.embedded.pods.images import ImageTable
from argosy.embedded.pods.life import Life, Surroundings, remove
from argosy.embedded.pods.logs import LogStore, prune
from argosy.embedded.pods.plan import Host, is_errand
from argosy.embedded.pods.standins import Standins
from argosy.embedded.pods.status import HOST_IP, waiting_status
from argosy.errors import ArgosyError
from argosy.kube.contract import Conflict, Expired, Kube, NotFound, Object, PatchKind
from argosy.kube.kinds import Kinds, ListedKinds
from argosy.kube.resources import KNOWN, PODS
from controller.artifacts.contract import ArtifactStore

Isolation = Literal["auto", "namespaces", "plain"]
_LOG = logging.getLogger(__name__)
_THREADS = 8
_PRUNE_EVERY = 100  # pods that ended, after which the size of all logs is looked at
_OVER = ("Succeeded", "Failed")
_END_SECONDS = 5.0  # how long killed pods may take to go, when they end with the runtime


class PodRuntime:
    """A service. While it runs, a Pod that is created starts, and one that is deleted ends.

    Pods do not need it to go on: each has a process of its own that watches over it. A runtime that starts on the folder
    of an earlier one takes its pods over, and learns how those ended that ended meanwhile.
    """

    def __init__(
        self, kube: Kube, *, folder: Path, images: ImageTable, artifacts: ArtifactStore, clock: Clock,
        node_name: str = "local", most_pods: int = 250, isolation: Isolation = "auto", hide: Sequence[Path] = (),
        host_path: str = "", durable: bool = True, keep_layers: bool = False, outlive: bool = True,
        logs_most_bytes: int = 4 << 30, kinds: Kinds | None = None,
    ) -> None:
        """`hide` are folders that no pod may see (the runtime's own is one of them). `host_path` is a PATH whose folders
        stand after the system's own. Without `durable`, records survive the process but perhaps not a power failure.
        With `keep_layers`, what a pod wrote stays until the pod is deleted. Without `outlive`, pods end with the runtime.
        The oldest logs go when all together are larger than `logs_most_bytes`. `kinds` are those that resource templates
        can work on.
        """
        self._kube, self._clock, self._folder = kube, clock, folder.resolve()
        self._images, self._artifacts, self._isolation = images, artifacts, isolation
        self._node_name, self._most_pods = node_name, most_pods
        self._hide = tuple(dict.fromkeys(str(path.resolve()) for path in (self._folder, *hide)))
        self._host_path = ":".join(part for part in host_path.split(":") if part.startswith("/"))
        self._durable, self._keep_layers, self._outlive = durable, keep_layers, outlive
        self._logs_most_bytes, self._ended = logs_most_bytes, 0
        self._kinds = kinds or ListedKinds(lambda: KNOWN)
        self._lives: dict[str, Life] = {}  # by uid
        self._carried: set[asyncio.Task[None]] = set()  # one for each life
        # Pods that ended whose end the watch has not shown yet: an older event about one must not start it again.
        self._done: set[str] = set()
        self._waiting: dict[str, Object] = {}  # pods for which there is no room yet, oldest first
        self._logs = LogStore(kube, self._folder / "logs", clock=clock, life_of=self._life_of)
        self.isolation = ""  # root, rootless or plain, once the runtime is ready
        self.refused: dict[str, str] = {}  # the stronger kinds of isolation that do not work here, and why

    async def run(self, ready: asyncio.Event) -> None:
        """Serve until cancelled."""
        forker = Forker()
        with ThreadPoolExecutor(_THREADS, "pods") as threads:
            try:
                forker.start()
                await asyncio.get_running_loop().run_in_executor(threads, self._make_folders)
                self._around = await self._find_surroundings(forker, threads)
                async with asyncio.TaskGroup() as group:
                    self._group = group
                    await self._prune_logs()
                    group.create_task(keep_claims(self._kube, self._folder / "claims", clock=self._clock))
                    try:
                        await self._watch(ready)
                    finally:
                        if not self._outlive:
                            await self._end_all()
            finally:
                forker.close()

    def _make_folders(self) -> None:
        for name in ("pods", "logs", "claims", "images", "probe"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        for name in ("pods", "logs"):
            (self._folder / name).chmod(0o700)

    async def _find_surroundings(self, forker: Forker, threads: ThreadPoolExecutor) -> Surroundings:
        found: dict[str, Any] = {"isolation": "plain", "refused": {}}
        if self._isolation != "plain":
            found = await forker.find_isolation(self._folder / "probe")
            await asyncio.get_running_loop().run_in_executor(threads, remove, self._folder / "probe")
        if self._isolation == "namespaces" and found["isolation"] == "plain":
            raise ArgosyError(f"isolation: namespaces cannot be had here ({found['refused']}); write isolation: auto or plain")
        self.isolation, self.refused = found["isolation"], found["refused"]
        host = Host(isolation=self.isolation, images=self._images, hide=self._hide, path=self._host_path,
                    durable=self._durable, node=self._describe_node())
        return Surroundings(
            kube=self._kube, clock=self._clock, forker=forker, artifacts=self._artifacts, host=host,
            standins=Standins(self._folder / "images", self._images, path=self._host_path), folder=self._folder,
            threads=threads, keep_layers=self._keep_layers, kinds=self._kinds)

    def _describe_node(self) -> dict[str, str]:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return {"nodeName": self._node_name, "hostIP": HOST_IP, "cpu": str(os.cpu_count() or 1), "memory": str(memory)}

    # ---- the pods of the store ----

    async def _watch(self, ready: asyncio.Event) -> None:
        while True:
            listing = await self._kube.list(PODS)
            await self._match(listing.items)
            ready.set()
            position = listing.resource_version
            with contextlib.suppress(Expired):
                while True:
                    async for event in self._kube.watch(PODS, resource_version=position):
                        position = event.object["metadata"]["resourceVersion"]
                        if event.type == "DELETED":
                            self._gone(event.object)
                        elif event.type != "BOOKMARK":
                            await self._see(event.object)
                    await self._clock.sleep(0.05)  # the watch has ended: do not spin while nobody answers

    async def _match(self, pods: list[Object]) -> None:
        """Bring what runs in line with a whole listing, after a start or when events may have been missed."""
        known = {pod["metadata"]["uid"] for pod in pods}
        for life in [life for uid, life in self._lives.items() if uid not in known]:
            life.stop(grace_seconds=0, gone=True)
        for uid in [uid for uid in self._waiting if uid not in known]:
            del self._waiting[uid]
        over = {pod["metadata"]["uid"] for pod in pods if (pod.get("status") or {}).get("phase") in _OVER}
        for folder in (self._folder / "pods").iterdir():
            if folder.name in self._lives:
                continue
            if folder.name not in known:
                self._end_orphan(folder.name)
            elif folder.name in over and not self._keep_layers:  # its end was written, and then there was no time
                self._group.create_task(self._remove(folder.name))
        for pod in sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", ""))):
            await self._see(pod)

    async def _see(self, pod: Object) -> None:
        metadata = pod["metadata"]
        uid = metadata["uid"]
        life = self._lives.get(uid)
        over = (pod.get("status") or {}).get("phase") in _OVER
        if over:
            self._done.discard(uid)
        if "deletionTimestamp" in metadata:
            await self._see_deletion(pod, life)
        elif over or life is not None or uid in self._waiting or uid in self._done:
            return
        elif self._is_full and not is_errand(pod):
            self._waiting[uid] = pod
            self._group.create_task(self._say_waiting(pod))
        else:
            self._start(pod)

    async def _see_deletion(self, pod: Object, life: Life | None) -> None:
        uid = pod["metadata"]["uid"]
        if life is not None:
            life.stop(grace_seconds=pod["metadata"].get("deletionGracePeriodSeconds") or 0)
        elif (self._folder / "pods" / uid).exists() and (pod.get("status") or {}).get("phase") not in _OVER:
            self._start(pod)
            self._lives[uid].stop(grace_seconds=pod["metadata"].get("deletionGracePeriodSeconds") or 0)
        else:
            self._waiting.pop(uid, None)
            with contextlib.suppress(NotFound, Conflict):
                await self._kube.delete(PODS, pod["metadata"]["name"], namespace=pod["metadata"]["namespace"], uid=uid,
                                        grace_seconds=0)

    def _gone(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        self._waiting.pop(uid, None)
        self._done.discard(uid)
        life = self._lives.get(uid)
        if life is not None:
            life.stop(grace_seconds=0, gone=True)
        elif (self._folder / "pods" / uid).exists():
            self._group.create_task(self._remove(uid))

    async def _remove(self, uid: str) -> None:
        await asyncio.get_running_loop().run_in_executor(self._around.threads, remove, self._folder / "pods" / uid)

    def _start(self, pod: Object) -> None:
        if is_errand(pod):
            from argosy.embedded.pods.errand import Errand  # late: few pods need what it brings along

            self._take_up(Errand(self._around, pod))
        else:
            self._take_up(Life(self._around, pod))

    @property
    def _is_full(self) -> bool:
        """Whether no more processes may run; what needs none has room, and may be waiting for pods that wait for it."""
        return sum(life.needs_process for life in self._lives.values()) >= self._most_pods

    def _take_up(self, life: Life) -> None:
        self._lives[life.uid] = life
        task = self._group.create_task(self._carry(life), name=f"pod {life.namespace}/{life.name}")
        self._carried.add(task)
        task.add_done_callback(self._carried.discard)

    async def _carry(self, life: Life) -> None:
        try:
            await life.run()
        except Exception:  # noqa: BLE001  our own bug, twice: even its report failed; the other pods go on
            _LOG.exception("pod given up", extra={"fields": {"pod": f"{life.namespace}/{life.name}", "uid": life.uid}})
        finally:
            del self._lives[life.uid]
        self._done.add(life.uid)
        while self._waiting and not self._is_full:
            self._start(self._waiting.pop(next(iter(self._waiting))))
        self._ended += 1
        if self._ended % _PRUNE_EVERY == 0:
            await self._prune_logs()

    async def _prune_logs(self) -> None:
        alive = frozenset(self._lives)
        await asyncio.get_running_loop().run_in_executor(
            self._around.threads, lambda: prune(self._folder / "logs", most_bytes=self._logs_most_bytes, alive=alive))

    def _end_orphan(self, uid: str) -> None:
        """A pod whose object was deleted while no runtime was there."""
        life = Life(self._around, {"metadata": {"name": uid, "namespace": "", "uid": uid},
                                   "spec": {"containers": []}})
        life.stop(grace_seconds=0, gone=True)
        self._take_up(life)

    async def _say_waiting(self, pod: Object) -> None:
        status = waiting_status(
            pod, reason="Unschedulable", scheduled=False, now=self._clock.now(),
            message=f"{self._most_pods} pods run already, which is the most that the settings allow (most_pods)")
        with contextlib.suppress(NotFound, Conflict):
            if pod["metadata"]["uid"] in self._waiting:
                await self._kube.patch(
                    PODS, pod["metadata"]["name"], {"metadata": {"uid": pod["metadata"]["uid"]}, "status": status},
                    namespace=pod["metadata"]["namespace"], kind=PatchKind.MERGE, subresource="status")

    async def _end_all(self) -> None:
        """End every pod, and stay until its processes are gone: they write into folders that others want to remove."""
        self._waiting.clear()
        for life in self._lives.values():
            life.stop(grace_seconds=0, gone=True)
        if self._carried:
            await asyncio.wait(self._carried, timeout=_END_SECONDS)

    # ---- logs ----

    def _life_of(self, uid: str) -> Life | None:
        return self._lives.get(uid)

    def read_logs(
        self, name: str, *, namespace: str, container: str = "", follow: bool = False, tail_lines: int | None = None,
        since_seconds: float | None = None, timestamps: bool = False,
    ) -> AsyncIterator[bytes]:
        """A pod's log, also after the pod is gone; with `follow`, until its container ends. Raises NotFound, BadRequest."""
        return self._logs.read(name, namespace=namespace, container=container, follow=follow, tail_lines=tail_lines,
                               since_seconds=since_seconds, timestamps=timestamps)
