"""The ``calendar`` source: instants of a cron schedule or an interval. Data: ``{eventTime}`` (and ``metadata``).

The instant is the event's id. After a restart the source goes on from the last instant that is on the bus, so a short
absence loses no instant and repeats none; a longer one is made up for only where ``persistence.catchup`` asks for it.
"""

import asyncio
import json
import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta

from argosy.backoff import Backoff
from argosy.clock import from_rfc3339
from argosy.errors import ArgosyError, Problem, Unavailable
from argosy.kube.contract import AlreadyExists, KubeError, NotFound
from argosy.kube.resources import CONFIG_MAPS
from argosy.logs import note
from events.bus.contract import Stream
from events.durations import seconds_of
from events.rules.event import Json, compact, from_bytes
from sources.contract import Emit, Reading, Source, World
from sources.cron import Every, Schedule, parse_cron, read_zone
from sources.hooks import with_metadata

log = logging.getLogger(__name__)

GAP_SECONDS = 60.0  # an absence this short is made up for without being asked
_LONGEST_SLEEP_SECONDS = 60.0  # the machine's clock may be set, or the machine may sleep
_EXCLUDED = "EXDATE:"


class Calendar:
    """Emits at each instant."""

    def check(self, source: Source) -> Iterable[Problem]:
        """The schedule, the zone, the excluded dates and the catch-up."""
        spec = source.spec
        if not spec.get("schedule") and not spec.get("interval"):
            yield Problem(f"{source.place}.schedule", "is missing; write a cron schedule, or an `interval` such as 10s")
        for key, read in (("schedule", read_schedule), ("exclusionDates", read_excluded), ("persistence", _catch_up)):
            try:
                read(spec)
            except ValueError as error:
                place = "interval" if key == "schedule" and not spec.get("schedule") else key
                yield Problem(f"{source.place}.{place}", str(error))

    async def run(self, source: Source, emit: Emit, world: World, started: asyncio.Event) -> None:
        """Sleep until the next instant, emit, remember, and so on."""
        schedule, excluded = read_schedule(source.spec), read_excluded(source.spec)
        last = await self._start(source, world)
        started.set()
        while True:
            instant = _next(schedule, last, excluded, source.spec)
            if instant is None:
                await asyncio.Event().wait()  # nothing is scheduled within five years
                return
            await _sleep_until(instant.timestamp(), world)
            seen = await self._emitted(source, world)
            if seen is not None and seen > last.timestamp():  # another replica is further: its instants are ours too
                last = datetime.fromtimestamp(seen, UTC)
                continue
            await self._emit(instant, source, emit, world)
            last = instant

    async def _start(self, source: Source, world: World) -> datetime:
        """The instant after which to go on."""
        failures = 0
        while True:
            try:
                return await self._last(source, world)
            except (Unavailable, KubeError) as error:
                note(log, "calendar waits to start", level=logging.WARNING, namespace=source.namespace,
                     source=source.name, event=source.event, reason=str(error))
                await world.clock.sleep(Backoff().wait_seconds(failures))
                failures += 1

    async def _emitted(self, source: Source, world: World) -> float | None:
        """The last instant that is on the bus by now; None where that cannot be told, for then the bus drops what it has."""
        try:
            seen = await _newest(source, world)
        except Unavailable:
            return None
        return seen if seen is not None and seen <= world.clock.now() else None

    async def _last(self, source: Source, world: World) -> datetime:
        now = world.clock.now()
        found = await _newest(source, world)
        reach = _catch_up(source.spec)
        if reach is not None:
            found = max(filter(None, (found, await _remembered(source, world))), default=None)
        if found is None:
            return datetime.fromtimestamp(now, UTC)
        earliest = now - (GAP_SECONDS if reach is None else reach)
        return datetime.fromtimestamp(min(now, max(found, earliest)), UTC)

    async def _emit(self, instant: datetime, source: Source, emit: Emit, world: World) -> None:
        data = with_metadata({"eventTime": go_time(instant, source.spec)}, source.spec.get("metadata"))
        failures = 0
        while True:
            try:
                await emit(Reading(data, id=instant_id(instant)))
                break
            except Unavailable:
                await world.clock.sleep(Backoff(most_seconds=5.0).wait_seconds(failures))
                failures += 1
        if _config_map(source.spec):
            await _remember(source, data, world)


