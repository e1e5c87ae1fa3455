"""Argosy's container image as a docker-archive, made without a container engine.

    python -m deploy.images.build --output argosy.tar [--name ghcr.io/argosy/argosy:0.1.0] [--base base.tar]

It is what the Dockerfile beside this file makes: a Debian with Python, the wheel of this tree in /opt/argosy, a user who
is nobody. The layer below comes from `--base`, a tar of a root file system with Python 3.11 to 3.13; without one, a small
Debian is made with debootstrap (as root, once; it is kept in ~/.cache/argosy/images).
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from deploy.images.archive import write_archive

NAME: Final = "ghcr.io/argosy/argosy:0.1.0"
ROOT: Final = Path(__file__).parents[2]
CACHE: Final = Path.home() / ".cache/argosy/images"
SUITE: Final = "bookworm"
PYTHON: Final = "3.11"  # of that suite
_PACKAGES: Final = "opt/argosy"
_LEFT_OUT: Final = (  # of a Debian that installs nothing any more
    "dev/*", "proc/*", "sys/*", "var/cache/apt/*", "var/lib/apt/lists/*", "usr/share/doc/*", "usr/share/man/*",
    "usr/share/locale/*")

SETTINGS: Final[Mapping[str, Any]] = {
    "Entrypoint": ["python3", "-m", "argosy.cli.main"],
    "User": "65534:65534",
    "WorkingDir": "/tmp",  # noqa: S108 - the one folder that such a container may write to
    "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", f"PYTHONPATH=/{_PACKAGES}",
            "PYTHONUNBUFFERED=1", "HOME=/tmp"],
}


def build(output: Path, *, name: str = NAME, base: Path | None = None, python: str = PYTHON) -> None:
    """Write the image to `output`. `python` is the version that the base has."""
    base = base or debian(CACHE / f"{SUITE}.tar")
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="argosy-image-") as scratch:
        layer = application_layer(Path(scratch), python=python)
        write_archive(output, layers=(base, layer), names=(name,), settings=SETTINGS)


def application_layer(scratch: Path, *, python: str = PYTHON) -> Path:
    """A layer with the wheel of this tree, as it is now, and with what it depends on."""
    uv, content, file = str(Path(sys.executable).with_name("uv")), scratch / "content", scratch / "argosy.tar"
    _run(uv, "build", "--quiet", "--wheel", "--out-dir", str(scratch / "wheel"), cwd=ROOT)
    (wheel,) = (scratch / "wheel").glob("*.whl")
    _run(uv, "pip", "install", "--quiet", f"--python-version={python}", "--only-binary=:all:", "--compile-bytecode",
         "--target", str(content / _PACKAGES), str(wheel))
    _run("tar", "-C", str(content), "--owner=0", "--group=0", "--numeric-owner", "--sort=name", "-cf", str(file), ".")
    return file


def debian(file: Path, *, packages: Sequence[str] = ("ca-certificates", "python3")) -> Path:
    """A layer with a small Debian that has these packages, kept in `file`: made if it is not there."""
    if file.exists():
        return file
    if shutil.which("debootstrap") is None:
        raise SystemExit("needs debootstrap (apt-get install debootstrap), or name a root file system with --base")
    file.parent.mkdir(parents=True, exist_ok=True)
    root, unfinished = file.with_suffix(".root"), file.with_suffix(".part")
    _run("rm", "-rf", str(root))
    _run("debootstrap", "--variant=minbase", f"--include={','.join(packages)}", SUITE, str(root))
    (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    _run("tar", "-C", str(root), "--numeric-owner", *(f"--exclude=./{path}" for path in _LEFT_OUT), "-cf",
         str(unfinished), ".")
    _run("rm", "-rf", str(root))
    return unfinished.rename(file)


def _run(*command: str, cwd: Path | None = None) -> None:
    subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Read the command line and build."""
    parser = argparse.ArgumentParser(description="Build Argosy's container image without a container engine.")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="where the docker-archive is written")
    parser.add_argument("--name", default=NAME, help="the image's name (default: %(default)s)")
    parser.add_argument("--base", type=Path, metavar="FILE", help="a tar of a root file system with Python")
    parser.add_argument("--python", default=PYTHON, metavar="VERSION", help="the base's Python (default: %(default)s)")
    given = parser.parse_args()
    build(given.output, name=given.name, base=given.base, python=given.python)
    print(given.output)


if __name__ == "__main__":
    main()
