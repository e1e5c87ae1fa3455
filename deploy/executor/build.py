#!/usr/bin/env python3
"""Builds the executor for amd64 and arm64 into ~/.cache/argosy/executor/, with a compiler from the package registry.

    python deploy/executor/build.py               build both, print where they lie and how large they are
    python deploy/executor/build.py amd64         only one of them
    python deploy/executor/build.py --test        also run the unit tests of the sources
    python deploy/executor/build.py --install     put them into controller/programs/, where the controller looks
    python deploy/executor/build.py --reproduce   build again from nothing and compare bit by bit

A build is named after the hash of all that goes into it, so what is there need not be built again.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from checked import with_checks
from no_certificate import CLIENT, answering

HERE = Path(__file__).parent
SOURCES = HERE / "src"
CACHE = Path.home() / ".cache" / "argosy" / "executor"
PROGRAM = "argosy-executor"
INSTALLED = HERE.parents[1] / "controller" / "programs"
SIZE_MOST = 700_000  # bytes; a ConfigMap takes 1 MiB

ZIG = "0.17.1"
ZIG_WHEELS = (  # x86-64 and arm64
    "sha256:ea6cc5d87b033cf0aedfbc8f9549a908cae6c50ac31f1698188fa48a74524b54",
    "sha256:b7c5f02fccd40f89b999ee16a1f5ddced56e6182370f8affe494bcf8a28cf07e",
)
TARGETS = {"amd64": "x86_64-linux-none", "arm64": "aarch64-linux-none"}
OPTIONS = ("-O", "small", "-fstrip", "-fsingle-threaded", "-fno-unwind-tables", "--build-id=none")

# The parts of Zig's library that read what strangers send: they keep their checks in a build for size.
CHECKED_LIBRARY = (
    "Io/Reader.zig", "Io/Reader/*.zig", "Io/Writer.zig", "array_list.zig", "base64.zig", "compress/flate.zig",
    "compress/flate/*.zig",
    "crypto/Certificate.zig", "crypto/Certificate/Bundle.zig", "crypto/tls.zig", "crypto/tls/Client.zig", "debug.zig",
    "fmt.zig", "hash/crc.zig", "heap/*Allocator.zig", "json/*.zig", "mem.zig", "mem/Allocator.zig", "unicode.zig",
)


def main() -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("architecture", nargs="*", choices=[*TARGETS, []], help="amd64, arm64 (both, if none is named)")
    parser.add_argument("--test", action="store_true", help="run the unit tests of the sources")
    parser.add_argument("--install", action="store_true", help="put them where the controller looks")
    parser.add_argument("--reproduce", action="store_true", help="build twice and compare")
    asked = parser.parse_args()
    if asked.test:
        run_unit_tests()
    for architecture in asked.architecture or TARGETS:
        program = build(architecture)
        print(f"{architecture}\t{program.stat().st_size}\t{program}")
        if asked.install:
            install(architecture)
        if asked.reproduce:
            _reproduce(architecture, program)


def build(architecture: str) -> Path:
    """The executor for this architecture, built if it is not there yet."""
    program = CACHE / _fingerprint() / architecture / PROGRAM
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            _compile(architecture, Path(scratch)).rename(program)
    return program


def install(architecture: str) -> Path:
    """Put the executor for this architecture beside the controller, which brings it into pods; the file's path."""
    target = INSTALLED / architecture
    INSTALLED.mkdir(exist_ok=True)
    shutil.copyfile(build(architecture), target)
    return target


def build_fuzzer() -> Path:
    """The fuzz targets for this machine, with every check of the compiler on."""
    program = CACHE / _fingerprint() / "argosy-executor-fuzz"
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            made = Path(scratch) / program.name
            _zig("build-exe", "-O", "safe", "-fsingle-threaded", f"-femit-bin={made}", *_caches(Path(scratch)),
                 str(SOURCES / "fuzz.zig"))
            made.rename(program)
    return program


