"""The ``k8s`` trigger: create, update, patch or delete any object of a kind that is served."""

from collections.abc import Iterable, Mapping

from argosy.errors import Problem
from argosy.kube.contract import AlreadyExists, NotFound, Object, PatchKind, Resource
from events.rules.event import Json
from events.triggers import objects
from events.triggers.contract import Action, Done, Refused, World

OPERATIONS = ("create", "update", "patch", "delete")
_PATCHES = {kind.value: kind for kind in PatchKind}


class K8s:
    """Acts on one object."""

    def check(self, template: Mapping[str, Json], where: str) -> Iterable[Problem]:
        """The operation and the source."""
        operation = template.get("operation") or "create"
        if operation not in OPERATIONS:
            yield Problem(f"{where}.operation", f"is {operation!r}; write one of {', '.join(OPERATIONS)}")
        strategy = template.get("patchStrategy")
        if strategy and strategy not in _PATCHES:
            yield Problem(f"{where}.patchStrategy", f"is {strategy!r}; write one of {', '.join(_PATCHES)}")
        yield from objects.check_source(template, where)

    async def act(self, action: Action, world: World) -> Done:
        """Fetch the object, fill it, and carry the operation out."""
        obj = await objects.fetch(action, world)
        resource = await objects.kind_of(obj, action.where, world.kinds)
        if action.template.get("liveObject") and action.template.get("operation") not in (None, "", "create"):
            obj = await self._live(obj, resource, action, world)
        obj = objects.fill(obj, action)
        if resource.namespaced:
            obj.setdefault("metadata", {}).setdefault("namespace", action.namespace)
        with objects.rights(action, _namespace(obj, resource)):
            return await self._carry_out(obj, resource, action, world)

    async def _carry_out(self, obj: Object, resource: Resource, action: Action, world: World) -> Done:
        operation = str(action.template.get("operation") or "create")
        if operation == "create":
            return await create(obj, resource, action, world)
        name = str(obj.get("metadata", {}).get("name") or "")
        if not name:
            raise Refused(f"{action.where}: {operation} needs metadata.name")
        return await getattr(self, f"_{operation}")(obj, name, resource, action, world)  # type: ignore[no-any-return]  # one of OPERATIONS

    async def _live(self, obj: Object, resource: Resource, action: Action, world: World) -> Object:
        meta = obj.get("metadata", {})
        namespace = str(meta.get("namespace") or action.namespace) if resource.namespaced else ""
        with objects.rights(action, namespace):
            return await world.kube.get(resource, str(meta.get("name", "")), namespace=namespace)

    async def _update(self, obj: Object, name: str, resource: Resource, action: Action, world: World) -> Done:
        try:
            old = await world.kube.get(resource, name, namespace=_namespace(obj, resource))
        except NotFound:
            return await create(obj, resource, action, world)
        written = await world.kube.replace(resource, _merged(old, obj))
        return Done(f"updated {resource.kind} {name}", objects.reference(written))

    async def _patch(self, obj: Object, name: str, resource: Resource, action: Action, world: World) -> Done:
        kind = _PATCHES[str(action.template.get("patchStrategy") or PatchKind.MERGE.value)]
        try:
            written = await world.kube.patch(resource, name, obj, namespace=_namespace(obj, resource), kind=kind)
        except NotFound:
            return await create(obj, resource, action, world)
        return Done(f"patched {resource.kind} {name}", objects.reference(written))

    async def _delete(self, obj: Object, name: str, resource: Resource, _action: Action, world: World) -> Done:
        try:
            await world.kube.delete(resource, name, namespace=_namespace(obj, resource))
        except NotFound:
            return Done(f"{resource.kind} {name} was gone already")
        return Done(f"deleted {resource.kind} {name}", objects.reference(obj))


async def create(obj: Object, resource: Resource, action: Action, world: World) -> Done:
    """Create the object under the name of this firing; finding it there means that it is done."""
    objects.settle_name(obj, action)
    objects.mark(obj, action, world)
    name, namespace = str(obj["metadata"]["name"]), _namespace(obj, resource)
    try:
        made = await world.kube.create(resource, obj, namespace=namespace)
    except AlreadyExists:
        return await _found(name, namespace, resource, action, world)
    return Done(f"created {resource.kind} {name}", objects.reference(made))


async def _found(name: str, namespace: str, resource: Resource, action: Action, world: World) -> Done:
    try:
        there = await world.kube.get(resource, name, namespace=namespace)
    except NotFound:
        return Done(f"{resource.kind} {name} was created before, and is gone already")
    if not objects.made_by(there, action):
        raise Refused(
            f"{resource.kind} {name!r} exists already, and other events made it: "
            "give the object a metadata.generateName instead of a name, so that each firing makes its own")
    return Done(f"created {resource.kind} {name} (an earlier try had done so)", objects.reference(there))


def _namespace(obj: Object, resource: Resource) -> str:
    return str(obj.get("metadata", {}).get("namespace") or "") if resource.namespaced else ""


def _merged(old: Json, new: Json) -> Json:
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: _merged(old.get(key), value) for key, value in new.items()}}
    return new
