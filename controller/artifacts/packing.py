"""Packs files and folders as tar.gz, zip or not at all, and unpacks them so that nothing lands outside the target.

An archive may come from anywhere. It is refused as a whole, before a byte of it is kept, if a member names an absolute
path or `..`, a link leads out of the archive, a member is a device or a FIFO, or it unpacks to far more than it should.
"""

import os
import posixpath
import shutil
import stat
import tarfile
import zipfile
import zlib
from itertools import dropwhile
from pathlib import Path
from typing import Literal, TypeAlias

from controller.artifacts.contract import ArtifactError

Archive: TypeAlias = Literal["tar", "zip", "none"]
UNPACKED_MOST = 64 << 30  # bytes that one archive may unpack to
MEMBERS_MOST = 1_000_000
RATIO_MOST = 1_100  # gzip cannot do better than 1,032 to 1 on honest data, and zip no better either
_RATIO_FREE = 64 << 20  # bytes below which the ratio does not matter
_CHUNK = 1 << 20


def pack(source: Path, target: Path, *, archive: str, compression_level: int | None = None) -> None:
    """Write the file or folder `source` to `target` as `archive` says. Raises ArtifactError."""
    if not os.path.lexists(source):
        raise ArtifactError(f"there is nothing at {source}")
    try:
        if archive == "tar":
            _pack_tar(source, target, 6 if compression_level is None else compression_level)
        elif archive == "zip":
            _pack_zip(source, target, compression_level)
        elif archive == "none":
            _copy(source, target)
        else:
            raise ArtifactError(f"'{archive}' is no way to pack an artifact; write tar, zip or none")
    except (OSError, tarfile.TarError, zipfile.BadZipFile, ValueError) as error:
        raise ArtifactError(f"cannot pack {source.name}: {error}") from error


def _pack_tar(source: Path, target: Path, level: int) -> None:
    if not -1 <= level <= 9:
        raise ArtifactError(f"compressionLevel {level} is none; write a number from 0 (fast) to 9 (small), or -1")
    with tarfile.open(target, "w:gz", compresslevel=6 if level == -1 else level, format=tarfile.PAX_FORMAT) as tar:
        tar.add(source, arcname=source.name, filter=_regular)


def _regular(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return member if member.isreg() or member.isdir() or member.issym() or member.islnk() else None


def _pack_zip(source: Path, target: Path, level: int | None) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=level, strict_timestamps=False) as packed:
        for path in [source, *(sorted(source.rglob("*")) if source.is_dir() and not source.is_symlink() else ())]:
            name = path.relative_to(source.parent).as_posix()
            if path.is_symlink():
                info = zipfile.ZipInfo(name)
                info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
                packed.writestr(info, str(path.readlink()))
            elif path.is_dir() or path.is_file():
                packed.write(path, name)


def _copy(source: Path, target: Path) -> None:
    if source.is_symlink():
        source = source.resolve(strict=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, ignore=_special_files)
    else:
        shutil.copy2(source, target)


def _special_files(folder: str, names: list[str]) -> list[str]:
    kept = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)
    return [name for name in names if stat.S_IFMT(os.lstat(os.path.join(folder, name)).st_mode) not in kept]  # noqa: PTH118  names come as text


# ---- unpacking ----


def kind_of(source: Path) -> Archive:
    """How what lies at `source` was packed, by looking at it; a zip may be a .jar or a .xlsx, so it is what it is."""
    if source.is_dir():
        return "none"
    with source.open("rb") as file:
        start = file.read(2)
    return "tar" if start == b"\x1f\x8b" and tarfile.is_tarfile(source) else "none"


def unpack(source: Path, target: Path, *, archive: str) -> None:
    """Lay what is packed in `source` at `target`, which must not exist. Raises ArtifactError.

    An archive with a single entry at its top becomes that entry under the target's name; one with several, a folder.
    """
    kind = archive or kind_of(source)
    aside = target.with_name(f".{target.name}.unpacking")
    try:
        if kind == "none":
            _copy(source, target)
            return
        aside.mkdir()
        if kind == "tar":
            _unpack_tar(source, aside)
        elif kind == "zip":
            _unpack_zip(source, aside)
        else:
            raise ArtifactError(f"'{archive}' is no way to pack an artifact; write tar, zip or none")
        entries = list(aside.iterdir())
        (entries[0] if len(entries) == 1 else aside).rename(target)
    except (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile, zlib.error, ValueError, RuntimeError) as error:
        raise ArtifactError(f"cannot unpack {source.name} as {kind}: {error}") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


class _Sizes:
    """Counts what an archive unpacks to, and refuses one that was made to fill the disk."""

    def __init__(self, packed: int) -> None:
        self._packed, self._members, self._bytes = max(packed, 1), 0, 0

    def add(self, size: int) -> None:
        self._members += 1
        self._bytes += size
        if self._members > MEMBERS_MOST or self._bytes > UNPACKED_MOST:
            raise ArtifactError(f"the archive is refused: it unpacks to more than {UNPACKED_MOST >> 30} GiB or "
                                f"{MEMBERS_MOST} files")
        if self._bytes > _RATIO_FREE and self._bytes / self._packed > RATIO_MOST:
            raise ArtifactError("the archive is refused: it unpacks to more than a thousand times its size")


