"""Semantic versions: reading 1.2.3-rc.1 and asking whether it fits `>=1.2, <2` or `^1.2`."""

import re
from typing import Any

VERSION = re.compile(r"v?(\d{1,18})(?:\.(\d{1,18}))?(?:\.(\d{1,18}))?(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?")
RULE = re.compile(
    r"\s*(=|!=|>=|=>|<=|=<|>|<|\^|~>|~)?\s*"
    r"v?(\d{1,18}|[xX*])(?:\.(\d{1,18}|[xX*]))?(?:\.(\d{1,18}|[xX*]))?(?:-([0-9A-Za-z.-]+))?\s*"
)
Parts = tuple[int, int, int]


def read_version(source: Any) -> dict[str, Any]:
    """The parts of a version."""
    match = VERSION.fullmatch(source) if isinstance(source, str) else None
    if match is None:
        raise ValueError(f"'{str(source)[:40]}' is no version; write one such as 1.2.3")
    return {
        "Major": int(match[1]),
        "Minor": int(match[2] or 0),
        "Patch": int(match[3] or 0),
        "Prerelease": match[4] or "",
        "Metadata": match[5] or "",
        "Original": source,
    }


def compare_version(constraint: str, version: str) -> bool:
    """Whether a version fits a constraint: rules joined by commas or spaces, alternatives by ||."""
    found = read_version(version)
    return any(_fits_all(part, found) for part in constraint.split("||"))


def _fits_all(part: str, version: dict[str, Any]) -> bool:
    span = re.fullmatch(r"\s*(\S+)\s+-\s+(\S+)\s*", part)
    if span is not None:
        part = f">={span[1]}, <={span[2]}"
    at, fits, rules = 0, True, 0
    while at < len(part):
        match = RULE.match(part, at)
        if match is None or match.end() == at:
            raise ValueError(f"'{part.strip()[:40]}' is no version constraint; write one such as >=1.2, <2")
        fits, rules = fits and _fits(match, version), rules + 1
        at = match.end() + (1 if part.startswith(",", match.end()) else 0)
    if not rules:
        raise ValueError("the version constraint is empty")
    return fits


def _fits(rule: re.Match[str], version: dict[str, Any]) -> bool:
    given = [part for part in (rule[2], rule[3], rule[4]) if part is not None and part not in "xX*"]
    low: Parts = (*map(int, given), *(0,) * (3 - len(given)))  # type: ignore[assignment]  # always three parts
    here: Parts = (version["Major"], version["Minor"], version["Patch"])
    if version["Prerelease"] and not rule[5]:
        return False  # a pre-release fits only a rule that names one
    sign = rule[1] or "="
    order = _order(here, version["Prerelease"], low, rule[5] or "")
    high = _next(low, len(given)) if given else None
    below_high = high is None or here < high
    if sign in ("=", "!="):
        same = order == 0 if len(given) == 3 else order >= 0 and below_high
        return same == (sign == "=")
    if sign == "^":
        first = next((index for index, part in enumerate(low) if part), len(given) - 1)
        return order >= 0 and here < _next(low, min(first, len(given) - 1) + 1)
    if sign in ("~", "~>"):
        return order >= 0 and (not given or here < _next(low, min(2, len(given))))
    if sign in (">", "<=") and len(given) < 3:
        return below_high == (sign == "<=")
    return {">": order > 0, ">=": order >= 0, "=>": order >= 0, "<": order < 0, "<=": order <= 0, "=<": order <= 0}[sign]


def _next(low: Parts, length: int) -> Parts:
    """The first version after all that share the leading parts."""
    if length <= 1:
        return (low[0] + 1, 0, 0)
    return (low[0], low[1] + 1, 0) if length == 2 else (low[0], low[1], low[2] + 1)


def _order(here: Parts, pre: str, low: Parts, low_pre: str) -> int:
    if here != low:
        return -1 if here < low else 1
    if pre == low_pre:
        return 0
    if not pre or not low_pre:
        return 1 if not pre else -1
    return -1 if _keys(pre) < _keys(low_pre) else 1


def _keys(pre: str) -> list[tuple[int, int, str]]:
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in pre.split(".")]
