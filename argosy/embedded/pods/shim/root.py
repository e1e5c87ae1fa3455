"""A container's root: the host's file system below, a private writable layer above, and its own /proc, /dev and /tmp.

Two ways lead there. Root lays one overlay over ``/``. In a user namespace the kernel refuses that, since the mounts below
``/`` are locked; there the root is an empty tmpfs with one overlay for each top-level folder.
"""

import contextlib
import os
import stat
from typing import Any

from argosy.embedded.pods.shim import kernel
from argosy.embedded.pods.shim.kernel import (
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    MS_SLAVE,
)

# Folders that each container has for itself, empty at first. What is written there lies in its layer, on disk.
PRIVATE = {"tmp": 0o1777, "var/tmp": 0o1777, "run": 0o755}
_OWN = ("/proc", "/sys", "/dev", "/tmp", "/run", "/var/tmp")  # noqa: S108  made anew in every container
_REAL_FILESYSTEMS = {
    "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "overlay", "nfs", "nfs4", "cifs", "vfat", "exfat",
    "ntfs3", "fuseblk", "virtiofs", "9p", "erofs", "squashfs", "fuse.sshfs", "reiserfs", "jfs",
}
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_DEPTH_MOST = 3  # how far below "/" a folder is taken apart because something is mounted below it


class Refused(Exception):
    """This container cannot start; the text says why, for a person."""


def build(container: dict[str, Any], *, rootless: bool, hide: list[str], hosts: str) -> None:
    """Make the container's root and move into it. Runs as the first process of fresh mount and PID namespaces."""
    layer = container["layer"]
    for name in ("upper", "work", "merged"):
        os.makedirs(f"{layer}/{name}", exist_ok=True)
    # An ordinary user cannot enter the host's /root, which is the home of a container's root.
    folders = PRIVATE if os.access("/root", os.W_OK) else PRIVATE | {"root": 0o700}
    for name, mode in folders.items():
        os.makedirs(f"{layer}/private/{name}", exist_ok=True)
        os.chmod(f"{layer}/private/{name}", mode)
    with open(f"{layer}/hosts", "w", encoding="utf-8") as file:
        file.write(hosts)
    kernel.mount("", "/", flags=MS_REC | MS_SLAVE)
    sources = [(entry, _open_source(entry)) for entry in container["mounts"]]
    real = [(os.readlink(f"/proc/self/fd/{source}"), entry["target"]) for entry, source in sources if entry["kind"] == "host"]
    private = [(f"/{name}", os.open(f"{layer}/private/{name}", os.O_PATH | os.O_CLOEXEC)) for name in folders]
    private.append(("/etc/hosts", os.open(f"{layer}/hosts", os.O_PATH | os.O_CLOEXEC)))
    _lay_rootless(container) if rootless else _lay_as_root(container, hide)
    devices = [(name, os.open(f"/dev/{name}", os.O_PATH | os.O_CLOEXEC)) for name in _DEVICES]
    os.chdir(f"{layer}/merged")
    for name in ("proc", "sys", "dev"):
        os.makedirs(name, exist_ok=True)
    if rootless:
        kernel.mount("/sys", "sys", flags=MS_BIND | MS_REC)
    kernel.pivot_root(".", ".")
    _mount_own(devices, private, rootless=rootless)
    for entry, source in sources:
        _mount_volume(entry, source)
    kernel.unmount(".")
    _close(source for _, source in sources + private + devices)
    _hide(hide, real)
    os.chdir("/")


def _close(files: Any) -> None:
    for file in files:
        os.close(file)


# ---- the layers ----


def _option(path: str) -> str:
    return path.replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,")


def _overlay(lower: list[str], layer: str, name: str, target: str, *, rootless: bool) -> None:
    upper, work = f"{layer}/upper{name}", f"{layer}/work{name or '/root'}"
    os.makedirs(upper, exist_ok=True)
    os.makedirs(work, exist_ok=True)
    with contextlib.suppress(OSError):  # the folder's own mode and owner show through the upper layer
        found = os.stat(lower[-1])
        os.chmod(upper, stat.S_IMODE(found.st_mode))
        os.chown(upper, found.st_uid, found.st_gid)
    options = f"lowerdir={':'.join(map(_option, lower))},upperdir={_option(upper)},workdir={_option(work)}"
    options += ",userxattr" if rootless else ""
    try:
        try:  # "volatile" leaves out syncing the layer to disk at the end, which is long and of no use: it is thrown away
            kernel.mount("overlay", target, "overlay", options=f"{options},volatile")
        except OSError:  # a kernel before 5.10
            kernel.mount("overlay", target, "overlay", options=options)
    except OSError:
        for folder in (upper, work):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
        raise


