"""Which object, or which kind of object, a URL's path means."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import unquote

from argosy.embedded.api.statuses import unknown_path
from argosy.kube.contract import Resource

_NAMESPACE_SUBRESOURCES = frozenset({"status", "finalize"})

Resources: TypeAlias = Callable[[], Sequence[Resource]]


@dataclass(frozen=True, slots=True)
class Target:
    """A kind of object (`name` is empty), an object, or a subresource of it."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""


class PathTable:
    """Finds the target of a path among the resources that are served."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._known: dict[tuple[str, str, str], Resource] = {}

    def find(self, path: str) -> Target:
        """The target of ``/api/v1/...`` or ``/apis/GROUP/VERSION/...``. Raises NotFound for anything else."""
        parts = [unquote(part) for part in path.strip("/").split("/")]
        if parts[0] == "api" and len(parts) > 2:
            group, version, rest = "", parts[1], parts[2:]
        elif parts[0] == "apis" and len(parts) > 3:
            group, version, rest = parts[1], parts[2], parts[3:]
        else:
            raise unknown_path(path)
        namespace = ""
        if rest[0] == "namespaces" and len(rest) > 2 and not (len(rest) == 3 and rest[2] in _NAMESPACE_SUBRESOURCES):
            namespace, rest = rest[1], rest[2:]
        resource = self._resource(group, version, rest[0])
        if resource is None or len(rest) > 3 or (namespace and not resource.namespaced):
            raise unknown_path(path)
        if resource.namespaced and len(rest) > 1 and not namespace:
            raise unknown_path(path)
        name, subresource = [*rest[1:], "", ""][:2]
        return Target(resource=resource, namespace=namespace, name=name, subresource=subresource)

    def _resource(self, group: str, version: str, plural: str) -> Resource | None:
        """Kinds come and go with their CustomResourceDefinitions: one that is not known yet may be by now."""
        found = self._known.get((group, version, plural))
        if found is None:
            self._known = {(each.group, each.version, each.plural): each for each in self._resources()}
            found = self._known.get((group, version, plural))
        return found
