"""Working off intents: each trigger has its own place in the stream, so a slow one keeps nobody else waiting.

An intent is acknowledged only when its outcome is on record. A try that fails for a while gives the intent back to the
bus with a delay, which holds no slot meanwhile; one that fails for good becomes a dead letter, which can be replayed.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from random import Random

from argosy.backoff import Backoff
from argosy.clock import Clock, to_rfc3339_micro
from argosy.errors import ArgosyError, Unavailable
from argosy.kube.contract import Conflict, KubeError
from argosy.logs import note
from events.bus.contract import Consumer, ConsumerSettings, Delivery, Foreign, Stream
from events.durations import seconds_of
from events.journal import Journal, letter_of, unreadable
from events.rules import parameters
from events.rules.decision import Intent, intent_from_json
from events.rules.event import Event, Json
from events.rules.names import intent_id
from events.triggers.contract import Action, Done, Refused, World
from events.triggers.registry import KINDS, NOT_YET, kind_of

log = logging.getLogger(__name__)

SLOTS = 16
ACK_WAIT_SECONDS = 5.0
_EXTEND_SECONDS = 1.5
_FETCH_SECONDS = 2.0
_TRIES_OF_A_BUG = 5
_USUAL_BACKOFF = Backoff(first_seconds=1.0, most_seconds=60.0)
_UNIT_SECONDS = {"Second": 1.0, "Minute": 60.0, "Hour": 3600.0}


@dataclass(frozen=True, slots=True)
class Retries:
    """How often, and how long apart, a trigger is tried."""

    tries: int = 8
    backoff: Backoff = _USUAL_BACKOFF
    every_error: bool = False  # the user asked for retries: then errors that look final are tried again too

    @classmethod
    def read(cls, strategy: Mapping[str, Json] | None) -> "Retries":
        """Argo's ``retryStrategy``: `steps` tries in all, `duration` before the second, then `factor` times more."""
        if not strategy:
            return cls()
        return cls(
            tries=max(1, int(strategy.get("steps") or 1)), every_error=True,
            backoff=Backoff(
                first_seconds=seconds_of(strategy.get("duration"), default=1.0),
                factor=float(strategy.get("factor") or 1.0), jitter=float(strategy.get("jitter") or 0.0),
                most_seconds=3600.0))


