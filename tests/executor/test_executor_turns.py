"""Containers of a set under the executor: each starts in its turn, and tells how it ended whatever ends it."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from controller.pods.assignment import Assignment, ParameterOut
from tests.executor.conftest import Ended, Executor


@pytest.fixture
def member(program: Path, tmp_path: Path) -> Callable[..., Any]:
    """Start the executor as one container of a set."""

    async def start(name: str, script: str, *, after: tuple[str, ...] = (), others: tuple[str, ...] = (), retries: int = 0,
                    hands_over: bool = False, **assignment: Any) -> tuple[Executor, asyncio.subprocess.Process]:
        folder = tmp_path / name
        folder.mkdir()
        turn = {"folder": str(tmp_path), "name": name, "after": after, "others": others, "retries": retries,
                "wait_seconds": 0.01, "hands_over": hands_over}
        executor = Executor(program, folder)
        return executor, await executor.start(Assignment(container=name, turn=turn, **assignment), "sh", "-c", script)

    return start


async def ends(*started: tuple[Executor, asyncio.subprocess.Process]) -> list[Ended]:
    async with asyncio.timeout(20):
        return list(await asyncio.gather(*(executor.end(process) for executor, process in started)))


async def test_a_container_starts_when_those_before_it_have_ended_well(member: Any, tmp_path: Path) -> None:
    said = tmp_path / "said"
    last = await member("c", f"echo c >> {said}", after=("a", "b"))
    second = await member("b", f"echo b >> {said}", after=("a",))
    first = await member("a", f"echo a >> {said}")
    assert [end.code for end in await ends(first, second, last)] == [0, 0, 0]
    assert said.read_text() == "a\nb\nc\n"


async def test_what_follows_a_failed_container_does_not_start(member: Any) -> None:
    _, second, third = await ends(await member("a", "exit 3"), await member("b", "echo ran", after=("a",), hands_over=True),
                                  await member("c", "echo ran", after=("b",)))
    assert (second.code, second.stdout, second.message) == (64, b"", 'dependency "a" exited with non-zero code: 3')
    assert (third.code, third.message) == (64, 'dependency "b" exited with non-zero code: 64')


async def test_a_container_that_was_killed_is_known_to_be_dead(member: Any) -> None:
    executor, process = await member("a", "echo up; sleep 1")
    assert await process.stdout.readline() == b"up\n"
    waiting = await member("b", "echo ran", after=("a",))
    process.kill()
    _, second = await ends((executor, process), waiting)
    assert (second.code, second.message) == (64, 'dependency "a" died without reporting exit code')


async def test_a_container_that_waits_for_its_turn_can_be_ended(member: Any) -> None:
    executor, process = await member("b", "echo ran", after=("a",))
    while not (executor.folder.parent / "b.lock").exists():
        await asyncio.sleep(0.001)
    process.send_signal(signal.SIGTERM)
    assert (await ends((executor, process)))[0].code == 143


async def test_outputs_are_gathered_once_all_others_have_ended(member: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    main = await member("main", "true", others=("late",), hands_over=True, parameters=(ParameterOut("p", str(out)),))
    late = await member("late", f"echo late > {out}", after=("main",))
    end, _ = await ends(main, late)
    assert end.handover.parameters == {"p": "late"}


async def test_a_failing_command_is_run_again(member: Any, tmp_path: Path) -> None:
    tries = tmp_path / "tries"
    end, = await ends(await member("main", f"echo x >> {tries}; wc -l < {tries}; [ $(wc -l < {tries}) = 3 ]", retries=2,
                                   hands_over=True, result=True))
    assert (end.code, end.handover.result) == (0, "1\n2\n3")
    end, = await ends(await member("other", "exit 5", retries=1))
    assert end.code == 5


async def test_a_container_that_hands_nothing_over_keeps_its_own_message(member: Any) -> None:
    end, = await ends(await member("a", 'echo "my words" > message; exit 2'))
    assert (end.code, end.message) == (2, "my words\n")


async def test_the_commands_own_message_is_part_of_what_is_handed_over(executor: Any) -> None:
    end = await executor.run(Assignment(result=True), "sh", "-c", 'echo "my words" > message; exit 2')
    assert (end.handover.message, end.handover.result) == ("my words\n", "")
