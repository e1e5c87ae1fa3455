#!/usr/bin/env python3
"""Runs the executor's fuzz targets: `python deploy/executor/fuzz.py --seconds 60 --jobs 2` gives each of them a minute.

The inputs to begin with are honest archives, the hostile ones of the tests, and samples of the other formats. A failure
prints the random seed and the path of the input that did it.
"""

import argparse
import gzip
import io
import secrets
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from build import CACHE, build_fuzzer

sys.path.insert(0, str(Path(__file__).parents[2]))
from controller.pods.assignment import ArtifactIn, ArtifactOut, Assignment, ParameterOut, StagedFile
from tests.support.hostile_archives import ARCHIVES

ASSIGNMENTS = [
    Assignment(
        files=(StagedFile("/argo/staging/script", 'echo "x"\n', 0o755),),
        artifacts_in=(ArtifactIn("a", "/a", "k", optional=True, url="http://s/k"),),
        result=True,
        parameters=(ParameterOut("p", "/p"),),
        artifacts_out=(ArtifactOut("o", "/o", "k", compression_level=9, url="https://s/k?x=y"),),
    ).to_json().encode(),
    b'{"files":[],"result":false,"later":{"a":[1,2.5e3,-0,true,null,"\\u00e9\\ud83d\\ude00"]}}',
    b"{}",
]
ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\nhello",
    (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
     b"5;a=b\r\nhello\r\n1a\r\nxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n0\r\n\r\n"),
    b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://elsewhere:80/x?y\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 403 Forbidden\r\nContent-Length: 30\r\n\r\n<Code>AccessDenied</Code>",
]
NAMES = [(b"\x12\x34\x81\x80\0\1\0\2\0\0\0\0\5store\3svc\0\0\1\0\1"
          b"\xc0\x0c\0\5\0\1\0\0\0\x3c\0\2\xc0\x0c\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\0\0\x09")]


def main() -> None:
    """Give each target its time; `jobs` of them run side by side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--target", choices=["assignment", "tar", "zip", "http", "dns"], action="append")
    parser.add_argument("--seed", type=int, default=None, help="of an earlier run, to repeat it")
    parser.add_argument("--jobs", type=int, default=1, help="how many run at a time")
    asked = parser.parse_args()
    program = build_fuzzer()
    seeds = {"assignment": ASSIGNMENTS, "tar": _tars(), "zip": _zips(), "http": ANSWERS, "dns": NAMES}

    def run(target: str) -> str:
        seed = secrets.randbits(32) if asked.seed is None else asked.seed
        return _run(program, target, seeds[target], seconds=asked.seconds, seed=seed)

    with ThreadPoolExecutor(asked.jobs) as pool:
        failures = [text for text in pool.map(run, asked.target or seeds) if text]
    if failures:
        sys.exit("\n".join(failures))


def _run(program: Path, target: str, seeds: list[bytes], *, seconds: int, seed: int) -> str:
    """What went wrong, or ""."""
    memory = Path("/dev/shm")  # noqa: S108  a folder of our own is made in it; on a disk the targets would be ten times slower
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        work = Path(name)
        (work / "seeds").mkdir()
        for number, data in enumerate(seeds):
            (work / "seeds" / f"{number:03}").write_bytes(data)
        answer = subprocess.run([program, target, work / "seeds", work, str(seconds), str(seed)], check=False)
        if answer.returncode == 0:
            return ""
        kept = CACHE / f"fuzz-{target}-{seed}"
        for found in (work / "input", work / "outer" / "inner" / "packed"):
            if found.exists():
                shutil.copyfile(found, kept)
                break
        how = "it hung" if answer.returncode == -14 else f"it ended with {answer.returncode}"
        return f"{target}: {how}; its seed was {seed}, its input is in {kept}"


def _tars() -> list[bytes]:
    """Honest ones of every format, and the hostile ones, all without gzip: what is mutated is the tar."""
    found = []
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT):
        whole = io.BytesIO()
        with tarfile.open(fileobj=whole, mode="w", format=form) as tar:
            for name, kind, target in [("a", tarfile.DIRTYPE, ""), ("a/b", tarfile.REGTYPE, ""), ("a/c", tarfile.SYMTYPE, "b"),
                                       ("d", tarfile.LNKTYPE, "a/b"), ("e/" + "f" * 90, tarfile.REGTYPE, "")]:
                info = tarfile.TarInfo(name)
                info.type, info.linkname = kind, target
                info.size = 700 if kind == tarfile.REGTYPE else 0
                if form == tarfile.PAX_FORMAT:
                    info.pax_headers = {"comment": "c" * 20, "path": info.name}
                tar.addfile(info, io.BytesIO(bytes(info.size)))
        found.append(whole.getvalue())
    hostile = [one for one in ARCHIVES if one.kind == "tar" and one.name not in ("tar-cut-short", "tar-bomb-by-ratio")]
    found += [gzip.decompress(one.make())[:30_000] for one in hostile]
    return [*found, gzip.compress(found[0])]


def _zips() -> list[bytes]:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as packed:
        packed.writestr("a/", b"")
        packed.writestr("a/b", b"stored" * 20)
        packed.writestr("a/c", b"deflated" * 200, zipfile.ZIP_DEFLATED)
        with packed.open("large", "w", force_zip64=True) as file:
            file.write(b"zip64" * 30)
        link = zipfile.ZipInfo("d")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        packed.writestr(link, b"a/b")
    small = [archive.make() for archive in ARCHIVES if archive.kind == "zip"]
    return [whole.getvalue(), *(data for data in small if len(data) < 20_000)]


if __name__ == "__main__":
    main()
