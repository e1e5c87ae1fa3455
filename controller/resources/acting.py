"""The one action of a resource template: get, create, apply, replace, patch or delete, as kubectl does them."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

from argosy.clock import from_rfc3339
from argosy.kube.contract import AlreadyExists, Conflict, Expired, Kube, NotFound, Object, PatchKind, Propagation
from argosy.kube.kinds import Kinds
from controller.pods.assignment import ResourceWork
from controller.resources.contract import WorkFailed
from controller.resources.flags import read_flags
from controller.resources.targets import (
    Target,
    owned,
    read_manifest,
    renamed,
    target_of_manifest,
    targets_of_words,
)

_PATCHES = {"strategic": PatchKind.STRATEGIC, "merge": PatchKind.MERGE, "json": PatchKind.JSON}
_NAME_TRIES = 20
_CLOCKS_DIFFER_SECONDS = 5  # between the API server, which says when an object was made, and us
_TRIES = 4  # writes in a row over somebody else's


class Action:
    """The action of one resource template. `say` hears what was done, in kubectl's words."""

    def __init__(self, kube: Kube, kinds: Kinds, work: ResourceWork, *, manifest: str, say: Callable[[str], None]) -> None:
        self._kube = kube
        self._kinds = kinds
        self._work = work
        self._say = say
        self._flags = read_flags(work.flags)
        self._manifest = read_manifest(manifest)
        if isinstance(self._manifest, dict):
            self._manifest = owned(self._manifest, work)

    async def take(self, *, again_since: float | None = None) -> tuple[Target, Object] | None:
        """Act; what was acted upon and how it is now, or None where there is nothing (any more).

        `again_since` says that this is tried again, first then, because nobody knows whether it was done: an object made
        since is taken for ours.
        """
        action = self._work.action
        if action == "delete":
            await self._delete()
            return None
        target = await self._target()
        if not target.name:
            raise WorkFailed("metadata.name is missing: it must say which object is meant")
        obj = await self._changed(action, target, again_since)
        if obj is None:
            return None
        done = {"create": "created", "apply": "configured", "replace": "replaced", "patch": "patched", "get": "found"}
        target = replace(target, name=obj["metadata"]["name"])
        self._say(f"{_shown(target)} {done[action]}")
        return target, obj

    async def _changed(self, action: str, target: Target, again_since: float | None) -> Object | None:
        kube = self._kube
        match action:
            case "create":
                return await self._create(target, again_since)
            case "get":
                try:
                    return await kube.get(target.resource, target.name, namespace=target.namespace)
                except NotFound:
                    if self._flags.ignore_not_found:
                        return None
                    raise
            case "apply":
                return await kube.patch(target.resource, target.name, self._described(), namespace=target.namespace,
                                        kind=PatchKind.APPLY, subresource=self._flags.subresource)
            case "patch":
                return await kube.patch(target.resource, target.name, self._manifest, namespace=target.namespace,
                                        kind=_PATCHES[self._work.merge_strategy], subresource=self._flags.subresource)
        return await self._replace(target)

    async def _target(self) -> Target:
        """The one object that is meant; a patch and a look may name it by flags alone."""
        named_by_flags = not isinstance(self._manifest, dict) or (self._work.action == "patch" and self._flags.words
                                                                  and "kind" not in self._manifest)
        if named_by_flags and self._work.action in ("patch", "get"):
            targets = await targets_of_words(self._work, self._flags, self._kinds)
            if len(targets) > 1:
                raise WorkFailed(f"the flags name {len(targets)} objects; a resource template works on one")
            return targets[0]
        return await target_of_manifest(self._manifest, self._work, self._flags, self._kinds)

    def _described(self) -> Object:
        return cast("Object", self._manifest)

    async def _create(self, target: Target, again_since: float | None) -> Object:
        """Create it. A generated name that an earlier run of the step has taken gives way to the next one."""
        obj = self._described()
        for tries_left in range(_NAME_TRIES - 1, -1, -1):
            try:
                return await self._kube.create(target.resource, obj, namespace=target.namespace)
            except AlreadyExists:
                if again_since is not None:
                    found = await self._kube.get(target.resource, obj["metadata"]["name"], namespace=target.namespace)
                    made_at = from_rfc3339(found["metadata"]["creationTimestamp"])
                    if made_at >= int(again_since) - _CLOCKS_DIFFER_SECONDS:
                        return found
                if not tries_left or not obj["metadata"].get("generateName"):
                    raise
                obj = renamed(obj)
        raise AssertionError("the last try returns or raises")

    async def _replace(self, target: Target) -> Object:
        for tries_left in range(_TRIES - 1, -1, -1):
            current = await self._kube.get(target.resource, target.name, namespace=target.namespace)
            metadata = {"resourceVersion": current["metadata"]["resourceVersion"], **self._described()["metadata"]}
            if target.namespace:
                metadata["namespace"] = target.namespace
            whole = {**self._described(), "metadata": metadata}
            try:
                return await self._kube.replace(target.resource, whole, subresource=self._flags.subresource)
            except Conflict:
                if not tries_left or "resourceVersion" in self._described()["metadata"]:
                    raise
        raise AssertionError("the last try returns or raises")

    # ---- delete ----

    async def _delete(self) -> None:
        if self._manifest is not None:
            targets = [await target_of_manifest(self._manifest, self._work, self._flags, self._kinds)]
        else:
            targets = await targets_of_words(self._work, self._flags, self._kinds)
        for target in targets:
            if target.name:
                await self._delete_one(target)
            else:
                await self._delete_chosen(target)

    async def _delete_chosen(self, target: Target) -> None:
        flags = self._flags
        if not (flags.selector or flags.field_selector or flags.all):
            raise WorkFailed(f"nothing says which {target.resource.plural} to delete; add a name, --selector or --all")
        listing = await self._kube.list(target.resource, namespace=target.namespace, label_selector=flags.selector,
                                        field_selector=flags.field_selector)
        for item in listing.items:
            metadata = item["metadata"]
            await self._delete_one(Target(target.resource, metadata.get("namespace") or "", metadata["name"]))

    async def _delete_one(self, target: Target) -> None:
        """Delete it and, as kubectl does, wait until it is gone; what is not there needs no deleting."""
        propagation = {"background": "Background", "foreground": "Foreground", "orphan": "Orphan", "true": "Background",
                       "false": "Orphan"}.get(self._flags.cascade.lower())
        if propagation is None:
            raise WorkFailed(f"flag '--cascade={self._flags.cascade}' is not understood; "
                             "write background, foreground or orphan")
        kube, place = self._kube, {"namespace": target.namespace}
        try:
            uid = (await kube.get(target.resource, target.name, **place))["metadata"]["uid"]
            await kube.delete(target.resource, target.name, **place, uid=uid, grace_seconds=self._flags.grace_seconds,
                              propagation=cast("Propagation", propagation))
            if self._flags.wait:
                await self._until_gone(target, uid)
        except NotFound:
            pass
        self._say(f"{_shown(target)} deleted")

    async def _until_gone(self, target: Target, uid: str) -> None:
        while True:
            found = await self._kube.get(target.resource, target.name, namespace=target.namespace)
            if found["metadata"]["uid"] != uid:
                return
            try:
                async for event in self._kube.watch(
                        target.resource, namespace=target.namespace, field_selector=f"metadata.name={target.name}",
                        resource_version=found["metadata"]["resourceVersion"]):
                    if event.type == "DELETED":
                        return
            except Expired:
                continue


def _shown(target: Target) -> str:
    kind = target.resource.kind.lower()
    return f"{kind}.{target.resource.group}/{target.name}" if target.resource.group else f"{kind}/{target.name}"
