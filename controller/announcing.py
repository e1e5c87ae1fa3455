"""Kubernetes Events on workflows: that one began, and how it ended, for ``kubectl describe`` and those who collect them.

Telling is never worth waiting for: it happens beside the work, a full queue drops what is new, and what the API does
not take after a few tries is dropped too. An event's name follows from what it tells, so telling twice makes one.
"""

import asyncio
import hashlib
import logging
from random import Random
from typing import Any

from argosy.backoff import Backoff
from argosy.clock import Clock, to_rfc3339
from argosy.errors import Unavailable
from argosy.kube.contract import AlreadyExists, Kube, KubeError, Object
from argosy.kube.resources import EVENTS
from argosy.logs import note
from controller.pods.manifest import owner_reference

log = logging.getLogger("argosy.controller")

_MOST_WAITING = 1000
_TRIES = 3
_COMPONENT = "workflow-controller"  # as Argo's, for those who filter by it


def event_of(workflow: Object, phase: str, message: str, *, now: float) -> Object | None:
    """The Event that tells that `workflow` has come to `phase`, with Argo's reasons and texts; None for other phases."""
    told = {
        "Running": ("Normal", "WorkflowRunning", "Workflow Running"),
        "Succeeded": ("Normal", "WorkflowSucceeded", "Workflow completed"),
        "Failed": ("Warning", "WorkflowFailed", message),
        "Error": ("Warning", "WorkflowFailed", message),
    }.get(phase)
    if told is None:
        return None
    kind, reason, text = told
    return event_about(workflow, kind, reason, text, mark=f"{phase}/{to_rfc3339(now)}", now=now)


def event_about(obj: Object, kind: str, reason: str, text: str, *, mark: str, now: float) -> Object:
    """The Event that tells `text` about `obj`, and goes when that does; its name follows from the object and the `mark`."""
    metadata, moment = obj["metadata"], to_rfc3339(now)
    suffix = hashlib.sha256(f"{metadata['uid']}/{mark}".encode()).hexdigest()[:16]
    about: dict[str, Any] = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "name": metadata["name"],
                             "namespace": metadata["namespace"], "uid": metadata["uid"]}
    return {
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"name": f"{metadata['name'][:236]}.{suffix}", "namespace": metadata["namespace"],
                     "ownerReferences": [{**owner_reference(obj), "controller": False, "blockOwnerDeletion": False}]},
        "involvedObject": about, "type": kind, "reason": reason, "message": text[:1024], "count": 1,
        "firstTimestamp": moment, "lastTimestamp": moment, "source": {"component": _COMPONENT},
        "reportingComponent": _COMPONENT, "reportingInstance": "",
    }


class Announcer:
    """Part of the controller's service: writes Events, with bounded effort."""

    def __init__(self, kube: Kube, *, clock: Clock, chance: Random, backoff: Backoff | None = None) -> None:
        self._kube = kube
        self._clock = clock
        self._chance = chance
        self._backoff = backoff or Backoff()
        self._queue: asyncio.Queue[Object] = asyncio.Queue(_MOST_WAITING)

    def tell(self, workflow: Object, phase: str, message: str = "") -> None:
        """A workflow came to this phase, and that is saved."""
        event = event_of(workflow, phase, message, now=self._clock.now())
        if event is not None and not self._queue.full():
            self._queue.put_nowait(event)

    async def run(self) -> None:
        """Write what was told, until cancelled."""
        while True:
            await self._write(await self._queue.get())

    async def _write(self, event: Object) -> None:
        for number in range(_TRIES):
            try:
                await self._kube.create(EVENTS, event, namespace=event["metadata"]["namespace"])
            except AlreadyExists:
                return
            except Unavailable:
                await self._clock.sleep(self._backoff.wait_seconds(number, self._chance))
                continue
            except KubeError as error:
                note(log, "an event was not taken", level=logging.DEBUG, reason=str(error),
                     workflow=event["involvedObject"]["name"])
            return
