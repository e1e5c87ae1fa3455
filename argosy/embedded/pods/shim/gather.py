"""Lays files into a container before its command starts, and takes out what it left behind.

Both run inside the container's own root, with no more rights than its command has: a path or a link can lead only to
what the command itself could reach. The files outside are named by a folder held open from before.
"""

import contextlib
import errno
import os
import stat
from typing import Any

PARAMETER_MOST = 4 << 20  # bytes of one output parameter
_CHUNK = 1 << 20


def place_of(root: str, path: str) -> str:
    """Where a path of the container lies: under `root` in plain mode (kept inside it), as written where `root` is ""."""
    return root + os.path.normpath("/" + path.lstrip("/"))


# ---- before ----


def stage(items: list[dict[str, Any]], *, root: str, staged: int, user: int | None) -> None:
    """Lay every staged file or folder at its path. Raises OSError with a text that names the path."""
    for item in sorted(items, key=lambda item: str(item["path"]).count("/")):
        target = place_of(root, item["path"])
        try:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            copy_tree(staged, item["source"], None, target, owner=user)
            if item["mode"] is not None:
                _set_mode(target, item["mode"], recurse=item["recurse"])
        except OSError as error:
            raise OSError(error.errno, f"cannot lay {item['what']} at {item['path']}: {error.strerror}") from error


def _set_mode(target: str, mode: int, *, recurse: bool) -> None:
    """Folders may be entered by whom they may be read: a mode such as 0644 is meant for the files in them."""
    if not os.path.isdir(target):
        os.chmod(target, mode)
        return
    for folder, _, files in os.walk(target):
        os.chmod(folder, mode | (mode & 0o444) >> 2)
        if not recurse:
            return
        for name in files:
            if not os.path.islink(f"{folder}/{name}"):
                os.chmod(f"{folder}/{name}", mode)


# ---- after ----


def capture(wanted: dict[str, Any], *, root: str, gathered: int) -> dict[str, Any]:
    """Read the output parameters and copy the output artifacts out. Tells what is missing; raises nothing.

    The answer has ``parameters`` (name to text), ``artifacts`` (name to its path below the gathered folder) and
    ``problems``, each a sentence.
    """
    parameters: dict[str, str] = {}
    artifacts: dict[str, str] = {}
    problems: list[str] = []
    for item in wanted["parameters"]:
        try:
            parameters[item["name"]] = _read_parameter(place_of(root, item["path"]))
        except OSError as error:
            if item["default"] is not None and error.errno != errno.EFBIG:
                parameters[item["name"]] = item["default"]
            elif isinstance(error, FileNotFoundError):
                problems.append(f"cannot read output parameter '{item['name']}': the container left no file "
                                f"{item['path']}; write that file, or give valueFrom.default")
            else:
                problems.append(f"cannot read output parameter '{item['name']}' from {item['path']}: {error.strerror}")
    for number, item in enumerate(wanted["artifacts"]):
        source = place_of(root, item["path"])
        kept = f"{number}/{os.path.basename(source.rstrip('/')) or 'root'}"
        try:
            os.mkdir(str(number), dir_fd=gathered)
            copy_tree(None, os.path.realpath(source), gathered, kept)
            artifacts[item["name"]] = kept
        except FileNotFoundError:
            if not item["optional"]:
                problems.append(f"cannot save output artifact '{item['name']}': the container left nothing at "
                                f"{item['path']}; write it there, or mark the artifact optional: true")
        except OSError as error:
            problems.append(f"cannot save output artifact '{item['name']}' from {item['path']}: {error.strerror}")
    return {"parameters": parameters, "artifacts": artifacts, "problems": problems}


def _read_parameter(path: str) -> str:
    # O_NONBLOCK: a FIFO that nobody writes must not hold us.
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        data = bytearray()
        while piece := os.read(file, _CHUNK):
            data += piece
            if len(data) > PARAMETER_MOST:
                raise OSError(errno.EFBIG, f"it is larger than {PARAMETER_MOST >> 20} MiB; make it an artifact")
    finally:
        os.close(file)
    text = data.decode(errors="replace")
    return text.removesuffix("\n")


# ---- copying ----


def copy_tree(
    source_folder: int | None, source: str, target_folder: int | None, target: str, *, owner: int | None = None,
) -> None:
    """Copy a file, folder or link as it is: modes and times kept, links copied as links, special files left out."""
    found = os.stat(source, dir_fd=source_folder, follow_symlinks=False)
    if stat.S_ISLNK(found.st_mode):
        os.symlink(os.readlink(source, dir_fd=source_folder), target, dir_fd=target_folder)
        return
    if stat.S_ISDIR(found.st_mode):
        with contextlib.suppress(FileExistsError):
            os.mkdir(target, 0o700, dir_fd=target_folder)
        for name in _names(source_folder, source):
            copy_tree(source_folder, f"{source}/{name}", target_folder, f"{target}/{name}", owner=owner)
    elif stat.S_ISREG(found.st_mode):
        _copy_file(source_folder, source, target_folder, target)
    else:
        return
    if owner is not None:
        os.chown(target, owner, -1, dir_fd=target_folder)
    os.chmod(target, stat.S_IMODE(found.st_mode) & 0o7777, dir_fd=target_folder)
    os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns), dir_fd=target_folder)


def _names(folder: int | None, path: str) -> list[str]:
    file = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        return os.listdir(file)
    finally:
        os.close(file)


def _copy_file(source_folder: int | None, source: str, target_folder: int | None, target: str) -> None:
    reading = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=source_folder)
    try:
        writing = os.open(target, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=target_folder)
        try:
            while os.sendfile(writing, reading, None, _CHUNK):  # None: from where it stands
                pass
        finally:
            os.close(writing)
    finally:
        os.close(reading)
