"""Asking the bus what happened: events, why they did or did not fire, dead letters, and doing those again.

All answers are plain JSON values. `CALLS` says under which path each question is asked over HTTP.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from argosy.clock import Clock
from argosy.errors import ArgosyError
from argosy.kube.contract import Kube
from argosy.kube.resources import SENSORS
from events.bus.contract import Bus, Stream
from events.journal import Journal, decoded
from events.rules.event import Event, Json, from_bytes
from events.rules.sensor import account_of
from events.service import current_trigger

MOST_LISTED = 1000
_SEARCHED_BACK = 200  # events without any decision are found only among the newest
LATEST = "@latest"


class NoRecord(ArgosyError):
    """Nothing is known under that id."""


@dataclass(frozen=True, slots=True)
class Records:
    """The records of all namespaces on one bus."""

    bus: Bus
    kube: Kube
    clock: Clock

    async def list_events(
        self, namespace: str, *, source: str = "", event: str = "", limit: int = 50,
    ) -> list[dict[str, Json]]:
        """The newest events, newest first, each with what sensors decided about it."""
        limit = max(1, min(limit, MOST_LISTED))
        messages = await self.bus.read(Stream.EVENTS, namespace, (source or None, event or None), last=limit)
        events = [(message.sequence, from_bytes(message.data)) for message in reversed(messages)]
        decisions = await self._decisions_of(namespace, [event.id for _, event in events], limit)
        results = await self._results_of(namespace, [one for some in decisions.values() for one in some])
        return [
            {"event": {**one.context, "sequence": sequence},
             "decisions": [{**{key: decision.get(key) for key in ("sensor", "trigger", "outcome", "why", "intent")},
                            "result": results.get(str(decision.get("intent")))}
                           for decision in decisions.get(one.id, ())]}
            for sequence, one in events]

    async def explain(self, namespace: str, event_id: str) -> dict[str, Json]:
        """Everything about one event: each sensor's filters with the actual values, its condition, and what was done."""
        if event_id == LATEST:
            newest = await self.bus.read(Stream.EVENTS, namespace, (...,), last=1)
            if not newest:
                raise NoRecord(f"namespace {namespace!r} has no events")
            event_id = from_bytes(newest[0].data).id
        found = [decoded(one) for one in await self.bus.read(
            Stream.DECISIONS, namespace, ("event", event_id, ...), last=MOST_LISTED)]
        event = await self._event(namespace, event_id, found)
        if event is None and not found:
            raise NoRecord(f"namespace {namespace!r} knows no event {event_id!r}; `argosy events list` shows the newest")
        journal = Journal(self.bus, namespace)
        for decision in found:
            if decision.get("intent"):
                decision["result"] = await journal.outcome(decision["intent"])
        explanation: dict[str, Json] = {
            "id": event_id, "event": {**event.context, "data": event.data} if event else None, "decisions": found}
        explanation["text"] = describe(explanation)
        return explanation

    async def list_dead_letters(self, namespace: str, *, limit: int = 100) -> list[dict[str, Json]]:
        """What failed for good, newest first; `replayedAs` tells what was done again since."""
        messages = await self.bus.read(Stream.DEADLETTERS, namespace, (...,), last=max(1, min(limit, MOST_LISTED)))
        letters = [decoded(one) for one in reversed(messages)]
        return [
            {**{key: value for key, value in letter.items() if key not in ("intent", "events", "raw")},
             "events": sorted({held[0] for held in (letter.get("intent") or {}).get("events", {}).values()})}
            for letter in letters]

    async def replay(self, namespace: str, id_: str) -> dict[str, Json]:
        """Do a dead letter again, with the trigger as it is now; what was made before keeps its name, so it is made once."""
        journal = Journal(self.bus, namespace)
        letter = await journal.letter(id_)
        if letter is None:
            raise NoRecord(f"namespace {namespace!r} has no dead letter {id_!r}; `argosy events dead-letters` lists them")
        if letter.get("kind") != "intent":
            raise ArgosyError(f"dead letter {id_!r} is a message that is no event, so nothing can be done with it")
        sensor = await self._sensor_now(namespace, letter)
        intent = await journal.replay(
            letter, current_trigger(sensor, str(letter["trigger"])), account=account_of(sensor),
            id_=f"{letter['id']}-{round(self.clock.now() * 1000)}")
        return {"replayed": id_, "intent": intent.id, "sensor": intent.sensor, "trigger": intent.trigger}

    async def _sensor_now(self, namespace: str, letter: Mapping[str, Json]) -> Mapping[str, Json]:
        listing = await self.kube.list(SENSORS, namespace=namespace)
        for obj in listing.items:
            if str(obj["metadata"].get("uid")) == letter["sensorUid"]:
                return obj
        raise ArgosyError(f"sensor {letter['sensor']!r} is gone; nobody would do what the dead letter asks for")

    async def _event(self, namespace: str, event_id: str, decisions: list[dict[str, Json]]) -> Event | None:
        for decision in decisions:
            sequence = decision["event"].get("sequence")
            if sequence:
                return await Journal(self.bus, namespace).event_at(int(sequence))
        if decisions:
            return None  # withheld by its source: it never was on the bus
        for message in reversed(await self.bus.read(Stream.EVENTS, namespace, (...,), last=_SEARCHED_BACK)):
            event = from_bytes(message.data)
            if event.id == event_id:
                return event
        return None

    async def _decisions_of(self, namespace: str, ids: list[str], limit: int) -> dict[str, list[dict[str, Json]]]:
        """The decisions about these events: most are among the newest; the others are looked up one by one."""
        found: dict[str, dict[str, dict[str, Json]]] = defaultdict(dict)
        newest = await self.bus.read(Stream.DECISIONS, namespace, ("event", ...), last=4 * limit)
        missing = [id_ for id_ in ids if id_ not in {message.subject[1] for message in newest}]
        looked_up = await asyncio.gather(*(
            self.bus.read(Stream.DECISIONS, namespace, ("event", id_, ...), last=MOST_LISTED) for id_ in missing[:50]))
        for message in [*newest, *(one for some in looked_up for one in some)]:
            found[message.subject[1]]["/".join(message.subject[2:])] = decoded(message)
        return {id_: list(some.values()) for id_, some in found.items()}

    async def _results_of(self, namespace: str, decisions: list[dict[str, Json]]) -> dict[str, dict[str, Json]]:
        """How the intents of these decisions ended, by intent; found in the same way as the decisions are."""
        wanted = {str(decision["intent"]) for decision in decisions if decision.get("intent")}
        newest = await self.bus.read(Stream.DECISIONS, namespace, ("outcome", ...), last=4 * len(wanted) + 1)
        found = {message.subject[1]: decoded(message) for message in newest}
        missing = sorted(wanted - found.keys())[:50]
        journal = Journal(self.bus, namespace)
        outcomes = await asyncio.gather(*(journal.outcome(intent) for intent in missing))
        return found | {intent: outcome for intent, outcome in zip(missing, outcomes, strict=True) if outcome}


