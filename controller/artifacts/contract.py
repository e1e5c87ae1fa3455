"""Where artifacts are kept: one contract, one file per backend."""

from pathlib import Path
from typing import Protocol

from argosy.errors import ArgosyError


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
