"""The artifact store behind URLs: each key is a URL that may be read, or written, by whoever has it."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from controller.artifacts.contract import ArtifactError
from controller.artifacts.folder import inside
from controller.artifacts.packing import pack, unpack

if TYPE_CHECKING:
    from http.client import HTTPResponse

_WAIT_SECONDS = 60.0


class WebStore:
    """Reads and writes with plain requests; `headers` (``Name: value``) go with each."""

    def __init__(self, headers: tuple[str, ...] = ()) -> None:
        self._headers = {name.strip(): value.strip() for name, _, value in (header.partition(":") for header in headers)}

    def save(self, source: Path, key: str, *, archive: str = "tar", compression_level: int | None = None) -> None:
        """Pack `source` as `archive` says and store it at the URL. Raises ArtifactError."""
        if archive == "none" and source.is_dir():
            raise ArtifactError("it is a folder, and archive: none stores only a file here; use archive: tar or zip")
        with _scratch(source.parent) as folder:
            pack(source, folder / "packed", archive=archive, compression_level=compression_level)
            size = (folder / "packed").stat().st_size
            with (folder / "packed").open("rb") as body, self._asked("PUT", key, body, {"Content-Length": str(size)}):
                pass

    def load(self, key: str, target: Path, *, archive: str = "", sub_path: str = "") -> None:
        """Lay what is behind the URL at `target`, unpacked. Raises ArtifactError."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with _scratch(target.parent) as folder:
            with self._asked("GET", key) as answer, (folder / "packed").open("wb") as file:
                shutil.copyfileobj(answer, file)
            whole = folder / "whole"
            unpack(folder / "packed", whole, archive=archive)
            (inside(whole, sub_path, _named(key)) if sub_path else whole).rename(target)

    def exists(self, key: str) -> bool:
        """Whether the URL answers with anything."""
        try:
            with self._asked("GET", key):
                return True
        except _Missing:
            return False

    def delete(self, key: str) -> None:
        """URLs that were signed to be read or written cannot do this."""
        raise ArtifactError(f"what is behind {_named(key)} cannot be deleted through a URL")

    @contextmanager
    def _asked(self, method: str, url: str, body: object = None,
               more: dict[str, str] | None = None) -> "Iterator[HTTPResponse]":
        from http.client import HTTPException
        from urllib.error import HTTPError
        from urllib.request import Request, urlopen  # late: it takes longer to load than most runs take to need it

        if not url.startswith(("http://", "https://")):
            raise ArtifactError(f"{_named(url)} is no URL that begins with http:// or https://")
        request = Request(url, data=body, method=method, headers={**self._headers, **(more or {})})  # type: ignore[arg-type]  # noqa: S310  a file is a body too; the scheme was looked at
        try:
            with urlopen(request, timeout=_WAIT_SECONDS) as answer:  # noqa: S310  as above
                yield answer
        except HTTPError as error:
            kind = _Missing if error.code == 404 else ArtifactError
            words = error.read(500).decode(errors="replace").strip()
            raise kind(f"{_named(url)} answers {error.code}: {words or error.reason}") from error
        except (OSError, HTTPException) as error:
            raise ArtifactError(f"{_named(url)} cannot be reached: {error}") from error


class _Missing(ArtifactError):
    """There is nothing behind the URL."""


def _named(url: str) -> str:
    """The URL without its query, which may be a signature."""
    return url.partition("?")[0]


@contextmanager
def _scratch(place: Path) -> Iterator[Path]:
    try:
        with tempfile.TemporaryDirectory(prefix=".part-", dir=place) as folder:
            yield Path(folder)
    except OSError as error:
        raise ArtifactError(f"cannot carry it through {place}: {error}") from error
