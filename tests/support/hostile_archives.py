"""Makes archives that nobody in good faith would: each must be refused with a message, and leave nothing outside.

``python -m tests.support.hostile_archives FOLDER`` writes them there.
"""

import gzip
import io
import random
import stat
import struct
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class HostileArchive:
    """An archive's name, what it is packed as, how it is made, and words that the refusal must have.

    `limits` are the environment variables that lower the executor's limits, so that a bomb can be small.
    """

    name: str
    kind: str
    make: Callable[[], bytes]
    words: str
    limits: dict[str, str] = field(default_factory=dict)


def _tar(*members: tuple[tarfile.TarInfo, bytes], format: int = tarfile.GNU_FORMAT) -> bytes:  # noqa: A002  tarfile's own word
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz", format=format) as tar:
        for info, data in members:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return whole.getvalue()


def _member(name: str, *, kind: bytes = tarfile.REGTYPE, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b"owned\n" if kind == tarfile.REGTYPE else b""


def _link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return _member(name, kind=tarfile.SYMTYPE, target=target)


def _hard(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return _member(name, kind=tarfile.LNKTYPE, target=target)


def _tar_with_lying_size() -> bytes:
    info, _ = _member("large")
    info.size = 1 << 50
    return gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + b"x" * 4096)


def _tar_with_overflowing_size() -> bytes:
    header = bytearray(_member("large")[0].tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\x80" + b"\xff" * 11
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return gzip.compress(bytes(header) + bytes(4096))


def _tar_that_is_cut() -> bytes:
    whole = _tar((tarfile.TarInfo("a"), random.Random(1).randbytes(100_000)))
    return whole[: len(whole) // 2]


def _tar_with_pax_name(name: str) -> bytes:
    info, data = _member("harmless")
    info.pax_headers = {"path": name}
    return _tar((info, data), format=tarfile.PAX_FORMAT)


def _sparse_tar() -> bytes:
    return _tar(_member("sparse", kind=tarfile.GNUTYPE_SPARSE))


def _zip(*members: tuple[str, bytes, int]) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data, mode in members:
            info = zipfile.ZipInfo(name)
            info.filename = name  # as it is, backslashes and all
            info.create_system, info.external_attr = 3, mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(info, data)
    return whole.getvalue()


_FILE, _LINK = stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777


def _with_directory_field(whole: bytes, at: int, value: bytes) -> bytes:
    """The zip with `value` written at this place of its first directory entry."""
    entry = whole.index(b"PK\x01\x02")
    return whole[: entry + at] + value + whole[entry + at + len(value):]


def _zip_larger_than_it_says() -> bytes:
    return _with_directory_field(_zip(("a", bytes(100_000), _FILE)), 24, struct.pack("<I", 10))


def _zip_of_overlapping_members() -> bytes:
    """Many directory entries that all name the same member: a small file that unpacks to a large one, many times over."""
    whole = _zip(("a", bytes(1 << 20), _FILE))
    start, end = whole.index(b"PK\x01\x02"), whole.index(b"PK\x05\x06")
    entry = whole[start:end]
    entries = b"".join(entry[:28] + struct.pack("<H", 5) + entry[30:46] + b"%05d" % number for number in range(5000))
    closing = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 5000, 5000, len(entries), start, 0)
    return whole[:start] + entries + closing


ARCHIVES = [
    HostileArchive("tar-absolute-path", "tar", lambda: _tar(_member("/tmp/owned")), "absolute path"),
    HostileArchive("tar-parent", "tar", lambda: _tar(_member("../owned")), "'..'"),
    HostileArchive("tar-parent-behind-a-name", "tar", lambda: _tar(_member("a/../../owned")), "'..'"),
    HostileArchive("tar-parent-in-a-long-name", "tar", lambda: _tar(_member("a/" * 80 + "../" * 90 + "owned")), "'..'"),
    HostileArchive("tar-parent-in-an-extended-header", "tar", lambda: _tar_with_pax_name("../owned"), "'..'"),
    HostileArchive("tar-nul-in-an-extended-header", "tar", lambda: _tar_with_pax_name("a\0b"), "NUL"),
    HostileArchive("tar-absolute-link", "tar", lambda: _tar(_link("a", "/etc")), "leads out"),
    HostileArchive("tar-link-to-parent", "tar", lambda: _tar(_link("a/b", "../../x")), "leads out"),
    HostileArchive("tar-links-that-lead-out-together", "tar", lambda: _tar(_link("b", "."), _link("a", "b/..")), "'..'"),
    HostileArchive("tar-hard-link-to-parent", "tar", lambda: _tar(_hard("a", "../../etc/passwd")), "leads out"),
    HostileArchive("tar-absolute-hard-link", "tar", lambda: _tar(_hard("a", "/etc/passwd")), "leads out"),
    HostileArchive("tar-member-through-a-link", "tar", lambda: _tar(_link("a", "."), _member("a/b")), "below its link"),
    HostileArchive("tar-member-through-a-later-link", "tar", lambda: _tar(_member("a/b"), _link("a", "c")), "below its link"),
    HostileArchive("tar-character-device", "tar", lambda: _tar(_member("a", kind=tarfile.CHRTYPE)), "device"),
    HostileArchive("tar-block-device", "tar", lambda: _tar(_member("a", kind=tarfile.BLKTYPE)), "device"),
    HostileArchive("tar-fifo", "tar", lambda: _tar(_member("a", kind=tarfile.FIFOTYPE)), "device or another special"),
    HostileArchive("tar-sparse", "tar", _sparse_tar, "sparse"),
    HostileArchive("tar-lying-size", "tar", _tar_with_lying_size, "unpacks to more than"),
    HostileArchive("tar-overflowing-size", "tar", _tar_with_overflowing_size, "too large"),
    HostileArchive("tar-cut-short", "tar", _tar_that_is_cut, "cut short"),
    HostileArchive("tar-many-entries", "tar", lambda: _tar(*(_member(f"{number}") for number in range(300))),
                   "more than 200 entries", {"ARGOSY_UNPACK_ENTRIES": "200"}),
    HostileArchive("tar-bomb-by-size", "tar", lambda: _tar((tarfile.TarInfo("a"), bytes(1 << 20))),
                   "more than 1000000 bytes", {"ARGOSY_UNPACK_BYTES": "1000000"}),
    HostileArchive("tar-bomb-by-ratio", "tar", lambda: _tar((tarfile.TarInfo("a"), bytes(80 << 20))),
                   "more than 100 times", {"ARGOSY_UNPACK_RATIO": "100"}),
    HostileArchive("zip-absolute-path", "zip", lambda: _zip(("/tmp/owned", b"x", _FILE)), "absolute path"),
    HostileArchive("zip-drive", "zip", lambda: _zip(("C:owned", b"x", _FILE)), "absolute path"),
    HostileArchive("zip-parent", "zip", lambda: _zip(("a/../../owned", b"x", _FILE)), "'..'"),
    HostileArchive("zip-parent-by-backslash", "zip", lambda: _zip(("a\\..\\..\\owned", b"x", _FILE)), "'..'"),
    HostileArchive("zip-absolute-link", "zip", lambda: _zip(("a", b"/etc", _LINK)), "leads out"),
    HostileArchive("zip-member-through-a-link", "zip", lambda: _zip(("a", b".", _LINK), ("a/b", b"x", _FILE)), "below"),
    HostileArchive("zip-device", "zip", lambda: _zip(("a", b"", stat.S_IFBLK | 0o644)), "device"),
    HostileArchive("zip-encrypted", "zip", lambda: _with_directory_field(_zip(("a", b"x", _FILE)), 8, b"\1\0"), "encrypted"),
    HostileArchive("zip-larger-than-it-says", "zip", _zip_larger_than_it_says, "larger than it says"),
    HostileArchive("zip-overlapping-members", "zip", _zip_of_overlapping_members, "times its size"),
    HostileArchive("zip-lying-directory", "zip", lambda: _zip(("a", b"x", _FILE))[:-8] + b"\xff" * 8, "damaged"),
]


def main(folder: Path) -> None:
    """Write them all."""
    folder.mkdir(parents=True, exist_ok=True)
    for archive in ARCHIVES:
        ending = "tgz" if archive.kind == "tar" else "zip"
        (folder / f"{archive.name}.{ending}").write_bytes(archive.make())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
