"""One sensor's decisions: for each event, filter, count towards each trigger's condition, intend, record, acknowledge.

The order makes a crash harmless. The event is acknowledged last, so it comes again until all is done; and each step,
done again, changes nothing: a counted event is remembered with what it led to, an intent has an id that follows from
the events, and a decision record replaces itself.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from argosy.backoff import Backoff
from argosy.clock import Clock, to_rfc3339_micro
from argosy.errors import ArgosyError, Unavailable
from argosy.logs import note
from events.bus.contract import Consumer, ConsumerSettings, Delivery, Filter, Stale, Stream
from events.journal import Journal, unreadable
from events.rules import state as states
from events.rules.decision import Judged, concerned_triggers, conclude, judge_all, passed
from events.rules.event import Event, from_bytes
from events.rules.sensor import Sensor, Trigger, is_pattern
from events.rules.state import Counted, Held, State

log = logging.getLogger(__name__)

MOST_IN_FLIGHT = 256
ACK_WAIT_SECONDS = 5.0
_COUNT_AGAIN_SECONDS = 0.5  # after trouble with the bus; the same for a whole batch, so that its order stays
_BATCH = 64
_FETCH_SECONDS = 2.0
_KEEP_COUNTED = 2 * MOST_IN_FLIGHT  # more than can be in flight; beyond it the bus is asked what is done
_TRIES_OF_A_BUG = 5


@dataclass(slots=True)
class _Case:
    """An event that is being decided about: the triggers it concerns, and what counting it towards each has led to."""

    delivery: Delivery
    event: Event
    concerned: list[tuple[Trigger, tuple[Judged, ...]]]
    counted: dict[str, Counted | None] = field(default_factory=dict)

    @property
    def reference(self) -> Held:
        """The event by its id and place."""
        return Held(self.event.id, self.delivery.message.sequence)

    def passed(self, trigger: Trigger) -> tuple[str, ...] | None:
        """The dependencies of `trigger` that the event satisfies; None if it does not concern the trigger."""
        return next((passed(judged) for one, judged in self.concerned if one is trigger), None)

    def counted_alone(self, trigger: Trigger) -> Counted | None:
        """What it leads to where one event is always enough."""
        names = self.passed(trigger)
        if not names:
            return None
        fired = dict.fromkeys(names, self.reference)
        return Counted(self.reference.sequence, fired, fired)


class Decider:
    """Decides for one sensor until cancelled. Any number of them, in any number of processes, share the work."""

    def __init__(
        self, sensor: Sensor, journal: Journal, *, clock: Clock, chance: Random, start_time: float | None = None,
    ) -> None:
        self._sensor, self._journal, self._clock, self._chance = sensor, journal, clock, chance
        self._start_time = start_time
        self._backoff = Backoff(first_seconds=0.1, most_seconds=5.0)

    async def run(self, started: asyncio.Event) -> None:
        """Take up the sensor's place in the stream, set `started`, and work."""
        consumer = await self._take_place()
        started.set()
        failures = 0
        try:
            await self._let_come_back(consumer)
            while True:
                try:
                    deliveries = await consumer.fetch(_BATCH, wait_seconds=_FETCH_SECONDS)
                    failures = 0
                except Unavailable:
                    failures += 1
                    await self._clock.sleep(self._backoff.wait_seconds(failures, self._chance))
                    await consumer.close()
                    consumer = await self._take_place()  # it may be gone: another replica thought the sensor was
                    continue
                await self._work(consumer, deliveries)
        finally:
            await consumer.close()

    async def _take_place(self) -> Consumer:
        settings = ConsumerSettings(
            filters=filters_of(self._sensor), start_time=self._start_time,
            ack_wait_seconds=ACK_WAIT_SECONDS, most_in_flight=MOST_IN_FLIGHT)
        failures = 0
        while True:
            try:
                return await self._journal.bus.consumer(
                    Stream.EVENTS, self._sensor.namespace, self._sensor.uid, settings)
            except Unavailable:
                await self._clock.sleep(self._backoff.wait_seconds(failures, self._chance))
                failures += 1

    async def _let_come_back(self, consumer: Consumer) -> None:
        """Keep the order of events where it matters: what a killed process had in hand comes again before anything new."""
        if not any(trigger.remembers for trigger in self._sensor.triggers):
            return
        with contextlib.suppress(Unavailable):
            if (await consumer.backlog()).in_flight:
                await self._clock.sleep(ACK_WAIT_SECONDS)

    async def _work(self, consumer: Consumer, deliveries: Sequence[Delivery]) -> None:
        """Decide about a batch: read each, count them in the order of the stream, then finish them side by side."""
        cases = [case for one in sorted(deliveries, key=_place) if (case := await self._read(one)) is not None]
        try:
            for trigger in self._sensor.triggers:
                if trigger.remembers:
                    await self._count(consumer, trigger, cases)
        except Exception as error:  # noqa: BLE001 - told by `_trouble`; the batch comes again
            for case in cases:
                await self._trouble(case.delivery, error)
            await self._clock.sleep(_COUNT_AGAIN_SECONDS)
            return
        async with asyncio.TaskGroup() as group:
            for case in cases:
                group.create_task(self._finish(case))

    async def _read(self, delivery: Delivery) -> "_Case | None":
        try:
            event = from_bytes(delivery.message.data)
            return _Case(delivery, event, concerned_triggers(self._sensor, judge_all(self._sensor, event)))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one event stays its own trouble
            await self._trouble(delivery, error)
            return None

    async def _count(self, consumer: Consumer, trigger: Trigger, cases: Sequence["_Case"]) -> None:
        """Count the events of a batch towards a trigger's condition, by one write of its state."""
        mine = [(case, names) for case in cases if (names := case.passed(trigger)) is not None]
        # An event that is refused matters only if it comes again: it may have been counted under an older filter.
        while any(names or case.delivery.attempt > 1 for case, names in mine):
            with contextlib.suppress(Stale):
                await self._count_once(consumer, trigger, mine)
                return

    async def _count_once(
        self, consumer: Consumer, trigger: Trigger, mine: Sequence[tuple["_Case", tuple[str, ...]]],
    ) -> None:
        bus, namespace, key = self._journal.bus, self._sensor.namespace, (self._sensor.uid, trigger.name)
        entry = await bus.get_key(namespace, key)
        before = now = states.from_bytes(entry.value) if entry else State()
        for case, names in mine:
            if names:
                now, case.counted[trigger.name] = states.count(trigger, now, case.reference, names)
            else:
                case.counted[trigger.name] = states.find(before, case.reference)
        if now is not before:
            if len(now.counted) > _KEEP_COUNTED:
                now = states.forget(now, done_through=(await consumer.backlog()).done_through)
            await bus.put_key(namespace, key, states.to_bytes(now), revision=entry.revision if entry else 0)

    async def _finish(self, case: "_Case") -> None:
        """Intend, record, acknowledge."""
        try:
            for trigger, judged in case.concerned:
                counted = case.counted.get(trigger.name) if trigger.remembers else case.counted_alone(trigger)
                decision = conclude(
                    self._sensor, trigger, case.event, sequence=case.reference.sequence, judged=judged, counted=counted)
                if decision.intent is not None:
                    await self._journal.intend(decision.intent)
                await self._journal.decide(decision, decided_at=self._now())
                note(log, "decided", namespace=self._sensor.namespace, sensor=self._sensor.name, trigger=trigger.name,
                     event=case.event.id, outcome=decision.outcome,
                     intent=decision.intent.id if decision.intent else "")
            await case.delivery.ack()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one event stays its own trouble
            await self._trouble(case.delivery, error)

    async def _trouble(self, delivery: Delivery, error: Exception) -> None:
        """The bus is away: later again. The event is broken, or we are, again and again: a dead letter."""
        if isinstance(error, ArgosyError) and not isinstance(error, Unavailable):
            await self._give_up(delivery, str(error))
            return
        if not isinstance(error, Unavailable):
            log.error("deciding failed", exc_info=error)
            if delivery.attempt >= _TRIES_OF_A_BUG:
                await self._give_up(delivery, f"{type(error).__name__}: {error}")
                return
        with contextlib.suppress(Unavailable):
            await delivery.nak(delay_seconds=_COUNT_AGAIN_SECONDS)

    async def _give_up(self, delivery: Delivery, error: str) -> None:
        sensor = self._sensor
        note(log, "event cannot be decided", level=logging.ERROR, namespace=sensor.namespace, sensor=sensor.name,
             sequence=delivery.message.sequence, reason=error)
        with contextlib.suppress(Unavailable):
            await self._journal.bury(unreadable(
                delivery.message, sensor=sensor.name, sensor_uid=sensor.uid, error=error, at=self._now()))
            await delivery.ack()

    def _now(self) -> str:
        return to_rfc3339_micro(self._clock.now())


def filters_of(sensor: Sensor) -> list[Filter]:
    """The subjects that may concern the sensor; what a pattern lets in too much is sorted out when deciding."""
    return [
        tuple(None if is_pattern(name) else name for name in (one.source, one.event)) for one in sensor.dependencies]


def _place(delivery: Delivery) -> int:
    return delivery.message.sequence
