"""Lengths of time as Go writes and reads them: 1h30m0s."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

UNITS: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
PIECE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
WHOLE = re.compile(r"([-+]?)((?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)")
LARGEST = (1 << 63) - 1


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A length of time in nanoseconds."""

    nanoseconds: int
    SECOND: ClassVar[int] = UNITS["s"]

    @classmethod
    def parse(cls, text: str) -> "Duration":
        """Read `1h30m`, `-1.5s` or `0`."""
        if text in ("0", "+0", "-0"):
            return cls(0)
        match = WHOLE.fullmatch(text) if len(text) < 200 else None
        if match is None:
            raise ValueError(f"'{text[:40]}' is not a length of time; write one such as 90s, 1h30m or 250ms")
        total = 0
        for digits, unit in PIECE.findall(match[2]):
            ahead, _, after = digits.partition(".")
            total += int(ahead or "0") * UNITS[unit]
            total += int(after[:18] or "0") * UNITS[unit] // 10 ** len(after[:18])
        if total > LARGEST:
            raise ValueError(f"'{text[:40]}' is too long a time")
        return cls(-total if match[1] == "-" else total)

    @classmethod
    def between(cls, later: datetime, earlier: datetime) -> "Duration":
        """The time from one instant to another."""
        return cls((later - earlier) // timedelta(microseconds=1) * 1000)

    @property
    def seconds(self) -> float:
        """The length in seconds."""
        return self.nanoseconds / self.SECOND

    @property
    def delta(self) -> timedelta:
        """The length as Python counts it, to the microsecond."""
        return timedelta(microseconds=self.nanoseconds // 1000)

    def __str__(self) -> str:
        """As Go prints it: 1h30m0s, 1.5s, 250ms, 0s."""
        sign, rest = ("-" if self.nanoseconds < 0 else ""), abs(self.nanoseconds)
        if rest < self.SECOND:
            for unit in ("ms", "µs", "ns"):
                if rest >= UNITS[unit]:
                    return f"{sign}{_decimal(rest, UNITS[unit])}{unit}"
            return "0s"
        minutes, seconds = divmod(rest, UNITS["m"])
        hours, minutes = divmod(minutes, 60)
        ahead = (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "")
        return f"{sign}{ahead}{_decimal(seconds, self.SECOND)}s"


def _decimal(value: int, unit: int) -> str:
    whole, rest = divmod(value, unit)
    if not rest:
        return str(whole)
    return f"{whole}.{str(rest).rjust(len(str(unit)) - 1, '0').rstrip('0')}"
