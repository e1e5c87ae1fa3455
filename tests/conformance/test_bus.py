"""What every bus must do: the same tests on a real nats-server and on the bus in memory."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest

from argosy.embedded.nats import NatsServer
from argosy.errors import Unavailable
from argosy.lifecycle import running
from events.bus.contract import Bus, ConsumerSettings, Delivery, Stale, Stream, TooLarge
from events.bus.jetstream import JetStreamBus
from events.bus.memory import MemoryBus

NS = "default"
ALL = ConsumerSettings(filters=[(...,)])


@pytest.fixture(params=["jetstream", "memory"])
async def bus(request: pytest.FixtureRequest, tmp_path) -> AsyncIterator[Bus]:
    if request.param == "memory":
        yield MemoryBus()
        return
    server = NatsServer(tmp_path / "nats")
    async with running([server]):
        bus = JetStreamBus(server.url)
        yield bus
        await bus.close()


async def put(bus: Bus, name: str, data: bytes = b"{}", **more):
    return await bus.publish(Stream.EVENTS, NS, ("github", name), data, **more)


async def test_what_is_published_is_handed_out_in_order(bus: Bus):
    for number in range(5):
        await put(bus, "push", b"%d" % number)
    consumer = await bus.consumer(Stream.EVENTS, NS, "sensor", ALL)
    got = await consumer.fetch(10, wait_seconds=2)
    assert [one.message.data for one in got] == [b"0", b"1", b"2", b"3", b"4"]
    assert got[0].message.subject == ("github", "push")
    assert [one.attempt for one in got] == [1] * 5


async def test_a_message_that_comes_late_is_handed_on_at_once(bus: Bus):
    consumer = await bus.consumer(Stream.EVENTS, NS, "sensor", ALL)
    waiting = asyncio.ensure_future(consumer.fetch(50, wait_seconds=30))
    await asyncio.sleep(0.01)
    await put(bus, "push")
    async with asyncio.timeout(5):
        assert len(await waiting) == 1


async def test_an_empty_fetch_ends(bus: Bus):
    consumer = await bus.consumer(Stream.EVENTS, NS, "sensor", ALL)
    assert await consumer.fetch(1, wait_seconds=0.05) == []
    await put(bus, "push")
    assert len(await consumer.fetch(1, wait_seconds=5)) == 1


async def test_the_same_message_id_is_kept_once(bus: Bus):
    first = await put(bus, "push", b"1", message_id="delivery 1/ä")
    again = await put(bus, "push", b"1", message_id="delivery 1/ä")
    assert (first.duplicate, again.duplicate, again.sequence) == (False, True, first.sequence)
    assert len(await bus.read(Stream.EVENTS, NS, (...,), last=10)) == 1


async def test_an_intent_is_kept_once_per_subject_whatever_its_message_id(bus: Bus):
    first = await bus.publish(Stream.INTENTS, NS, ("uid", "trigger", "i1"), b"a", message_id="x")
    again = await bus.publish(Stream.INTENTS, NS, ("uid", "trigger", "i1"), b"b", message_id="y")
    assert again.duplicate
    assert again.sequence == first.sequence
    kept = await bus.newest(Stream.INTENTS, NS, ("uid", "trigger", "i1"))
    assert kept is not None
    assert kept.data == b"a"


async def test_a_decision_replaces_the_one_before(bus: Bus):
    for data in (b"a", b"b"):
        await bus.publish(Stream.DECISIONS, NS, ("event", "1", "s", "t"), data)
    assert [one.data for one in await bus.read(Stream.DECISIONS, NS, (...,), last=10)] == [b"b"]


async def test_names_of_any_letters_arrive_unchanged(bus: Bus):
    names = ("a.b*c>d e", "ünï", "", "=41", "x/y\\z")
    await bus.publish(Stream.DECISIONS, NS, names, b"1")
    [message] = await bus.read(Stream.DECISIONS, NS, ("a.b*c>d e", ...), last=10)
    assert message.subject == names


async def test_what_is_not_acknowledged_comes_again(bus: Bus):
    await put(bus, "push")
    settings = ConsumerSettings(filters=[(...,)], ack_wait_seconds=0.1)
    consumer = await bus.consumer(Stream.EVENTS, NS, "sensor", settings)
    [first] = await consumer.fetch(1, wait_seconds=5)
    [again] = await consumer.fetch(1, wait_seconds=5)
    assert (first.attempt, again.attempt) == (1, 2)
    await again.ack()
    assert await consumer.fetch(1, wait_seconds=0.3) == []
    assert (await consumer.backlog()).in_flight == 0


async def test_acknowledging_twice_is_no_error(bus: Bus):
    await put(bus, "push")
    consumer = await bus.consumer(Stream.EVENTS, NS, "sensor", ALL)
    [one] = await consumer.fetch(1, wait_seconds=5)
    await one.ack()
    await one.ack()


async def test_a_message_given_back_comes_after_its_delay(bus: Bus):
    await put(bus, "push")
    consumer = await bus.consumer(Stream.EVENTS, NS, "sensor", ALL)
    [one] = await consumer.fetch(1, wait_seconds=5)
    await one.nak(delay_seconds=0.2)
    assert await consumer.fetch(1, wait_seconds=0.05) == []
    [again] = await consumer.fetch(1, wait_seconds=5)
    assert again.attempt == 2


async def test_a_consumer_goes_on_where_it_was(bus: Bus):
    await put(bus, "push", b"1")
    consumer = await bus.consumer(Stream.EVENTS, NS, "sensor", ALL)
    [one] = await consumer.fetch(10, wait_seconds=5)
    await one.ack()
    await consumer.close()
    await put(bus, "push", b"2")
    same = await bus.consumer(Stream.EVENTS, NS, "sensor", ALL)
    assert [one.message.data for one in await same.fetch(10, wait_seconds=5)] == [b"2"]


async def test_two_workers_share_a_consumer(bus: Bus):
    for number in range(10):
        await put(bus, "push", b"%d" % number)
    one = await bus.consumer(Stream.EVENTS, NS, "sensor", ALL)
    other = await bus.consumer(Stream.EVENTS, NS, "sensor", ALL)
    got: list[Delivery] = []
    for worker in (one, other) * 5:  # a fetch brings what is there, which may be less than asked for
        if len(got) < 10:
            got += await worker.fetch(5, wait_seconds=5)
    assert sorted(delivery.message.data for delivery in got) == [b"%d" % number for number in range(10)]


async def test_a_consumer_that_was_dropped_says_so_and_can_be_taken_again(bus: Bus):
    consumer = await bus.consumer(Stream.EVENTS, NS, "one", ALL)
    await put(bus, "push")
    await bus.drop_consumer(Stream.EVENTS, NS, "one")
    with pytest.raises(Unavailable):
        await consumer.fetch(10, wait_seconds=2)
    again = await bus.consumer(Stream.EVENTS, NS, "one", ALL)
    assert len(await again.fetch(10, wait_seconds=2)) == 1


async def test_a_consumer_from_now_on_sees_only_what_comes_later(bus: Bus):
    first = await put(bus, "push", b"before")
    kept = await bus.get(Stream.EVENTS, NS, first.sequence)
    assert kept is not None
    settings = ConsumerSettings(filters=[(...,)], start_time=kept.time + 0.000_002)
    consumer = await bus.consumer(Stream.EVENTS, NS, "sensor", settings)
    await put(bus, "push", b"after")
    assert [one.message.data for one in await consumer.fetch(10, wait_seconds=5)] == [b"after"]


async def test_filters_choose_and_can_be_changed(bus: Bus):
    consumer = await bus.consumer(Stream.EVENTS, NS, "s", ConsumerSettings(filters=[("github", "push")]))
    await put(bus, "ping")
    await put(bus, "push")
    [one] = await consumer.fetch(10, wait_seconds=5)
    assert one.message.subject == ("github", "push")
    await one.ack()
    await consumer.close()
    both = ConsumerSettings(filters=[("github", "push"), (None, "tag"), ("github", None)])
    consumer = await bus.consumer(Stream.EVENTS, NS, "s", both)
    await put(bus, "tag")
    assert [one.message.subject[1] for one in await consumer.fetch(10, wait_seconds=5)] == ["tag"]
    assert list(await bus.consumers(Stream.EVENTS, NS)) == ["s"]
    await bus.drop_consumer(Stream.EVENTS, NS, "s")
    await bus.drop_consumer(Stream.EVENTS, NS, "s")
    assert await bus.consumers(Stream.EVENTS, NS) == {}


async def test_reading_back_finds_the_newest_that_match(bus: Bus):
    for number in range(200):
        await put(bus, "push" if number % 50 == 0 else "ping", b"%d" % number)
    found = await bus.read(Stream.EVENTS, NS, ("github", "push"), last=3)
    assert [one.data for one in found] == [b"50", b"100", b"150"]
    assert await bus.read(Stream.EVENTS, NS, ("gitlab", None), last=3) == []


async def test_namespaces_are_apart(bus: Bus):
    await put(bus, "push")
    assert await bus.read(Stream.EVENTS, "other", (...,), last=10) == []


async def test_asking_makes_nothing(bus: Bus):
    await put(bus, "push")
    assert await bus.read(Stream.EVENTS, "typo", (...,), last=1) == []
    assert await bus.get(Stream.EVENTS, "typo", 1) is None
    assert await bus.newest(Stream.DECISIONS, "typo", ("a",)) is None
    assert await bus.get_key("typo", ("a",)) is None
    assert await bus.consumers(Stream.EVENTS, "typo") == {}
    await bus.drop_consumer(Stream.EVENTS, "typo", "a")
    await bus.drop_keys("typo", ("a",))
    assert await bus.namespaces() == [NS]


async def test_what_is_not_there_is_none(bus: Bus):
    assert await bus.get(Stream.EVENTS, NS, 17) is None
    assert await bus.newest(Stream.EVENTS, NS, ("a", "b")) is None
    assert await bus.get_key(NS, ("uid", "trigger")) is None


async def test_keys_are_written_only_by_who_read_last(bus: Bus):
    revision = await bus.put_key(NS, ("uid", "a.b"), b"1", revision=0)
    with pytest.raises(Stale):
        await bus.put_key(NS, ("uid", "a.b"), b"2", revision=0)
    later = await bus.put_key(NS, ("uid", "a.b"), b"2", revision=revision)
    with pytest.raises(Stale):
        await bus.put_key(NS, ("uid", "a.b"), b"3", revision=revision)
    entry = await bus.get_key(NS, ("uid", "a.b"))
    assert entry is not None
    assert (entry.value, entry.revision) == (b"2", later)


async def test_keys_can_be_dropped_together(bus: Bus):
    await bus.put_key(NS, ("uid", "a"), b"1", revision=0)
    await bus.put_key(NS, ("uid2", "a"), b"1", revision=0)
    await bus.drop_keys(NS, ("uid",))
    assert await bus.get_key(NS, ("uid", "a")) is None
    assert await bus.get_key(NS, ("uid2", "a")) is not None
    await bus.put_key(NS, ("uid", "a"), b"1", revision=0)


async def test_a_message_beyond_the_limit_is_refused(bus: Bus):
    await put(bus, "push")
    with pytest.raises(TooLarge):
        await put(bus, "push", b"x" * (bus.most_message_bytes + 1))
    await put(bus, "push", b"x" * bus.most_message_bytes)


async def test_at_most_so_many_are_in_flight(bus: Bus):
    for _ in range(5):
        await put(bus, "push")
    consumer = await bus.consumer(
        Stream.EVENTS, NS, "s", ConsumerSettings(filters=[(...,)], most_in_flight=2))
    got = await consumer.fetch(5, wait_seconds=1)
    assert len(got) == 2
    for one in got:
        await one.ack()
    assert len(await consumer.fetch(5, wait_seconds=5)) == 2


async def test_a_killed_server_loses_nothing_that_it_acknowledged(tmp_path):
    server = NatsServer(tmp_path / "nats")
    async with running([server]):
        bus = JetStreamBus(server.url)
        consumer = await bus.consumer(Stream.EVENTS, NS, "s", ALL)
        kept = []
        for number in range(60):
            if number % 20 == 10:
                os.kill(server.pid or 0, signal.SIGKILL)
            try:
                await put(bus, "push", b"%d" % number, message_id=str(number))
            except Unavailable:
                await asyncio.sleep(0.05)
                continue
            kept.append(b"%d" % number)
        seen: set[bytes] = set()
        async with asyncio.timeout(20):
            while not seen.issuperset(kept):
                try:
                    for one in await consumer.fetch(16, wait_seconds=0.5):
                        await one.ack()
                        seen.add(one.message.data)
                except Unavailable:
                    await asyncio.sleep(0.05)
        assert len(kept) > 20
        await bus.close()