async def _newest(source: Source, world: World) -> float | None:
    """The last instant that is on the bus, whoever emitted it."""
    message = await world.bus.newest(Stream.EVENTS, source.namespace, (source.name, source.event))
    if message is None:
        return None
    try:
        return from_rfc3339(from_bytes(message.data).id)
    except (ValueError, ArgosyError):
        return None  # an event of that name came from another kind of source


def read_schedule(spec: Mapping[str, Json]) -> Schedule:
    """The schedule, else the interval. Raises ValueError."""
    zone = str(spec.get("timezone") or "")
    if spec.get("schedule"):
        return parse_cron(str(spec["schedule"]), zone=zone)
    read_zone(zone)
    seconds = seconds_of(spec.get("interval"), default=0.0)
    if seconds < 1.0:
        raise ValueError(f"{spec.get('interval')!r} is too short; an interval has at least 1s")
    return Every(seconds)


def read_excluded(spec: Mapping[str, Json]) -> frozenset[date]:
    """The days on which nothing fires, from ``EXDATE:20260102T150405Z,...``. Raises ValueError."""
    days: set[date] = set()
    for text in spec.get("exclusionDates") or ():
        if str(text).startswith(_EXCLUDED):
            for one in str(text).removeprefix(_EXCLUDED).split(","):
                days.add(datetime.strptime(one, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).date())
        else:
            days.add(datetime.fromisoformat(str(text)).date())
    return frozenset(days)


def instant_id(instant: datetime) -> str:
    """The event's id: the instant, in UTC."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def go_time(instant: datetime, spec: Mapping[str, Json]) -> str:
    """The instant as Go prints a time: ``2026-11-24 08:30:00 +0000 UTC``."""
    wall = instant.astimezone(read_zone(str(spec.get("timezone") or "")) or UTC)
    return wall.strftime("%Y-%m-%d %H:%M:%S %z %Z")


def _next(
    schedule: Schedule, last: datetime, excluded: frozenset[date], spec: Mapping[str, Json],
) -> datetime | None:
    zone = read_zone(str(spec.get("timezone") or "")) or UTC
    instant = schedule.next(last)
    horizon = last + timedelta(days=366 * 5)
    while instant is not None and instant.astimezone(zone).date() in excluded:
        instant = schedule.next(instant) if instant < horizon else None
    return instant


async def _sleep_until(when: float, world: World) -> None:
    while (left := when - world.clock.now()) > 0:
        await world.clock.sleep(min(left, _LONGEST_SLEEP_SECONDS))


def _catch_up(spec: Mapping[str, Json]) -> float | None:
    """How long an absence is made up for; None if it is not asked for. Raises ValueError."""
    catch_up = (spec.get("persistence") or {}).get("catchup") or {}
    if not catch_up.get("enabled"):
        return None
    return seconds_of(catch_up.get("maxDuration"), default=float("inf"))


def _config_map(spec: Mapping[str, Json]) -> Mapping[str, Json] | None:
    return (spec.get("persistence") or {}).get("configMap")


async def _remembered(source: Source, world: World) -> float | None:
    """The last instant that the ConfigMap tells, where Argo itself would have written it."""
    selector = _config_map(source.spec)
    if not selector:
        return None
    try:
        found = await world.kube.get(CONFIG_MAPS, str(selector.get("name")), namespace=source.namespace)
        text = json.loads((found.get("data") or {})[f"{source.name}.{source.event}"])["eventTime"]
        day, hour, offset = str(text).split(" ")[:3]
        return datetime.strptime(f"{day} {hour[:8]} {offset}", "%Y-%m-%d %H:%M:%S %z").timestamp()
    except (NotFound, KeyError, ValueError):
        return None


async def _remember(source: Source, data: Mapping[str, Json], world: World) -> None:
    """Write the last instant into the ConfigMap; a failure costs at most a repeated catch-up, which the bus drops."""
    selector = _config_map(source.spec) or {}
    name, entry = str(selector.get("name")), {f"{source.name}.{source.event}": compact(data)}
    try:
        try:
            await world.kube.patch(CONFIG_MAPS, name, {"data": entry}, namespace=source.namespace)
        except NotFound:
            if selector.get("createIfNotExist"):
                await world.kube.create(
                    CONFIG_MAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": entry},
                    namespace=source.namespace)
            else:
                raise
    except (KubeError, AlreadyExists, Unavailable) as error:
        note(log, "last instant not remembered", level=logging.WARNING, namespace=source.namespace, source=source.name,
             event=source.event, reason=str(error))
