"""Remembers how images start: a step of a thousand asks its registry once, and a failing registry is left in peace."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, TypeAlias

from argosy.clock import Clock
from argosy.errors import SpecError, Unavailable
from controller.images.contract import Entrypoints, ImageCommand
from controller.images.references import read_reference

_TAG_SECONDS: Final = 600.0  # a tag may be given to another image
_REFUSED_SECONDS: Final = 10.0
_UNAVAILABLE_SECONDS: Final = 5.0
_MOST: Final = 1000
_Key: TypeAlias = tuple[str, str, str, tuple[str, ...]]  # what one may read of an image, another may not


@dataclass(frozen=True, slots=True)
class _Answer:
    command: ImageCommand
    until: float
    refused: tuple[str, str] | None = None  # place and text of a SpecError
    unavailable: str = ""

    def told(self) -> ImageCommand:
        if self.refused is not None:
            raise SpecError(*self.refused)
        if self.unavailable:
            raise Unavailable(self.unavailable)
        return self.command


class Kept:
    """The answers of `entrypoints`, each asked for once at a time and kept for a while."""

    def __init__(self, entrypoints: Entrypoints, *, clock: Clock) -> None:
        self._entrypoints = entrypoints
        self._clock = clock
        self._answers: OrderedDict[_Key, _Answer] = OrderedDict()
        self._asking: dict[_Key, asyncio.Lock] = {}

    async def command_of(
        self, image: str, *, namespace: str, service_account: str, pull_secrets: tuple[str, ...],
    ) -> ImageCommand:
        """ENTRYPOINT and CMD of the image. Raises SpecError, Unavailable."""
        key = (image, namespace, service_account, pull_secrets)
        answer = self._known(key)
        if answer is None:
            answer = await self._asked_once(key)
        return answer.told()

    async def _asked_once(self, key: _Key) -> _Answer:
        """Whoever comes while the question is under way waits for its answer."""
        try:
            async with self._asking.setdefault(key, asyncio.Lock()):
                answer = self._known(key)
                if answer is None:
                    answer = await self._ask(key)
                    self._keep(key, answer)
                return answer
        finally:
            self._asking.pop(key, None)

    def _known(self, key: _Key) -> _Answer | None:
        answer = self._answers.get(key)
        if answer is None or answer.until <= self._clock.now():
            return None
        self._answers.move_to_end(key)
        return answer

    def _keep(self, key: _Key, answer: _Answer) -> None:
        self._answers[key] = answer
        self._answers.move_to_end(key)
        while len(self._answers) > _MOST:
            self._answers.popitem(last=False)

    async def _ask(self, key: _Key) -> _Answer:
        image, namespace, service_account, pull_secrets = key
        nothing = ImageCommand()
        try:
            command = await self._entrypoints.command_of(
                image, namespace=namespace, service_account=service_account, pull_secrets=pull_secrets)
        except SpecError as error:
            return _Answer(nothing, self._clock.now() + _REFUSED_SECONDS, refused=(error.path, error.text))
        except Unavailable as error:
            seconds = max(_UNAVAILABLE_SECONDS, error.retry_after_seconds or 0.0)
            return _Answer(nothing, self._clock.now() + seconds, unavailable=str(error))
        return _Answer(command, float("inf") if read_reference(image).pinned else self._clock.now() + _TAG_SECONDS)
