"""Services start in order, each after the one before is ready, and end last first."""

import asyncio

import pytest

from argosy.lifecycle import running


class Told:
    """A service that notes what happens to it."""

    def __init__(self, name: str, diary: list[str], *, fails: str = "") -> None:
        self.name, self.diary, self.fails = name, diary, fails

    async def run(self, ready: asyncio.Event) -> None:
        self.diary.append(f"{self.name} starts")
        if self.fails == "at once":
            raise OSError("no room")
        await asyncio.sleep(0)
        ready.set()
        try:
            if self.fails == "later":
                raise OSError("lost")
            await asyncio.Event().wait()
        finally:
            self.diary.append(f"{self.name} ends")


async def test_they_start_in_order_and_end_last_first() -> None:
    diary: list[str] = []
    async with running([Told("a", diary), Told("b", diary)]):
        diary.append("inside")
    assert diary == ["a starts", "b starts", "inside", "b ends", "a ends"]


async def test_one_that_cannot_start_ends_those_before_it() -> None:
    diary: list[str] = []
    with pytest.raises(BaseExceptionGroup) as error:
        async with running([Told("a", diary), Told("b", diary, fails="at once")]):
            diary.append("never inside")
    assert error.group_contains(OSError, match="no room")
    assert diary == ["a starts", "b starts", "a ends"]


async def test_one_that_fails_later_ends_the_block() -> None:
    diary: list[str] = []
    with pytest.raises(BaseExceptionGroup) as error:
        async with running([Told("a", diary), Told("b", diary, fails="later")]):
            await asyncio.Event().wait()
    assert error.group_contains(OSError, match="lost")
    assert diary[-1] == "a ends"
