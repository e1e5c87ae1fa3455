"""What keeps a process that has lost a shard without knowing it from acting for its workflows.

A `Tenure` is a shard held by this process, from gaining to losing it. Its `check` compares the time since the replica's
last sign of life with what the others wait for before they take its place, by a clock that runs on while the process is
stopped. `Fenced` is a Kube that asks the check right before every write. It is the first of three fences; the other two
are the claim on the workflow and the names and uids that every write carries (docs/decisions/0007-sharing-the-work.md).
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from argosy.errors import ArgosyError, Unavailable
from argosy.kube.contract import Kube, Listing, Object, PatchKind, Propagation, Resource, WatchEvent
from argosy.kube.fence import checked_by
from controller.sharding import Claim


class Deposed(ArgosyError):
    """Another replica looks after this workflow by now: leave it as it is."""


class Overtaken(ArgosyError):
    """Another replica had begun this workflow when we began it too: start from what it is now."""

    def __init__(self, workflow: Object) -> None:
        self.workflow = workflow
        super().__init__("another replica had begun this workflow")


@dataclass(slots=True)
class Standing:
    """A replica's standing among the others: `trusted_until`, by the clock `uptime`, nobody takes its place."""

    uptime: Callable[[], float]
    trusted_until: float = 0.0

    @property
    def trusted(self) -> bool:
        """Whether nobody can have taken its place yet."""
        return self.uptime() < self.trusted_until


@dataclass(slots=True)
class Tenure:
    """A shard that this process holds."""

    shard: int
    claim: Claim
    standing: Standing
    over: bool = field(default=False)  # lost, or given up

    def check(self) -> None:
        """Raises Deposed where the shard is lost, Unavailable where that cannot be known for now."""
        if self.over:
            raise Deposed(f"shard {self.shard} is held by another replica")
        if not self.standing.trusted:
            raise Unavailable("this replica has not been able to renew its lease in time", retry_after_seconds=0.5)


class ShardWork(Protocol):
    """Who does the work of the shards that are held, and is told which those are."""

    def gained(self, tenure: Tenure) -> None:
        """From now on the workflows of this shard are this process's to look after."""

    def lost(self, tenure: Tenure) -> None:
        """Stop at once: somebody else looks after them."""

    async def let_go(self, tenures: list[Tenure]) -> None:
        """Stop in good order; when this returns nothing is under way any more."""


class Fenced:
    """A Kube whose writes go out only while the shard is held."""

    def __init__(self, kube: Kube, tenure: Tenure) -> None:
        self._kube = kube
        self._tenure = tenure

    async def create(self, resource: Resource, obj: Object, *, namespace: str = "", dry_run: bool = False) -> Object:
        """As the Kube's. Raises Deposed too, as all writes."""
        with checked_by(self._tenure.check):
            return await self._kube.create(resource, obj, namespace=namespace, dry_run=dry_run)

    async def get(self, resource: Resource, name: str, *, namespace: str = "") -> Object:
        """As the Kube's."""
        return await self._kube.get(resource, name, namespace=namespace)

    async def list(
        self, resource: Resource, *, namespace: str = "", label_selector: str = "", field_selector: str = "",
        limit: int = 0, continue_token: str = "",
    ) -> Listing:
        """As the Kube's."""
        return await self._kube.list(resource, namespace=namespace, label_selector=label_selector,
                                     field_selector=field_selector, limit=limit, continue_token=continue_token)

    def watch(self, resource: Resource, **options: str) -> AsyncIterator[WatchEvent]:
        """As the Kube's."""
        return self._kube.watch(resource, **options)

    async def replace(self, resource: Resource, obj: Object, *, subresource: str = "") -> Object:
        """As the Kube's."""
        with checked_by(self._tenure.check):
            return await self._kube.replace(resource, obj, subresource=subresource)

    async def patch(
        self, resource: Resource, name: str, patch: Any, *, namespace: str = "", kind: PatchKind = PatchKind.MERGE,
        subresource: str = "",
    ) -> Object:
        """As the Kube's."""
        with checked_by(self._tenure.check):
            return await self._kube.patch(resource, name, patch, namespace=namespace, kind=kind, subresource=subresource)

    async def delete(
        self, resource: Resource, name: str, *, namespace: str = "", uid: str = "", resource_version: str = "",
        grace_seconds: int | None = None, propagation: Propagation = "Background",
    ) -> None:
        """As the Kube's."""
        with checked_by(self._tenure.check):
            await self._kube.delete(resource, name, namespace=namespace, uid=uid, resource_version=resource_version,
                                    grace_seconds=grace_seconds, propagation=propagation)

    def logs(self, name: str, **options: Any) -> AsyncIterator[bytes]:
        """As the Kube's."""
        return self._kube.logs(name, **options)
