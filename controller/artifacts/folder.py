"""The artifact store on a folder of this machine: every key is a file below it, or a folder where nothing is packed."""

import os
import shutil
import tempfile
from pathlib import Path

from controller.artifacts.contract import ArtifactError
from controller.artifacts.packing import pack, unpack

_ASIDE = ".part-"  # how the names of what is still being written begin; no key may begin so


class FolderStore:
    """Keeps artifacts below `folder`. What is seen under a key is always whole: it is written aside and then renamed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, source: Path, key: str, *, archive: str = "tar", compression_level: int | None = None) -> None:
        """Pack `source` as `archive` says and keep it at `key`, in place of what was there. Raises ArtifactError."""
        place = self._place_of(key)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            aside = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=place.parent))
        except OSError as error:
            raise ArtifactError(f"cannot keep '{key}': {error}") from error
        try:
            pack(source, aside / "new", archive=archive, compression_level=compression_level)
            if place.is_dir() or ((aside / "new").is_dir() and place.exists()):
                place.rename(aside / "old")  # a folder cannot be replaced in one step
            (aside / "new").replace(place)
        except OSError as error:
            raise ArtifactError(f"cannot keep '{key}': {error}") from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def load(self, key: str, target: Path, *, archive: str = "", sub_path: str = "") -> None:
        """Lay what is kept at `key` at `target`, unpacked. Raises ArtifactError."""
        place = self._place_of(key)
        if not place.exists():
            raise ArtifactError(f"there is no artifact at key '{key}'")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if not sub_path:
                unpack(place, target, archive=archive)
                return
            aside = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=target.parent))
            try:
                unpack(place, aside / "whole", archive=archive)
                inside(aside / "whole", sub_path, key).rename(target)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
        except OSError as error:
            raise ArtifactError(f"cannot lay the artifact at key '{key}' at {target}: {error}") from error

    def exists(self, key: str) -> bool:
        """Whether anything is kept at `key`."""
        return self._place_of(key).exists()

    def delete(self, key: str) -> None:
        """Forget what is kept at `key`, and the folders that are empty then."""
        place = self._place_of(key)
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place, ignore_errors=True)
        else:
            place.unlink(missing_ok=True)
        for folder in place.parents:
            if folder == self._folder or not folder.exists():
                return
            try:
                folder.rmdir()
            except OSError:
                return  # something else is kept there

    def _place_of(self, key: str) -> Path:
        parts = key.split("/")
        if not key or key.startswith("/") or "\0" in key or any(part in ("", ".", "..") for part in parts):
            raise ArtifactError(f"key '{key}' is not allowed; write names separated by '/', without '.', '..' or a leading '/'")
        if any(part.startswith(_ASIDE) or len(os.fsencode(part)) > 255 for part in parts):
            raise ArtifactError(f"key '{key}' is not allowed: a part of it is too long or begins with '{_ASIDE}'")
        place = self._folder.joinpath(*parts)
        if not place.parent.resolve().is_relative_to(self._folder.resolve()):
            raise ArtifactError(f"key '{key}' leads out of the store")
        return place


def inside(folder: Path, sub_path: str, key: str) -> Path:
    """The part of an unpacked artifact that `sub_path` names. Raises ArtifactError where it leads out or is not there."""
    place = Path(os.path.normpath(folder / sub_path.lstrip("/")))
    if not place.is_relative_to(folder) or not place.parent.resolve().is_relative_to(folder.resolve()):
        raise ArtifactError(f"subPath '{sub_path}' leads out of the artifact at key '{key}'")
    if not os.path.lexists(place):
        raise ArtifactError(f"the artifact at key '{key}' has no '{sub_path}'")
    return place
