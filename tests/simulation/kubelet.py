"""Pods whose fate is known beforehand: what a pod does follows from the seed and its name, not from who looks at it."""

import asyncio
import hashlib
from contextlib import suppress
from random import Random

from argosy.clock import to_rfc3339
from argosy.kube.contract import Kube, NotFound, Object
from argosy.kube.resources import PODS
from argosy.kube.watching import changes
from controller.pods.assignment import ASSIGNMENT_ANNOTATION, Handover
from tests.simulation.loop import LoopClock


class Kubelet:
    """Runs each pod for a while and lets it end as its name foretells; `sure_to_fail` is a part of names that do."""

    def __init__(self, kube: Kube, *, seed: int, failing: float, sure_to_fail: str = "") -> None:
        self._kube = kube
        self._seed = seed
        self._failing = failing
        self._sure_to_fail = sure_to_fail
        self._clock = LoopClock()

    async def run(self) -> None:
        running: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            async for event in changes(self._kube, PODS, clock=self._clock, chance=Random(self._seed)):
                uid = event.object["metadata"]["uid"]
                if event.type == "DELETED":
                    if uid in running:
                        running.pop(uid).cancel()
                elif event.object["metadata"].get("deletionTimestamp"):
                    if uid in running:
                        running.pop(uid).cancel()
                    await self._let_go(event.object)
                elif uid not in running and event.object.get("status", {}).get("phase") not in ("Succeeded", "Failed"):
                    running[uid] = group.create_task(self._live(event.object))

    async def _let_go(self, pod: Object) -> None:
        metadata = pod["metadata"]
        if (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed"):
            await self._write(pod, phase="Failed", exit_code=143)
        with suppress(NotFound):
            await self._kube.delete(PODS, metadata["name"], namespace=metadata["namespace"], grace_seconds=0)

    async def _live(self, pod: Object) -> None:
        fate = fate_of(pod, self._seed)
        await asyncio.sleep(fate.expovariate(5))
        await self._write(pod, phase="Running", exit_code=None)
        await asyncio.sleep(fate.expovariate(0.5))
        failed = fate.random() < self._failing and "sure" not in pod["metadata"]["name"]
        failed = failed or (bool(self._sure_to_fail) and self._sure_to_fail in pod["metadata"]["name"])
        await self._write(pod, phase="Failed" if failed else "Succeeded", exit_code=1 if failed else 0)

    async def _write(self, pod: Object, *, phase: str, exit_code: int | None) -> None:
        moment = to_rfc3339(self._clock.now())
        state: Object = {"running": {"startedAt": moment}}
        if exit_code is not None:
            state = {"terminated": {"exitCode": exit_code, "reason": "Completed" if exit_code == 0 else "Error",
                                    "startedAt": moment, "finishedAt": moment}}
            if ASSIGNMENT_ANNOTATION in pod["metadata"]["annotations"]:
                state["terminated"]["message"] = Handover(result="[1, 2, 3]").to_json()
        status = {"phase": phase, "startTime": moment,
                  "containerStatuses": [{"name": "main", "ready": exit_code is None, "state": state}]}
        with suppress(NotFound):
            await self._kube.patch(PODS, pod["metadata"]["name"], {"status": status},
                                   namespace=pod["metadata"]["namespace"], subresource="status")


def fate_of(pod: Object, seed: int) -> Random:
    """The dice of one pod: the same whenever a pod of this name is made."""
    digest = hashlib.sha256(f"{seed}/{pod['metadata']['name']}".encode()).digest()
    return Random(digest)
