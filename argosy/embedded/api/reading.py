"""Get, list and watch: objects as they are, as tables for people, or only their metadata."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import orjson

from argosy.clock import Clock
from argosy.embedded.api.calls import Answer, Call, Shape, Stream
from argosy.embedded.api.paths import Target
from argosy.embedded.api.statuses import failure
from argosy.embedded.api.tables import Include, partial, table
from argosy.kube.contract import Kube, KubeError, Object, Resource, Unavailable, WatchEvent

_INITIAL_END = {"k8s.io/initial-events-end": "true"}


class Reading:
    """The verbs that change nothing."""

    def __init__(self, kube: Kube, clock: Clock) -> None:
        self._kube = kube
        self._clock = clock

    async def get(self, call: Call, target: Target) -> Answer | Stream:
        """One object; or a watch of it, which is a watch of the list that holds it alone."""
        if call.flag("watch"):
            query = {**call.query, "fieldSelector": f"metadata.name={target.name}"}
            return self._watch(replace(call, query=query), replace(target, name=""))
        obj = await self._kube.get(target.resource, target.name, namespace=target.namespace)
        shaped = _Shaper(target.resource, call, self._clock)
        return Answer(shaped.one(obj))

    async def list(self, call: Call, target: Target) -> Answer | Stream:
        """All objects of a kind that the selectors take, a page at a time if the caller says so; or a watch of them."""
        if call.flag("watch"):
            return self._watch(call, target)
        listing = await self._kube.list(
            target.resource, namespace=target.namespace, label_selector=call.query.get("labelSelector", ""),
            field_selector=call.query.get("fieldSelector", ""), limit=call.number("limit") or 0,
            continue_token=call.query.get("continue", ""))
        metadata: Object = {"resourceVersion": listing.resource_version}
        if listing.continue_token:
            metadata["continue"] = listing.continue_token
        return Answer(_Shaper(target.resource, call, self._clock).many(listing.items, metadata))

    def _watch(self, call: Call, target: Target) -> Stream:
        timeout = call.number("timeoutSeconds")
        return Stream(self._events(call, target), timeout_seconds=float(timeout) if timeout else None,
                      media_type="application/json;stream=watch")

    async def _events(self, call: Call, target: Target) -> AsyncIterator[bytes]:
        """The lines of a watch. An error is its last line, for the headers are gone by then."""
        shaper = _Shaper(target.resource, call, self._clock)
        try:
            async for event in self._changes(call, target):
                yield shaper.line(event)
        except (KubeError, Unavailable) as error:
            yield orjson.dumps({"type": "ERROR", "object": failure(error)}) + b"\n"

    async def _changes(self, call: Call, target: Target) -> AsyncIterator[WatchEvent]:
        version = call.query.get("resourceVersion", "")
        version = "" if version == "0" else version
        labels, fields = call.query.get("labelSelector", ""), call.query.get("fieldSelector", "")
        bookmarks = call.flag("allowWatchBookmarks")
        if call.flag("sendInitialEvents"):
            listing = await self._kube.list(
                target.resource, namespace=target.namespace, label_selector=labels, field_selector=fields)
            for item in listing.items:
                yield WatchEvent("ADDED", item)
            version = listing.resource_version
            metadata = {"resourceVersion": version, "creationTimestamp": None, "annotations": _INITIAL_END}
            yield WatchEvent("BOOKMARK", {"metadata": metadata})
        async for event in self._kube.watch(target.resource, namespace=target.namespace, resource_version=version,
                                            label_selector=labels, field_selector=fields):
            if bookmarks or event.type != "BOOKMARK":
                yield event


class _Shaper:
    """Puts objects of one kind into the shape that the caller wants."""

    def __init__(self, resource: Resource, call: Call, clock: Clock) -> None:
        self._resource = resource
        self._shape: Shape = call.shape
        self._clock = clock
        self._columns_told = False
        self._include: Include = "Metadata"
        match call.query.get("includeObject", ""):
            case "Object":
                self._include = "Object"
            case "None":
                self._include = "None"

    def one(self, obj: Object) -> Object:
        if self._shape == "table":
            version = (obj.get("metadata") or {}).get("resourceVersion", "")
            return self._table([obj], {"resourceVersion": version})
        return partial(obj) if self._shape == "partial" else obj

    def many(self, items: Sequence[Object], metadata: Object) -> Object:
        if self._shape == "table":
            return self._table(items, metadata)
        if self._shape == "partial":
            return {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
                    "items": [partial(item) for item in items]}
        return {"kind": f"{self._resource.kind}List", "apiVersion": self._resource.api_version, "metadata": metadata,
                "items": list(items)}

    def line(self, event: WatchEvent) -> bytes:
        obj = event.object
        if event.type == "BOOKMARK":
            obj = {"kind": self._resource.kind, "apiVersion": self._resource.api_version, "spec": {}, **obj}
        return orjson.dumps({"type": event.type, "object": self.one(obj)}) + b"\n"

    def _table(self, items: Sequence[Object], metadata: Object) -> Object:
        made = table(self._resource, items, metadata, now=self._clock.now(), include=self._include,
                     with_columns=not self._columns_told)
        self._columns_told = True
        return made
