"""Cron schedules as Argo reads them (robfig/cron v3): the instants at which a clock on the wall shows what is asked for.

In the hour that summer time skips nothing fires; in the hour that comes twice, what is asked for fires twice.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from argosy.expressions.durations import Duration

_MONTHS = {name: number for number, name in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1)}
_DAYS = {name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
_NICKNAMES = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}), ("hour", 0, 23, {}), ("day of month", 1, 31, {}), ("month", 1, 12, _MONTHS),
    ("day of week", 0, 6, _DAYS))
_ZONE = re.compile(r"(?:CRON_)?TZ=(\S+)\s+(.*)", re.DOTALL)
_MOST_YEARS = 5


class Schedule(Protocol):
    """A way to get from one instant to the next."""

    def next(self, after: datetime) -> datetime | None:
        """The first instant after `after`; None if there is none within five years."""


@dataclass(frozen=True, slots=True)
class Every:
    """Instants that are a fixed time apart."""

    seconds: float

    def next(self, after: datetime) -> datetime:
        """`after` plus the interval, on a whole second."""
        return (after + timedelta(seconds=self.seconds)).replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class Cron:
    """Five fields, and the zone whose wall clock they are read on."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool  # day of month and day of week are both restricted: one of them is enough
    zone: ZoneInfo | None

    def next(self, after: datetime) -> datetime | None:
        """Step from instant to instant, by the largest step that cannot miss one."""
        zone = self.zone or UTC
        at = after.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        last_year = at.year + _MOST_YEARS
        while True:
            wall = at.astimezone(zone)
            if wall.year > last_year:
                return None
            if wall.month not in self.months:
                at = _day_start(wall.replace(day=1) + timedelta(days=32), at, first_of_month=True)
            elif not self._is_day(wall):
                at = _day_start(wall + timedelta(days=1), at)
            elif wall.hour not in self.hours:
                at += timedelta(minutes=60 - wall.minute)
            elif wall.minute not in self.minutes:
                at += timedelta(minutes=1)
            else:
                return at

    def _is_day(self, wall: datetime) -> bool:
        day, weekday = wall.day in self.days, wall.isoweekday() % 7 in self.weekdays
        return day or weekday if self.either_day else day and weekday


def parse_cron(text: str, *, zone: str = "") -> Schedule:
    """A schedule of five fields, ``@hourly`` and its like, or ``@every 1h30m``; ``CRON_TZ=`` before it wins over `zone`.

    Raises ValueError, saying which field is wrong and what it may hold.
    """
    match = _ZONE.fullmatch(text.strip())
    if match:
        zone, text = match[1], match[2]
    where = read_zone(zone)
    text = text.strip()
    if text.startswith("@every"):
        return Every(max(1.0, float(int(Duration.parse(text.removeprefix("@every").strip()).seconds))))
    if text.startswith("@"):
        if text not in _NICKNAMES:
            raise ValueError(f"{text!r} is unknown; there are {', '.join(_NICKNAMES)} and @every DURATION")
        text = _NICKNAMES[text]
    words = text.split()
    if len(words) != 5:
        raise ValueError(
            f"{text!r} has {len(words)} fields; a schedule has five: minute, hour, day of month, month, day of week")
    minutes, hours, days, months, weekdays = (
        _field(word, *field) for word, field in zip(words, _FIELDS, strict=True))
    either_day = not (_is_star(words[2]) or _is_star(words[4]))
    return Cron(minutes, hours, days, months, weekdays, either_day=either_day, zone=where)


def read_zone(name: str) -> ZoneInfo | None:
    """A time zone by its name; none is UTC. Raises ValueError."""
    if not name or name in ("UTC", "Local"):
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise ValueError(f"time zone {name!r} is unknown; write one such as Europe/Berlin") from None


def _field(text: str, name: str, low: int, high: int, names: dict[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        found.update(_range(part, name, low, high, names))
    return frozenset(found)


def _range(part: str, name: str, low: int, high: int, names: dict[str, int]) -> Iterator[int]:
    span, slash, step_text = part.partition("/")
    if slash and (not step_text.isdigit() or int(step_text) == 0):
        raise ValueError(f"{name}: the step in {part!r} must be a number above 0")
    step = int(step_text) if slash else 1
    start_text, dash, end_text = span.partition("-")
    if span in ("*", "?"):
        start, end = low, high
    else:
        start = _number(start_text, name, low, high, names)
        end = _number(end_text, name, low, high, names) if dash else high if slash else start
    if start > end:
        raise ValueError(f"{name}: {part!r} begins after its end")
    yield from range(start, end + 1, step)


def _number(text: str, name: str, low: int, high: int, names: dict[str, int]) -> int:
    value = names.get(text.lower(), int(text) if text.isascii() and text.isdigit() and len(text) < 5 else -1)
    if not low <= value <= high:
        known = f" or one of {', '.join(names)}" if names else ""
        raise ValueError(f"{name}: {text!r} is not in {low}-{high}{known}")
    return value


def _is_star(word: str) -> bool:
    """Whether a day field leaves the day open, as robfig/cron counts it: a step above 1 restricts."""
    return any(part in ("*", "?", "*/1", "?/1") for part in word.split(","))


def _day_start(wall: datetime, at: datetime, *, first_of_month: bool = False) -> datetime:
    """The first instant of the day that `wall` falls on (or of its month); always later than `at`."""
    midnight = wall.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if first_of_month:
        midnight = midnight.replace(day=1)
    start = midnight.astimezone(UTC)
    while start.astimezone(wall.tzinfo).date() < midnight.date():
        start += timedelta(minutes=1)  # midnight does not exist where summer time begins at midnight
    return max(start, at + timedelta(minutes=1))
