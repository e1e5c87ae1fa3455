"""Folders that give an image the programs it is known for, such as `python` on a host with only python3, or `cowsay`."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from argosy.embedded.pods.environment import SYSTEM_PATH
from argosy.embedded.pods.images import ImageTable
from argosy.kube.contract import Object

_SCRIPTS = Path(__file__).parent / "scripts"


class Standins:
    """Makes such a folder once for each set of programs; it is laid over the host's root. Links appear in /usr/local/bin."""

    def __init__(self, folder: Path, images: ImageTable, *, path: str) -> None:
        self._folder, self._images, self._path = folder, images, path
        self._made: dict[str, str] = {}

    def for_pod(self, pod: Object) -> dict[str, str]:
        """Image name to folder, for the images of this pod that need one."""
        folders = {}
        for container in [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())]:
            image = container.get("image") or ""
            entry = self._images.find(image)
            if entry.links or entry.scripts:
                folders[image] = self._make(entry.links, entry.scripts)
        return folders

    def _make(self, links: Mapping[str, str], scripts: Mapping[str, str]) -> str:
        key = "-".join(sorted((*links, *scripts.values())))
        if key in self._made:
            return self._made[key]
        root = self._folder / key
        for name, program in links.items():
            found, link = self._find(program), root / "usr/local/bin" / name
            _make_folders(root, link.parent)
            if found and not link.is_symlink():
                link.symlink_to(found)
        for place, script in scripts.items():
            file = root / place.lstrip("/")
            _make_folders(root, file.parent)
            shutil.copyfile(_SCRIPTS / script, file)
            file.chmod(0o755)
        return self._made.setdefault(key, str(root))

    def _find(self, program: str) -> str | None:
        found = shutil.which(program, path=f"{SYSTEM_PATH}:{self._path}")
        if found is None and program == "python3":
            found = sys.executable  # the one Python that is surely here
        return os.path.realpath(found) if found else None


def _make_folders(root: Path, folder: Path) -> None:
    """`folder` below `root`, and all between, readable by whoever a pod runs as."""
    folder.mkdir(parents=True, exist_ok=True)
    for one in (root, *(part for part in folder.parents if root in part.parents), folder):
        one.chmod(0o755)
