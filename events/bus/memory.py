"""The bus in memory: for tests and simulation, with the clock that is handed in; keeps every promise of the contract.

It outlives the services that use it, so a test that kills a service sees what a restarted one would find.
"""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field

from argosy.clock import Clock, SystemClock
from argosy.errors import Unavailable
from events.bus.contract import (
    RULES,
    Backlog,
    ConsumerSettings,
    Delivery,
    Entry,
    Filter,
    Message,
    Receipt,
    Stale,
    Stream,
    Subject,
    TooLarge,
)
from events.bus.subjects import matches


@dataclass(slots=True)
class _Log:
    """One stream of one namespace."""

    messages: dict[int, Message] = field(default_factory=dict)
    last: int = 0
    seen_ids: dict[str, tuple[float, int]] = field(default_factory=dict)  # message id -> when, sequence
    by_subject: dict[Subject, int] = field(default_factory=dict)  # subject -> newest sequence
    places: dict[str, "_Place"] = field(default_factory=dict)


@dataclass(slots=True)
class _Place:
    """Where one durable consumer is."""

    settings: ConsumerSettings
    next: int = 1
    flying: dict[int, tuple[float, int]] = field(default_factory=dict)  # sequence -> due again at, attempt


class MemoryBus:
    """A `Bus` that keeps everything in this process."""

    def __init__(self, clock: Clock | None = None, *, most_message_bytes: int = 8 * 1024 * 1024 - 4096) -> None:
        self._clock = clock or SystemClock()
        self._most = most_message_bytes
        self._logs: dict[tuple[Stream, str], _Log] = defaultdict(_Log)
        self._keys: dict[str, dict[Subject, Entry]] = defaultdict(dict)
        self._revision = 0
        self.changed = asyncio.Event()

    @property
    def most_message_bytes(self) -> int:
        """As large as the real one by default."""
        return self._most

    async def claim(self, namespace: str) -> None:  # noqa: ARG002 - the contract's
        """No other cluster reaches it."""
        await asyncio.sleep(0)

    async def publish(
        self, stream: Stream, namespace: str, subject: Subject, data: bytes, *, message_id: str = "",
    ) -> Receipt:
        """Keep the message unless it is known."""
        await asyncio.sleep(0)
        if len(data) > self._most:
            raise TooLarge(len(data), self._most)
        kept, now, rule = self._logs[stream, namespace], self._clock.now(), RULES[stream]
        seen = kept.seen_ids.get(message_id) if message_id else None
        if seen and now - seen[0] < rule.dedupe_seconds:
            return Receipt(seen[1], duplicate=True)
        before = kept.by_subject.get(subject)
        if before is not None and rule.once_per_subject:
            return Receipt(before, duplicate=True)
        if before is not None and rule.newest_per_subject:
            kept.messages.pop(before, None)
        kept.last += 1
        kept.messages[kept.last] = Message(subject, data, kept.last, now)
        kept.by_subject[subject] = kept.last
        if message_id:
            kept.seen_ids[message_id] = (now, kept.last)
        self.wake()
        return Receipt(kept.last)

    async def consumer(
        self, stream: Stream, namespace: str, name: str, settings: ConsumerSettings,
    ) -> "_MemoryConsumer":
        """Make or update the consumer."""
        await asyncio.sleep(0)
        kept = self._logs[stream, namespace]
        place = kept.places.get(name)
        if place is None:
            start = settings.start_time
            late = [one.sequence for one in kept.messages.values() if start is None or one.time >= start]
            place = kept.places[name] = _Place(settings, min(late, default=kept.last + 1))
        place.settings = settings
        return _MemoryConsumer(self, self._clock, kept, place)

    async def consumers(self, stream: Stream, namespace: str) -> dict[str, list[Filter]]:
        """The consumers there are."""
        await asyncio.sleep(0)
        return {name: list(place.settings.filters) for name, place in self._logs[stream, namespace].places.items()}

    async def namespaces(self) -> list[str]:
        """All that were written to."""
        await asyncio.sleep(0)
        return sorted({namespace for (_, namespace), kept in self._logs.items() if kept.last or kept.places})

    async def drop_consumer(self, stream: Stream, namespace: str, name: str) -> None:
        """Forget the consumer."""
        await asyncio.sleep(0)
        if self._logs[stream, namespace].places.pop(name, None) is not None:
            self.wake()

    async def get(self, stream: Stream, namespace: str, sequence: int) -> Message | None:
        """By number."""
        await asyncio.sleep(0)
        return self._logs[stream, namespace].messages.get(sequence)

    async def newest(self, stream: Stream, namespace: str, subject: Subject) -> Message | None:
        """By subject."""
        await asyncio.sleep(0)
        kept = self._logs[stream, namespace]
        return kept.messages.get(kept.by_subject.get(subject, 0))

    async def read(self, stream: Stream, namespace: str, filter_: Filter, *, last: int) -> list[Message]:
        """The newest that match."""
        await asyncio.sleep(0)
        found = [one for one in self._logs[stream, namespace].messages.values() if matches(filter_, one.subject)]
        return found[-last:]

    async def get_key(self, namespace: str, key: Subject) -> Entry | None:
        """Read a key."""
        await asyncio.sleep(0)
        return self._keys[namespace].get(key)

    async def put_key(self, namespace: str, key: Subject, value: bytes, *, revision: int) -> int:
        """Compare and set."""
        await asyncio.sleep(0)
        if len(value) > self._most:
            raise TooLarge(len(value), self._most)
        entry = self._keys[namespace].get(key)
        if (entry.revision if entry else 0) != revision:
            raise Stale(f"key {'/'.join(key)} has changed since revision {revision}")
        self._revision += 1
        self._keys[namespace][key] = Entry(value, self._revision)
        return self._revision

    async def drop_keys(self, namespace: str, prefix: Subject) -> None:
        """Forget what begins with `prefix`."""
        await asyncio.sleep(0)
        keys = self._keys[namespace]
        for key in [one for one in keys if one[:len(prefix)] == prefix]:
            del keys[key]

    async def close(self) -> None:
        """Nothing to let go of."""

    def wake(self) -> None:
        """Tell everybody who waits that something has changed."""
        self.changed.set()
        self.changed = asyncio.Event()


