"""The decision about one event and one trigger, as a value that can be kept, shown and explained."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias

from events.rules.event import Event, Json
from events.rules.filters import Verdict, judge
from events.rules.names import intent_id
from events.rules.sensor import Dependency, Sensor, Trigger
from events.rules.state import Counted, Held

Outcome: TypeAlias = Literal["fired", "waiting", "filtered"]


@dataclass(frozen=True, slots=True)
class Judged:
    """A dependency that the event was held against."""

    dependency: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Intent:
    """What a trigger must do: the trigger as it was when this was decided, and the events by reference."""

    id: str
    sensor: str
    sensor_uid: str
    trigger: str
    spec: Mapping[str, Json]
    events: Mapping[str, Held]
    origin: str = ""  # the intent that this one does again (a replay), so that names stay the same
    account: str = ""  # the service account in whose name it is done

    def to_json(self) -> dict[str, Json]:
        """As it travels."""
        return {
            "id": self.id, "sensor": self.sensor, "sensorUid": self.sensor_uid, "trigger": self.trigger,
            "spec": self.spec, "events": {name: [one.id, one.sequence] for name, one in self.events.items()},
            "origin": self.origin or self.id, "account": self.account,
        }


def intent_from_json(tree: Mapping[str, Json]) -> Intent:
    """What `Intent.to_json` gave."""
    return Intent(
        tree["id"], tree["sensor"], tree["sensorUid"], tree["trigger"], tree["spec"],
        {name: Held(id_, sequence) for name, (id_, sequence) in tree["events"].items()}, tree["origin"],
        tree.get("account", ""))


@dataclass(frozen=True, slots=True)
class Decision:
    """Why an event did, or did not, fire a trigger."""

    sensor: Sensor
    trigger: Trigger
    event: Event
    sequence: int
    judged: tuple[Judged, ...]
    outcome: Outcome
    held: Mapping[str, Held]
    intent: Intent | None = None

    def to_json(self, *, decided_at: str) -> dict[str, Json]:
        """The decision record."""
        return {
            "sensor": self.sensor.name, "sensorUid": self.sensor.uid, "trigger": self.trigger.name,
            "event": {**self.event.context, "sequence": self.sequence}, "decidedAt": decided_at,
            "outcome": self.outcome, "why": self.why,
            "dependencies": [
                {"name": one.dependency, "passed": one.verdict.passed,
                 "clauses": [asdict(clause) for clause in one.verdict.clauses]}
                for one in self.judged],
            "condition": {
                "expression": self.trigger.condition.source,
                "holds": {name: self.held[name].id if name in self.held else None for name in self.trigger.names}},
            "intent": self.intent.id if self.intent else None,
        }

    @property
    def why(self) -> str:
        """The decision in a sentence."""
        if self.outcome == "fired":
            return f"condition {self.trigger.condition.source!r} is met"
        if self.outcome == "waiting":
            missing = [name for name in self.trigger.names if name not in self.held]
            return f"condition {self.trigger.condition.source!r} still waits for {', '.join(missing)}"
        refused = next(one for one in self.judged if not one.verdict.passed)
        clauses = [clause for clause in refused.verdict.clauses if not clause.passed]
        told = "; ".join(
            f"{clause.where} ({clause.says}): " + (clause.error or f"the event has {clause.actual!r}")
            for clause in clauses)
        return f"dependency {refused.dependency!r} refused the event: {told}"


def judge_all(sensor: Sensor, event: Event) -> tuple[Judged, ...]:
    """Hold the event against every dependency that its source and name concern."""
    return tuple(
        Judged(one.name, judge(one.spec, event)) for one in sensor.concerned(event.source, event.subject))


def concerned_triggers(sensor: Sensor, judged: Sequence[Judged]) -> list[tuple[Trigger, tuple[Judged, ...]]]:
    """The triggers whose condition reads one of the judged dependencies, each with those."""
    found = []
    for trigger in sensor.triggers:
        mine = tuple(one for one in judged if one.dependency in trigger.names)
        if mine:
            found.append((trigger, mine))
    return found


def conclude(
    sensor: Sensor, trigger: Trigger, event: Event, *, sequence: int, judged: tuple[Judged, ...],
    counted: Counted | None,
) -> Decision:
    """The decision, once the event was counted (or `counted` is None, because no dependency let it through)."""
    if counted is None:
        return Decision(sensor, trigger, event, sequence, judged, "filtered", {})
    if counted.fired is None:
        return Decision(sensor, trigger, event, sequence, judged, "waiting", counted.held)
    ids = [one.id for one in counted.fired.values()]
    intent = Intent(
        intent_id(sensor.uid, trigger.name, ids), sensor.name, sensor.uid, trigger.name, trigger.spec, counted.fired,
        account=sensor.account)
    return Decision(sensor, trigger, event, sequence, judged, "fired", counted.fired, intent)


def passed(judged: Sequence[Judged]) -> tuple[str, ...]:
    """The dependencies that the event satisfies."""
    return tuple(one.dependency for one in judged if one.verdict.passed)


__all__ = [
    "Decision", "Dependency", "Intent", "Judged", "concerned_triggers", "conclude", "intent_from_json", "judge_all",
    "passed",
]
