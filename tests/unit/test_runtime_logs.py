"""Logs on disk: written as container runtimes do, bounded, and read back in the ways people ask for."""

import asyncio
from pathlib import Path

import pytest

from argosy.clock import SystemClock
from argosy.embedded.pods import logs
from argosy.embedded.pods.shim import logfile
from argosy.embedded.pods.shim.logfile import LogFile
from argosy.embedded.store import EmbeddedKube
from argosy.kube.contract import BadRequest, NotFound

MAIN = Path("default/pod/uid")


def store_on(folder: Path) -> logs.LogStore:
    kube = EmbeddedKube.open(":memory:", clock=SystemClock())
    return logs.LogStore(kube, folder, clock=SystemClock(), life_of=lambda _: None)


async def read(store: logs.LogStore, **options: object) -> str:
    given = {"container": "", "follow": False, "tail_lines": None, "since_seconds": None, "timestamps": False, **options}
    return b"".join([piece async for piece in store.read("pod", namespace="default", **given)]).decode()  # type: ignore[arg-type]  # options by name


async def test_pieces_of_a_line_are_put_together_again(tmp_path: Path) -> None:
    log = LogFile(str(tmp_path / MAIN / "main.log"))
    for piece in (b"one\ntw", b"o\nthr", b"ee", b"\n", b"\n", b"end"):
        log.write("stdout", piece)
    log.close()
    assert await read(store_on(tmp_path)) == "one\ntwo\nthree\n\nend"
    stamped = await read(store_on(tmp_path), timestamps=True)
    assert [line.split(" ", 1)[1] for line in stamped.split("\n")] == ["one", "two", "three", "", "end"]


async def test_the_streams_mix_line_by_line_and_a_very_long_line_stays_whole(tmp_path: Path) -> None:
    log = LogFile(str(tmp_path / MAIN / "main.log"))
    log.write("stderr", b"cannot ")
    log.write("stdout", b"fine\n")
    log.write("stderr", b"do\n")
    for _ in range(5):
        log.write("stdout", b"x" * 10_000)
    log.write("stdout", b"\n")
    log.close()
    assert await read(store_on(tmp_path)) == "fine\ncannot do\n" + "x" * 50_000 + "\n"


@pytest.mark.parametrize("lines", range(9))
async def test_the_tail_counts_the_containers_own_lines(tmp_path: Path, lines: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_CHUNK", 50)
    log = LogFile(str(tmp_path / MAIN / "main.log"))
    for piece in (b"a\nb", b"b", b"b\nc\n", b"d", b"d\ne\nf\n", b"last"):
        log.write("stdout", piece)
    log.close()
    whole = ["a", "bbb", "c", "dd", "e", "f", "last"]
    assert await read(store_on(tmp_path), tail_lines=lines) == "\n".join(whole[-lines:] if lines else [])


@pytest.mark.parametrize("lines", [1, 5, 40, 60, 1000])
async def test_a_long_log_keeps_its_end_in_two_files_and_says_so(
    tmp_path: Path, lines: int, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logfile, "FILE_MOST", 2000)
    log = LogFile(str(tmp_path / MAIN / "main.log"))
    for number in range(300):
        log.write("stdout", b"line %d\n" % number)
    log.close()
    assert sum(file.stat().st_size for file in (tmp_path / MAIN).iterdir()) < 5000
    text = (await read(store_on(tmp_path), tail_lines=lines)).splitlines()
    assert text[-1] == "line 299"
    if lines == 1000:
        assert text[0].startswith("argosy: this log is long: only its last")
    own = [int(line.removeprefix("line ")) for line in text if line.startswith("line ")]
    assert own == list(range(own[0], 300))
    assert len(text) == min(lines, len(text))


async def test_since_leaves_out_what_is_older(tmp_path: Path) -> None:
    place = tmp_path / MAIN / "main.log"
    log = LogFile(str(place))
    log.write("stdout", b"new\n")
    log.close()
    place.write_bytes(b"2020-01-01T00:00:00.000000000Z stdout F old\n" + place.read_bytes())
    assert await read(store_on(tmp_path), since_seconds=3600) == "new\n"
    assert await read(store_on(tmp_path)) == "old\nnew\n"


async def test_a_pod_of_several_containers_wants_one_to_be_named(tmp_path: Path) -> None:
    for name in ("a", "b"):
        log = LogFile(str(tmp_path / MAIN / f"{name}.log"))
        log.write("stdout", name.encode())
        log.close()
    with pytest.raises(BadRequest, match=r"a container name must be specified for pod pod, choose one of: \[a b\]"):
        await read(store_on(tmp_path))
    with pytest.raises(BadRequest, match="container c is not valid for pod pod"):
        await read(store_on(tmp_path), container="c")
    assert await read(store_on(tmp_path), container="b") == "b"


@pytest.mark.parametrize("name", ["none", "..", "../../etc"])
async def test_a_pod_that_never_was_is_not_found(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFound):
        async for _ in store_on(tmp_path).read(name, namespace="default", container="", follow=False, tail_lines=None,
                                               since_seconds=None, timestamps=False):
            pass


async def test_the_oldest_logs_go_first_and_those_of_living_pods_stay(tmp_path: Path) -> None:
    import os

    for age, uid in enumerate(("old", "alive", "new")):
        home = tmp_path / "default" / uid / uid
        home.mkdir(parents=True)
        (home / "main.log").write_bytes(bytes(1000))
        os.utime(home, (age, age))
    await asyncio.to_thread(logs.prune, tmp_path, most_bytes=2500, alive=["alive"])
    assert {path.name for path in (tmp_path / "default").iterdir()} == {"alive", "new"}
    await asyncio.to_thread(logs.prune, tmp_path, most_bytes=0, alive=["alive"])
    assert {path.name for path in (tmp_path / "default").iterdir()} == {"alive"}