class _MemoryConsumer:
    """Hands out what is due, oldest first."""

    def __init__(self, bus: MemoryBus, clock: Clock, kept: _Log, place: _Place) -> None:
        self._bus, self._clock, self._log, self._place = bus, clock, kept, place

    async def fetch(self, most: int, *, wait_seconds: float) -> list[Delivery]:
        """Wait for a change, or for time to make something due."""
        ends_at = self._clock.now() + wait_seconds
        while True:
            await asyncio.sleep(0)
            if not any(place is self._place for place in self._log.places.values()):
                raise Unavailable("the consumer is gone")
            got = self._due(most)
            now = self._clock.now()
            if got or now >= ends_at:
                return got
            next_due = min((due for due, _ in self._place.flying.values()), default=ends_at)
            await self._wait(min(ends_at, next_due) - now)

    async def backlog(self) -> Backlog:
        """Count."""
        await asyncio.sleep(0)
        place = self._place
        waiting = sum(1 for number in range(place.next, self._log.last + 1) if self._wanted(number))
        return Backlog(waiting, len(place.flying), min(place.flying, default=place.next) - 1)

    async def close(self) -> None:
        """Nothing is on its way to anybody."""

    def _due(self, most: int) -> list[Delivery]:
        place, now = self._place, self._clock.now()
        got: list[Delivery | None] = []
        again = sorted(number for number, (due, _) in place.flying.items() if due <= now)
        got.extend(self._hand_out(number, place.flying[number][1] + 1) for number in again[:most])
        while len(got) < most and place.next <= self._log.last:
            if len(place.flying) >= place.settings.most_in_flight:
                break
            number, place.next = place.next, place.next + 1
            if self._wanted(number):
                got.append(self._hand_out(number, 1))
        return [one for one in got if one is not None]

    def _wanted(self, number: int) -> bool:
        message = self._log.messages.get(number)
        return message is not None and any(matches(one, message.subject) for one in self._place.settings.filters)

    def _hand_out(self, number: int, attempt: int) -> "Delivery | None":
        message = self._log.messages.get(number)
        if message is None:
            self._place.flying.pop(number, None)
            return None
        self._place.flying[number] = (self._clock.now() + self._place.settings.ack_wait_seconds, attempt)
        return _MemoryDelivery(self._bus, self._clock, self._place, message, attempt)

    async def _wait(self, seconds: float) -> None:
        changed = asyncio.ensure_future(self._bus.changed.wait())
        passed = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait((changed, passed), return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()
            passed.cancel()


class _MemoryDelivery:
    """A message that is out."""

    def __init__(self, bus: MemoryBus, clock: Clock, place: _Place, message: Message, attempt: int) -> None:
        self._bus, self._clock, self._place = bus, clock, place
        self.message, self.attempt = message, attempt

    async def ack(self) -> None:
        """Done."""
        await asyncio.sleep(0)
        self._place.flying.pop(self.message.sequence, None)
        self._bus.wake()

    async def nak(self, *, delay_seconds: float) -> None:
        """Due again later."""
        await asyncio.sleep(0)
        self._put_off(delay_seconds)
        self._bus.wake()

    async def extend(self) -> None:
        """Due again after the usual time."""
        await asyncio.sleep(0)
        self._put_off(self._place.settings.ack_wait_seconds)

    def _put_off(self, seconds: float) -> None:
        if self.message.sequence in self._place.flying:
            _, attempt = self._place.flying[self.message.sequence]
            self._place.flying[self.message.sequence] = (self._clock.now() + seconds, attempt)
