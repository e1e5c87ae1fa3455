"""Files laid into a container and taken out of it, without following what the container left to lead elsewhere."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from argosy.embedded.pods.shim import gather


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root" / "tmp").mkdir(parents=True)
    return tmp_path / "root"


def opened(folder: Path) -> int:
    folder.mkdir(exist_ok=True)
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY)


def item(source: str, path: str, mode: int | None = None, *, recurse: bool = False) -> dict[str, Any]:
    return {"source": source, "path": path, "mode": mode, "recurse": recurse, "what": "the file"}


def parameter(name: str, path: str, default: str | None = None) -> dict[str, Any]:
    return {"name": name, "path": path, "default": default}


def artifact(name: str, path: str, *, optional: bool = False) -> dict[str, Any]:
    return {"name": name, "path": path, "optional": optional}


def test_files_and_folders_are_laid_with_their_modes_and_parents(root: Path, tmp_path: Path) -> None:
    staged = opened(tmp_path / "staged")
    (tmp_path / "staged" / "f").write_text("script")
    (tmp_path / "staged" / "a" / "deep").mkdir(parents=True)
    (tmp_path / "staged" / "a" / "deep" / "x").write_text("x")
    gather.stage([item("f", "/new/a/script", 0o755), item("a", "/new/a", 0o640, recurse=True)], root=str(root),
                 staged=staged, user=None)
    assert (root / "new/a/script").read_text() == "script"
    assert stat.S_IMODE((root / "new/a/script").stat().st_mode) == 0o755
    assert stat.S_IMODE((root / "new/a/deep/x").stat().st_mode) == 0o640
    os.close(staged)


def test_a_path_cannot_climb_out_of_the_root(root: Path) -> None:
    assert gather.place_of(str(root), "/../../etc/passwd") == f"{root}/etc/passwd"
    assert gather.place_of(str(root), "relative/../x") == f"{root}/x"


def test_what_cannot_be_laid_is_told_by_its_path(root: Path, tmp_path: Path) -> None:
    staged = opened(tmp_path / "staged")
    (tmp_path / "staged" / "f").write_text("x")
    (root / "tmp" / "file").write_text("in the way")
    with pytest.raises(OSError, match="cannot lay the file at /tmp/file/below"):
        gather.stage([item("f", "/tmp/file/below")], root=str(root), staged=staged, user=None)
    os.close(staged)


def test_outputs_are_read_copied_or_told_as_missing(root: Path, tmp_path: Path) -> None:
    gathered = opened(tmp_path / "gathered")
    (root / "tmp/p").write_text("two lines\n\n")
    (root / "tmp/out").mkdir()
    (root / "tmp/out/file").write_text("kept")
    (root / "tmp/out/link").symlink_to("/etc/passwd")
    os.mkfifo(root / "tmp/out/fifo")
    (root / "tmp/to-out").symlink_to("out")
    found = gather.capture({
        "parameters": [parameter("p", "/tmp/p"), parameter("d", "/tmp/none", "x"), parameter("gone", "/tmp/none"),
                       parameter("dir", "/tmp")],
        "artifacts": [artifact("out", "/tmp/out"), artifact("through", "/tmp/to-out"),
                      artifact("maybe", "/none", optional=True), artifact("must", "/none")],
    }, root=str(root), gathered=gathered)
    assert found["parameters"] == {"p": "two lines\n", "d": "x"}
    assert found["artifacts"] == {"out": "0/out", "through": "1/to-out"}
    assert (tmp_path / "gathered/0/out/file").read_text() == "kept"
    assert (tmp_path / "gathered/0/out/link").readlink() == Path("/etc/passwd")
    assert not (tmp_path / "gathered/0/out/fifo").exists()
    assert [problem.split(":")[0] for problem in found["problems"]] == [
        "cannot read output parameter 'gone'", "cannot read output parameter 'dir' from /tmp",
        "cannot save output artifact 'must'"]
    os.close(gathered)


def test_a_parameter_that_is_far_too_large_is_told(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(gather, "PARAMETER_MOST", 1 << 20)
    (root / "tmp/p").write_bytes(bytes((1 << 20) + 1))
    gathered = opened(tmp_path / "gathered")
    found = gather.capture({"parameters": [{"name": "p", "path": "/tmp/p", "default": "no"}], "artifacts": []},
                           root=str(root), gathered=gathered)
    assert found["parameters"] == {}
    assert "larger than 1 MiB; make it an artifact" in found["problems"][0]
    os.close(gathered)
