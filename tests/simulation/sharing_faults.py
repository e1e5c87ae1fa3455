"""Faults planted in the sharing of work: each is a missing fence, and the simulation must catch every one of them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from argosy.kube.contract import Kube, Object
from controller.claiming import current
from controller.fencing import Tenure
from controller.leases import Leases
from controller.sharding import Claim

_NO_YIELDING = patch("controller.reconcile.yield_to_others", lambda _found, **_given: None)


@contextmanager
def trust_a_lease_for_ever() -> Iterator[None]:
    """Nobody looks at the clock before writing: a replica that was stopped goes on where it was."""
    with patch.object(Tenure, "check", lambda _self: None):
        yield


@contextmanager
def write_over_whoever_wrote() -> Iterator[None]:
    """A replica whose save is refused writes on top of what another has saved meanwhile."""
    with _NO_YIELDING, patch("controller.reconcile.is_newer", lambda _workflow, _claim: False):
        yield


@contextmanager
def load_what_the_watch_shows() -> Iterator[None]:
    """A replica that takes a workflow over goes on from what it saw last, without a claim, though the other may still save."""
    async def nothing(kube: Kube, workflow: Object, _claim: Claim) -> Object:
        return workflow if "spec" in workflow else await current(kube, workflow)

    with _NO_YIELDING, patch("controller.reconcile.lay_claim", nothing):
        yield


@contextmanager
def take_from_the_living() -> Iterator[None]:
    """A replica that has been silent for a moment counts as gone, and its lease is not asked."""
    original = Leases._see_replica

    def hasty(self: Leases, lease: Any, *, gone: bool) -> None:
        original(self, lease, gone=gone)
        for neighbour in self._neighbours.values():
            neighbour.seconds = 2.0

    async def bury(self: Leases) -> None:
        now = self._uptime()
        for holder in [holder for holder, each in self._neighbours.items() if now >= each.seen_at + each.seconds]:
            del self._neighbours[holder]

    with (patch.object(Leases, "_see_replica", hasty), patch.object(Leases, "_bury_the_dead", bury),
          _NO_YIELDING):
        yield


@contextmanager
def forget_what_others_left() -> Iterator[None]:
    """A replica that gains a shard runs what begins from then on, and leaves alone what was under way."""
    with (patch("controller.service.Controller.gained", lambda _self, _tenure: None),
          patch("tests.simulation.world.PATIENCE_SECONDS", 200.0)):
        yield


FAULTS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    fault.__name__: fault for fault in (
        trust_a_lease_for_ever, write_over_whoever_wrote, load_what_the_watch_shows, take_from_the_living,
        forget_what_others_left)
}
