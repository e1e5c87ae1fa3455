"""What is left to do when pods and workflows are over: delete them when their time has come, and what came with them.

The sweeper knows when the next deletion is due and sleeps until then. It forgets everything when the process ends: a
new one is told of all finished workflows and their pods by the watches it starts with, so nothing need be written down.
Every deletion names the very object (by uid), so one that was made anew under the same name is left alone.

Where several replicas share the work it is told of everything and does what concerns the workflows that are its own to
look after; when it gains some, it plans for them what it has known all along, and looks for their pods.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any

from argosy.backoff import Backoff
from argosy.clock import Clock
from argosy.errors import ArgosyError, Unavailable
from argosy.kube.contract import Conflict, Kube, NotFound, Object
from argosy.kube.resources import PODS, WORKFLOWS
from argosy.logs import note
from controller.artifacts.garbage import Garbage, doomed
from controller.budgets import delete_budget
from controller.claims import delete_claims
from controller.cleaning import Cleaning, EndedPod, expires_at, spec_in_force
from controller.engine.moves import WORKFLOW_ENDED
from controller.fencing import Deposed
from controller.pods.assignment import MAIN_ENDED_ANNOTATION
from controller.pods.manifest import WORKFLOW_LABEL
from controller.pods.seen import lingers, read_pod

log = logging.getLogger("argosy.controller")

_MOST_AT_ONCE = 8  # deletions under way at a time
_MOST_TRIES = 20  # of one that the API refuses; one that nobody answers is tried for ever
_TRIES_IN_SPITE_OF_A_BUG = 3
_LINGER_SECONDS = 30.0  # longer than the grace period of sidecars that were told to end

_NAMES_AT_ONCE = 50  # of workflows in the selector of one list
_AGAIN_SECONDS = 1.0

_Deed = Callable[[Kube], Awaitable[None]]
_KubeFor = Callable[[str], Kube | None]
"""What to act through for the workflow with this uid; None where others look after it."""


@dataclass(frozen=True, slots=True)
class _Finished:
    """A finished workflow for which there may be something to do."""

    namespace: str
    name: str
    phase: str
    finished_at: str
    expires_at: float | None
    cleaning: Cleaning | None
    collects: bool  # artifacts of it are to be deleted
    spec: Mapping[str, Any] | None  # if it brought along what must go now


@dataclass(frozen=True, slots=True, order=True)
class _Due:
    """Something that is planned."""

    at: float
    number: int  # first asked, first done
    workflow_uid: str = field(compare=False)
    deed: _Deed = field(compare=False)
    tries: int = field(compare=False, default=0)


class Sweeper:
    """Part of the controller's service: told of what is over, it deletes what should go when it should."""

    def __init__(self, kube_for: _KubeFor, *, clock: Clock, chance: Random, backoff: Backoff | None = None,
                 garbage: Garbage | None = None) -> None:
        self.garbage = garbage
        self._kube_for = kube_for
        self._clock = clock
        self._chance = chance
        self._backoff = backoff or Backoff()
        self._due: list[_Due] = []
        self._numbers = count()
        self._woken = asyncio.Event()
        self._finished: dict[str, _Finished] = {}  # by the workflow's uid
        self._planned: dict[str, _Finished] = {}  # those for which all is planned
        self._collecting: set[str] = set()  # uids of the workflows for which collecting artifacts is planned
        self._waiting: dict[str, tuple[str, str]] = {}  # deleted workflows that stay for their artifacts' sake: namespace, name
        self._pods: dict[str, str] = {}  # uids of the pods whose deletion is planned -> of their workflows
        self._lingering: set[str] = set()  # uids of the pods whose containers beside the step's are to be ended
        self._doubted: set[str] = set()  # uids of the pods that are being looked into

    # ---- what the service tells ----

    def workflow_over(self, workflow: Object) -> None:
        """This workflow is finished, and that is saved."""
        metadata, status, spec = workflow["metadata"], workflow["status"], spec_in_force(workflow)
        brought = bool(spec.get("volumeClaimTemplates") or spec.get("podDisruptionBudget"))
        collects = self._collects(workflow)
        now = _Finished(metadata["namespace"], metadata["name"], status["phase"], status.get("finishedAt") or "",
                        expires_at(workflow), Cleaning.read(spec), collects, spec if brought else None)
        if now.cleaning is None and now.expires_at is None and not brought and not collects:
            self.workflow_lives(metadata["uid"])  # nothing will ever be done for it
            return
        self._finished[metadata["uid"]] = now
        self._plan_for(metadata["uid"], now)

    def _collects(self, workflow: Object) -> bool:
        try:
            return self.garbage is not None and any(True for _ in doomed(workflow))
        except ArgosyError as error:  # its steps cannot be read: nobody knows of what they left
            note(log, "artifacts cannot be collected", level=logging.WARNING, workflow=workflow["metadata"]["name"],
                 reason=str(error))
            return False

    def workflow_given_up(self, workflow: Object) -> None:
        """This workflow, which is over, was ended where it stood: what still runs of it is to end too."""
        metadata, status = workflow["metadata"], workflow["status"]
        begun = status.get("nodes") or status.get("compressedNodes")  # else it was refused, and has no pods
        if begun and self._kube_for(metadata["uid"]) is not None:
            self._plan_look(metadata["namespace"], {metadata["uid"]: metadata["name"]})

    def workflow_lives(self, uid: str) -> None:
        """This workflow is not finished (any more), or is gone."""
        self._finished.pop(uid, None)
        self._planned.pop(uid, None)
        self._waiting.pop(uid, None)

    def workflow_waits(self, workflow: Object) -> None:
        """Somebody has deleted this workflow, and it stays until its artifacts are gone."""
        metadata = workflow["metadata"]
        self.workflow_lives(metadata["uid"])
        self._waiting[metadata["uid"]] = (metadata["namespace"], metadata["name"])
        self._plan_collecting(metadata["uid"], metadata["namespace"], metadata["name"])

    def gained(self) -> None:
        """There may be workflows that this process did not look after until now."""
        by_namespace: dict[str, dict[str, str]] = {}
        for uid, finished in self._finished.items():
            if uid not in self._planned and self._kube_for(uid) is not None:
                self._plan_for(uid, finished)
                if finished.cleaning:
                    by_namespace.setdefault(finished.namespace, {})[uid] = finished.name
        for uid, (namespace, name) in self._waiting.items():
            self._plan_collecting(uid, namespace, name)
        for namespace, names in by_namespace.items():
            left = list(names.items())
            for start in range(0, len(left), _NAMES_AT_ONCE):
                self._plan_look(namespace, dict(left[start:start + _NAMES_AT_ONCE]))

    def lost(self) -> None:
        """There may be workflows that others look after from now on; what they leave undone will be planned anew."""
        for uid in [uid for uid in self._planned if self._kube_for(uid) is None]:
            del self._planned[uid]
        self._collecting = {uid for uid in self._collecting if self._kube_for(uid) is not None}
        for pod_uid in [pod_uid for pod_uid, uid in self._pods.items() if self._kube_for(uid) is None]:
            del self._pods[pod_uid]

    def pod_ended(self, pod: EndedPod, cleaning: Cleaning, *, workflow_uid: str) -> None:
        """This pod is to go; its node's end is saved."""
        if pod.uid not in self._pods:
            self._pods[pod.uid] = workflow_uid
            self._plan(self._clock.now() + cleaning.delay_seconds, workflow_uid, lambda kube: self._delete_pod(kube, pod))

    def pod_seen(self, pod: Object) -> None:
        """A pod that no running workflow claims: one that a finished workflow left behind, or one that came too late."""
        ended = EndedPod.of(pod)
        for owner in pod["metadata"].get("ownerReferences") or ():
            uid = owner.get("uid", "")
            if owner.get("kind") != WORKFLOWS.kind or self._kube_for(uid) is None:
                continue
            found = self._finished.get(uid)
            if ended is None:
                self._doubt(pod, owner)
            elif found and found.cleaning and found.cleaning.takes(ended, workflow_phase=found.phase):
                self.pod_ended(ended, found.cleaning, workflow_uid=uid)

    def pod_lingers(self, pod: Object, *, workflow_uid: str) -> None:
        """The step of this pod is over and others in it run on: they get a while, and then no more."""
        metadata = pod["metadata"]
        if metadata["uid"] not in self._lingering and MAIN_ENDED_ANNOTATION not in (metadata.get("annotations") or {}):
            self._lingering.add(metadata["uid"])
            self._plan(self._clock.now() + _LINGER_SECONDS, workflow_uid, lambda kube: self._end_rest(kube, metadata))

    def pod_gone(self, pod: Object) -> None:
        """A pod does not exist any more."""
        self._pods.pop(pod["metadata"]["uid"], None)
        self._lingering.discard(pod["metadata"]["uid"])

    # ---- the work ----

    async def run(self) -> None:
        """Delete what is due, until cancelled."""
        limit = asyncio.Semaphore(_MOST_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            while True:
                await self._rest()
                while self._due and self._due[0].at <= self._clock.now():
                    await limit.acquire()
                    group.create_task(self._carry_out(heappop(self._due), limit))

    async def _rest(self) -> None:
        """Wait until something is due or something new is planned."""
        self._woken.clear()
        if not self._due:
            await self._woken.wait()
            return
        sleeper = asyncio.ensure_future(self._clock.sleep(self._due[0].at - self._clock.now()))
        waiter = asyncio.ensure_future(self._woken.wait())
        try:
            await asyncio.wait([sleeper, waiter], return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeper.cancel()
            waiter.cancel()

    def _plan(self, at: float, workflow_uid: str, deed: _Deed, *, tries: int = 0) -> None:
        heappush(self._due, _Due(at, next(self._numbers), workflow_uid, deed, tries))
        if self._due[0].at == at:
            self._woken.set()

    def _plan_for(self, uid: str, finished: _Finished) -> None:
        """Plan what is to be done for a finished workflow, and is not planned yet."""
        if self._kube_for(uid) is None:
            self._planned.pop(uid, None)
            return
        known = self._planned.get(uid)
        self._planned[uid] = finished
        if finished.collects:
            self._plan_collecting(uid, finished.namespace, finished.name)
        if finished.spec is not None and (known is None or known.finished_at != finished.finished_at):
            self._plan(self._clock.now(), uid, lambda kube: self._clear_away(kube, uid, finished))
        if finished.expires_at is not None and (known is None or known.expires_at != finished.expires_at):
            self._plan(finished.expires_at, uid, lambda kube: self._expire(kube, uid, finished))

    async def _carry_out(self, due: _Due, limit: asyncio.Semaphore) -> None:
        """Do it; what cannot be done now is done later. No failure here may end anything else."""
        try:
            kube = self._kube_for(due.workflow_uid)
            if kube is not None:  # else another replica does it
                await due.deed(kube)
        except (NotFound, Conflict, Deposed):
            pass  # gone already, another object has the name by now, or another replica does it
        except Unavailable as error:
            self._put_off(due, error, asked_seconds=error.retry_after_seconds)
        except ArgosyError as error:
            self._put_off(due, error, most_tries=_MOST_TRIES)
        except Exception as error:
            log.exception("a bug of ours: something that a workflow left could not be cleared away")
            self._put_off(due, error, most_tries=_TRIES_IN_SPITE_OF_A_BUG)
        finally:
            limit.release()

    def _put_off(self, due: _Due, error: Exception, *, most_tries: float = float("inf"),
                 asked_seconds: float | None = None) -> None:
        note(log, "could not delete", level=logging.WARNING, reason=str(error), tries=due.tries + 1)
        if due.tries + 1 < most_tries:
            wait = self._backoff.wait_seconds(due.tries, self._chance, asked=asked_seconds)
            self._plan(self._clock.now() + wait, due.workflow_uid, due.deed, tries=due.tries + 1)

    def _plan_collecting(self, uid: str, namespace: str, name: str) -> None:
        garbage = self.garbage
        if garbage is None or uid in self._collecting or self._kube_for(uid) is None:
            return

        async def collect(kube: Kube) -> None:
            self._collecting.discard(uid)  # what is to go from now on is planned anew
            await garbage.collect(kube, namespace, name, uid)

        self._collecting.add(uid)
        self._plan(self._clock.now(), uid, collect)

    # ---- deeds ----

    async def _delete_pod(self, kube: Kube, pod: EndedPod) -> None:
        await kube.delete(PODS, pod.name, namespace=pod.namespace, uid=pod.uid)

    async def _end_rest(self, kube: Kube, metadata: Mapping[str, Any]) -> None:
        """Have the kubelet end a pod that lingers, in a way that leaves it and its logs where they are."""
        self._lingering.discard(metadata["uid"])
        pod = await kube.get(PODS, metadata["name"], namespace=metadata["namespace"])
        if pod["metadata"]["uid"] == metadata["uid"] and lingers(pod):
            await kube.patch(PODS, metadata["name"], {
                "metadata": {"annotations": {MAIN_ENDED_ANNOTATION: "true"}}, "spec": {"activeDeadlineSeconds": 1},
            }, namespace=metadata["namespace"])
            note(log, "pod ended, its step was over", namespace=metadata["namespace"], pod=metadata["name"])

    async def _clear_away(self, kube: Kube, uid: str, finished: _Finished) -> None:
        """Delete the claims and the budget that the workflow brought along."""
        if uid in self._finished and finished.spec is not None:
            workflow = {"metadata": {"namespace": finished.namespace, "name": finished.name, "uid": uid}}
            await delete_claims(kube, workflow, finished.spec, finished.phase)
            await delete_budget(kube, workflow, finished.spec)

    async def _expire(self, kube: Kube, uid: str, finished: _Finished) -> None:
        """Delete a workflow whose time is over, unless somebody has it run again or gave it more time."""
        if uid not in self._finished:
            return
        current = await kube.get(WORKFLOWS, finished.name, namespace=finished.namespace)
        at = expires_at(current)
        if current["metadata"]["uid"] != uid or at is None:
            return
        if at > self._clock.now():
            self._plan(at, uid, lambda again: self._expire(again, uid, finished))
            return
        try:
            await kube.delete(WORKFLOWS, finished.name, namespace=finished.namespace, uid=uid,
                              resource_version=current["metadata"]["resourceVersion"])
        except Conflict:  # somebody has written it meanwhile: look again
            self._plan(self._clock.now() + _AGAIN_SECONDS, uid, lambda again: self._expire(again, uid, finished))
            return
        note(log, "workflow deleted, its time to live was over", namespace=finished.namespace, workflow=finished.name)

    def _plan_look(self, namespace: str, names: Mapping[str, str]) -> None:
        """Look for pods of these workflows (uid -> name), of which nobody has told."""
        selector = f"{WORKFLOW_LABEL} in ({','.join(sorted(names.values()))})"

        async def look(kube: Kube) -> None:
            for pod in (await kube.list(PODS, namespace=namespace, label_selector=selector)).items:
                self.pod_seen(pod)

        self._plan(self._clock.now(), next(iter(names)), look)

    def _doubt(self, pod: Object, owner: Mapping[str, Any]) -> None:
        """Look into a pod that is active although nobody runs its workflow here.

        A request to make it may have been under way for so long that its workflow is over by now, and its step has been
        run already; or its workflow was given up. It is ended before it does much.
        """
        metadata = pod["metadata"]
        if (metadata["uid"] in self._doubted or metadata.get("deletionTimestamp")
                or read_pod(pod).phase not in ("Pending", "Running")):
            return
        self._doubted.add(metadata["uid"])

        async def look(kube: Kube) -> None:
            self._doubted.discard(metadata["uid"])
            workflow = await kube.get(WORKFLOWS, owner["name"], namespace=metadata["namespace"])
            is_over = (workflow.get("status") or {}).get("phase", "") in WORKFLOW_ENDED
            if workflow["metadata"]["uid"] == owner["uid"] and is_over:
                await kube.delete(PODS, metadata["name"], namespace=metadata["namespace"], uid=metadata["uid"])
                note(log, "pod deleted, its workflow is over", namespace=metadata["namespace"],
                     workflow=owner["name"], pod=metadata["name"])

        self._plan(self._clock.now(), owner["uid"], look)
