"""The store on disk: what survives, what is refused, and what happens when the disk says no."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from argosy.clock import SystemClock
from argosy.embedded.store import EmbeddedKube, StoreUnreadable
from argosy.errors import Unavailable
from argosy.kube.contract import Expired, NotFound
from argosy.kube.resources import CONFIG_MAPS, NAMESPACES

WRITER = textwrap.dedent("""
    import asyncio, sys
    from argosy.clock import SystemClock
    from argosy.embedded.store import EmbeddedKube
    from argosy.kube.resources import CONFIG_MAPS

    async def work(kube, lane):
        number = 0
        while True:
            name = f"lane-{lane}-{number}"
            made = await kube.create(CONFIG_MAPS, {"metadata": {"name": name}, "data": {"v": "0"}}, namespace="kill")
            print("C", name, made["metadata"]["resourceVersion"], flush=True)
            made = await kube.patch(CONFIG_MAPS, name, {"data": {"v": "1" * 500}}, namespace="kill")
            print("P", name, made["metadata"]["resourceVersion"], flush=True)
            if number % 3 == 0:
                await kube.delete(CONFIG_MAPS, name, namespace="kill")
                print("D", name, 0, flush=True)
            number += 1

    async def main():
        kube = EmbeddedKube.open(sys.argv[1], clock=SystemClock(), durable=sys.argv[3] == "durable")
        start = int(sys.argv[2])
        await asyncio.gather(*(work(kube, f"{start}-{lane}") for lane in range(4)))

    asyncio.run(main())
