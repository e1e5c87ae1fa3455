"""The user's command under the executor: its exit code, its signals, its output, its environment."""

import asyncio
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from controller.pods.assignment import Assignment, ParameterOut, StagedFile


async def test_the_exit_code_is_the_commands_own(executor: Any) -> None:
    ended = await executor.run(Assignment(), "sh", "-c", "exit 7")
    assert (ended.code, ended.handover.started) == (7, True)
    assert ended.handover.error == ""


async def test_a_command_ended_by_a_signal_gives_128_and_its_number(executor: Any) -> None:
    assert (await executor.run(Assignment(), "sh", "-c", "kill -9 $$")).code == 137


async def test_a_signal_reaches_every_process_of_the_command(executor: Any) -> None:
    child = "trap 'echo child too; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    script = f"trap 'wait; echo got it; exit 5' TERM; sh -c \"{child}\" & wait"
    process = await executor.start(Assignment(), "sh", "-c", script)
    assert await process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGTERM)
    ended = await executor.end(process)
    assert ended.code == 5
    assert ended.stdout == b"child too\ngot it\n"


async def test_stdout_passes_through_and_becomes_the_result_without_one_newline(executor: Any) -> None:
    ended = await executor.run(Assignment(result=True), "printf", "a\\n\\n")
    assert ended.stdout == b"a\n\n"
    assert ended.handover.result == "a\n"


async def test_stderr_is_no_part_of_the_result(executor: Any) -> None:
    ended = await executor.run(Assignment(result=True), "sh", "-c", "echo out; echo err >&2")
    assert (ended.handover.result, ended.stderr) == ("out", "err\n")


async def test_a_result_that_is_no_text_is_made_one(executor: Any) -> None:
    ended = await executor.run(Assignment(result=True), "printf", "a\\377\\0b\\303\\251")
    assert ended.handover.result == "a\ufffd\0b\u00e9"


async def test_without_a_wish_for_the_result_none_is_kept(executor: Any) -> None:
    ended = await executor.run(Assignment(), "echo", "hello")
    assert (ended.stdout, ended.handover.result) == (b"hello\n", None)


async def test_all_output_passes_through_even_if_only_its_end_is_kept(executor: Any) -> None:
    ended = await executor.run(Assignment(result=True), "sh", "-c", "seq 1 200000")
    assert ended.stdout == b"".join(b"%d\n" % number for number in range(1, 200_001))
    assert "nothing is set up for larger ones" in ended.handover.error


async def test_output_passes_whole_through_a_pipe_that_does_not_wait(executor: Any, program: Any) -> None:
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    env = {"PATH": os.defpath, "ARGOSY_ASSIGNMENT_JSON": '{"result": true}', "ARGOSY_TERMINATION_MESSAGE": "/dev/null"}
    process = await asyncio.create_subprocess_exec(program, "--", "seq", "1", "100000", stdout=writing, env=env)
    os.close(writing)
    os.set_blocking(reading, True)

    def read_all() -> bytes:
        with os.fdopen(reading, "rb") as file:
            return file.read()

    whole = await asyncio.to_thread(read_all)
    assert (await process.wait(), len(whole)) == (0, 588_895)


async def test_a_process_left_behind_does_not_hold_the_step(executor: Any) -> None:
    ended = await executor.run(Assignment(result=True), "sh", "-c", "sleep 1000 & echo done")
    assert ended.handover.result == "done"


async def test_the_command_sees_its_environment_but_not_ours(executor: Any) -> None:
    env = {"MINE": "1", "ARGOSY_SERVER": "the user's", "ARGOSY_TOKEN_FILE": "/x",
           "ARGOSY_ASSIGNMENT_JSON": '{"result": true}'}
    ended = await executor.run(Assignment(), "env", env=env)
    names = {line.split("=")[0] for line in ended.handover.result.split("\n")}
    assert names == {"PATH", "MINE", "ARGOSY_SERVER"}


async def test_a_program_that_the_image_lacks_is_named(executor: Any) -> None:
    ended = await executor.run(Assignment(), "no-such-program")
    assert ended.code == 127
    assert (ended.handover.error, ended.handover.started) == ("", True)  # the step's own failure, as without us
    assert ended.handover.message == "cannot run 'no-such-program': no such program in the image"


async def test_a_script_without_a_first_line_is_told_so(executor: Any) -> None:
    script = StagedFile(str(executor.folder / "script"), "echo hello\n", 0o755)
    ended = await executor.run(Assignment(files=(script,)), str(executor.folder / "script"))
    assert ended.code == 126
    assert "needs a first line such as #!/bin/sh" in ended.handover.message


async def test_staged_files_lie_there_before_the_command_starts(executor: Any) -> None:
    path = executor.folder / "a" / "b" / "script"
    file = StagedFile(str(path), "#!/bin/sh\necho staged\n", 0o750)
    ended = await executor.run(Assignment(files=(file,), result=True), str(path))
    assert ended.handover.result == "staged"
    assert path.stat().st_mode & 0o777 == 0o750


async def test_a_file_that_cannot_be_laid_ends_the_step_before_its_command(executor: Any) -> None:
    ended = await executor.run(Assignment(files=(StagedFile("/proc/nowhere/file", "x"),)), "echo", "never")
    assert (ended.code, ended.stdout, ended.handover.started) == (128, b"", False)
    assert ended.handover.error.startswith("cannot make the folder /proc/nowhere")


