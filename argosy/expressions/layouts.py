"""The pieces of a Go date layout, and the pattern that text in a layout must match."""

import re
from functools import lru_cache
from typing import Final

MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LAYOUT_PIECE: Final = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|002|__2|_2(?!006)|01|02|03|04|05|06|15|PM|pm|"
    r"(?:-07|Z07)(?::00:00|0000|:00|00)?|[.,](?:0+|9+)(?!\d)|[1-5]"
)
WORD: Final = r"[A-Za-z]+"
PIECE_PATTERNS: Final = {
    "January": rf"(?P<monthname>(?i:{'|'.join(MONTHS)}))",
    "Jan": rf"(?P<monthname>(?i:{'|'.join(month[:3] for month in MONTHS)}))",
    "Monday": rf"(?i:{'|'.join(WEEKDAYS)})",
    "Mon": rf"(?i:{'|'.join(day[:3] for day in WEEKDAYS)})",
    "MST": r"(?P<zone>[A-Z]{3,5}|[+-]\d\d)",
    "01": r"(?P<month>\d\d)",
    "1": r"(?P<month>\d\d?)",
    "02": r"(?P<day>\d\d)",
    "_2": r" ?(?P<day>\d\d?)",
    "2": r"(?P<day>\d\d?)",
    "002": r"(?P<yearday>\d\d\d)",
    "__2": r" {0,2}(?P<yearday>\d{1,3})",
    "2006": r"(?P<year>\d{4})",
    "06": r"(?P<yy>\d\d)",
    "15": r"(?P<hour>\d\d)",
    "03": r"(?P<hour12>\d\d)",
    "3": r"(?P<hour12>\d\d?)",
    "04": r"(?P<minute>\d\d)",
    "4": r"(?P<minute>\d\d?)",
    "05": r"(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?",
    "5": r"(?P<second>\d\d?)(?:[.,](?P<fraction>\d+))?",
    "PM": r"(?P<half>AM|PM)",
    "pm": r"(?P<half>am|pm)",
}


@lru_cache(maxsize=256)
def pattern_of(layout: str) -> re.Pattern[str]:
    """What text in the layout looks like; a piece that is named twice counts where it comes first."""
    if len(layout) > 200:
        raise ValueError("the layout is too long")
    parts: list[str] = []
    at = 0
    seen: set[str] = set()
    for match in LAYOUT_PIECE.finditer(layout):
        parts.append(re.escape(layout[at : match.start()]))
        parts.append(_once(_pattern(match.group()), seen))
        at = match.end()
    return re.compile("".join(parts) + re.escape(layout[at:]), re.ASCII)


def _pattern(piece: str) -> str:
    if piece[0] in ".,":
        return r"" if "9" in piece else rf"[.,](?P<fraction>\d{{{len(piece) - 1}}})"
    if piece.startswith(("-07", "Z07")):
        colon = ":" if ":" in piece else ""
        rest = "".join(rf"{colon}\d\d" for _ in range(len(piece.replace(":", "")[3:]) // 2))
        return rf"(?P<offset>{'Z|' if piece[0] == 'Z' else ''}[+-]\d\d{rest})"
    return PIECE_PATTERNS[piece]


def _once(pattern: str, seen: set[str]) -> str:
    """The pattern with names that were used before made nameless, since a name may stand only once."""

    def name(match: re.Match[str]) -> str:
        if match[1] in seen:
            return "(?:"
        seen.add(match[1])
        return match.group()

    return re.sub(r"\(\?P<(\w+)>", name, pattern)
