"""Archives that nobody in good faith would make are refused with a clear message, and leave nothing behind."""

import json
from typing import Any

import pytest

from controller.pods.assignment import ArtifactIn, Assignment
from tests.support.hostile_archives import ARCHIVES, HostileArchive


@pytest.mark.parametrize(("archive", "packing"), [
    (archive, packing) for archive in ARCHIVES for packing in ("said", "looked at")
    if (archive.kind, packing) != ("zip", "looked at")  # nobody takes a zip for more than a file unless it is said
], ids=lambda value: getattr(value, "name", value))
async def test_a_hostile_archive_is_refused(executor: Any, store: Any, archive: HostileArchive, packing: str) -> None:
    store.objects["in"] = archive.make()
    said = archive.kind if packing == "said" else ""
    wanted = ArtifactIn("data", str(executor.folder / "place" / "data"), "in", archive=said, url=f"{store.url}/in")
    before = sorted(executor.folder.parent.rglob("*"))
    ended = await executor.run(Assignment(artifacts_in=(wanted,)), "echo", "never", env=archive.limits)
    assert (ended.code, ended.stdout) == (128, b"")
    assert ended.handover.error.startswith("input artifact 'data': the archive is ")
    assert archive.words in ended.handover.error
    after = set(executor.folder.parent.rglob("*")) - set(before)
    assert {path.name for path in after} == {"assignment.json", "message", "place"}


def test_the_corpus_is_large_enough() -> None:
    assert len(ARCHIVES) >= 20
    assert len({archive.name for archive in ARCHIVES}) == len(ARCHIVES)


async def test_the_refusal_is_short_enough_for_the_message_even_if_the_name_is_not(executor: Any, store: Any) -> None:
    hostile = next(archive for archive in ARCHIVES if archive.name == "tar-parent-in-a-long-name")
    store.objects["in"] = hostile.make()
    wanted = ArtifactIn("x" * 3000, str(executor.folder / "data"), "in", url=f"{store.url}/in")
    ended = await executor.run(Assignment(artifacts_in=(wanted,)), "true")
    assert len(ended.message) <= 4096
    assert json.loads(ended.message)["error"].startswith("input artifact 'xxx")
