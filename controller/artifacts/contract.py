"""Where artifacts are kept: one contract, one file per backend."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from argosy.errors import ArgosyError
from argosy.kube.contract import Object
from controller.pods.assignment import Assignment
from controller.pods.locations import Repository


class ArtifactError(ArgosyError):
    """An artifact that is missing, cannot be packed, or is hostile; the text names the artifact and the reason."""


class ArtifactStore(Protocol):
    """Files and folders under keys such as ``my-run/my-run-step-123/out.tgz``. Calls block: run them in a thread."""

    def save(self, source: Path, key: str, *, archive: str = "tar", compression_level: int | None = None) -> None:
        """Pack the file or folder `source` as `archive` says (tar, zip, none) and keep it at `key`. Raises ArtifactError."""

    def load(self, key: str, target: Path, *, archive: str = "", sub_path: str = "") -> None:
        """Lay what is kept at `key` at `target`, unpacked ("" looks at what it is). Raises ArtifactError."""

    def exists(self, key: str) -> bool:
        """Whether anything is kept at `key`."""

    def delete(self, key: str) -> None:
        """Forget what is kept at `key`; nothing there is success."""


class ArtifactSigner(Protocol):
    """Says where artifacts go, and gives those of a pod addresses that it can use without credentials of its own."""

    async def repository(self, workflow: Object, spec: Mapping[str, Any]) -> Repository:
        """Where artifacts of this workflow go that name no place. Raises SpecError, Unavailable."""

    async def signed(self, assignment: Assignment, repository: Repository, *, namespace: str) -> Assignment:
        """The assignment with a `url` for every artifact. Raises SpecError where one cannot be had, Unavailable for now."""
