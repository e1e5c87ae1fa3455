"""What every part may ask of Kubernetes, whoever answers: the API server (`remote`) or the embedded store.

Objects are plain JSON trees (dicts as ``kubectl get -o json`` prints them). Meanings follow the Kubernetes API
conventions; every backend passes ``tests/conformance/test_kube.py``. Returned objects belong to the caller.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, Protocol, TypeAlias

from argosy.errors import ArgosyError, Unavailable

Object: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object: its API group ("" for core), version, plural name and kind."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    singular: str = ""
    short_names: tuple[str, ...] = ()
    status_subresource: bool = False

    @property
    def api_version(self) -> str:
        """``apps/v1``, or ``v1`` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version


class PatchKind(StrEnum):
    """The patch formats of RFC 7386, RFC 6902 and Kubernetes' strategic merge."""

    MERGE = "application/merge-patch+json"
    JSON = "application/json-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    APPLY = "application/apply-patch+yaml"


Propagation: TypeAlias = Literal["Background", "Foreground", "Orphan"]


@dataclass(frozen=True, slots=True)
class Listing:
    """Objects at one moment; `resource_version` is where a watch goes on; `continue_token` is set if more remain."""

    items: list[Object]
    resource_version: str
    continue_token: str = ""


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """A change: ADDED, MODIFIED, DELETED (with the object as it was last), or BOOKMARK (only metadata.resourceVersion)."""

    type: Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]
    object: Object


class KubeError(ArgosyError):
    """A request the API refused. `reason` and `status` are those of Kubernetes' Status object."""

    reason = "InternalError"
    status = 500

    def __init__(self, text: str, *, details: Mapping[str, Any] | None = None) -> None:
        self.details = dict(details or {})
        super().__init__(text)


class NotFound(KubeError):
    """No such object (404)."""

    reason, status = "NotFound", 404


class AlreadyExists(KubeError):
    """An object of that name is there already (409)."""

    reason, status = "AlreadyExists", 409


class Conflict(KubeError):
    """The object has changed since it was read, or a precondition failed (409)."""

    reason, status = "Conflict", 409


class Invalid(KubeError):
    """The object breaks a rule (422)."""

    reason, status = "Invalid", 422


class BadRequest(KubeError):
    """The request cannot be understood (400)."""

    reason, status = "BadRequest", 400


class Forbidden(KubeError):
    """The caller may not do this, or a quota is used up (403)."""

    reason, status = "Forbidden", 403


class Expired(KubeError):
    """The resourceVersion to resume from is too old (410): list again."""

    reason, status = "Expired", 410


KUBE_ERRORS: dict[str, type[KubeError]] = {
    error.reason: error for error in (NotFound, AlreadyExists, Conflict, Invalid, BadRequest, Forbidden, Expired)
}


class Kube(Protocol):
    """The Kubernetes API, as far as Argosy uses it.

    Every call may raise the `KubeError` that its docstring names, and `Unavailable` when nobody answers.
    """

    async def create(self, resource: Resource, obj: Object, *, namespace: str = "", dry_run: bool = False) -> Object:
        """Create; metadata.generateName gets its suffix. Raises AlreadyExists, Invalid."""

    async def get(self, resource: Resource, name: str, *, namespace: str = "") -> Object:
        """Read one. Raises NotFound."""

    async def list(
        self, resource: Resource, *, namespace: str = "", label_selector: str = "", field_selector: str = "",
        limit: int = 0, continue_token: str = "",
    ) -> Listing:
        """Read many; an empty namespace means all. Field selectors: metadata.name, metadata.namespace, status.phase."""

    def watch(
        self, resource: Resource, *, namespace: str = "", resource_version: str = "", label_selector: str = "",
        field_selector: str = "",
    ) -> AsyncIterator[WatchEvent]:
        """Changes after `resource_version`; without one, ADDED for all that exist and then the changes. Raises Expired.

        Ends by itself when the connection ends: the caller goes on from the last resourceVersion it saw.
        """

    async def replace(self, resource: Resource, obj: Object, *, subresource: str = "") -> Object:
        """Write the whole object. With metadata.resourceVersion, Conflict if it has changed since. Raises NotFound."""

    async def patch(
        self, resource: Resource, name: str, patch: Any, *, namespace: str = "", kind: PatchKind = PatchKind.MERGE,
        subresource: str = "",
    ) -> Object:
        """Change a part. Raises NotFound, Conflict, Invalid."""

    async def delete(
        self, resource: Resource, name: str, *, namespace: str = "", uid: str = "", resource_version: str = "",
        grace_seconds: int | None = None, propagation: Propagation = "Background",
    ) -> None:
        """Delete; with `uid`, only that very object, with `resource_version`, only as it was then (Conflict otherwise).

        Raises NotFound.
        """

    def logs(
        self, name: str, *, namespace: str, container: str = "", follow: bool = False, tail_lines: int | None = None,
        since_seconds: float | None = None, timestamps: bool = False,
    ) -> AsyncIterator[bytes]:
        """A pod's log as pieces of bytes; with `follow`, until the container ends. Raises NotFound, BadRequest."""


__all__ = [
    "KUBE_ERRORS", "AlreadyExists", "BadRequest", "Conflict", "Expired", "Forbidden", "Invalid", "Kube", "KubeError",
    "Listing", "NotFound", "Object", "PatchKind", "Propagation", "Resource", "Unavailable", "WatchEvent",
]
