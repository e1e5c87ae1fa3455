"""What can be asked of an instant or a length of time: `date("2024-05-31").Year()`, `duration("90s").Seconds()`."""

from datetime import UTC, datetime, timedelta
from typing import Any

from argosy.expressions.durations import Duration
from argosy.expressions.functions import Function, integer, text
from argosy.expressions.instants import Zone, format_layout, written
from argosy.expressions.operators import kind


def _instant(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    raise TypeError(f"an instant is needed, not {kind(value)}; use date(x)")


def _add(at: datetime, length: Any) -> datetime:
    if isinstance(length, Duration):
        return at + length.delta
    raise TypeError(f"a length of time is needed, not {kind(length)}; use duration('1h')")


def _add_date(at: datetime, years: Any, months: Any, days: Any) -> datetime:
    count = at.month - 1 + integer(months) + 12 * integer(years)
    first = at.replace(year=at.year + count // 12, month=count % 12 + 1, day=1)
    return first + timedelta(days=at.day - 1 + integer(days))


def _truncate(at: datetime, length: Any) -> datetime:
    step = length.nanoseconds // 1000 if isinstance(length, Duration) else 0
    if step <= 0:
        return at
    since = (at - datetime(1, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return at - timedelta(microseconds=since % step)


def _in(at: datetime, place: Any) -> datetime:
    if isinstance(place, Zone):
        return at.astimezone(place.info)
    raise TypeError("a time zone is needed; use timezone('Europe/Berlin')")


def _microseconds(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


OF_INSTANTS: dict[str, Function] = {
    "Year": Function(lambda at: at.year, 1, 1),
    "Month": Function(lambda at: at.month, 1, 1),
    "Day": Function(lambda at: at.day, 1, 1),
    "Hour": Function(lambda at: at.hour, 1, 1),
    "Minute": Function(lambda at: at.minute, 1, 1),
    "Second": Function(lambda at: at.second, 1, 1),
    "Nanosecond": Function(lambda at: at.microsecond * 1000, 1, 1),
    "Weekday": Function(lambda at: (at.weekday() + 1) % 7, 1, 1),
    "YearDay": Function(lambda at: at.timetuple().tm_yday, 1, 1),
    "Unix": Function(lambda at: _microseconds(at) // 1_000_000, 1, 1),
    "UnixMilli": Function(lambda at: _microseconds(at) // 1000, 1, 1),
    "UnixMicro": Function(_microseconds, 1, 1),
    "UnixNano": Function(lambda at: _microseconds(at) * 1000, 1, 1),
    "Format": Function(lambda at, layout: format_layout(at, text(layout)), 2, 2),
    "String": Function(written, 1, 1),
    "UTC": Function(lambda at: at.astimezone(UTC), 1, 1),
    "In": Function(_in, 2, 2),
    "Add": Function(_add, 2, 2),
    "AddDate": Function(_add_date, 4, 4),
    "Sub": Function(lambda at, other: Duration.between(at, _instant(other)), 2, 2),
    "Before": Function(lambda at, other: at < _instant(other), 2, 2),
    "After": Function(lambda at, other: at > _instant(other), 2, 2),
    "Equal": Function(lambda at, other: at == _instant(other), 2, 2),
    "Truncate": Function(_truncate, 2, 2),
}
OF_DURATIONS: dict[str, Function] = {
    "Hours": Function(lambda length: length.seconds / 3600, 1, 1),
    "Minutes": Function(lambda length: length.seconds / 60, 1, 1),
    "Seconds": Function(lambda length: length.seconds, 1, 1),
    "Milliseconds": Function(lambda length: length.nanoseconds // 1_000_000, 1, 1),
    "Microseconds": Function(lambda length: length.nanoseconds // 1000, 1, 1),
    "Nanoseconds": Function(lambda length: length.nanoseconds, 1, 1),
    "String": Function(str, 1, 1),
}
METHODS: dict[tuple[type, str], Function] = {
    **{(datetime, name): function for name, function in OF_INSTANTS.items()},
    **{(Duration, name): function for name, function in OF_DURATIONS.items()},
}
