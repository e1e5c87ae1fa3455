"""What is left to do when pods and workflows are over: delete them when their time has come, and what came with them.

The sweeper knows when the next deletion is due and sleeps until then. It forgets everything when the process ends: a
new one is told of all finished workflows and their pods by the watches it starts with, so nothing need be written down.
Every deletion names the very object (by uid), so one that was made anew under the same name is left alone.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any

from argosy.backoff import Backoff
from argosy.clock import Clock
from argosy.errors import Unavailable
from argosy.kube.contract import Conflict, Kube, KubeError, NotFound, Object
from argosy.kube.resources import PODS, WORKFLOWS
from argosy.logs import note
from controller.budgets import delete_budget
from controller.claims import delete_claims
from controller.cleaning import Cleaning, EndedPod, expires_at, spec_in_force

log = logging.getLogger("argosy.controller")

_MOST_AT_ONCE = 8  # deletions under way at a time
_MOST_TRIES = 20  # of one that the API refuses; one that nobody answers is tried for ever

_Deed = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Finished:
    """A finished workflow whose pods may still have to go."""

    phase: str
    finished_at: str
    expires_at: float | None
    cleaning: Cleaning | None


class Sweeper:
    """Part of the controller's service: told of what is over, it deletes what should go when it should."""

    def __init__(self, kube: Kube, *, clock: Clock, chance: Random, backoff: Backoff | None = None) -> None:
        self._kube = kube
        self._clock = clock
        self._chance = chance
        self._backoff = backoff or Backoff()
        self._due: list[tuple[float, int, int, _Deed]] = []  # when, order of asking, tries so far, what
        self._numbers = count()
        self._woken = asyncio.Event()
        self._finished: dict[str, _Finished] = {}  # by the workflow's uid
        self._pods: set[str] = set()  # uids of the pods whose deletion is planned

    # ---- what the service tells ----

    def workflow_over(self, workflow: Object) -> None:
        """This workflow is finished, and that is saved."""
        metadata, status, spec = workflow["metadata"], workflow["status"], spec_in_force(workflow)
        known, at = self._finished.get(metadata["uid"]), expires_at(workflow)
        now = _Finished(status["phase"], status.get("finishedAt") or "", at, Cleaning.read(spec))
        brought = bool(spec.get("volumeClaimTemplates") or spec.get("podDisruptionBudget"))
        if now.cleaning is None and at is None and not brought:
            self._finished.pop(metadata["uid"], None)  # nothing will ever be done for it
            return
        self._finished[metadata["uid"]] = now
        if brought and (known is None or known.finished_at != now.finished_at):
            self._plan(self._clock.now(), lambda: self._clear_away({"metadata": metadata}, spec, now.phase))
        if at is not None and (known is None or known.expires_at != at):
            self._plan_expiry(at, metadata["namespace"], metadata["name"], metadata["uid"])

    def workflow_lives(self, uid: str) -> None:
        """This workflow is not finished (any more), or is gone."""
        self._finished.pop(uid, None)

    def pod_ended(self, pod: EndedPod, cleaning: Cleaning) -> None:
        """This pod is to go; its node's end is saved."""
        if pod.uid not in self._pods:
            self._pods.add(pod.uid)
            self._plan(self._clock.now() + cleaning.delay_seconds, lambda: self._delete_pod(pod))

    def pod_seen(self, pod: Object) -> None:
        """A pod that no running workflow claims: it may be one that a finished workflow left behind."""
        ended = EndedPod.of(pod)
        if ended is None:
            return
        for owner in pod["metadata"].get("ownerReferences") or ():
            found = self._finished.get(owner.get("uid", ""))
            if found and found.cleaning and found.cleaning.takes(ended, workflow_phase=found.phase):
                self.pod_ended(ended, found.cleaning)

    def pod_gone(self, pod: Object) -> None:
        """A pod does not exist any more."""
        self._pods.discard(pod["metadata"]["uid"])

    # ---- the work ----

    async def run(self) -> None:
        """Delete what is due, until cancelled."""
        limit = asyncio.Semaphore(_MOST_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            while True:
                await self._rest()
                while self._due and self._due[0][0] <= self._clock.now():
                    await limit.acquire()
                    _, _, tries, deed = heappop(self._due)
                    group.create_task(self._carry_out(deed, tries, limit))

    async def _rest(self) -> None:
        """Wait until something is due or something new is planned."""
        self._woken.clear()
        if not self._due:
            await self._woken.wait()
            return
        sleeper = asyncio.ensure_future(self._clock.sleep(self._due[0][0] - self._clock.now()))
        waiter = asyncio.ensure_future(self._woken.wait())
        try:
            await asyncio.wait([sleeper, waiter], return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeper.cancel()
            waiter.cancel()

    def _plan(self, at: float, deed: _Deed, *, tries: int = 0) -> None:
        heappush(self._due, (at, next(self._numbers), tries, deed))
        if self._due[0][0] == at:
            self._woken.set()

    async def _carry_out(self, deed: _Deed, tries: int, limit: asyncio.Semaphore) -> None:
        """Do it; what cannot be done now is done later. No failure here may end anything else."""
        try:
            await deed()
        except (NotFound, Conflict):
            pass  # gone already, or another object has the name by now
        except (Unavailable, KubeError) as error:
            refused = isinstance(error, KubeError)
            note(log, "could not delete", level=logging.WARNING, reason=str(error), tries=tries + 1)
            if not refused or tries + 1 < _MOST_TRIES:
                wait = getattr(error, "retry_after_seconds", None) or self._backoff.wait_seconds(tries, self._chance)
                self._plan(self._clock.now() + wait, deed, tries=tries + 1)
        finally:
            limit.release()

    # ---- deeds ----

    async def _delete_pod(self, pod: EndedPod) -> None:
        await self._kube.delete(PODS, pod.name, namespace=pod.namespace, uid=pod.uid)

    async def _clear_away(self, workflow: Object, spec: Mapping[str, Any], phase: str) -> None:
        """Delete the claims and the budget that the workflow brought along."""
        if workflow["metadata"]["uid"] in self._finished:
            await delete_claims(self._kube, workflow, spec, phase)
            await delete_budget(self._kube, workflow, spec)

    def _plan_expiry(self, at: float, namespace: str, name: str, uid: str) -> None:
        self._plan(at, lambda: self._expire(namespace, name, uid))

    async def _expire(self, namespace: str, name: str, uid: str) -> None:
        """Delete a workflow whose time is over, unless somebody has it run again or gave it more time."""
        if uid not in self._finished:
            return
        current = await self._kube.get(WORKFLOWS, name, namespace=namespace)
        at = expires_at(current)
        if current["metadata"]["uid"] != uid or at is None:
            return
        if at > self._clock.now():
            self._plan_expiry(at, namespace, name, uid)
            return
        await self._kube.delete(WORKFLOWS, name, namespace=namespace, uid=uid)
        note(log, "workflow deleted, its time to live was over", namespace=namespace, workflow=name)