def run_unit_tests() -> None:
    """Run the tests that stand in the sources."""
    with tempfile.TemporaryDirectory(dir=_made(CACHE)) as scratch:
        _zig("test", *_caches(Path(scratch)), str(SOURCES / "main.zig"))


def _compile(architecture: str, scratch: Path) -> Path:
    sources = scratch / "src"
    sources.mkdir()
    for source in SOURCES.glob("*.zig"):
        (sources / source.name).write_text(with_checks(source.read_text()))
    program = scratch / PROGRAM
    _zig("build-exe", *OPTIONS, "-target", TARGETS[architecture], "--zig-lib-dir", str(_checked_library(scratch)),
         f"-femit-bin={program}", *_caches(scratch), str(sources / "main.zig"))
    size = program.stat().st_size
    if size > SIZE_MOST:
        sys.exit(f"the executor for {architecture} has {size} bytes and may have {SIZE_MOST}: take something out of it")
    program.chmod(0o555)
    return program


def _checked_library(scratch: Path) -> Path:
    """Zig's library, answering servers that ask for a certificate, with checks in its files that read what strangers send."""
    own = compiler().parent / "lib"
    library = scratch / "lib"
    library.mkdir()
    for entry in own.iterdir():
        if entry.name != "std":
            (library / entry.name).symlink_to(entry)
    shutil.copytree(own / "std", library / "std")
    client = library / "std" / CLIENT
    client.write_text(answering(client.read_text()))
    for pattern in CHECKED_LIBRARY:
        found = list((library / "std").glob(pattern))
        if not found:
            sys.exit(f"Zig {ZIG} has no std/{pattern}: name the file that took its place, or it goes unchecked")
        for source in found:
            source.write_text(with_checks(source.read_text()))
    return library


def _reproduce(architecture: str, program: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="argosy-elsewhere-") as scratch:
        again = _compile(architecture, Path(scratch))
        if again.read_bytes() != program.read_bytes():
            sys.exit(f"{architecture}: a second build differs from {program}; see what of its surroundings got into it")
    print(f"{architecture}\tbuilt twice, bit by bit the same")


def compiler() -> Path:
    """The Zig compiler, fetched from the package registry if it is not there yet."""
    home = CACHE / f"zig-{ZIG}"
    zig = home / "ziglang" / "zig"
    if not zig.exists():
        _made(CACHE)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            wanted = Path(scratch) / "requirements.txt"
            wanted.write_text(" ".join([f"ziglang=={ZIG}", *(f"--hash={wheel}" for wheel in ZIG_WHEELS)]) + "\n")
            target = Path(scratch) / "zig"
            subprocess.run([*_installer(), "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:",
                            "--target", target, "-r", wanted], check=True)
            try:
                target.rename(home)
            except OSError:  # another build was quicker
                if not zig.exists():
                    raise
    return zig


def _installer() -> list[str]:
    uv = Path(sys.executable).with_name("uv")
    if uv.exists():
        return [str(uv), "pip", "install", "--python", sys.executable]
    return [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]


def _zig(*arguments: str) -> None:
    # Compiling takes both cores for half a minute; whoever works here meanwhile comes first.
    answer = subprocess.run([str(compiler()), *arguments], check=False, preexec_fn=lambda: os.nice(15))
    if answer.returncode:
        sys.exit(answer.returncode)


def _caches(scratch: Path) -> list[str]:
    return ["--cache-dir", str(scratch / "cache"), "--global-cache-dir", str(scratch / "global")]


def _fingerprint() -> str:
    """The hash of all that goes into a build."""
    whole = hashlib.sha256()
    for source in [HERE / "build.py", HERE / "checked.py", HERE / "no_certificate.py", *sorted(SOURCES.glob("*.zig"))]:
        whole.update(f"{source.name} {source.stat().st_size}\n".encode() + source.read_bytes())
    return whole.hexdigest()[:16]


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    main()