async def test_output_parameters_are_read_and_missing_ones_named(executor: Any) -> None:
    folder = executor.folder
    defaults = {"a": None, "b": "else", "c": None}
    wanted = tuple(ParameterOut(name, f"{folder}/{name}", default) for name, default in defaults.items())
    ended = await executor.run(Assignment(parameters=wanted), "sh", "-c", "printf 'x\\n\\n' > a")
    assert ended.code == 0
    assert ended.handover.parameters == {"a": "x\n", "b": "else"}
    assert ended.handover.error == (f"cannot read output parameter 'c': the container left no file {folder}/c; "
                                    "write that file, or give valueFrom.default")


async def test_a_fifo_in_a_parameters_place_holds_nobody(executor: Any) -> None:
    ended = await executor.run(Assignment(parameters=(ParameterOut("a", f"{executor.folder}/a"),)), "mkfifo", "a")
    assert ended.handover.error.endswith("it is no regular file")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": [{"path": "", "text": ""}]}', '{"files": 1}', '{"result": "yes"}'])
async def test_a_malformed_assignment_is_told_in_words(executor: Any, text: str) -> None:
    ended = await executor.run(text, "echo", "never")
    assert (ended.code, ended.stdout) == (128, b"")
    assert ended.handover.error.startswith("the assignment cannot be read: ")


async def test_without_an_assignment_the_missing_setting_is_named(executor: Any) -> None:
    ended = await executor.run("{}", "true", env={"ARGOSY_ASSIGNMENT": "/no/such/file"})
    assert ended.handover.error == "cannot read the assignment in /no/such/file: no such file or directory"


async def test_without_a_command_the_usage_is_shown(executor: Any) -> None:
    ended = await executor.run("{}", options=("--help",))
    assert (ended.code, ended.message) == (64, "")
    assert ended.stderr.startswith("usage: argosy-executor")


async def test_a_sidecar_ends_when_the_main_container_has_ended(executor: Any) -> None:
    env = {"ARGOSY_MAIN_ENDED": str(executor.folder / "ended")}
    sidecar = await executor.start("{}", "sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done",
                                   env=env, options=("--sidecar",))
    assert await sidecar.stdout.readline() == b"ready\n"
    main = await executor.run(Assignment(), "sh", "-c", "test ! -e ended", env=env)
    assert main.code == 0
    assert (await executor.end(sidecar)).code == 0


async def test_a_sidecar_ends_also_when_the_main_container_was_killed(executor: Any) -> None:
    env = {"ARGOSY_MAIN_ENDED": str(executor.folder / "ended")}
    main = await executor.start(Assignment(), "sh", "-c", "echo here; exec sleep 60 > /dev/null 2>&1", env=env)
    assert await main.stdout.readline() == b"here\n"
    sidecar = await executor.start("{}", "sleep", "60", env=env, options=("--sidecar",))
    main.kill()  # as where memory has run out
    assert (await executor.end(main)).code == -9
    assert (await executor.end(sidecar)).code == 0
    assert not (executor.folder / "ended").exists()


async def test_what_is_still_on_its_way_when_the_command_ends_is_kept(executor: Any) -> None:
    for _ in range(10):
        ended = await executor.run(Assignment(result=True), "sh", "-c", "(echo late) & exit 0")
        assert ended.handover.result == "late"


_UNSHARE = [shutil.which("unshare") or "unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]


@pytest.fixture(scope="module")
def unshare() -> list[str]:
    """What begins a command that is the first process of a PID namespace."""
    if not shutil.which("unshare") or subprocess.run([*_UNSHARE, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody make a PID namespace")
    return _UNSHARE


async def test_as_first_process_it_reaps_orphans_and_ends_what_is_left(
    program: Any, unshare: list[str], tmp_path: Any,
) -> None:
    # An orphan ends while the command runs: if nobody reaped it, it would still be listed, as a zombie.
    script = ("(sh -c 'echo $$ > orphan' &) ; until test -s orphan; do :; done; "
              "while test -e /proc/$(cat orphan); do :; done; sleep 1000 & echo $$")
    env = {"PATH": os.defpath, "ARGOSY_ASSIGNMENT_JSON": '{"result": true}',
           "ARGOSY_TERMINATION_MESSAGE": str(tmp_path / "message")}
    process = await asyncio.create_subprocess_exec(
        *unshare, program, "--", "sh", "-c", script, cwd=tmp_path, stdout=subprocess.PIPE, env=env)
    stdout, _ = await process.communicate()
    assert (process.returncode, stdout) == (0, b"2\n")


# ---- the assignment ----


def test_an_assignment_too_large_for_one_variable_comes_in_pieces(program: Path, tmp_path: Path) -> None:
    script, message = tmp_path / "script", tmp_path / "message"
    work = Assignment(files=(StagedFile(str(script), "x" * 150_000 + "é"),)).to_json()
    pieces = {f"ARGOSY_ASSIGNMENT_JSON{f'_{number}' if number else ''}": work[number * 100_000:][:100_000]
              for number in range(len(work) // 100_000 + 1)}
    env = {"PATH": os.defpath, "ARGOSY_TERMINATION_MESSAGE": str(message), **pieces}
    ended = subprocess.run([program, "--", "env"], env=env, capture_output=True, check=True)
    assert script.read_text() == "x" * 150_000 + "é"
    assert b"ARGOSY" not in ended.stdout
