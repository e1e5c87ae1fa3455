"""Folders with links that give an image the program names it is known for, such as `python` on a host with only python3."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from argosy.embedded.pods.environment import SYSTEM_PATH
from argosy.embedded.pods.images import ImageTable
from argosy.kube.contract import Object


class Standins:
    """Makes such a folder once for each set of links; laid over the host's root, its links appear in /usr/local/bin."""

    def __init__(self, folder: Path, images: ImageTable, *, path: str) -> None:
        self._folder, self._images, self._path = folder, images, path
        self._made: dict[str, str] = {}

    def for_pod(self, pod: Object) -> dict[str, str]:
        """Image name to folder, for the images of this pod that need one."""
        folders = {}
        for container in [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())]:
            image = container.get("image") or ""
            links = self._images.find(image).links
            if links:
                folders[image] = self._make(links)
        return folders

    def _make(self, links: Mapping[str, str]) -> str:
        key = "-".join(sorted(links))
        if key in self._made:
            return self._made[key]
        home = self._folder / key / "usr" / "local" / "bin"
        home.mkdir(parents=True, exist_ok=True)
        for folder in (self._folder / key, *(self._folder / key / part for part in ("usr", "usr/local", "usr/local/bin"))):
            folder.chmod(0o755)
        for name, program in links.items():
            found = self._find(program)
            link = home / name
            if found and not link.is_symlink():
                link.symlink_to(found)
        return self._made.setdefault(key, str(self._folder / key))

    def _find(self, program: str) -> str | None:
        found = shutil.which(program, path=f"{SYSTEM_PATH}:{self._path}")
        if found is None and program == "python3":
            found = sys.executable  # the one Python that is surely here
        return os.path.realpath(found) if found else None
