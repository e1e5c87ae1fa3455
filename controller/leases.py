"""Sharing the work with other replicas through leases on the API server: who is there, and who holds which shard.

There are two sorts of lease. Each replica keeps one of its own alive, its only regular write. Each shard has one that
says who holds it and in which epoch; it is written only when the shard changes hands, and counts for as long as its
holder's own lease is there. Whoever has seen a replica's lease unchanged for its whole duration deletes it, on condition
that it is unchanged still; so the API server decides between a late sign of life and the end. A replica whose lease was
deleted has lost its shards and joins anew under another name, so no late write of its old self is mistaken for a new one.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from argosy.backoff import Backoff
from argosy.clock import Clock, from_rfc3339, new_suffix, to_rfc3339_micro
from argosy.errors import ArgosyError, Unavailable
from argosy.kube.contract import AlreadyExists, Conflict, Forbidden, Kube, KubeError, NotFound, Object
from argosy.kube.resources import LEASES
from argosy.kube.watching import changes
from argosy.logs import note
from controller.fencing import ShardWork, Standing, Tenure
from controller.passing import waiting_for_better
from controller.sharding import USUAL_SHARDS, Claim, next_epoch, shard_of, share_of

log = logging.getLogger("argosy.controller")

USUAL_SECONDS = 15.0
_BEATS = 5  # signs of life within a lease's duration
_MARGIN = 0.2  # the part of the duration before its end in which nothing is written any more
_CLOCK_SKEW_SECONDS = 30.0  # a lease that is older than this beyond its duration has ended for whoever sees it first
_LAST_SECONDS = 3.0  # for an orderly end

GROUP_LABEL = "argosy.dev/lease-group"
SORT_LABEL = "argosy.dev/lease-of"  # "replica" or "shard"
_EPOCH = "argosy.dev/epoch"


@dataclass(frozen=True, slots=True)
class Terms:
    """What all replicas of an installation must agree on. `group` tells its leases from those of others."""

    namespace: str
    group: str = "argosy-controller"
    shards: int = USUAL_SHARDS
    seconds: float = USUAL_SECONDS

    def shard_lease(self, shard: int) -> str:
        """The name of a shard's lease; the number of shards is part of it, so that two numbers never mix."""
        return f"{self.group}-shard-{shard}-of-{self.shards}"

    def replica_lease(self, holder: str) -> str:
        """The name of a replica's own lease."""
        return f"{self.group}-replica-{holder}"


def group_of(namespace: str, instance: str) -> str:
    """The group of the installation that looks after `namespace` (or all) and workflows with that instance id (or none)."""
    if not namespace and not instance:
        return "argosy-controller"
    return f"argosy-controller-{hashlib.sha256(f'{namespace}/{instance}'.encode()).hexdigest()[:10]}"


@dataclass(slots=True)
class _Neighbour:
    """Another replica's lease as it was seen last, and when it was first seen so."""

    version: str
    uid: str
    seconds: float
    seen_at: float


@dataclass(frozen=True, slots=True)
class _ShardLease:
    """A shard's lease as we know it; `object` is None where there is none."""

    holder: str = ""
    epoch: int = 0
    version: int = 0
    object: Object | None = None


@dataclass(slots=True)
class _Myself:
    """This replica under its present name."""

    holder: str
    standing: Standing
    lease: Object = field(default_factory=dict)


