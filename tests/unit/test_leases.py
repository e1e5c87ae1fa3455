"""Replicas over a real store on a clock that jumps: who holds which shard when others come, go, die and are slow."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest

from argosy.embedded.store import EmbeddedKube
from argosy.errors import ArgosyError, Unavailable
from argosy.kube.contract import Forbidden, KubeError
from argosy.kube.resources import LEASES
from controller.fencing import Deposed, Fenced, Tenure
from controller.leases import SORT_LABEL, Leases, Terms, group_of
from controller.sharding import shard_of
from tests.simulation.loop import LoopClock, simulate
from tests.simulation.replicas import Wire
from tests.support.troubled_kube import Call, TroubledKube, refusing

TERMS = Terms("argosy", shards=4)


class Replica:
    """A replica whose work is to remember which shards it was told to do."""

    def __init__(self, kube: Any, name: str, *, terms: Terms = TERMS) -> None:
        self.wire = Wire(kube, frozen=False)
        self.leases = Leases(self.wire, terms, replica=name, clock=LoopClock(), uptime=self.wire.uptime, chance=Random(name))
        self.tenures: dict[int, Tenure] = {}
        self.let_go_of: list[int] = []
        self.gained_after_letting_go: set[int] = set()
        self.ready = asyncio.Event()
        self.task = asyncio.ensure_future(self.leases.run(self, self.ready))

    def gained(self, tenure: Tenure) -> None:
        assert tenure.shard not in self.tenures
        self.tenures[tenure.shard] = tenure
        if tenure.shard in self.let_go_of:
            self.gained_after_letting_go.add(tenure.shard)

    def lost(self, tenure: Tenure) -> None:
        assert self.tenures.pop(tenure.shard) is tenure

    async def let_go(self, tenures: list[Tenure]) -> None:
        self.let_go_of += [tenure.shard for tenure in tenures]

    @property
    def shards(self) -> list[int]:
        return sorted(self.tenures)

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


@asynccontextmanager
async def store() -> AsyncIterator[EmbeddedKube]:
    kube = EmbeddedKube.open(":memory:", clock=LoopClock(), durable=False)
    try:
        yield kube
    finally:
        kube.close()


def story(tell: Coroutine[Any, Any, None]) -> None:
    simulate(tell, seed=1)


def test_a_replica_that_is_alone_holds_everything_at_once() -> None:
    async def tell() -> None:
        async with store() as kube:
            began = LoopClock().now()
            one = Replica(kube, "one")
            await one.ready.wait()
            assert one.shards == [0, 1, 2, 3]
            assert LoopClock().now() - began < 0.1
            await one.end()

    story(tell())


def test_a_replica_that_is_alone_writes_no_more_than_its_signs_of_life() -> None:
    async def tell() -> None:
        async with store() as kube:
            one = Replica(kube, "one")
            await one.ready.wait()
            before = int((await kube.list(LEASES, namespace="argosy")).resource_version)
            await asyncio.sleep(60)
            assert int((await kube.list(LEASES, namespace="argosy")).resource_version) - before <= 21
            await one.end()

    story(tell())


def test_a_newcomer_gets_its_half_in_good_order_and_leaves_it_at_once() -> None:
    async def tell() -> None:
        async with store() as kube:
            one, two = Replica(kube, "one"), Replica(kube, "two")
            await asyncio.sleep(1)
            assert sorted(one.shards + two.shards) == [0, 1, 2, 3]
            assert len(one.shards) == len(two.shards) == 2
            await two.end()
            await asyncio.sleep(0.5)
            assert one.shards == [0, 1, 2, 3]
            assert sorted(two.let_go_of)[-2:] == sorted(set(two.let_go_of))[-2:]
            assert two.shards == []
            await one.end()
            left = (await kube.list(LEASES, namespace="argosy", label_selector=f"{SORT_LABEL}=replica")).items
            assert left == []

    story(tell())


def test_the_work_of_a_killed_replica_is_taken_over_when_its_lease_has_run_out() -> None:
    async def tell() -> None:
        async with store() as kube:
            one, two = Replica(kube, "one"), Replica(kube, "two")
            await asyncio.sleep(1)
            two.wire.kill()
            two.task.cancel()
            await asyncio.sleep(11)
            assert len(one.shards) == 2
            await asyncio.sleep(8)
            assert one.shards == [0, 1, 2, 3]
            await one.end()

    story(tell())


def test_a_stopped_replica_is_not_trusted_before_another_may_take_over_and_comes_back_under_another_name() -> None:
    async def tell() -> None:
        async with store() as kube:
            one, two = Replica(kube, "one"), Replica(kube, "two")
            await asyncio.sleep(1)
            kept = list(two.tenures.values())
            two.wire.stop()
            while len(one.shards) < 4:
                await asyncio.sleep(0.1)
                if len(one.shards) > 2:
                    for tenure in kept:
                        with pytest.raises(Unavailable):
                            tenure.check()
            two.wire.go_on()
            await asyncio.sleep(8)
            for tenure in kept:
                with pytest.raises(Deposed):
                    tenure.check()
            assert len(one.shards) == len(two.shards) == 2
            assert {tenure.claim.holder for tenure in two.tenures.values()} != {tenure.claim.holder for tenure in kept}
            await one.end()
            await two.end()

    story(tell())


def test_every_tenure_has_a_greater_epoch_than_the_one_before() -> None:
    async def tell() -> None:
        async with store() as kube:
            epochs = []
            for name in ("one", "two", "three"):
                replica = Replica(kube, name)
                await replica.ready.wait()
                epochs.append(replica.tenures[0].claim.epoch)
                await replica.end()
            await kube.delete(LEASES, TERMS.shard_lease(0), namespace="argosy")
            await asyncio.sleep(1)
            replica = Replica(kube, "four")
            await replica.ready.wait()
            epochs.append(replica.tenures[0].claim.epoch)
            await replica.end()
            assert epochs == sorted(set(epochs))

    story(tell())


def test_a_shard_whose_lease_is_deleted_is_lost_and_held_anew() -> None:
    async def tell() -> None:
        async with store() as kube:
            one = Replica(kube, "one")
            await one.ready.wait()
            before = one.tenures[2]
            await kube.delete(LEASES, TERMS.shard_lease(2), namespace="argosy")
            await asyncio.sleep(1)
            assert before.over
            assert one.tenures[2].claim > before.claim
            await one.end()

    story(tell())


def test_what_is_written_through_a_lost_shard_does_not_go_out() -> None:
    async def tell() -> None:
        async with store() as kube:
            one = Replica(kube, "one")
            await one.ready.wait()
            tenure = one.leases.tenure_of("some-uid")
            assert tenure is one.tenures[shard_of("some-uid", 4)]
            fenced = Fenced(kube, tenure)
            await one.end()
            with pytest.raises(Deposed):
                await fenced.delete(LEASES, TERMS.shard_lease(0), namespace="argosy")
            assert await fenced.get(LEASES, TERMS.shard_lease(0), namespace="argosy")

    story(tell())


def test_a_namespace_where_leases_are_refused_is_named() -> None:
    class Refusing:
        async def create(self, *_given: Any, **_options: Any) -> None:
            raise Forbidden("leases is forbidden")

    async def tell() -> None:
        leases = Leases(Refusing(), TERMS, replica="one", clock=LoopClock(), uptime=LoopClock().now,  # type: ignore[arg-type]  # only creates
                        chance=Random(1))
        with pytest.raises(ArgosyError, match=r"leases in namespace 'argosy'.*--lease-namespace"):
            await leases.run(None, asyncio.Event())  # type: ignore[arg-type]  # it never comes to work

    story(tell())


def test_shards_that_could_not_be_given_up_and_are_kept_are_worked_on_again() -> None:
    async def tell() -> None:
        async with store() as kube:
            one = Replica(TroubledKube(kube, replace=no_giving_up), "one")
            await one.ready.wait()
            newcomer = one.leases._own_lease("newcomer")
            await kube.create(LEASES, newcomer, namespace="argosy")
            await asyncio.sleep(1)
            assert set(one.let_go_of) == {2, 3}
            await kube.delete(LEASES, newcomer["metadata"]["name"], namespace="argosy")
            await asyncio.sleep(5)
            assert one.shards == [0, 1, 2, 3]
            assert one.gained_after_letting_go == {2, 3}
            await one.end()

    async def no_giving_up(_resource: Any, given: tuple[Any, ...], call: Call) -> Any:
        lease = given[0]
        if lease["metadata"]["labels"][SORT_LABEL] == "shard" and not lease["spec"]["holderIdentity"]:
            raise Unavailable("nobody answers")
        return await call()

    story(tell())


def test_an_api_server_in_trouble_puts_off_joining() -> None:
    async def tell() -> None:
        async with store() as kube:
            one = Replica(TroubledKube(kube, create=refusing(LEASES, KubeError("etcdserver: leader changed"))), "one")
            await one.ready.wait()
            assert one.shards == [0, 1, 2, 3]
            await one.end()

    story(tell())


def test_installations_keep_apart() -> None:
    assert len({group_of("", ""), group_of("builds", ""), group_of("", "builds"), group_of("builds", "x")}) == 4