def _lay_as_root(container: dict[str, Any], hide: list[str]) -> None:
    layer = container["layer"]
    merged = f"{layer}/merged"
    below = "/"
    if container["extra_roots"]:  # they lie below "/", and one overlay takes no layer that lies within another
        below = f"{layer}/base"
        os.makedirs(below, exist_ok=True)
        _overlay(["/"], layer, "/base", below, rootless=False)
    _overlay([*container["extra_roots"], below], layer, "/root", merged, rootless=False)
    for point, filesystem in host_mounts():
        outside = filesystem in _REAL_FILESYSTEMS and not _below(point, _OWN) and not _below(point, hide)
        if not outside or not os.path.exists(merged + point):
            continue
        if os.path.isdir(point):
            _overlay([point], layer, f"/mount{point.replace('/', '_')}", merged + point, rootless=False)
        else:
            _bind_read_only(point, merged + point)


def _lay_rootless(container: dict[str, Any]) -> None:
    layer, extra = container["layer"], container["extra_roots"]
    merged = f"{layer}/merged"
    kernel.mount("tmpfs", merged, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755")
    points = [point for point, _ in host_mounts()]
    names = dict.fromkeys([*os.listdir("/"), *(name for folder in extra for name in os.listdir(folder))])
    for name in names:
        if f"/{name}" not in _OWN:
            _lay_entry(f"/{name}", layer, extra, points, depth=1)
    for name in PRIVATE:
        os.makedirs(f"{merged}/{name}", exist_ok=True)


def _lay_entry(path: str, layer: str, extra: list[str], points: list[str], *, depth: int) -> None:
    """One overlay for `path`; where a mount below it prevents that, the same for each of its entries."""
    target = f"{layer}/merged{path}"
    here = [folder + path for folder in [*extra, ""] if os.path.lexists(folder + path)]
    first = here[0]
    if os.path.islink(first):
        os.symlink(os.readlink(first), target)
        return
    if not os.path.isdir(first):
        if os.path.isfile(first) and os.access(first, os.R_OK):
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
            _bind_read_only(first, target)
        return
    os.makedirs(target, exist_ok=True)
    lower = [folder for folder in here if os.path.isdir(folder)]
    try:
        _overlay(lower, layer, path, target, rootless=True)
    except OSError:
        if depth >= _DEPTH_MOST or not os.access(path, os.R_OK):
            return  # left empty: better a missing folder than the host's own, writable
        for name in os.listdir(path):
            child = f"{path}/{name}"
            if child not in _OWN and child not in points:
                _lay_entry(child, layer, extra, points, depth=depth + 1)


def host_mounts() -> list[tuple[str, str]]:
    """The mount points below "/", outermost first, each with its kind of file system."""
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            left, _, right = line.partition(" - ")
            point = left.split(" ")[4].encode().decode("unicode_escape") if "\\" in left else left.split(" ")[4]
            if point != "/":
                found.append((point, right.split(" ")[0]))
    return sorted(dict(found).items())


def _below(path: str, folders: Any) -> bool:
    return any(path == folder or path.startswith(folder.rstrip("/") + "/") for folder in folders)


def _bind_read_only(source: str, target: str) -> None:
    kernel.mount(source, target, flags=MS_BIND | MS_REC)
    read_only(target)


def read_only(target: str) -> None:
    """Make the bind mount at `target` read-only, keeping the flags that the kernel has locked."""
    flags = os.statvfs(target).f_flag
    kept = flags & (MS_NOSUID | MS_NODEV | MS_NOEXEC | kernel.MS_NOATIME | kernel.MS_NODIRATIME)
    relative = kernel.MS_RELATIME if flags & 4096 else 0  # ST_RELATIME has another number than MS_RELATIME
    kernel.mount("", target, flags=MS_BIND | MS_REMOUNT | MS_RDONLY | kept | relative)


# ---- the container's own file systems ----


def _mount_own(devices: list[tuple[str, int]], private: list[tuple[str, int]], *, rootless: bool) -> None:
    kernel.mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    kernel.mount("tmpfs", "/dev", "tmpfs", MS_NOSUID, "mode=0755,size=1m")
    for name, source in devices:
        os.close(os.open(f"/dev/{name}", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o666))
        kernel.mount(f"/proc/self/fd/{source}", f"/dev/{name}", flags=MS_BIND)
    for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(f"/proc/self/{target}", f"/dev/{name}")
    os.mkdir("/dev/shm")  # noqa: S108  the container's own
    kernel.mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")  # noqa: S108  the container's own
    os.mkdir("/dev/pts")
    kernel.mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620")
    os.symlink("pts/ptmx", "/dev/ptmx")
    for target, source in private:
        place = os.path.realpath(target)
        if os.path.exists(place):
            kernel.mount(f"/proc/self/fd/{source}", place, flags=MS_BIND)
    if not rootless:
        kernel.mount("sysfs", "/sys", "sysfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)
        for name in ("sys", "irq", "bus", "sysrq-trigger"):
            if os.path.exists(f"/proc/{name}"):
                _bind_read_only(f"/proc/{name}", f"/proc/{name}")
        for name in ("kcore", "keys", "timer_list"):
            if os.path.exists(f"/proc/{name}"):
                kernel.mount("/dev/null", f"/proc/{name}", flags=MS_BIND)


# ---- volumes ----


def _open_source(entry: dict[str, Any]) -> int:
    """The file or folder to be mounted, held open before the root changes.

    A subPath is walked one name at a time and never through a link: its contents belong to the pod, which could
    otherwise point out of the volume.
    """
    place = os.open(entry["source"], os.O_PATH | os.O_CLOEXEC)
    for name in [part for part in entry["sub_path"].split("/") if part not in ("", ".")]:
        if name == "..":
            raise Refused(f"volumeMount {entry['target']}: subPath '{entry['sub_path']}' must not contain '..'")
        with contextlib.suppress(FileExistsError, NotADirectoryError):
            if not entry["fixed"]:
                os.mkdir(name, dir_fd=place)
        try:
            inner = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place)
        except FileNotFoundError as error:
            raise Refused(f"volumeMount {entry['target']}: the volume has no '{entry['sub_path']}'") from error
        if stat.S_ISLNK(os.fstat(inner).st_mode):
            raise Refused(f"volumeMount {entry['target']}: subPath '{entry['sub_path']}' leads through a link")
        os.close(place)
        place = inner
    return place


def _mount_volume(entry: dict[str, Any], source: int) -> None:
    target = os.path.normpath("/" + entry["target"])
    try:
        if stat.S_ISDIR(os.fstat(source).st_mode):
            os.makedirs(target, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.close(os.open(target, os.O_CREAT | os.O_RDONLY | os.O_CLOEXEC, 0o644))
        kernel.mount(f"/proc/self/fd/{source}", target, flags=MS_BIND | MS_REC)
        if entry["read_only"]:
            read_only(target)
    except OSError as error:
        raise Refused(f"cannot mount volume at {entry['target']}: {error}") from error


def build_plain(container: dict[str, Any], private: str) -> None:
    """Where no namespaces are to be had: a private folder in which the volumes appear as links."""
    os.makedirs(f"{private}/tmp", exist_ok=True)  # noqa: S108  the container's own
    for entry in container["mounts"]:
        held = _open_source(entry)
        source = os.readlink(f"/proc/self/fd/{held}")
        os.close(held)
        target = private + os.path.normpath("/" + entry["target"])
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if not os.path.lexists(target):
            os.symlink(source, target)


def _hide(folders: list[str], from_host: list[tuple[str, str]]) -> None:
    """Cover Argosy's own folders with an empty file system, also where a hostPath volume would show them.

    `from_host` has the folders of the host that are mounted, by their real names, and where.
    """
    places = list(folders)
    for source, target in from_host:
        if _below(source, folders):
            raise Refused(f"hostPath {source} lies in Argosy's own data folder, which pods may not see")
        within = [folder[len(source.rstrip("/")):] for folder in folders if _below(folder, [source])]
        places += [os.path.normpath("/" + target) + path for path in within]
    for place in places:
        if os.path.isdir(place):
            kernel.mount("tmpfs", place, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=0555")
