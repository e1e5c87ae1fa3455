"""A dry run of a change: what a write would leave, by the store's own rules, without writing it."""

from typing import Any

from argosy.embedded.api.paths import Target
from argosy.embedded.store.patches import patched
from argosy.embedded.store.rules import changed_object
from argosy.kube.contract import AlreadyExists, BadRequest, Conflict, Kube, NotFound, Object, PatchKind


async def try_replace(kube: Kube, target: Target, obj: Object) -> Object:
    """What a replacement would leave. Raises what the replacement would raise."""
    old = await kube.get(target.resource, target.name, namespace=target.namespace)
    return await _left(kube, target, old, obj)


async def try_patch(kube: Kube, target: Target, patch: Any, kind: PatchKind) -> Object:
    """What a patch would leave. Raises what the patch would raise."""
    try:
        old = await kube.get(target.resource, target.name, namespace=target.namespace)
    except NotFound:
        if kind is not PatchKind.APPLY or target.subresource or not isinstance(patch, dict):
            raise
        return await kube.create(target.resource, patch, namespace=target.namespace, dry_run=True)
    return await _left(kube, target, old, patched(target.resource, old, patch, kind))


async def _left(kube: Kube, target: Target, old: Object, new: Object) -> Object:
    found, sent = old["metadata"].get("resourceVersion"), (new.get("metadata") or {}).get("resourceVersion")
    if sent and sent != found:
        raise Conflict(f"{target.resource.plural} {target.name!r} has been modified: you sent resourceVersion {sent}, "
                       f"the object is at {found}; read it again and repeat your change")
    try:
        result = changed_object(target.resource, old, new, subresource=target.subresource)
    except RecursionError as error:
        raise BadRequest("the object is nested too deeply") from error
    if result is None:
        return old
    if not target.subresource:
        await _ask_admission(kube, target, result)
    return result


async def _ask_admission(kube: Kube, target: Target, result: Object) -> None:
    """Admission comes before the look at the name, so a trial creation asks it; that the name is taken is no surprise."""
    metadata = {key: value for key, value in result["metadata"].items() if key != "resourceVersion"}
    try:
        await kube.create(target.resource, {**result, "metadata": metadata}, namespace=target.namespace, dry_run=True)
    except AlreadyExists:
        return
