"""What becomes of an object on its way in: the fields that the API owns, generation, and what may not change."""

from typing import Any, Final

import orjson

from argosy.clock import to_rfc3339
from argosy.embedded.store.core_kinds import check_change, fill_in
from argosy.embedded.store.metadata import check_kind, check_metadata, metadata_of
from argosy.embedded.store.refusals import another_uid, invalid
from argosy.kube.contract import BadRequest, Object, Resource

_OWNED: Final = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation")
_DROPPED: Final = ("managedFields", "selfLink")


def new_object(resource: Resource, obj: Object, *, name: str, namespace: str, uid: str, now: float) -> Object:
    """The object as it is first stored. Raises Invalid or BadRequest; `obj` itself is left as it was."""
    check_kind(resource, obj)
    metadata = metadata_of(obj)
    if metadata.get("resourceVersion"):
        raise BadRequest("metadata.resourceVersion must not be set on an object to be created; remove it")
    for key in (*_OWNED, *_DROPPED):
        metadata.pop(key, None)
    metadata["name"] = name
    if resource.namespaced:
        metadata["namespace"] = namespace
    check_metadata(resource, metadata)
    metadata["uid"] = uid
    metadata["creationTimestamp"] = to_rfc3339(now)
    if counts_generations(resource):
        metadata["generation"] = 1
    result = _in_order(resource, obj, metadata)
    if resource.status_subresource:
        result.pop("status", None)
    fill_in(resource, result)
    return result


def changed_object(resource: Resource, old: Object, new: Object, *, subresource: str) -> Object | None:
    """The object as a write of `new` over `old` leaves it; None if the write changes nothing."""
    check_kind(resource, new)
    metadata = metadata_of(new)
    _check_identity(resource, old["metadata"], metadata)
    if subresource == "status":
        result = dict(old)
        result["metadata"] = dict(old["metadata"])
        _take_status(result, new)
    else:
        result = _in_order(resource, new, _changed_metadata(resource, old["metadata"], metadata))
        if resource.status_subresource:
            _take_status(result, old)
        fill_in(resource, result)
        check_change(resource, old, result)
    if is_same(result, old):
        return None
    if counts_generations(resource) and _content_differs(resource, old, result):
        result["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
    return result


def counts_generations(resource: Resource) -> bool:
    """Custom resources do, and the core kinds with a status of their own."""
    return resource.status_subresource or is_custom(resource)


def is_custom(resource: Resource) -> bool:
    """Whether the kind comes from a CustomResourceDefinition, not from Kubernetes itself."""
    return "." in resource.group and not resource.group.endswith(".k8s.io")


def is_same(one: Object, other: Object) -> bool:
    """Whether two objects are the same JSON (which tells true from 1), resourceVersion apart."""
    if one != other and {**one, "metadata": None} != {**other, "metadata": None}:
        return False
    return _sorted_json(one) == _sorted_json(other)


def _sorted_json(obj: Object) -> bytes:
    metadata = {**obj["metadata"], "resourceVersion": ""}
    return orjson.dumps({**obj, "metadata": metadata}, option=orjson.OPT_SORT_KEYS)


def _in_order(resource: Resource, obj: Object, metadata: dict[str, Any]) -> Object:
    result: Object = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}
    for key, value in obj.items():
        result.setdefault(key, value)
    return result


def _take_status(result: Object, source: Object) -> None:
    if "status" in source:
        result["status"] = source["status"]
    else:
        result.pop("status", None)


def _check_identity(resource: Resource, old: dict[str, Any], new: dict[str, Any]) -> None:
    for field in ("name", "namespace"):
        if new.get(field) and new[field] != old.get(field):
            raise BadRequest(f"metadata.{field} cannot change: it is {old.get(field)!r}, you sent {new[field]!r}")
    if new.get("uid") and new["uid"] != old["uid"]:
        raise another_uid(resource, old["name"], yours=new["uid"], current=old["uid"])


def _changed_metadata(resource: Resource, old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    for key in (*_OWNED, *_DROPPED):
        new.pop(key, None)
    new["name"] = old["name"]
    new.update((key, old[key]) for key in ("namespace", "generateName", *_OWNED) if key in old)
    check_metadata(resource, new)
    if "deletionTimestamp" in old:
        added = set(new.get("finalizers") or ()) - set(old.get("finalizers") or ())
        if added:
            raise invalid(resource, old["name"], "metadata.finalizers",
                          f"{', '.join(sorted(added))} cannot be added: the object is being deleted")
    return new


def _content_differs(resource: Resource, old: Object, new: Object) -> bool:
    apart = {"metadata": None, "status": None} if resource.status_subresource else {"metadata": None}
    return {**old, **apart} != {**new, **apart}
