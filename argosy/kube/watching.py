"""All changes of one kind of object, without end: list, watch, resume where the watch broke off, list anew if it expired.

What a new listing shows as gone is told as DELETED, so a consumer that keeps state never has to compare by itself. A server
that ends every watch at once, or fails each time, is asked ever more seldom; and after some failures in a row all is listed
anew, for it may be the very place to resume from that it cannot cope with.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from random import Random

from argosy.backoff import Backoff
from argosy.clock import Clock
from argosy.kube.contract import Expired, Kube, KubeError, Object, Resource, Unavailable, WatchEvent
from argosy.logs import note

log = logging.getLogger("argosy.kube")

_LIST_ANEW_AFTER = 5  # failures in a row, some three seconds: a server that is started anew is mostly back by then
_LASTING_SECONDS = 10.0  # a watch that stood for so long did well, also where there was nothing to tell


async def changes(
    kube: Kube, resource: Resource, *, clock: Clock, chance: Random, namespace: str = "", label_selector: str = "",
    synced: asyncio.Event | None = None, backoff: Backoff | None = None,
) -> AsyncIterator[WatchEvent]:
    """ADDED for every object there is (then `synced` is set), and each change from there on, for ever."""
    waits = backoff or Backoff()
    known: dict[str, Object] = {}
    version, failures = "", 0
    while True:
        told, trouble, began = False, None, clock.now()
        try:
            if not version:
                async for event in _relist(kube, resource, known, namespace=namespace, label_selector=label_selector):
                    if event.type == "BOOKMARK":
                        version = event.object["metadata"]["resourceVersion"]
                    else:
                        yield event
                if synced is not None:
                    synced.set()
            began = clock.now()
            async for event in kube.watch(resource, namespace=namespace, resource_version=version,
                                          label_selector=label_selector):
                version = event.object["metadata"]["resourceVersion"]
                if event.type != "BOOKMARK":
                    told = True
                    _remember(known, event)
                    yield event
        except Expired:
            version = ""
        except (Unavailable, KubeError) as error:
            trouble = error
        if told or clock.now() - began >= _LASTING_SECONDS:
            failures = 0
            if trouble is None:
                continue
        wait = waits.wait_seconds(failures, chance, asked=getattr(trouble, "retry_after_seconds", None))
        failures += 1
        if failures % _LIST_ANEW_AFTER == 0:
            version = ""
        if trouble is not None:
            note(log, "watch broke off", level=logging.WARNING, resource=resource.plural, reason=str(trouble),
                 wait_seconds=round(wait, 2))
        await clock.sleep(wait)


async def _relist(kube: Kube, resource: Resource, known: dict[str, Object], *, namespace: str,
                  label_selector: str) -> AsyncIterator[WatchEvent]:
    listing = await kube.list(resource, namespace=namespace, label_selector=label_selector)
    there = {item["metadata"]["uid"] for item in listing.items}
    for uid in [uid for uid in known if uid not in there]:
        yield WatchEvent("DELETED", known.pop(uid))
    for item in listing.items:
        before = known.get(item["metadata"]["uid"])
        if before and before["metadata"].get("resourceVersion") == item["metadata"]["resourceVersion"]:
            continue  # told already
        event = WatchEvent("MODIFIED" if before else "ADDED", item)
        _remember(known, event)
        yield event
    yield WatchEvent("BOOKMARK", {"metadata": {"resourceVersion": listing.resource_version}})


_KEPT = ("name", "namespace", "uid", "labels", "annotations", "ownerReferences", "resourceVersion")


def _remember(known: dict[str, Object], event: WatchEvent) -> None:
    """Keep of each object only what tells whose it is; a whole object per pod would be memory for nothing."""
    metadata = event.object["metadata"]
    if event.type == "DELETED":
        known.pop(metadata["uid"], None)
    else:
        kept = {key: metadata[key] for key in _KEPT if key in metadata}
        known[metadata["uid"]] = {"apiVersion": event.object.get("apiVersion"), "kind": event.object.get("kind"),
                                  "metadata": kept}