class Leases:
    """Takes part in sharing the work, for as long as `run` runs."""

    def __init__(self, kube: Kube, terms: Terms, *, replica: str, clock: Clock, uptime: Callable[[], float],
                 chance: Random) -> None:
        self.terms = terms
        self._kube = kube
        self._replica = replica
        self._clock = clock
        self._uptime = uptime
        self._chance = chance
        self._backoff = Backoff(most_seconds=terms.seconds / _BEATS)
        self._me = _Myself("", Standing(uptime))
        self._neighbours: dict[str, _Neighbour] = {}
        self._shards = {shard: _ShardLease() for shard in range(terms.shards)}
        self._tenures: dict[int, Tenure] = {}
        self._going: set[int] = set()  # shards that are being given up
        self._woken = asyncio.Event()

    def tenure_of(self, uid: str) -> Tenure | None:
        """The tenure under which the workflow with this uid is ours to look after; None where it is not."""
        shard = shard_of(uid, self.terms.shards)
        return None if shard in self._going else self._tenures.get(shard)

    async def run(self, work: ShardWork, ready: asyncio.Event) -> None:
        """Share until cancelled, then hand everything over; `ready` is set once all that is ours for now is held."""
        await self._join()
        try:
            async with asyncio.TaskGroup() as group:
                synced = asyncio.Event()
                group.create_task(self._follow(work, synced))
                group.create_task(self._beat(work))
                await synced.wait()
                while True:
                    self._woken.clear()
                    wake_at = await self._round(work)
                    ready.set()
                    await self._rest(wake_at)
        finally:
            await self._leave(work)

    # ---- being there ----

    async def _join(self) -> None:
        """Announce this replica, under a name that was never used before."""
        holder = f"{self._replica}-{new_suffix()}"
        me = _Myself(holder, Standing(self._uptime))
        asked_at, failures = self._uptime(), 0  # the first time: any of several tries may be the one that got through
        while True:
            try:
                me.lease = await self._announce(holder)
                break
            except Unavailable as error:
                note(log, "cannot join yet", level=logging.WARNING, group=self.terms.group, reason=str(error))
                await self._clock.sleep(self._backoff.wait_seconds(failures, self._chance))
                failures += 1
        self._trust(me, asked_at)
        self._me = me
        note(log, "joined", replica=holder, group=self.terms.group)

    async def _announce(self, holder: str) -> Object:
        """Make this replica's lease, or find the one that an earlier try has made. Raises Unavailable."""
        try:
            with waiting_for_better():
                return await self._kube.create(LEASES, self._own_lease(holder), namespace=self.terms.namespace)
        except AlreadyExists:
            return await self._kube.get(LEASES, self.terms.replica_lease(holder), namespace=self.terms.namespace)
        except (Forbidden, NotFound) as error:
            raise ArgosyError(
                f"replicas share the work through leases in namespace {self.terms.namespace!r}, and that is refused: "
                f"{error}; allow get, list, watch, create, update and delete of leases there, or name another "
                "namespace with --lease-namespace") from error

    def _own_lease(self, holder: str) -> Object:
        moment = to_rfc3339_micro(self._clock.now())
        return {"apiVersion": LEASES.api_version, "kind": LEASES.kind,
                "metadata": {"name": self.terms.replica_lease(holder), "namespace": self.terms.namespace,
                             "labels": {GROUP_LABEL: self.terms.group, SORT_LABEL: "replica"}},
                "spec": {"holderIdentity": holder, "leaseDurationSeconds": max(1, round(self.terms.seconds)),
                         "acquireTime": moment, "renewTime": moment}}

    def _trust(self, me: _Myself, asked_at: float) -> None:
        me.standing.trusted_until = asked_at + self.terms.seconds * (1 - _MARGIN)

    async def _beat(self, work: ShardWork) -> None:
        """Give a sign of life, again and again."""
        failures = 0
        while True:
            await self._clock.sleep(self.terms.seconds / _BEATS if not failures else
                                    self._backoff.wait_seconds(failures, self._chance))
            was_trusted, asked_at = self._me.standing.trusted, self._uptime()
            try:
                async with asyncio.timeout(self.terms.seconds / _BEATS):
                    await self._renew()
            except NotFound:
                note(log, "this replica was taken for dead and joins anew", level=logging.WARNING, replica=self._me.holder)
                await self._begin_anew(work)
            except (KubeError, Unavailable, TimeoutError) as error:
                failures += 1
                note(log, "could not renew the lease", level=logging.WARNING, replica=self._me.holder,
                     reason=str(error) or "no answer in time")
                continue
            else:
                self._trust(self._me, asked_at)
            failures = 0
            if not was_trusted:
                self._look_anew()

    async def _renew(self) -> None:
        """Write our lease. Raises NotFound where somebody has ended it."""
        moment = to_rfc3339_micro(self._clock.now())
        try:
            lease = {**self._me.lease, "spec": {**self._me.lease["spec"], "renewTime": moment}}
            self._me.lease = await self._kube.replace(LEASES, lease)
        except Conflict:  # somebody else wrote it, or our last write did get through
            current = await self._kube.get(LEASES, self._me.lease["metadata"]["name"], namespace=self.terms.namespace)
            if current["metadata"]["uid"] != self._me.lease["metadata"]["uid"]:
                raise NotFound("another lease has the name by now") from None
            self._me.lease = await self._kube.replace(
                LEASES, {**current, "spec": {**current["spec"], "renewTime": moment}})

    def _look_anew(self) -> None:
        """After a time without contact we cannot know how long the others were silent."""
        for neighbour in self._neighbours.values():
            neighbour.seen_at = self._uptime()

    async def _begin_anew(self, work: ShardWork) -> None:
        self._me.standing.trusted_until = 0.0
        for shard in list(self._tenures):
            self._end(shard, work)
        await self._join()
        self._woken.set()

    async def _leave(self, work: ShardWork) -> None:
        """Stop in good order, so that others take over at once; a process that is killed is found out later."""
        try:
            async with asyncio.timeout(_LAST_SECONDS):
                if self._me.standing.trusted:
                    self._going.update(self._tenures)
                    await work.let_go(list(self._tenures.values()))
                    await self._kube.delete(LEASES, self._me.lease["metadata"]["name"], namespace=self.terms.namespace)
        except (ArgosyError, TimeoutError) as error:
            note(log, "could not hand over; others will notice by themselves", level=logging.WARNING,
                 replica=self._me.holder, reason=str(error) or "no answer in time")
        for shard in list(self._tenures):
            self._end(shard, work)

    # ---- what the others do ----

    async def _follow(self, work: ShardWork, synced: asyncio.Event) -> None:
        """See who comes and goes, and which shards change hands."""
        async for event in changes(self._kube, LEASES, clock=self._clock, chance=self._chance, synced=synced,
                                   namespace=self.terms.namespace, label_selector=f"{GROUP_LABEL}={self.terms.group}"):
            lease, gone = event.object, event.type == "DELETED"
            if lease["metadata"]["labels"].get(SORT_LABEL) == "replica":
                self._see_replica(lease, gone=gone)
            else:
                self._see_shard(lease, gone=gone, work=work)
            self._woken.set()

    def _see_replica(self, lease: Object, *, gone: bool) -> None:
        metadata = lease["metadata"]
        holder = metadata["name"].removeprefix(self.terms.replica_lease(""))
        known = self._neighbours.get(holder)
        if holder == self._me.holder:
            if gone:
                self._me.standing.trusted_until = 0.0  # somebody has ended it; the next sign of life will tell
        elif gone:
            self._neighbours.pop(holder, None)
        elif known is None or known.version != metadata["resourceVersion"]:
            seconds, renewed_at = _read_times(lease, self.terms.seconds)
            is_old = known is None and self._clock.now() > renewed_at + seconds + _CLOCK_SKEW_SECONDS
            self._neighbours[holder] = _Neighbour(metadata["resourceVersion"], metadata["uid"], seconds,
                                                  self._uptime() - (seconds if is_old else 0.0))

    def _see_shard(self, lease: Object, *, gone: bool, work: ShardWork) -> None:
        name = lease["metadata"]["name"]
        shard = next((one for one in self._shards if self.terms.shard_lease(one) == name), None)
        if shard is None:
            return  # of replicas that were told another number of shards
        seen = _ShardLease(epoch=self._shards[shard].epoch) if gone else _read_shard(lease)
        if not gone and seen.version < self._shards[shard].version:
            return  # older than what we wrote ourselves
        self._shards[shard] = seen
        tenure = self._tenures.get(shard)
        if tenure is not None and Claim(seen.epoch, seen.holder) != tenure.claim:
            self._end(shard, work)

    # ---- taking and giving ----

    async def _round(self, work: ShardWork) -> float:
        """Bring what we hold closer to what is our share. Returns when to look again at the latest."""
        soon = self._uptime() + self.terms.seconds / _BEATS
        if not self._me.standing.trusted:
            return soon
        try:
            await self._bury_the_dead()
            self._adopt(work)
            share = share_of(self._me.holder, self._neighbours, {
                shard: lease.holder for shard, lease in self._shards.items()})
            for result in await asyncio.gather(*(self._take(shard, work) for shard in share.take), return_exceptions=True):
                if isinstance(result, BaseException):
                    raise result
            await self._give(share.give, work)
        except (KubeError, Unavailable) as error:
            note(log, "could not share out the work", level=logging.WARNING, replica=self._me.holder, reason=str(error))
            return soon
        ends = [neighbour.seen_at + neighbour.seconds for neighbour in self._neighbours.values()]
        return min(ends, default=float("inf"))

    async def _bury_the_dead(self) -> None:
        """End the leases of replicas that have given no sign of life for as long as they promised to."""
        now = self._uptime()
        for holder, neighbour in list(self._neighbours.items()):
            if now < neighbour.seen_at + neighbour.seconds:
                continue
            try:
                await self._kube.delete(LEASES, self.terms.replica_lease(holder), namespace=self.terms.namespace,
                                        uid=neighbour.uid, resource_version=neighbour.version)
            except Conflict:  # it lives; the watch will tell of it
                neighbour.seen_at = now
                continue
            except NotFound:
                pass
            else:
                note(log, "a replica is gone", level=logging.WARNING, gone=holder, replica=self._me.holder)
            self._neighbours.pop(holder, None)

    def _adopt(self, work: ShardWork) -> None:
        """Hold what the API server says we hold: the answer to our taking it may have been lost."""
        for shard, lease in self._shards.items():
            if lease.holder == self._me.holder and shard not in self._tenures:
                self._begin(shard, lease, work)

    async def _take(self, shard: int, work: ShardWork) -> None:
        """Take up a shard that nobody holds, unless another replica is quicker."""
        before, moment = self._shards[shard], to_rfc3339_micro(self._clock.now())
        spec = {"holderIdentity": self._me.holder, "leaseDurationSeconds": max(1, round(self.terms.seconds)),
                "acquireTime": moment, "renewTime": moment, "leaseTransitions": 0}
        epoch = next_epoch(before.epoch, now=self._clock.now())
        try:
            if before.object is None:
                metadata: Object = {"name": self.terms.shard_lease(shard), "namespace": self.terms.namespace,
                                    "labels": {GROUP_LABEL: self.terms.group, SORT_LABEL: "shard"},
                                    "annotations": {_EPOCH: str(epoch)}}
                written = await self._kube.create(
                    LEASES, {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": metadata, "spec": spec},
                    namespace=self.terms.namespace)
            else:
                spec["leaseTransitions"] = int(before.object["spec"].get("leaseTransitions") or 0) + 1
                written = await self._kube.replace(LEASES, _with(before.object, spec, epoch))
        except (AlreadyExists, Conflict, NotFound):
            return  # the watch will tell what there is by now
        lease = _read_shard(written)
        if lease.version >= self._shards[shard].version:
            self._shards[shard] = lease
            self._begin(shard, lease, work)

    async def _give(self, shards: tuple[int, ...], work: ShardWork) -> None:
        """Give up shards in good order: nothing of theirs is under way any more when another takes them."""
        tenures = [self._tenures[shard] for shard in shards if shard in self._tenures]
        self._going.update(tenure.shard for tenure in tenures)
        try:
            if tenures:
                await work.let_go(tenures)
            given = [tenure.shard for tenure in tenures if not tenure.over]
            for shard in given:  # all of them, before a write may fail: what is still ours then is begun anew (`_adopt`)
                self._end(shard, work)
            for shard in given:
                await self._give_one(shard)
        finally:
            self._going.difference_update(tenure.shard for tenure in tenures)

    async def _give_one(self, shard: int) -> None:
        before = self._shards[shard]
        assert before.object is not None, "what is held has a lease"
        try:
            written = await self._kube.replace(
                LEASES, _with(before.object, {**before.object["spec"], "holderIdentity": ""}, before.epoch))
        except (Conflict, NotFound):
            return  # the watch will tell what there is by now
        self._shards[shard] = _read_shard(written)

    def _begin(self, shard: int, lease: _ShardLease, work: ShardWork) -> None:
        tenure = Tenure(shard, Claim(lease.epoch, lease.holder), self._me.standing)
        self._tenures[shard] = tenure
        note(log, "shard gained", replica=self._me.holder, shard=shard, epoch=lease.epoch)
        work.gained(tenure)

    def _end(self, shard: int, work: ShardWork) -> None:
        tenure = self._tenures.pop(shard)
        tenure.over = True
        note(log, "shard left", replica=self._me.holder, shard=shard, epoch=tenure.claim.epoch)
        work.lost(tenure)

    async def _rest(self, wake_at: float) -> None:
        """Wait until somebody comes, goes or changes something, or until `wake_at`."""
        if wake_at == float("inf"):
            await self._woken.wait()
            return
        sleeper = asyncio.ensure_future(self._clock.sleep(wake_at - self._uptime()))
        waiter = asyncio.ensure_future(self._woken.wait())
        try:
            await asyncio.wait([sleeper, waiter], return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeper.cancel()
            waiter.cancel()


def _with(lease: Object, spec: Object, epoch: int) -> Object:
    metadata = lease["metadata"]
    annotations = {**(metadata.get("annotations") or {}), _EPOCH: str(epoch)}
    return {**lease, "metadata": {**metadata, "annotations": annotations}, "spec": spec}


def _read_shard(lease: Object) -> _ShardLease:
    """What a shard's lease says; one whose epoch somebody has spoilt is of epoch 0, so the clock gives the next."""
    metadata = lease["metadata"]
    epoch = str((metadata.get("annotations") or {}).get(_EPOCH, ""))
    return _ShardLease((lease.get("spec") or {}).get("holderIdentity") or "", int(epoch) if epoch.isdecimal() else 0,
                       int(metadata["resourceVersion"]), lease)


def _read_times(lease: Object, usual_seconds: float) -> tuple[float, float]:
    """How long a replica's lease lasts, and when it says that it was renewed."""
    spec = lease.get("spec") or {}
    try:
        return float(spec.get("leaseDurationSeconds") or usual_seconds), from_rfc3339(spec["renewTime"])
    except (KeyError, TypeError, ValueError):
        return usual_seconds, 0.0