def _unpack_tar(source: Path, folder: Path) -> None:
    sizes = _Sizes(source.stat().st_size)
    with tarfile.open(source, "r:*") as tar:
        members = []
        for member in tar:
            _check_name(member.name)
            if member.issym() or member.islnk():
                _check_link(member.name, member.linkname, hard=member.islnk())
            elif not (member.isreg() or member.isdir()) or member.issparse():
                raise ArtifactError(
                    f"the archive is refused: its member '{member.name}' is a device, or a sparse or another special file")
            sizes.add(member.size)
            members.append(member)
        _check_through_links([(member.name, member.issym()) for member in members])
        # Links last and folders' modes after them: then nothing is ever written through a link or into a closed folder.
        for member in sorted(members, key=lambda member: (member.issym(), member.islnk())):
            _lay_member(tar, member, folder)
        for member in reversed(members):
            if member.isdir():
                (folder / member.name).chmod(member.mode & 0o777 | 0o700)


def _lay_member(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """One member, with its mode and time; owners and set-user-id bits are left behind."""
    place = folder / member.name
    if member.isdir():
        place.mkdir(parents=True, exist_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(place):
        place.unlink()  # a later member of the same name counts, as for every tar
    if member.issym():
        place.symlink_to(member.linkname)
    elif member.islnk():
        place.hardlink_to(folder / member.linkname)
    else:
        reading = tar.extractfile(member)
        with place.open("xb") as writing:
            if reading is not None:
                shutil.copyfileobj(reading, writing, _CHUNK)
        place.chmod(member.mode & 0o777 | 0o400)
        os.utime(place, (member.mtime, member.mtime))


def _unpack_zip(source: Path, folder: Path) -> None:
    sizes = _Sizes(source.stat().st_size)
    with zipfile.ZipFile(source) as packed:
        infos = packed.infolist()
        links = {info.filename for info in infos if stat.S_ISLNK(info.external_attr >> 16)}
        for info in infos:
            _check_name(info.filename)
            sizes.add(info.file_size)
            kind = stat.S_IFMT(info.external_attr >> 16)
            if info.filename in links:
                _check_link(info.filename, packed.read(info).decode(), hard=False)
            elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise ArtifactError(f"the archive is refused: its member '{info.filename}' is a device or another special file")
        _check_through_links([(info.filename, info.filename in links) for info in infos])
        for info in infos:
            place = folder / info.filename
            if info.filename in links:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(packed.read(info).decode())
            elif info.is_dir():
                place.mkdir(parents=True, exist_ok=True)
            else:
                _write_member(packed, info, place)


def _write_member(packed: zipfile.ZipFile, info: zipfile.ZipInfo, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    left = info.file_size
    with packed.open(info) as reading, place.open("xb") as writing:
        while data := reading.read(min(_CHUNK, left + 1)):
            left -= len(data)
            if left < 0:
                raise ArtifactError(f"the archive is refused: its member '{info.filename}' is larger than it says")
            writing.write(data)
    mode = (info.external_attr >> 16) & 0o777
    if mode:
        place.chmod(mode | 0o400)


def _check_name(name: str) -> None:
    if name.startswith(("/", "\\")) or "\0" in name or (len(name) > 1 and name[1] == ":"):
        raise ArtifactError(f"the archive is refused: its member '{name}' has an absolute path")
    if ".." in name.replace("\\", "/").split("/"):
        raise ArtifactError(f"the archive is refused: its member '{name}' leads out of it with '..'")


def _check_link(name: str, target: str, *, hard: bool) -> None:
    folder = "" if hard else posixpath.dirname(name.rstrip("/"))
    place = posixpath.normpath(posixpath.join(folder, target))
    if target.startswith("/") or place == ".." or place.startswith("../"):
        raise ArtifactError(f"the archive is refused: its link '{name}' leads out of it, to '{target}'")
    below = dropwhile(lambda part: part in ("", ".", ".."), target.split("/"))
    if ".." in below:  # the name before it may itself be a link, and then nobody can tell from the text where it leads
        raise ArtifactError(f"the archive is refused: its link '{name}' goes up behind a name, in '{target}'")


def _check_through_links(members: list[tuple[str, bool]]) -> None:
    """No member may lie below another member that is a link: where it lands could not be told from its name."""
    links = {posixpath.normpath(name) for name, is_link in members if is_link}
    for name, _ in members:
        folder = posixpath.dirname(posixpath.normpath(name))
        while folder:
            if folder in links:
                raise ArtifactError(f"the archive is refused: its member '{name}' lies below the link '{folder}'")
            folder = posixpath.dirname(folder)
