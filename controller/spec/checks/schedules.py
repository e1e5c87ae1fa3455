"""Cron schedules: whether one can be read, and what is wrong if not."""

import re

_SHORT = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_MONTHS = {name: at for at, name in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1)}
_DAYS = {name: at for at, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}), ("hour", 0, 23, {}), ("day of the month", 1, 31, {}), ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 6, _DAYS),
)
_PART = re.compile(r"(?P<whole>[*?])(?:/(?P<step>\d+))?|(?P<low>\w+)(?:-(?P<high>\w+))?(?:/(?P<step2>\d+))?")


def schedule_mistake(schedule: str) -> str:
    """What is wrong with a schedule of five fields, or one like ``@daily`` or ``@every 1h``; empty if nothing is."""
    text = re.sub(r"^(?:CRON_)?TZ=\S+\s+", "", schedule.strip())
    if text.startswith("@"):
        is_known = text in _SHORT or text.startswith("@every ")
        return "" if is_known else f"write one of {', '.join(_SHORT)}, or '@every 1h'"
    fields = text.split()
    if len(fields) != len(_FIELDS):
        return f"it needs five fields (minute, hour, day, month, weekday), but has {len(fields)}"
    for field, (what, lowest, highest, names) in zip(fields, _FIELDS, strict=True):
        for part in field.split(","):
            mistake = _part_mistake(part, lowest, highest, names)
            if mistake:
                return f"the {what} '{part}' {mistake}"
    return ""


def _part_mistake(part: str, lowest: int, highest: int, names: dict[str, int]) -> str:
    match = _PART.fullmatch(part)
    if match is None:
        return "cannot be read; write *, 5, 1-5 or */15"
    if "0" in (match["step"], match["step2"]):
        return "steps by 0; step by 1 or more"
    bounds = []
    for text in (match["low"], match["high"]):
        if text is None:
            continue
        value = names.get(text.lower(), int(text) if text.isdecimal() else -1)
        if not lowest <= value <= highest:
            return f"is not within {lowest} to {highest}"
        bounds.append(value)
    if len(bounds) == 2 and bounds[0] > bounds[1]:
        return "ends before it begins"
    return ""
