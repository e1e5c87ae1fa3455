"""Archives that nobody in good faith would make are refused, and leave nothing outside."""

from pathlib import Path

import pytest

from controller.artifacts.contract import ArtifactError
from controller.artifacts.packing import unpack
from tests.support.hostile_archives import ARCHIVES, HostileArchive

HERE = [archive for archive in ARCHIVES if not archive.limits]  # the others are small ones for a program with lowered limits


@pytest.mark.parametrize("archive", HERE, ids=lambda archive: archive.name)
def test_a_hostile_archive_is_refused(archive: HostileArchive, tmp_path: Path) -> None:
    packed, target = tmp_path / "packed", tmp_path / "inside" / "target"
    packed.write_bytes(archive.make())
    target.parent.mkdir()
    with pytest.raises(ArtifactError):
        unpack(packed, target, archive=archive.kind)
    assert {path.name for path in tmp_path.iterdir()} == {"packed", "inside"}
    assert not Path("/tmp/owned").exists()
