"""What is written on the bus and read back: events, intents, decisions, outcomes and dead letters of one namespace."""

import json
from collections.abc import Mapping
from dataclasses import replace

from events.bus.contract import Bus, Message, Receipt, Stream, TooLarge
from events.rules.decision import Decision, Intent, intent_from_json
from events.rules.event import Event, Json, encoded, from_bytes, from_json, to_bytes


class Journal:
    """The namespace's records. Whatever is written twice is kept once."""

    def __init__(self, bus: Bus, namespace: str) -> None:
        self.bus, self.namespace = bus, namespace

    async def accept(self, event: Event) -> Receipt:
        """Keep an event. Its id, together with its source and name, tells it from all others."""
        return await self.bus.publish(
            Stream.EVENTS, self.namespace, (event.source, event.subject), to_bytes(event),
            message_id=f"{event.source}/{event.subject}/{event.id}")

    async def withhold(self, event: Event, *, why: str) -> None:
        """Keep why an event was not published."""
        tree = {"event": event.context, "outcome": "withheld", "why": why, "decidedAt": event.time,
                "sensor": "(event source)", "trigger": event.source}
        await self.bus.publish(
            Stream.DECISIONS, self.namespace, ("event", event.id, "", event.source), encoded(tree))

    async def event_at(self, sequence: int) -> Event | None:
        """The event at a place of the stream, while it is kept."""
        message = await self.bus.get(Stream.EVENTS, self.namespace, sequence)
        return from_bytes(message.data) if message else None

    async def intend(self, intent: Intent, inline: Mapping[str, Event] | None = None) -> Receipt:
        """Ask for what a trigger must do; `inline` carries the events themselves, should the stream keep them no longer."""
        tree = intent.to_json()
        if inline:
            tree["inline"] = {name: {**event.context, "data": event.data} for name, event in inline.items()}
        return await self.bus.publish(
            Stream.INTENTS, self.namespace, (intent.sensor_uid, intent.trigger, intent.id), encoded(tree),
            message_id=intent.id)

    async def events_of(self, intent: Intent, raw: Mapping[str, Json]) -> tuple[dict[str, Event], list[str]]:
        """The events of an intent by dependency, and the ids of those that are kept no longer."""
        found: dict[str, Event] = {}
        gone: list[str] = []
        inline = raw.get("inline") or {}
        for name, held in intent.events.items():
            event = from_json(inline[name]) if name in inline else await self.event_at(held.sequence)
            if event is None or event.id != held.id:
                gone.append(held.id)
            else:
                found[name] = event
        return found, gone

    async def decide(self, decision: Decision, *, decided_at: str) -> None:
        """Keep why an event did or did not fire a trigger."""
        await self.bus.publish(
            Stream.DECISIONS, self.namespace,
            ("event", decision.event.id, decision.sensor.uid, decision.trigger.name),
            encoded(decision.to_json(decided_at=decided_at)))

    async def settle(self, intent: Intent, outcome: Mapping[str, Json]) -> None:
        """Keep how an intent ended."""
        tree = {"intent": intent.id, "sensor": intent.sensor, "trigger": intent.trigger,
                "events": sorted({held.id for held in intent.events.values()}), **outcome}
        await self.bus.publish(Stream.DECISIONS, self.namespace, ("outcome", intent.id), encoded(tree))
        if intent.origin not in ("", intent.id):  # a replay is the newest word on what failed before
            again = {**tree, "intent": intent.origin, "replay": intent.id}
            await self.bus.publish(Stream.DECISIONS, self.namespace, ("outcome", intent.origin), encoded(again))

    async def outcome(self, intent_id: str) -> dict[str, Json] | None:
        """How an intent ended, if it has."""
        message = await self.bus.newest(Stream.DECISIONS, self.namespace, ("outcome", intent_id))
        return decoded(message) if message else None

    async def bury(self, letter: Mapping[str, Json]) -> None:
        """Keep what failed for good, with all that a replay needs; events too large for one message stay references."""
        subject = (str(letter["id"]),)
        try:
            await self.bus.publish(Stream.DEADLETTERS, self.namespace, subject, encoded(letter))
        except TooLarge:
            small = {key: value for key, value in letter.items() if key not in ("events", "raw")}
            await self.bus.publish(Stream.DEADLETTERS, self.namespace, subject, encoded(small))

    async def letter(self, id_: str) -> dict[str, Json] | None:
        """A dead letter."""
        message = await self.bus.newest(Stream.DEADLETTERS, self.namespace, (id_,))
        return decoded(message) if message else None

    async def replay(self, letter: Mapping[str, Json], spec: Mapping[str, Json], *, account: str, id_: str) -> Intent:
        """Ask again for what failed, by the trigger as it is now; what it makes keeps the name it would have had."""
        old = intent_from_json(letter["intent"])
        intent = replace(old, id=id_, spec=spec, account=account, origin=old.origin or old.id)
        events = {name: from_json(tree) for name, tree in (letter.get("events") or {}).items()}
        await self.intend(intent, inline=events)
        await self.bury({**letter, "replayedAs": intent.id})
        return intent


def letter_of(
    intent: Intent, events: Mapping[str, Event], *, error: str, attempts: int, at: str,
) -> dict[str, Json]:
    """The dead letter of an intent that failed for good."""
    return {
        "id": intent.id, "kind": "intent", "sensor": intent.sensor, "sensorUid": intent.sensor_uid,
        "trigger": intent.trigger, "error": error, "attempts": attempts, "at": at, "intent": intent.to_json(),
        "events": {name: {**event.context, "data": event.data} for name, event in events.items()},
    }


def unreadable(message: Message, *, sensor: str, sensor_uid: str, error: str, at: str) -> dict[str, Json]:
    """The dead letter of a message that no sensor can decide about."""
    return {
        "id": f"{sensor_uid}-{message.sequence}", "kind": "event", "sensor": sensor, "sensorUid": sensor_uid,
        "error": error, "at": at, "sequence": message.sequence, "raw": message.data.decode(errors="replace"),
    }


def decoded(message: Message) -> dict[str, Json]:
    """A record's tree."""
    tree: dict[str, Json] = json.loads(message.data)
    return tree
