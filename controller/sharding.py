"""Who looks after which workflows, where several controllers share the work. Pure.

Workflows are dealt out to a fixed number of *shards* by their uid. Each shard is held by at most one *replica*; each time
it changes hands its *epoch* grows. The holder writes its *claim* (epoch and name) on every workflow before it acts for it,
and a claim is never replaced by an older one: whoever finds a newer claim than its own has lost the shard, whatever it
believes.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

CLAIM_ANNOTATION = "argosy.dev/claim"
USUAL_SHARDS = 16
MOST_SHARDS = 256


@dataclass(frozen=True, slots=True, order=True)
class Claim:
    """The right to act for the workflows of a shard. The one with the greater epoch holds."""

    epoch: int
    holder: str

    def text(self, uid: str) -> str:
        """As it stands on the workflow with this uid; a copy of the object under another uid is not claimed by it."""
        return f"{self.epoch} {self.holder} {uid}"


@dataclass(frozen=True, slots=True)
class Share:
    """What one replica should do: take up shards that nobody holds, and give up those that are another's due."""

    take: tuple[int, ...] = ()
    give: tuple[int, ...] = ()


def shard_of(uid: str, shards: int) -> int:
    """The shard of the workflow with this uid."""
    return int.from_bytes(hashlib.sha256(uid.encode()).digest()[:8], "big") % shards


def claim_on(workflow: Mapping[str, Any]) -> Claim | None:
    """The newest claim that was laid to this very workflow; None where there is none that can be read."""
    metadata = workflow["metadata"]
    parts = str((metadata.get("annotations") or {}).get(CLAIM_ANNOTATION, "")).split(" ")
    if len(parts) != 3 or not parts[0].isdecimal() or parts[2] != metadata["uid"]:
        return None
    return Claim(int(parts[0]), parts[1])


def is_newer(workflow: Mapping[str, Any], claim: Claim) -> bool:
    """Whether a newer claim than this one was laid to the workflow."""
    found = claim_on(workflow)
    return found is not None and found > claim


def next_epoch(last: int, *, now: float) -> int:
    """An epoch greater than `last`; where a lease was deleted and nobody knows the last one, the clock is greater too."""
    return max(last + 1, int(now * 1000))


def share_of(me: str, replicas: Collection[str], holders: Mapping[int, str]) -> Share:
    """What replica `me` should take and give, `holders` naming for every shard who holds it (or "").

    All replicas with the same view come to the same result: nobody holds two shards more than another, no shard has two
    takers, and none changes hands without need.
    """
    names = sorted({*replicas, me})
    held: dict[str, list[int]] = {name: [] for name in names}
    free: list[int] = []
    for shard, holder in sorted(holders.items()):
        held.get(holder, free).append(shard)
    due = _due(held, len(holders))
    if len(held[me]) > due[me]:
        return Share(give=tuple(held[me][due[me]:]))
    start = sum(max(0, due[name] - len(held[name])) for name in names if name < me)
    return Share(take=tuple(free[start:start + due[me] - len(held[me])]))


def _due(held: Mapping[str, Collection[int]], shards: int) -> dict[str, int]:
    """How many shards each replica should hold; who holds most already gets the one more, where it does not come out even."""
    each, left = divmod(shards, len(held))
    favoured = sorted(held, key=lambda name: (-len(held[name]), name))[:left]
    return {name: each + (name in favoured) for name in held}
