"""What was read from the cluster a moment ago need not be read again for the next pod."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from argosy.clock import Clock

KEPT_SECONDS = 30.0
_MOST = 2_000

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Remembering(Generic[Key, Value]):
    """Answers of `read`, each kept for a short time; a failure is not kept."""

    def __init__(self, read: Callable[[Key], Awaitable[Value]], *, clock: Clock, seconds: float = KEPT_SECONDS) -> None:
        self._seconds = seconds
        self._read = read
        self._clock = clock
        self._kept: dict[Key, tuple[float, Value]] = {}
        self._reading: dict[Key, asyncio.Lock] = {}

    async def get(self, key: Key) -> Value:
        """The answer for `key`, at most `seconds` old; who asks while it is being read waits for that answer."""
        if self._is_fresh(key):
            return self._kept[key][1]
        async with self._reading.setdefault(key, asyncio.Lock()):
            if not self._is_fresh(key):
                answer = await self._read(key)
                if len(self._kept) >= _MOST:
                    self._kept.clear()
                    self._reading.clear()
                self._kept[key] = (self._clock.now(), answer)
            return self._kept[key][1]

    def _is_fresh(self, key: Key) -> bool:
        return key in self._kept and 0 <= self._clock.now() - self._kept[key][0] < self._seconds
