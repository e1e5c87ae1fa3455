"""Paths in plain mode, where a container has no root of its own but a private folder.

The paths that the pod's manifest itself names (mounts, staged files, outputs) are moved into that folder wherever they
occur in the command, the environment and the scripts. A path that a program makes up itself stays the host's.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from argosy.kube.contract import Object
from controller.pods.assignment import Assignment


class Rewriter:
    """Moves known paths below `root` wherever they stand in a text."""

    def __init__(self, root: str, paths: Iterable[str]) -> None:
        self._root = root
        known = sorted({os.path.normpath("/" + path.lstrip("/")) for path in paths} - {"/"}, key=len, reverse=True)
        alternatives = "|".join(map(re.escape, known))
        self._known = re.compile(rf"(?<![\w./-])(?:{alternatives})(?![\w-])") if known else None

    def __call__(self, text: str) -> str:
        return self._known.sub(lambda match: self._root + match[0], text) if self._known else text

    def inside(self, path: str) -> str:
        """Where a folder of the container lies: the host's own if it exists there and is not one of the known paths."""
        moved = self(path)
        return moved if moved != path or Path(path).is_dir() else self._root + os.path.normpath("/" + path)


def rewriter_for(container: Object, assignment: Assignment | None, layer: str) -> Rewriter:
    """The rewriter for one container; `assignment` only where it is this container's."""
    paths = [mount["mountPath"] for mount in container.get("volumeMounts") or ()]
    if assignment is not None:
        for items in (assignment.files, assignment.artifacts_in, assignment.parameters, assignment.artifacts_out):
            paths += [item.path for item in items]
    return Rewriter(f"{layer}/root", paths)
