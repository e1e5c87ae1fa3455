"""Tells whoever wrote a CronWorkflow or a WorkflowEventBinding that nothing acts upon it yet, instead of letting him wait.

It is told on the object: by the condition SpecWarning, where the kind has a status, and by an Event, whose name follows from
the object; what stands there already is left alone, so any number of replicas may tell it. A cluster that does not serve
such a kind, or does not let us see it, has nobody to tell.
"""

import asyncio
import logging
from contextlib import suppress
from itertools import count
from random import Random
from typing import Any

from argosy.backoff import Backoff
from argosy.clock import Clock
from argosy.errors import Unavailable
from argosy.kube.contract import AlreadyExists, Conflict, Forbidden, Kube, KubeError, NotFound, Object, Resource
from argosy.kube.resources import CRON_WORKFLOWS, EVENTS, WORKFLOW_EVENT_BINDINGS
from argosy.kube.watching import changes
from argosy.logs import note
from controller.announcing import event_about
from controller.labels import instance_selector

log = logging.getLogger("argosy.controller")

_KINDS = (CRON_WORKFLOWS, WORKFLOW_EVENT_BINDINGS)
_WITH_STATUS = (CRON_WORKFLOWS,)
_CONDITION = "SpecWarning"
_REASON = "NotActedUpon"


class Untaken:
    """A lifecycle service for the objects of `namespace` (of all if it is empty) with that instance id, or with none."""

    def __init__(self, kube: Kube, *, clock: Clock, chance: Random, namespace: str = "", instance: str = "") -> None:
        self._kube = kube
        self._clock = clock
        self._chance = chance
        self._namespace = namespace
        self._selector = instance_selector(instance)
        self._backoff = Backoff()

    async def run(self, ready: asyncio.Event) -> None:
        """Tell it until cancelled; nobody has to wait for that."""
        ready.set()
        async with asyncio.TaskGroup() as group:
            for resource in _KINDS:
                group.create_task(self._follow(resource))

    async def _follow(self, resource: Resource) -> None:
        if not await self._is_seen(resource):
            return
        async for event in changes(self._kube, resource, clock=self._clock, chance=self._chance,
                                   namespace=self._namespace, label_selector=self._selector):
            if event.type != "DELETED" and not event.object["metadata"].get("deletionTimestamp"):
                await self._told(resource, event.object)

    async def _is_seen(self, resource: Resource) -> bool:
        """Whether the kind is served and may be listed."""
        for tries in count():
            try:
                await self._kube.list(resource, namespace=self._namespace, label_selector=self._selector, limit=1)
            except (NotFound, Forbidden) as error:
                note(log, "not looked at", resource=resource.plural, reason=str(error))
                return False
            except (Unavailable, KubeError):
                await self._clock.sleep(self._backoff.wait_seconds(tries, self._chance))
            else:
                break
        return True

    async def _told(self, resource: Resource, obj: Object) -> None:
        """Tell it, for as long as the API is away; what it refuses is told in the log."""
        for tries in count():
            try:
                await self._tell(resource, obj)
            except Unavailable:
                await self._clock.sleep(self._backoff.wait_seconds(tries, self._chance))
            except (Conflict, NotFound):  # it has changed, which the watch tells, or it is gone
                return
            except KubeError as error:
                note(log, "could not tell that nothing acts upon it", level=logging.WARNING, kind=resource.kind,
                     namespace=obj["metadata"]["namespace"], name=obj["metadata"]["name"], reason=str(error))
                return
            except Exception:  # one object, however malformed, must not end what all others need
                log.exception("a bug of ours: %s %s was not understood", resource.kind, obj["metadata"]["name"])
                return
            else:
                return

    async def _tell(self, resource: Resource, obj: Object) -> None:
        from controller.spec.effect import EFFECTLESS

        text = f"spec: {EFFECTLESS[resource.kind]['spec']}"
        conditions = _with_warning(obj, text)
        if resource in _WITH_STATUS and conditions is None:
            return
        metadata = obj["metadata"]
        event = event_about({"apiVersion": resource.api_version, "kind": resource.kind, **obj}, "Warning", _REASON, text,
                            mark=_REASON, now=self._clock.now())
        with suppress(AlreadyExists):
            await self._kube.create(EVENTS, event, namespace=metadata["namespace"])
        if resource in _WITH_STATUS:
            patch = {"metadata": {"resourceVersion": metadata["resourceVersion"]}, "status": {"conditions": conditions}}
            await self._kube.patch(resource, metadata["name"], patch, namespace=metadata["namespace"])


def _with_warning(obj: Object, text: str) -> list[dict[str, Any]] | None:
    """The object's conditions with the warning among them; None if it is there already."""
    warning = {"type": _CONDITION, "status": "True", "message": text}
    status = obj.get("status")
    found = status.get("conditions") if isinstance(status, dict) else None
    others = found if isinstance(found, list) else []
    if warning in others:
        return None
    return [*(each for each in others if isinstance(each, dict) and each.get("type") != _CONDITION), warning]
