"""The sensors' shell: watches Sensor objects, tells each what is wrong with it, and runs what decides and what does.

Each sensor has one decider, and each of its triggers one doer. An edit replaces the decider and leaves the doers alone:
an intent carries its trigger as it was when it was decided. A trigger that is gone is worked off to its end.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from argosy.backoff import Backoff
from argosy.clock import Clock, from_rfc3339
from argosy.errors import ArgosyError, Problem, SpecError, SpecErrors, Unavailable
from argosy.kube.contract import Kube, KubeError, Object
from argosy.kube.kinds import Kinds, ListedKinds
from argosy.kube.resources import KNOWN, SENSORS
from argosy.kube.watching import changes
from argosy.logs import note
from events.bus.contract import Bus, Filter, Foreign, Stream
from events.buses import tell_buses
from events.conditions import Condition, tell, warnings_of
from events.deciding import Decider
from events.doing import Doer
from events.journal import Journal
from events.rules.event import Json
from events.rules.sensor import Sensor, read_sensor
from events.spec import effectless, parse_sensor
from events.triggers import registry
from events.triggers.contract import World
from events.triggers.http import AiohttpCaller

log = logging.getLogger(__name__)

_START_SECONDS = 10.0   # after this the service counts as ready even if the bus is away
_SEEN_WITHIN_SECONDS = 0.25  # a watch tells of a new object well within this time


@dataclass(slots=True)
class _Running:
    """A sensor that is known: its spec as it runs (or was refused), and its decider."""

    spec: Json
    namespace: str
    decider: "asyncio.Task[None] | None" = None
    doers: dict[str, Doer] = field(default_factory=dict)


class SensorsService:
    """Runs all sensors of `namespace` (of all namespaces if it is empty) over one bus.

    Triggers act on objects of `kinds`; of those that Argosy itself knows if none are given.
    """

    def __init__(
        self, kube: Kube, bus: Bus, *, clock: Clock, chance: Random | None = None, namespace: str = "",
        kinds: Kinds | None = None,
    ) -> None:
        self._kube, self._bus, self._clock, self._namespace = kube, bus, clock, namespace
        self._chance = chance or Random()
        self._caller = AiohttpCaller()
        self._world = World(kube, clock, self._caller, kinds or ListedKinds(lambda: KNOWN))
        self._known: dict[str, _Running] = {}
        self._started: list[asyncio.Event] = []
        self._backoff = Backoff()

    async def run(self, ready: asyncio.Event) -> None:
        """Serve until cancelled; ready once every sensor that there is listens."""
        synced = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._tell_ready(synced, ready, group))
                group.create_task(tell_buses(
                    self._kube, clock=self._clock, chance=self._chance, namespace=self._namespace))
                async for change in changes(
                        self._kube, SENSORS, clock=self._clock, chance=self._chance, namespace=self._namespace,
                        synced=synced):
                    await self._apply(change.object, gone=change.type == "DELETED", live=synced.is_set(), group=group)
        finally:
            await self._caller.close()

    async def _tell_ready(self, synced: asyncio.Event, ready: asyncio.Event, group: asyncio.TaskGroup) -> None:
        await synced.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_SECONDS):
                for started in list(self._started):
                    await started.wait()
        ready.set()
        self._started.clear()
        await self._work_off_orphans(group)

    async def _apply(self, obj: Object, *, gone: bool, live: bool, group: asyncio.TaskGroup) -> None:
        """One change of one Sensor; whatever is wrong with it is told on it and harms nobody else."""
        uid = str(obj["metadata"]["uid"])
        known = self._known.get(uid)
        if gone or obj["metadata"].get("deletionTimestamp"):
            if known is not None:
                await self._remove(uid, known, group)
            return
        if known is not None and known.spec == obj.get("spec"):
            return
        known = known or _Running(None, str(obj["metadata"].get("namespace", "")))
        self._known[uid] = known
        known.spec = obj.get("spec")
        await _end(known.decider)
        known.decider = None
        sensor, conditions = await self._read(obj)
        if sensor is not None:
            self._start(sensor, known, self._start_time(obj, live=live), group)
        await tell(self._kube, SENSORS, obj, conditions, clock=self._clock)
        if sensor is not None:
            group.create_task(self._tell_if_foreign(obj, conditions))

    async def _tell_if_foreign(self, obj: Object, conditions: list[Condition]) -> None:
        """The bus may keep this namespace for another cluster; whoever decides tries again until that is put right."""
        try:
            await self._bus.claim(str(obj["metadata"].get("namespace", "")))
        except Foreign as error:
            told = [Condition("Deployed", False, "ForeignBus", str(error)) if one.type == "Deployed" else one
                    for one in conditions]
            await tell(self._kube, SENSORS, obj, told, clock=self._clock)
        except Unavailable:
            return

    async def _read(self, obj: Object) -> tuple[Sensor | None, list[Condition]]:
        """The sensor, if it can work, and what its status should say."""
        try:
            parse_sensor(obj)
            sensor, problems = read_sensor(obj)
            effects: list[Problem] = []
            for trigger in sensor.triggers if sensor else ():
                effects += registry.check(trigger.spec, trigger.place)
                effects += await registry.check_kinds(trigger.spec, trigger.place, self._world.kinds)
            effects += effectless(obj)
        except SpecErrors as error:
            sensor, problems, effects = None, error.problems, []
        except SpecError as error:
            sensor, problems, effects = None, [Problem(error.path, error.text)], []
        except Exception as error:
            log.exception("reading a sensor failed")
            sensor, problems, effects = None, [Problem("spec", f"{type(error).__name__}: {error}")], []
        return sensor, _conditions(sensor, [*problems, *effects])

    def _start_time(self, obj: Object, *, live: bool) -> float | None:
        """From when on events count. A sensor that was just created is seen at once, which is closer than the second
        that its creationTimestamp tells; one that was created while nobody watched counts from that second on.
        """
        try:
            created = from_rfc3339(str(obj["metadata"].get("creationTimestamp")))
        except ValueError:
            return self._clock.now() - _SEEN_WITHIN_SECONDS
        return max(created, self._clock.now() - _SEEN_WITHIN_SECONDS) if live else created

    def _start(self, sensor: Sensor, known: _Running, start_time: float | None, group: asyncio.TaskGroup) -> None:
        journal = Journal(self._bus, sensor.namespace)
        names = {trigger.name for trigger in sensor.triggers}
        for name in names - known.doers.keys():
            self._start_doer(known, journal, sensor.uid, name, group)
        for name in known.doers.keys() - names:
            known.doers.pop(name).drain.set()
        decider = Decider(sensor, journal, clock=self._clock, chance=self._chance, start_time=start_time)
        known.decider = group.create_task(decider.run(self._new_start()), name=f"decide {sensor.name}")
        note(log, "sensor runs", namespace=sensor.namespace, sensor=sensor.name, triggers=sorted(names))

    def _start_doer(
        self, known: _Running, journal: Journal, uid: str, trigger: str, group: asyncio.TaskGroup,
    ) -> None:
        doer = Doer(journal, uid, trigger, world=self._world, chance=self._chance)
        known.doers[trigger] = doer
        group.create_task(doer.run(self._new_start()), name=f"do {trigger}")

    def _new_start(self) -> asyncio.Event:
        started = asyncio.Event()
        self._started.append(started)
        return started

    async def _remove(self, uid: str, known: _Running, group: asyncio.TaskGroup) -> None:
        """A sensor is gone: decide no more, forget its place, but do what was decided."""
        del self._known[uid]
        await _end(known.decider)
        for doer in known.doers.values():
            doer.drain.set()
        group.create_task(self._forget(known.namespace, uid))

    async def _forget(self, namespace: str, uid: str) -> None:
        failures = 0
        while True:
            try:
                await self._bus.drop_consumer(Stream.EVENTS, namespace, uid)
                await self._bus.drop_keys(namespace, (uid,))
            except Foreign:
                return  # it never had a place there
            except Unavailable:
                await self._clock.sleep(self._backoff.wait_seconds(failures, self._chance))
                failures += 1
            else:
                return

    async def _work_off_orphans(self, group: asyncio.TaskGroup) -> None:
        """Finish for sensors and triggers that went while nobody watched; those of other namespaces are not ours.

        Which those are is asked after the places in the bus were listed: another replica may just have taken up a sensor
        that our watch has not told of yet.
        """
        with contextlib.suppress(Unavailable, KubeError):
            for namespace in await self._bus.namespaces():
                if self._namespace not in ("", namespace):
                    continue
                deciding = await self._bus.consumers(Stream.EVENTS, namespace)
                doing = await self._bus.consumers(Stream.INTENTS, namespace)
                listing = await self._kube.list(SENSORS, namespace=namespace)
                sensors = {str(sensor["metadata"]["uid"]): sensor for sensor in listing.items}
                for uid in deciding:
                    if uid not in sensors and uid not in self._known:
                        await self._forget(namespace, uid)
                self._drain_orphans(Journal(self._bus, namespace), doing, sensors, group)

    def _drain_orphans(
        self, journal: Journal, places: Mapping[str, list[Filter]], sensors: Mapping[str, Object], group: asyncio.TaskGroup,
    ) -> None:
        for filters in places.values():
            uid, trigger = str(filters[0][0]), str(filters[0][1])
            known = self._known.get(uid)
            is_run_here = known is not None and (known.decider is None or trigger in known.doers)
            if not is_run_here and (uid not in sensors or not _has_trigger(sensors[uid], trigger)):
                doer = Doer(journal, uid, trigger, world=self._world, chance=self._chance)
                doer.drain.set()
                group.create_task(doer.run(asyncio.Event()), name=f"drain {trigger}")


def _has_trigger(sensor: Object, name: str) -> bool:
    """Whether the sensor may have that trigger: one whose spec is broken keeps what it had."""
    try:
        return any(trigger["template"]["name"] == name for trigger in sensor["spec"]["triggers"])
    except (KeyError, TypeError):
        return True


def _conditions(sensor: Sensor | None, problems: list[Problem]) -> list[Condition]:
    """Argo's three conditions: whether dependencies and triggers are right, and whether the sensor works."""
    errors = [problem for problem in problems if problem.severity == "error"]
    about = {"DependenciesProvided": "spec.dependencies", "TriggersProvided": "spec.triggers"}
    found = []
    for type_, place in about.items():
        mine = "\n".join(str(problem) for problem in errors if problem.path.startswith(place))
        found.append(Condition(type_, not mine, "InvalidSpec" if mine else "", mine))
    if sensor is None:
        told = "\n".join(str(problem) for problem in errors)
        found.append(Condition("Deployed", False, "InvalidSpec", f"the sensor does not run until this is put right; "
                                                                 f"events are kept for it meanwhile\n{told}"))
    else:
        found.append(Condition("Deployed", True))
    return [*found, *warnings_of(problems)]


async def _end(task: "asyncio.Task[None] | None") -> None:
    if task is not None:
        task.cancel()
        await asyncio.wait([task])


def current_trigger(obj: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    """The trigger `name` of a Sensor object as it is now. Raises ArgosyError if there is none."""
    for spec in (obj.get("spec") or {}).get("triggers") or ():
        if (spec.get("template") or {}).get("name") == name:
            return dict(spec)
    raise ArgosyError(f"sensor {obj['metadata']['name']!r} has no trigger {name!r} any more")