""")


def opened(path: Path, **options: Any) -> EmbeddedKube:
    return EmbeddedKube.open(path, clock=SystemClock(), **options)


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "data": data}


@pytest.mark.parametrize("durable", ["durable", "fast"])
async def test_every_acknowledged_write_survives_being_killed(tmp_path: Path, durable: str) -> None:
    path, chance = tmp_path / "objects.db", random.Random(7)
    expected: dict[str, tuple[str, str]] = {}
    for round_ in range(5):
        lines = _killed_after(path, round_, lines=chance.randrange(5, 250), durable=durable)
        for verb, name, version in lines:
            expected[name] = (verb, version)
        kube = opened(path)
        items = {item["metadata"]["name"]: item for item in (await kube.list(CONFIG_MAPS, namespace="kill")).items}
        kube.close()
        for name, (verb, version) in expected.items():
            if verb != "D":
                assert name in items or _may_be_deleted(verb, name), f"{name} is lost"
            else:
                assert name not in items, f"{name} has come back"
            if name in items:
                assert int(items[name]["metadata"]["resourceVersion"]) >= int(version), f"{name} is an older version"


def _may_be_deleted(verb: str, name: str) -> bool:
    """The last word on it was a change, and the deletion that followed may have been done and not yet told."""
    return verb == "P" and int(name.rpartition("-")[2]) % 3 == 0


def _killed_after(path: Path, start: int, *, lines: int, durable: str) -> list[tuple[str, str, str]]:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(start), durable], stdout=subprocess.PIPE,
                          text=True, cwd=Path(__file__).parents[2]) as writer:
        assert writer.stdout is not None
        told = [writer.stdout.readline() for _ in range(lines)]
        os.kill(writer.pid, signal.SIGKILL)
        told += writer.stdout.readlines()
    words = [line.split() for line in told if line.endswith("\n")]
    assert len(words) >= lines, "the writer ended by itself"
    return [(verb, name, version) for verb, name, version in words]


async def test_objects_and_their_versions_are_there_after_opening_again(tmp_path: Path) -> None:
    kube = opened(tmp_path / "objects.db")
    made = await kube.create(CONFIG_MAPS, config_map("a", x="1"), namespace="default")
    kube.close()
    kube = opened(tmp_path / "objects.db")
    assert await kube.get(CONFIG_MAPS, "a", namespace="default") == made
    later = await kube.create(CONFIG_MAPS, config_map("b"), namespace="default")
    assert int(later["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
    kube.close()


async def test_a_watch_goes_on_over_a_restart(tmp_path: Path) -> None:
    kube = opened(tmp_path / "objects.db")
    seen = await kube.create(CONFIG_MAPS, config_map("a"), namespace="default")
    await kube.patch(CONFIG_MAPS, "a", {"data": {"x": "1"}}, namespace="default")
    await kube.create(CONFIG_MAPS, config_map("b"), namespace="default")
    await kube.delete(CONFIG_MAPS, "b", namespace="default")
    kube.close()
    kube = opened(tmp_path / "objects.db")
    await kube.create(CONFIG_MAPS, config_map("c"), namespace="default")
    async with aclosing(kube.watch(CONFIG_MAPS, resource_version=seen["metadata"]["resourceVersion"])) as events:
        told = [(event.type, event.object["metadata"]["name"]) for event in [await anext(events) for _ in range(4)]]
    assert told == [("MODIFIED", "a"), ("ADDED", "b"), ("DELETED", "b"), ("ADDED", "c")]
    kube.close()


async def test_dependents_of_an_owner_deleted_just_before_the_end_are_collected_after_it(tmp_path: Path) -> None:
    kube = opened(tmp_path / "objects.db")
    owner = await kube.create(CONFIG_MAPS, config_map("owner"), namespace="default")
    child = config_map("child")
    child["metadata"]["ownerReferences"] = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}]
    made = await kube.create(CONFIG_MAPS, child, namespace="default")
    kube._collector.stop()  # the process ends before the collector has its turn
    await kube.delete(CONFIG_MAPS, "owner", namespace="default")
    kube.close()
    kube = opened(tmp_path / "objects.db")
    watch = kube.watch(CONFIG_MAPS, resource_version=made["metadata"]["resourceVersion"])
    async with asyncio.timeout(20), aclosing(watch) as events:
        assert [(await anext(events)).object["metadata"]["name"] for _ in range(2)] == ["owner", "child"]
    kube.close()


async def test_a_namespace_half_deleted_goes_on_going_after_a_restart(tmp_path: Path) -> None:
    kube = opened(tmp_path / "objects.db")
    await kube.create(CONFIG_MAPS, config_map("a"), namespace="doomed")
    kube._collector.stop()
    await kube.delete(NAMESPACES, "doomed")
    kube.close()
    kube = opened(tmp_path / "objects.db")
    async with asyncio.timeout(20), aclosing(kube.watch(NAMESPACES, field_selector="metadata.name=doomed")) as events:
        async for event in events:
            if event.type == "DELETED":
                break
    assert (await kube.list(CONFIG_MAPS, namespace="doomed")).items == []
    kube.close()


async def test_old_versions_leave_the_file_and_the_rest_is_whole(tmp_path: Path) -> None:
    kube = opened(tmp_path / "objects.db", durable=False)
    kept = await kube.create(CONFIG_MAPS, config_map("kept"), namespace="default")
    await kube.create(CONFIG_MAPS, config_map("busy"), namespace="default")
    for number in range(40):
        await kube.patch(CONFIG_MAPS, "busy", {"data": {"x": str(number) + "x" * 3_000_000}}, namespace="default")
    kube.close()
    assert (tmp_path / "objects.db").stat().st_size < 120_000_000
    kube = opened(tmp_path / "objects.db")
    assert await kube.get(CONFIG_MAPS, "kept", namespace="default")
    assert (await kube.get(CONFIG_MAPS, "busy", namespace="default"))["data"]["x"].startswith("39x")
    with pytest.raises(Expired):
        await anext(kube.watch(CONFIG_MAPS, resource_version=kept["metadata"]["resourceVersion"]))
    kube.close()


async def test_two_processes_cannot_share_a_store(tmp_path: Path) -> None:
    kube = opened(tmp_path / "objects.db")
    with pytest.raises(StoreUnreadable, match="another process is using this store"):
        opened(tmp_path / "objects.db")
    kube.close()
    opened(tmp_path / "objects.db").close()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "objects.db"
    path.write_bytes(b"this is not a database, it is a poem\n" * 200)
    with pytest.raises(StoreUnreadable, match=r"cannot be read.*move the file away"):
        opened(path)
    assert path.read_bytes().startswith(b"this is not")


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "objects.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    with pytest.raises(StoreUnreadable, match="database of another program"):
        opened(path)


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "objects.db"
    opened(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(StoreUnreadable, match=r"format 9.*reads format 1"):
        opened(path)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "objects.db"
    opened(path).close()
    content = bytearray(path.read_bytes())
    content[100:] = b"\xff" * (len(content) - 100)
    path.write_bytes(content)
    with pytest.raises(StoreUnreadable, match="cannot be read"):
        opened(path)


def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    opened(tmp_path / "objects.db").close()
    assert (tmp_path / "objects.db").stat().st_mode & 0o077 == 0


async def test_a_full_disk_refuses_the_write_and_the_store_goes_on(tmp_path: Path) -> None:
    kube = opened(tmp_path / "objects.db")
    kept = await kube.create(CONFIG_MAPS, config_map("kept"), namespace="default")
    writer = kube._ledger._journal._writer  # type: ignore[attr-defined]  # the journal here is the one on disk
    pages = writer.execute("PRAGMA page_count").fetchone()[0]
    writer.execute(f"PRAGMA max_page_count = {pages + 2}")
    outcomes = await asyncio.gather(
        *(kube.create(CONFIG_MAPS, config_map(f"big{number}", x="x" * 50_000), namespace="default") for number in range(3)),
        return_exceptions=True)
    assert all(isinstance(outcome, Unavailable) and "full" in str(outcome) for outcome in outcomes)
    with pytest.raises(NotFound):
        await kube.get(CONFIG_MAPS, "big0", namespace="default")
    assert await kube.get(CONFIG_MAPS, "kept", namespace="default") == kept
    writer.execute("PRAGMA max_page_count = 1000000")
    await kube.create(CONFIG_MAPS, config_map("big0", x="x" * 50_000), namespace="default")
    assert len((await kube.list(CONFIG_MAPS, namespace="default")).items) == 2
    kube.close()


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    for path in (tmp_path / "objects.db", ":memory:"):
        kube = EmbeddedKube.open(path, clock=SystemClock())
        await kube.create(CONFIG_MAPS, config_map("a"), namespace="default")
        kube.close()
        with pytest.raises(Unavailable, match="closed"):
            await kube.create(CONFIG_MAPS, config_map("b"), namespace="default")
        with pytest.raises(Unavailable, match="closed"):
            await kube.get(CONFIG_MAPS, "a", namespace="default")


async def test_closing_ends_the_watches(tmp_path: Path) -> None:
    kube = opened(tmp_path / "objects.db")

    async def follow() -> int:
        return len([event async for event in kube.watch(CONFIG_MAPS)])

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        watch = group.create_task(follow())
        await kube.create(CONFIG_MAPS, config_map("a"), namespace="default")
        kube.close()
    assert watch.result() <= 1


async def test_a_burst_of_writes_shares_commits(tmp_path: Path) -> None:
    kube = opened(tmp_path / "objects.db")
    await kube.create(CONFIG_MAPS, config_map("first"), namespace="default")
    commits: list[int] = []
    tell = kube._ledger._journal._on_committed  # type: ignore[attr-defined]  # the journal here is the one on disk

    def counting(rev: int) -> None:
        commits.append(rev)
        tell(rev)

    kube._ledger._journal.connect(counting, lambda error: None)
    await asyncio.gather(*(kube.create(CONFIG_MAPS, config_map(f"n{number}"), namespace="default") for number in range(200)))
    assert len(commits) < 100
    kube.close()
