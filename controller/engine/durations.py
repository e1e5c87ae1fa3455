"""Durations as Argo's YAML writes them ("90", "2m", "1h30m", "500ms") and as its messages show them."""

import re

_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h|d)")
_SECONDS_OF = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_SCALES = ((86400, "day", 3600, "hours"), (3600, "hour", 60, "minutes"), (60, "minute", 1, "seconds"))


def parse_duration(text: str) -> float:
    """Seconds of a duration; a bare number is seconds. Raises ValueError with a text for a person."""
    stripped = str(text).strip()
    if re.fullmatch(r"[+-]?\d+", stripped):
        return float(stripped)
    sign, body = (-1.0, stripped[1:]) if stripped.startswith("-") else (1.0, stripped.removeprefix("+"))
    seconds, end = 0.0, 0
    for part in _PART.finditer(body):
        if part.start() != end or part[2] not in _SECONDS_OF:
            break
        seconds, end = seconds + float(part[1]) * _SECONDS_OF[part[2]], part.end()
    if not body or end != len(body):
        raise ValueError(f"cannot read {text!r} as a duration; write a number of seconds, or one like 30s, 5m or 1h30m")
    return sign * seconds


def show_duration(seconds: float) -> str:
    """``2 minutes 30 seconds``: one unit and the rest in the next smaller one, as Argo's messages say it."""
    whole = int(seconds)
    for size, unit, rest_size, rest_unit in _SCALES:
        count, rest = divmod(whole, size)
        if count:
            return f"{count} {unit}{'' if count == 1 else 's'} {rest // rest_size} {rest_unit}"
    return f"{whole} second{'' if whole == 1 else 's'}"
