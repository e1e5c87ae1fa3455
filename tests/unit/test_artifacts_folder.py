"""The artifact store on a folder: what goes in comes out, and nothing hostile gets out of it."""

import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from controller.artifacts import packing
from controller.artifacts.contract import ArtifactError
from controller.artifacts.folder import FolderStore


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


def a_folder(place: Path) -> Path:
    (place / "deep" / "empty").mkdir(parents=True)
    (place / "deep" / "file").write_text("text")
    (place / "run").write_text("#!/bin/sh\n")
    (place / "run").chmod(0o755)
    (place / "link").symlink_to("deep/file")
    return place


@pytest.mark.parametrize("archive", ["tar", "zip", "none"])
def test_a_folder_comes_back_as_it_was(store: FolderStore, tmp_path: Path, archive: str) -> None:
    store.save(a_folder(tmp_path / "source"), "wf/step/out", archive=archive)
    store.load("wf/step/out", tmp_path / "target", archive=archive)
    assert (tmp_path / "target" / "deep" / "file").read_text() == "text"
    assert (tmp_path / "target" / "deep" / "empty").is_dir()
    assert (tmp_path / "target" / "link").readlink() == Path("deep/file")
    assert stat.S_IMODE((tmp_path / "target" / "run").stat().st_mode) == 0o755


@pytest.mark.parametrize("archive", ["tar", "zip", "none"])
def test_a_file_comes_back_under_the_targets_name(store: FolderStore, tmp_path: Path, archive: str) -> None:
    (tmp_path / "out.bin").write_bytes(bytes(range(256)))
    store.save(tmp_path / "out.bin", "k", archive=archive)
    store.load("k", tmp_path / "elsewhere" / "in.bin", archive=archive)
    assert (tmp_path / "elsewhere" / "in.bin").read_bytes() == bytes(range(256))


def test_saving_again_replaces_a_file_by_a_folder_and_back(store: FolderStore, tmp_path: Path) -> None:
    a_folder(tmp_path / "source")
    for source in ("source", "source/run", "source", "source"):
        store.save(tmp_path / source, "k", archive="none")
    store.load("k", tmp_path / "target")
    assert (tmp_path / "target" / "deep" / "file").exists()
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["k"]


def test_one_part_of_a_folder_can_be_taken(store: FolderStore, tmp_path: Path) -> None:
    store.save(a_folder(tmp_path / "source"), "k")
    store.load("k", tmp_path / "target", sub_path="deep/file")
    assert (tmp_path / "target").read_text() == "text"
    with pytest.raises(ArtifactError, match="has no 'other'"):
        store.load("k", tmp_path / "none", sub_path="other")
    with pytest.raises(ArtifactError, match="leads out"):
        store.load("k", tmp_path / "none", sub_path="../../etc/passwd")


def test_deleting_leaves_no_empty_folders_and_is_success_twice(store: FolderStore, tmp_path: Path) -> None:
    a_folder(tmp_path / "source")
    store.save(tmp_path / "source", "a/b/c")
    store.save(tmp_path / "source", "a/d", archive="none")
    store.delete("a/b/c")
    store.delete("a/b/c")
    assert not store.exists("a/b/c")
    assert store.exists("a/d")
    assert not (tmp_path / "store" / "a" / "b").exists()


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/./b", "a/.part-x", "a\0b", "x" * 300])
def test_a_key_that_leaves_the_store_is_refused(store: FolderStore, tmp_path: Path, key: str) -> None:
    with pytest.raises(ArtifactError, match="not allowed"):
        store.exists(key)


def test_a_link_in_the_store_leads_nowhere_else(store: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "a").symlink_to("/etc")
    with pytest.raises(ArtifactError, match="leads out of the store"):
        store.exists("a/passwd")


def test_what_cannot_be_saved_is_told_and_leaves_nothing(store: FolderStore, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="there is nothing at"):
        store.save(tmp_path / "none", "k")
    with pytest.raises(ArtifactError, match="write tar, zip or none"):
        store.save(tmp_path, "k", archive="rar")
    with pytest.raises(ArtifactError, match="no artifact at key 'k'"):
        store.load("k", tmp_path / "target")
    assert not any((tmp_path / "store").iterdir())


# ---- hostile archives ----


def tar_with(place: Path, *members: tarfile.TarInfo, data: bytes = b"data") -> Path:
    with tarfile.open(place, "w:gz") as tar:
        for member in members:
            member.size = len(data) if member.isreg() else 0
            tar.addfile(member, io.BytesIO(data))
    return place


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    return info


