"""What a trigger remembers between events: which event each dependency holds, and which events it has counted.

An event may be handed to us twice, and another worker may count events of the same trigger at the same time. So every
event that was counted is remembered with what it led to, until the bus says that it will not come again: counting it
twice gives the same answer as counting it once, and an intent that a crash kept from being published is found again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from events.rules.event import Json, compact
from events.rules.sensor import Trigger


@dataclass(frozen=True, slots=True)
class Held:
    """An event by reference: its id and its place in the stream."""

    id: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Counted:
    """An event that was counted, and the events that fired with it, if it completed the condition."""

    sequence: int
    fired: Mapping[str, Held] | None = None
    held: Mapping[str, Held] = field(default_factory=dict)  # as they were after it


@dataclass(frozen=True, slots=True)
class State:
    """A trigger's memory."""

    held: Mapping[str, Held] = field(default_factory=dict)
    counted: tuple[Counted, ...] = ()


def count(trigger: Trigger, state: State, event: Held, dependencies: tuple[str, ...]) -> tuple[State, Counted]:
    """Count `event` for the `dependencies` that it satisfies: the newest event of each is held; all held events that
    the condition reads are used up when it is met.
    """
    before = find(state, event)
    if before is not None:
        return state, before
    held = {name: one for name, one in state.held.items() if name in trigger.names}
    for name in dependencies:
        if name not in held or held[name].sequence < event.sequence:
            held[name] = event
    met = trigger.condition.evaluate(lambda name, _: name in held)
    counted = Counted(event.sequence, dict(held) if met else None, held)
    return State({} if met else held, (*state.counted, counted)), counted


def find(state: State, event: Held) -> Counted | None:
    """What counting this event has led to, if it was counted before."""
    return next((one for one in reversed(state.counted) if one.sequence == event.sequence), None)


def forget(state: State, *, done_through: int) -> State:
    """Drop the memory of events that cannot come again."""
    return replace(state, counted=tuple(one for one in state.counted if one.sequence > done_through))


def to_bytes(state: State) -> bytes:
    """As it is kept in the bucket."""
    return compact({
        "held": _refs(state.held),
        "counted": [[one.sequence, _refs(one.fired) if one.fired is not None else None, _refs(one.held)]
                    for one in state.counted],
    }).encode()


def from_bytes(raw: bytes) -> State:
    """What `to_bytes` wrote."""
    tree = json.loads(raw)
    return State(_held(tree["held"]), tuple(
        Counted(sequence, _held(fired) if fired is not None else None, _held(held))
        for sequence, fired, held in tree["counted"]))


def _refs(held: Mapping[str, Held]) -> dict[str, Json]:
    return {name: [one.id, one.sequence] for name, one in held.items()}


def _held(tree: Mapping[str, Json]) -> dict[str, Held]:
    return {name: Held(id_, sequence) for name, (id_, sequence) in tree.items()}