class Doer:
    """Does what one trigger of one sensor must do, until cancelled; or, once `drain` is set, until nothing is left."""

    def __init__(
        self, journal: Journal, sensor_uid: str, trigger: str, *, world: World, chance: Random,
    ) -> None:
        self._journal, self._uid, self._trigger = journal, sensor_uid, trigger
        self._world, self._clock, self._chance = world, world.clock, chance
        self._busy = 0
        self._freed = asyncio.Event()
        self._next_turn = 0.0  # for rateLimit
        self._backoff = Backoff(first_seconds=0.1, most_seconds=5.0)
        self.drain = asyncio.Event()

    @property
    def name(self) -> str:
        """The name of its place in the stream."""
        return place_name(self._uid, self._trigger)

    async def run(self, started: asyncio.Event) -> None:
        """Take up the trigger's place, set `started`, and work."""
        try:
            consumer = await self._take_place()
        except Foreign:
            return
        started.set()
        failures = 0
        try:
            async with asyncio.TaskGroup() as group:
                while not (self.drain.is_set() and await self._is_empty(consumer)):
                    await self._wait_for_a_slot()
                    try:
                        deliveries = await consumer.fetch(SLOTS - self._busy, wait_seconds=_FETCH_SECONDS)
                        failures = 0
                    except Unavailable:
                        failures += 1
                        await self._clock.sleep(self._backoff.wait_seconds(failures, self._chance))
                        await consumer.close()
                        consumer = await self._take_place()  # it may be gone: another replica thought the trigger was
                        continue
                    for delivery in deliveries:
                        self._busy += 1
                        group.create_task(self._handle(delivery))
        finally:
            await consumer.close()
        with contextlib.suppress(Unavailable):
            await self._journal.bus.drop_consumer(Stream.INTENTS, self._journal.namespace, self.name)

    async def _take_place(self) -> Consumer:
        settings = ConsumerSettings(
            filters=[(self._uid, self._trigger, None)], ack_wait_seconds=ACK_WAIT_SECONDS, most_in_flight=1024)
        failures = 0
        while True:
            try:
                return await self._journal.bus.consumer(Stream.INTENTS, self._journal.namespace, self.name, settings)
            except Unavailable as error:
                if isinstance(error, Foreign) and self.drain.is_set():
                    raise  # nothing of ours is there, and nothing will come
                await self._clock.sleep(self._backoff.wait_seconds(failures, self._chance))
                failures += 1

    async def _is_empty(self, consumer: Consumer) -> bool:
        try:
            left = await consumer.backlog()
        except Unavailable:
            return False
        return left.waiting == 0 and left.in_flight == 0

    async def _wait_for_a_slot(self) -> None:
        while self._busy >= SLOTS:
            self._freed.clear()
            await self._freed.wait()

    async def _handle(self, delivery: Delivery) -> None:
        try:
            async with _kept_alive(delivery, self._clock):
                await self._do(delivery)
        except Unavailable:
            with contextlib.suppress(Unavailable):
                await delivery.nak(delay_seconds=self._backoff.wait_seconds(delivery.attempt, self._chance))
        except Exception as error:
            log.exception("working off an intent failed")
            if delivery.attempt >= _TRIES_OF_A_BUG:
                await self._give_up(delivery, f"{type(error).__name__}: {error}")
        finally:
            self._busy -= 1
            self._freed.set()

    async def _give_up(self, delivery: Delivery, error: str) -> None:
        with contextlib.suppress(Unavailable):
            await self._journal.bury(unreadable(
                delivery.message, sensor="", sensor_uid=self._uid, error=error, at=self._now()))
            await delivery.ack()

    async def _do(self, delivery: Delivery) -> None:
        raw = json.loads(delivery.message.data)
        intent = intent_from_json(raw)
        if await self._has_ended(intent):  # all was done, only the acknowledgement was lost
            await delivery.ack()
            return
        events, gone = await self._journal.events_of(intent, raw)
        if gone:
            await self._fail(delivery, intent, events, f"event {gone[0]} is kept no longer, so nothing can be done with it")
            return
        try:
            retries = Retries.read(intent.spec.get("retryStrategy"))
        except ValueError as error:
            await self._fail(delivery, intent, events, f"retryStrategy: {error}")
            return
        try:
            await self._wait_for_turn(intent.spec.get("rateLimit"))
            done = await self._act(intent, events)
        except parameters.ParameterError as error:
            await self._fail(delivery, intent, events, str(error))
        except (Unavailable, Conflict) as error:
            await self._again(delivery, intent, events, error, retries)
        except (Refused, KubeError) as error:
            if retries.every_error:
                await self._again(delivery, intent, events, error, retries)
            else:
                await self._fail(delivery, intent, events, str(error))
        except ArgosyError as error:
            await self._fail(delivery, intent, events, str(error))
        except Exception as error:
            log.exception("trigger failed")
            await self._fail(delivery, intent, events, f"{type(error).__name__}: {error}")
        else:
            await self._finish(delivery, intent, done)

    async def _has_ended(self, intent: Intent) -> bool:
        outcome = await self._journal.outcome(intent.id)
        return outcome is not None and outcome["outcome"] != "retrying"

    async def _act(self, intent: Intent, events: Mapping[str, Event]) -> Done:
        spec = intent.spec
        template = parameters.apply(
            spec.get("template") or {}, spec.get("parameters") or (), events, where="parameters")
        kind = kind_of(template)
        if kind is None:
            named = next((name for name in NOT_YET if template.get(name) is not None), "nothing that is known")
            raise Refused(f"the trigger says {named}, which is not supported yet; there are {', '.join(KINDS)}")
        action = Action(
            namespace=self._journal.namespace, sensor=intent.sensor, trigger=str(template.get("name", intent.trigger)),
            template=template[kind], policy=spec.get("policy") or {}, events=events,
            key=intent.origin or intent.id, where=f"trigger {intent.trigger!r}: template.{kind}", account=intent.account)
        return await KINDS[kind].act(action, self._world)

    async def _again(
        self, delivery: Delivery, intent: Intent, events: Mapping[str, Event], error: ArgosyError, retries: Retries,
    ) -> None:
        if delivery.attempt >= retries.tries:
            await self._fail(delivery, intent, events, str(error), attempts=delivery.attempt)
            return
        wait = retries.backoff.wait_seconds(delivery.attempt - 1, self._chance)
        asked = getattr(error, "retry_after_seconds", None)
        wait = max(wait, asked) if asked else wait
        await self._journal.settle(intent, {
            "outcome": "retrying", "text": str(error), "object": None, "attempts": delivery.attempt,
            "at": self._now()})
        note(log, "trigger failed, tried again", level=logging.WARNING, namespace=self._journal.namespace,
             sensor=intent.sensor, trigger=intent.trigger, intent=intent.id, attempt=delivery.attempt,
             wait_seconds=round(wait, 2), reason=str(error))
        await delivery.nak(delay_seconds=wait)

    async def _finish(self, delivery: Delivery, intent: Intent, done: Done) -> None:
        await self._journal.settle(intent, {
            "outcome": "done", "text": done.text, "object": done.object, "attempts": delivery.attempt,
            "at": self._now()})
        note(log, "triggered", namespace=self._journal.namespace, sensor=intent.sensor, trigger=intent.trigger,
             intent=intent.id, what=done.text)
        await delivery.ack()

    async def _fail(
        self, delivery: Delivery, intent: Intent, events: Mapping[str, Event], error: str, *, attempts: int = 0,
    ) -> None:
        attempts = attempts or delivery.attempt
        await self._journal.bury(letter_of(intent, events, error=error, attempts=attempts, at=self._now()))
        if intent.spec.get("dlqTrigger"):
            await self._journal.intend(_instead(intent), inline=events)
        await self._journal.settle(intent, {
            "outcome": "failed", "text": error, "object": None, "attempts": attempts, "at": self._now(),
            "deadLetter": intent.id})
        note(log, "trigger failed for good", level=logging.ERROR, namespace=self._journal.namespace,
             sensor=intent.sensor, trigger=intent.trigger, intent=intent.id, attempts=attempts, reason=error)
        await delivery.ack()

    async def _wait_for_turn(self, limit: Mapping[str, Json] | None) -> None:
        if not limit or not limit.get("requestsPerUnit"):
            return
        apart = _UNIT_SECONDS.get(str(limit.get("unit") or "Second"), 1.0) / int(limit["requestsPerUnit"])
        turn = max(self._next_turn, self._clock.now())
        self._next_turn = turn + apart
        await self._clock.sleep(turn - self._clock.now())

    def _now(self) -> str:
        return to_rfc3339_micro(self._clock.now())


def place_name(sensor_uid: str, trigger: str) -> str:
    """The name of a trigger's place in the stream of intents."""
    return f"{sensor_uid}/{trigger}"


def _instead(intent: Intent) -> Intent:
    """What the ``dlqTrigger`` of an intent that failed must do."""
    id_ = intent_id(intent.sensor_uid, f"{intent.trigger}/dlq", [intent.id])
    return replace(intent, id=id_, spec=intent.spec["dlqTrigger"], origin=id_)


@asynccontextmanager
async def _kept_alive(delivery: Delivery, clock: Clock) -> AsyncIterator[None]:
    """Tell the bus, while the block runs, that the message is being worked at."""

    async def extend() -> None:
        while True:
            await clock.sleep(_EXTEND_SECONDS)
            with contextlib.suppress(Unavailable):
                await delivery.extend()

    keeper = asyncio.ensure_future(extend())
    try:
        yield
    finally:
        keeper.cancel()
        await asyncio.wait([keeper])