HOSTILE_TARS = {
    "an absolute path": [member("/etc/evil")],
    "a path with ..": [member("../evil")],
    "a path with .. inside": [member("a/../../evil")],
    "a link to an absolute path": [member("a", tarfile.SYMTYPE, "/etc")],
    "a link out": [member("d", tarfile.DIRTYPE), member("d/a", tarfile.SYMTYPE, "../../etc")],
    "a hard link out": [member("a", tarfile.LNKTYPE, "../../../etc/passwd")],
    "a hard link to an absolute path": [member("a", tarfile.LNKTYPE, "/etc/passwd")],
    "a file through a link": [member("d", tarfile.DIRTYPE), member("a", tarfile.SYMTYPE, "d"), member("a/evil")],
    "a chain of links": [member("a", tarfile.SYMTYPE, "b"), member("b", tarfile.SYMTYPE, ".."), member("a/evil")],
    "a character device": [member("a", tarfile.CHRTYPE)],
    "a block device": [member("a", tarfile.BLKTYPE)],
    "a FIFO": [member("a", tarfile.FIFOTYPE)],
}


@pytest.mark.parametrize("what", HOSTILE_TARS)
def test_a_hostile_tar_is_refused_whole(tmp_path: Path, what: str) -> None:
    archive = tar_with(tmp_path / "evil.tgz", member("good"), *HOSTILE_TARS[what])
    with pytest.raises(ArtifactError, match="refused"):
        packing.unpack(archive, tmp_path / "target", archive="tar")
    assert [path.name for path in tmp_path.iterdir()] == ["evil.tgz"]


@pytest.mark.parametrize("name", ["/evil", "../evil", "a/../../evil", "C:\\evil", "..\\evil"])
def test_a_hostile_zip_is_refused_whole(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as packed:
        packed.writestr("good", "x")
        packed.writestr(name, "x")
    with pytest.raises(ArtifactError, match="refused"):
        packing.unpack(tmp_path / "evil.zip", tmp_path / "target", archive="zip")
    assert [path.name for path in tmp_path.iterdir()] == ["evil.zip"]


def test_a_zip_with_a_link_out_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as packed:
        info = zipfile.ZipInfo("link")
        info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        packed.writestr(info, "/etc/passwd")
    with pytest.raises(ArtifactError, match="its link 'link' leads out"):
        packing.unpack(tmp_path / "evil.zip", tmp_path / "target", archive="zip")


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "_RATIO_FREE", 1 << 16)
    monkeypatch.setattr(packing, "RATIO_MOST", 100)
    tar_with(tmp_path / "bomb.tgz", member("zeros"), data=bytes(1 << 22))
    with pytest.raises(ArtifactError, match="more than a thousand times its size"):
        packing.unpack(tmp_path / "bomb.tgz", tmp_path / "target", archive="tar")
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("zeros", bytes(1 << 22))
    with pytest.raises(ArtifactError, match="more than a thousand times its size"):
        packing.unpack(tmp_path / "bomb.zip", tmp_path / "target", archive="zip")


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "MEMBERS_MOST", 3)
    tar_with(tmp_path / "many.tgz", *[member(f"f{number}") for number in range(5)])
    with pytest.raises(ArtifactError, match="or 3 files"):
        packing.unpack(tmp_path / "many.tgz", tmp_path / "target", archive="tar")


def test_damaged_archives_are_told_as_such(tmp_path: Path) -> None:
    good = tar_with(tmp_path / "good.tgz", member("a"), data=os.urandom(5000)).read_bytes()
    (tmp_path / "cut.tgz").write_bytes(good[: len(good) // 2])
    (tmp_path / "noise.tgz").write_bytes(os.urandom(500))
    for name in ("cut.tgz", "noise.tgz"):
        with pytest.raises(ArtifactError, match="cannot unpack"):
            packing.unpack(tmp_path / name, tmp_path / "target", archive="tar")
    with pytest.raises(ArtifactError, match="cannot unpack"):
        packing.unpack(tmp_path / "noise.tgz", tmp_path / "target", archive="zip")


def test_set_user_id_bits_and_owners_stay_behind(tmp_path: Path) -> None:
    archive = tar_with(tmp_path / "a.tgz", member("tool", mode=0o6755), member("closed", tarfile.DIRTYPE, mode=0o000),
                       member("closed/inside"))
    packing.unpack(archive, tmp_path / "target", archive="")
    assert stat.S_IMODE((tmp_path / "target" / "tool").stat().st_mode) == 0o755
    assert (tmp_path / "target" / "closed" / "inside").read_bytes() == b"data"


def test_links_that_stay_inside_are_kept(tmp_path: Path) -> None:
    archive = tar_with(tmp_path / "a.tgz", member("d/file"), member("d/soft", tarfile.SYMTYPE, "file"),
                       member("hard", tarfile.LNKTYPE, "d/file"), member("e/up", tarfile.SYMTYPE, "../d/file"))
    packing.unpack(archive, tmp_path / "target", archive="tar")
    for name in ("d/soft", "hard", "e/up"):
        assert (tmp_path / "target" / name).read_bytes() == b"data"