def describe(explanation: Mapping[str, Json]) -> list[str]:
    """An explanation in lines for a person."""
    event = explanation.get("event") or (explanation["decisions"][0]["event"] if explanation["decisions"] else {})
    where = f"{event.get('source')}/{event.get('subject')}"
    lines = [f"event {explanation['id']} from {where} ({event.get('type')}) at {event.get('time')}"]
    if not explanation["decisions"]:
        lines.append("  no sensor has decided about it: none depends on this event, or it is not its turn yet")
    for decision in explanation["decisions"]:
        if decision["outcome"] == "withheld":
            lines.append(f"  not published: {decision['why']}")
            continue
        lines.append(f"  sensor {decision['sensor']}, trigger {decision['trigger']}: "
                     f"{decision['outcome']}: {decision['why']}")
        lines += _clause_lines(decision)
        if decision.get("intent"):
            lines.append(f"    {_done_line(decision)}")
    return lines


def _clause_lines(decision: Mapping[str, Json]) -> list[str]:
    lines = []
    for dependency in decision["dependencies"]:
        lines.append(f"    dependency {dependency['name']}: {'passed' if dependency['passed'] else 'refused'}")
        for clause in dependency["clauses"]:
            mark = "yes" if clause["passed"] else "no"
            actual = clause["error"] or f"the event has {clause['actual']!r}"
            lines.append(f"      {mark:3} {clause['where']}: {clause['says']}: {actual}")
    return lines


def _done_line(decision: Mapping[str, Json]) -> str:
    done = decision.get("result")
    if done is None:
        return f"intent {decision['intent']} is not done yet"
    tries = f" (try {done['attempts']})" if done.get("attempts", 1) > 1 else ""
    if done["outcome"] == "failed":
        return f"failed for good{tries}: {done['text']}; do it again with `argosy events replay {done['deadLetter']}`"
    return f"{done['outcome']}{tries}: {done['text']}"


Ask: TypeAlias = Callable[[Records, Mapping[str, str]], Awaitable[Json]]


@dataclass(frozen=True, slots=True)
class Call:
    """A question as it is asked over HTTP: `ask` gets the path's and the query's parameters by name."""

    method: str
    path: str
    ask: Ask


_PREFIX = "/argosy/v1/namespaces/{namespace}"

CALLS: tuple[Call, ...] = (
    Call("GET", f"{_PREFIX}/events", lambda records, given: records.list_events(
        given["namespace"], source=given.get("source", ""), event=given.get("event", ""),
        limit=_number(given.get("limit", ""), 50))),
    Call("GET", f"{_PREFIX}/events/{{id}}", lambda records, given: records.explain(given["namespace"], given["id"])),
    Call("GET", f"{_PREFIX}/deadletters", lambda records, given: records.list_dead_letters(
        given["namespace"], limit=_number(given.get("limit", ""), 100))),
    Call("POST", f"{_PREFIX}/deadletters/{{id}}/replay", lambda records, given: records.replay(
        given["namespace"], given["id"])),
)


def _number(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else default
