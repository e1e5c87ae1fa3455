"""Dates and times as Go reads and writes them: a layout is the instant 2006-01-02 15:04:05 MST written in that form."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Final

from argosy.expressions.layouts import LAYOUT_PIECE, MONTHS, WEEKDAYS, pattern_of

RFC3339: Final = "2006-01-02T15:04:05Z07:00"
RFC1123: Final = "Mon, 02 Jan 2006 15:04:05 MST"
# The layouts that date() and the date functions try one after the other.
KNOWN_LAYOUTS: Final = (
    "2006-01-02",
    "15:04:05",
    "2006-01-02 15:04:05",
    RFC3339,
    "02 Jan 06 15:04 MST",
    "Monday, 02-Jan-06 15:04:05 MST",
    RFC1123,
    "2006-01-02 15:04:05 -0700 MST",
)


@dataclass(frozen=True, slots=True)
class Zone:
    """A place's time, as `timezone("Europe/Berlin")` gives it."""

    name: str
    info: tzinfo

    def __str__(self) -> str:
        return self.name


def zone(name: str) -> Zone:
    """The zone of a name such as `UTC` or `America/New_York`."""
    from zoneinfo import ZoneInfo

    if name in ("", "UTC", "Local"):
        return Zone("UTC", UTC)
    try:
        if re.fullmatch(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*", name):
            return Zone(name, ZoneInfo(name))
    except (KeyError, OSError, ValueError):
        pass
    raise ValueError(f"'{name[:40]}' is no time zone; write one such as UTC or Europe/Berlin")


def read_date(*given: Any) -> datetime:
    """`date(text)`, `date(text, layout)`, `date(text, layout, zone)`, with the zone first if one likes."""
    arguments = list(given)
    place = arguments.pop(0) if arguments and isinstance(arguments[0], Zone) else None
    if not arguments or len(arguments) > 3 or not all(isinstance(argument, str) for argument in arguments):
        raise TypeError("date needs text such as '2024-05-31', and perhaps a layout such as '2006-01-02'")
    info = zone(arguments[2]).info if len(arguments) == 3 else place.info if place is not None else UTC
    if len(arguments) > 1:
        return parse_layout(arguments[1], arguments[0], info)
    for layout in KNOWN_LAYOUTS:
        try:
            return parse_layout(layout, arguments[0], info)
        except ValueError:
            continue
    raise ValueError(f"'{arguments[0][:40]}' is no date; write it as 2024-05-31 or 2024-05-31T13:00:00Z, or give its layout")


def parse_layout(layout: str, source: str, info: tzinfo = UTC) -> datetime:
    """The instant that text in a layout names."""
    match = pattern_of(layout).fullmatch(source) if len(source) < 200 else None
    if match is None:
        raise ValueError(f"'{source[:40]}' is not written as '{layout[:40]}'")
    found = {name: value for name, value in match.groupdict().items() if value is not None}
    year = int(found["year"]) if "year" in found else _century(found.get("yy"))
    hour = int(found.get("hour", found.get("hour12", "0")))
    if "half" in found:
        hour = hour % 12 + (12 if found["half"].upper() == "PM" else 0)
    day = int(found.get("day", "1"))
    micro = int((found.get("fraction", "") + "000000")[:6])
    place = _offset(found["offset"]) if "offset" in found else _named_zone(found.get("zone"), info)
    minute, second = int(found.get("minute", "0")), int(found.get("second", "0"))
    moment = datetime(year or 1, _month(found), day, hour, minute, second, micro, place)
    if "yearday" in found:
        moment = moment.replace(month=1, day=1) + timedelta(days=int(found["yearday"]) - 1)
    return moment


def _century(digits: str | None) -> int:
    if digits is None:
        return 1
    return int(digits) + (1900 if int(digits) >= 69 else 2000)


def _month(found: dict[str, str]) -> int:
    if "monthname" in found:
        wanted = found["monthname"][:3].lower()
        return next(index for index, name in enumerate(MONTHS, 1) if name[:3].lower() == wanted)
    return int(found.get("month", "1"))


def _offset(written_offset: str) -> tzinfo:
    if written_offset == "Z":
        return UTC
    digits = written_offset[1:].replace(":", "").ljust(6, "0")
    length = timedelta(hours=int(digits[:2]), minutes=int(digits[2:4]), seconds=int(digits[4:6]))
    if length >= timedelta(hours=24):
        raise ValueError(f"'{written_offset}' is no offset from UTC")
    return timezone(-length if written_offset[0] == "-" else length)


def _named_zone(name: str | None, info: tzinfo) -> tzinfo:
    return UTC if name in ("UTC", "GMT") else info


def format_layout(value: datetime, layout: str) -> str:
    """The instant written as the layout shows."""
    return LAYOUT_PIECE.sub(lambda match: _piece(value, match.group()), layout)


def rfc3339(value: datetime) -> str:
    """2024-05-31T13:00:00Z, with a fraction of a second only where there is one."""
    fraction = f".{value.microsecond:06d}".rstrip("0") if value.microsecond else ""
    return format_layout(value, "2006-01-02T15:04:05") + fraction + _zone_offset(value, "Z07:00")


def written(value: datetime) -> str:
    """2024-05-31 13:00:00 +0000 UTC: how an instant prints by itself."""
    fraction = f".{value.microsecond:06d}".rstrip("0") if value.microsecond else ""
    return format_layout(value, "2006-01-02 15:04:05") + fraction + format_layout(value, " -0700 MST")


def _piece(value: datetime, piece: str) -> str:
    if piece[0] in ".,":
        digits = f"{value.microsecond:06d}000"[: len(piece) - 1]
        if piece[1] == "0":
            return piece[0] + digits
        return piece[0] + digits.rstrip("0") if digits.rstrip("0") else ""
    if piece.startswith(("-07", "Z07")):
        return _zone_offset(value, piece)
    return PIECES[piece](value)


def _zone_offset(value: datetime, piece: str) -> str:
    seconds = int((value.utcoffset() or timedelta()).total_seconds())
    if piece[0] == "Z" and seconds == 0:
        return "Z"
    hours, rest = divmod(abs(seconds), 3600)
    colon = ":" if ":" in piece else ""
    text = f"{'-' if seconds < 0 else '+'}{hours:02d}"
    if len(piece) > 3:
        text += f"{colon}{rest // 60:02d}"
    if len(piece.replace(":", "")) > 5:
        text += f"{colon}{rest % 60:02d}"
    return text


def _zone_name(value: datetime) -> str:
    if not value.utcoffset():
        return "UTC" if value.tzinfo in (None, UTC, UTC) or value.tzname() == "UTC" else str(value.tzname())
    name = value.tzname() or ""
    if not name.startswith("UTC"):
        return name
    return _zone_offset(value, "-07" if name.endswith(":00") else "-0700")


PIECES: Final[dict[str, Callable[[datetime], str]]] = {
    "January": lambda at: MONTHS[at.month - 1],
    "Jan": lambda at: MONTHS[at.month - 1][:3],
    "Monday": lambda at: WEEKDAYS[at.weekday()],
    "Mon": lambda at: WEEKDAYS[at.weekday()][:3],
    "MST": _zone_name,
    "01": lambda at: f"{at.month:02d}",
    "1": lambda at: str(at.month),
    "02": lambda at: f"{at.day:02d}",
    "_2": lambda at: f"{at.day:2d}",
    "2": lambda at: str(at.day),
    "002": lambda at: f"{at.timetuple().tm_yday:03d}",
    "__2": lambda at: f"{at.timetuple().tm_yday:3d}",
    "2006": lambda at: f"{at.year:04d}",
    "06": lambda at: f"{at.year % 100:02d}",
    "15": lambda at: f"{at.hour:02d}",
    "03": lambda at: f"{(at.hour + 11) % 12 + 1:02d}",
    "3": lambda at: str((at.hour + 11) % 12 + 1),
    "04": lambda at: f"{at.minute:02d}",
    "4": lambda at: str(at.minute),
    "05": lambda at: f"{at.second:02d}",
    "5": lambda at: str(at.second),
    "PM": lambda at: "PM" if at.hour >= 12 else "AM",
    "pm": lambda at: "pm" if at.hour >= 12 else "am",
}
