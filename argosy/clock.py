"""Time and identity, handed in: the only module that reads the machine's clock or makes a random name.

Pure code takes ``now`` (seconds since 1970, a float); shells take a `Clock`.
"""

import asyncio
import random
import time
import uuid
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What time it is, and how to wait for a later one."""

    def now(self) -> float:
        """Seconds since 1970-01-01T00:00:00Z."""

    async def sleep(self, seconds: float) -> None:
        """Wait; a negative number does not wait."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


def seconds_since_boot() -> float:
    """A clock that nobody can set, and that runs on while the process is stopped or the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def new_uid() -> str:
    """A fresh UUID for an object, an event or a token's name."""
    return str(uuid.uuid4())


_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


def new_suffix(length: int = 5) -> str:
    """The random end of a ``generateName``, of the letters that Kubernetes uses (no vowels, so no words)."""
    return "".join(random.SystemRandom().choices(_SUFFIX_LETTERS, k=length))


def to_rfc3339(seconds: float) -> str:
    """``2026-11-24T08:17:00Z``: whole seconds, UTC, as Kubernetes writes ``metav1.Time``."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def to_rfc3339_micro(seconds: float) -> str:
    """``2026-11-24T08:17:00.123456Z``: for events and decision records."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_rfc3339(text: str) -> float:
    """Seconds since 1970 of an RFC 3339 time, with or without a fraction. Raises ValueError if it is none."""
    return datetime.fromisoformat(text).timestamp()
