"""Lengths of time in event manifests: Go's ``1m30s``, or a number of nanoseconds."""

from typing import Any

from argosy.expressions.durations import Duration


def seconds_of(value: Any, *, default: float) -> float:
    """Seconds of a duration; `default` if there is none. Raises ValueError for text that is no duration."""
    if value is None or value == "":
        return default
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value / 1e9
    text = str(value)
    return float(text) / 1e9 if text.isdigit() else Duration.parse(text).seconds
