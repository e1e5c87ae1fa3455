"""Create, replace, patch and delete: the body is read, then the store decides."""

from dataclasses import dataclass
from typing import Any, get_args

from argosy.embedded.api.bodies import read_object, read_tree
from argosy.embedded.api.calls import Answer, Call
from argosy.embedded.api.paths import Target
from argosy.embedded.api.statuses import UnsupportedMediaType, success
from argosy.embedded.api.trial import try_patch, try_replace
from argosy.kube.contract import (
    BadRequest,
    Conflict,
    Kube,
    NotFound,
    Object,
    PatchKind,
    Propagation,
)


@dataclass(frozen=True, slots=True)
class _Deletion:
    """What a DELETE may say, in its body or in its query."""

    uid: str = ""
    resource_version: str = ""
    grace_seconds: int | None = None
    propagation: Propagation = "Background"
    dry_run: bool = False


class Writing:
    """The verbs that change something."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube

    async def create(self, call: Call, target: Target) -> Answer:
        """A new object."""
        obj = self._body(call, target)
        made = await self._kube.create(target.resource, obj, namespace=target.namespace, dry_run=call.dry_run())
        return Answer(made, status=201)

    async def replace(self, call: Call, target: Target) -> Answer:
        """A whole object in place of the one that is there."""
        obj = self._body(call, target)
        metadata = obj.setdefault("metadata", {})
        if metadata.setdefault("name", target.name) != target.name:
            raise BadRequest(f"metadata.name is {metadata['name']!r}, but the request is for {target.name!r}")
        if target.namespace and not metadata.get("namespace"):
            metadata["namespace"] = target.namespace
        if metadata.get("namespace", "") != target.namespace:
            raise BadRequest(f"metadata.namespace is {metadata['namespace']!r}, but the request is for namespace "
                             f"{target.namespace!r}")
        if call.dry_run():
            return Answer(await try_replace(self._kube, target, obj))
        return Answer(await self._kube.replace(target.resource, obj, subresource=target.subresource))

    async def patch(self, call: Call, target: Target) -> Answer:
        """A part of an object."""
        try:
            kind = PatchKind(call.media_type)
        except ValueError:
            known = ", ".join(kind.value for kind in PatchKind)
            raise UnsupportedMediaType(f"a patch of type {call.media_type!r} is unknown; there are {known}") from None
        patch = read_tree(call.body, call.media_type)
        if call.dry_run():
            return Answer(await try_patch(self._kube, target, patch, kind))
        made = await self._kube.patch(target.resource, target.name, patch, namespace=target.namespace, kind=kind,
                                      subresource=target.subresource)
        return Answer(made)

    async def delete(self, call: Call, target: Target) -> Answer:
        """An object goes; the answer names its uid, so that the caller can wait for the end of this very object."""
        wish = _read_deletion(call)
        obj = await self._kube.get(target.resource, target.name, namespace=target.namespace)
        await self._delete(target, obj, wish)
        return Answer(success(target.resource, target.name, str(_metadata(obj).get("uid", ""))))

    async def delete_many(self, call: Call, target: Target) -> Answer:
        """All objects of a kind that the selectors take."""
        wish = _read_deletion(call)
        listing = await self._kube.list(
            target.resource, namespace=target.namespace, label_selector=call.query.get("labelSelector", ""),
            field_selector=call.query.get("fieldSelector", ""))
        for obj in listing.items:
            metadata = _metadata(obj)
            one = Target(target.resource, metadata.get("namespace", ""), metadata["name"])
            try:
                await self._delete(one, obj, wish)
            except NotFound:
                continue  # somebody else was quicker: it is gone, as was asked
        return Answer({"kind": f"{target.resource.kind}List", "apiVersion": target.resource.api_version,
                       "metadata": {"resourceVersion": listing.resource_version}, "items": listing.items})

    async def _delete(self, target: Target, obj: Object, wish: _Deletion) -> None:
        metadata = _metadata(obj)
        found = str(metadata.get("resourceVersion", ""))
        if wish.resource_version and wish.resource_version != found:
            raise Conflict(f"{target.resource.plural} {target.name!r} is at resourceVersion {found}, not at "
                           f"{wish.resource_version} as the precondition says")
        if not wish.dry_run:
            await self._kube.delete(
                target.resource, target.name, namespace=target.namespace, uid=wish.uid,
                resource_version=wish.resource_version, grace_seconds=wish.grace_seconds, propagation=wish.propagation)

    def _body(self, call: Call, target: Target) -> Object:
        obj = read_object(call.body, call.media_type)
        if not isinstance(obj.get("metadata", {}), dict):
            raise BadRequest("metadata must be a mapping with at least a name")
        obj.setdefault("apiVersion", target.resource.api_version)
        obj.setdefault("kind", target.resource.kind)
        return obj


def _metadata(obj: Object) -> dict[str, Any]:
    metadata = obj.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _read_deletion(call: Call) -> _Deletion:
    """DeleteOptions from the body, or, where it has none, from the query."""
    body = read_object(call.body, call.media_type) if call.body.strip() else {}
    grace = body.get("gracePeriodSeconds")
    grace = call.number("gracePeriodSeconds") if grace is None else grace
    if grace is not None and (not isinstance(grace, int) or isinstance(grace, bool) or grace < 0):
        raise BadRequest(f"gracePeriodSeconds is {grace!r}; write a whole number of seconds from 0 up")
    propagation: Any = body.get("propagationPolicy") or call.query.get("propagationPolicy") or "Background"
    if body.get("orphanDependents") or call.flag("orphanDependents"):
        propagation = "Orphan"
    if propagation not in get_args(Propagation):
        raise BadRequest(f"propagationPolicy is {propagation!r}; write Background, Foreground or Orphan")
    preconditions = body.get("preconditions") or {}
    if not isinstance(preconditions, dict):
        raise BadRequest("preconditions must be a mapping with uid or resourceVersion")
    return _Deletion(
        uid=str(preconditions.get("uid") or ""), resource_version=str(preconditions.get("resourceVersion") or ""),
        grace_seconds=grace, propagation=propagation, dry_run=call.dry_run() or bool(body.get("dryRun")))
