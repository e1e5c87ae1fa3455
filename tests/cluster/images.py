"""The images of the cluster, made on this machine and loaded into its containerd, for no registry is asked.

An image here is a few layers (tar files kept in the cache) with its settings and all the names it goes by.
"""

import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.cluster.binaries import run
from tests.cluster.layout import CACHE, CONTAINERD_SOCKET, HOME, say

SANDBOX: Final = "localhost/pause:1"
ARGOSY: Final = "localhost/argosy:dev"
_PACKAGES = "opt/argosy"
_HERE = Path(__file__).parent
_LAYERS = CACHE / "images"
_EDITION = 1  # raised when a recipe below changes, so that kept layers are made anew
_TOOLS: Final = ("bash", "ca-certificates", "curl", "git", "jq", "python3")
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Image:
    """What is in it, how it starts, and the names it goes by."""

    layers: tuple[Callable[[], Path], ...]
    names: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)


def images() -> tuple[Image, ...]:
    """Every image that the cluster offers."""
    alpine = tuple(f"alpine:{version}" for version in ("latest", "3", "3.7", "3.18", "3.20", "3.21", "3.22", "3.23"))
    python = tuple(f"python:{version}" for version in (
        "latest", "3", "3-alpine", "3.11", "3.12", "3.13", "3.13-alpine", "alpine", "alpine3.6", "alpine3.23"))
    return (
        Image((_pause_layer,), (SANDBOX,), {"Entrypoint": ["/pause"]}),
        Image((_busybox_layer,), _hub("busybox:latest", "busybox:1", "busybox:1.36", *alpine), {"Cmd": ["/bin/sh"]}),
        Image((_argosay_layer,), _hub("argoproj/argosay:v1", "argoproj/argosay:v2"), {"Entrypoint": ["/argosay"]}),
        Image((_whalesay_layer,), _hub("docker/whalesay:latest"), {"Cmd": ["/bin/sh"]}),
        Image((_tools_layer,), _hub(*python, "alpine/git:latest", "debian:bookworm", "debian:latest"), {"Cmd": ["python3"]}),
    )


def load_images() -> None:
    """Load what containerd does not have yet."""
    present = set(_ctr("images", "list", "-q").split())
    for image in images():
        if not present.issuperset(image.names):
            _load(image)


def load_argosy() -> None:
    """Build the wheel of this tree and load the image that runs it, under the name `ARGOSY`."""
    _load(Image((_tools_layer, _argosy_layer), (ARGOSY,), {
        "Entrypoint": ["python3", "-m", "argosy.cli.main"], "User": "65534:65534", "WorkingDir": "/tmp",
        "Env": [_PATH, f"PYTHONPATH=/{_PACKAGES}", "PYTHONUNBUFFERED=1", "HOME=/tmp"]}))


def _load(image: Image) -> None:
    archive = _archive(image)
    say(f"loading {', '.join(short_name(name) for name in image.names[:3])}{' …' * (len(image.names) > 3)}")
    load_archive(archive)
    archive.unlink()


def load_archive(archive: Path | str) -> None:
    """Load a docker-archive, such as one of the product's own image."""
    _ctr("images", "import", str(archive))


def short_name(name: str) -> str:
    """The name as people write it."""
    return name.removeprefix("docker.io/").removeprefix("library/")


def _hub(*names: str) -> tuple[str, ...]:
    return tuple(f"docker.io/{name}" if "/" in name else f"docker.io/library/{name}" for name in names)


def _ctr(*words: str) -> str:
    return run("ctr", "--address", str(CONTAINERD_SOCKET), "--namespace", "k8s.io", *words)


def _archive(image: Image) -> Path:
    """A docker-archive: a manifest, the settings and the layers."""
    layers = {_digest(layer): layer for layer in (make() for make in image.layers)}
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "config": {"Env": [_PATH], **image.settings},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in layers]},
    }).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": list(image.names), "Layers": [f"{digest}.tar" for digest in layers]}]
    target = HOME / "image.tar"
    with tarfile.open(target, "w") as tar:
        _add(tar, name, config, mode=0o644)
        _add(tar, "manifest.json", json.dumps(manifest).encode(), mode=0o644)
        for digest, layer in layers.items():
            tar.add(layer, arcname=f"{digest}.tar")
    return target


def _digest(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def _kept(name: str, fill: Callable[[tarfile.TarFile], None]) -> Path:
    """The layer of that name in the cache, made first if it is not there."""
    file = _LAYERS / f"{name}-{_EDITION}.tar"
    if not file.exists():
        say(f"making the image {name} (once; it is kept in {_LAYERS})")
        _LAYERS.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".part")
        with tarfile.open(unfinished, "w") as tar:
            fill(tar)
        unfinished.rename(file)
    return file


def _pause_layer() -> Path:
    def fill(tar: tarfile.TarFile) -> None:
        program = _LAYERS / "pause"
        run("gcc", "-Os", "-static", "-s", "-o", str(program), str(_HERE / "pause.c"))
        _add(tar, "pause", program.read_bytes())

    return _kept("pause", fill)


def _busybox_layer() -> Path:
    return _kept("busybox", _fill_busybox)


def _argosay_layer() -> Path:
    def fill(tar: tarfile.TarFile) -> None:
        _fill_busybox(tar)
        for place in ("argosay", "bin/argosay"):
            _add(tar, place, (_HERE / "argosay").read_bytes())

    return _kept("argosay", fill)


def _whalesay_layer() -> Path:
    def fill(tar: tarfile.TarFile) -> None:
        _fill_busybox(tar)
        _add(tar, "usr/local/bin/cowsay", b'#!/bin/sh\nprintf \' < %s >\\n\' "$*"\n')

    return _kept("whalesay", fill)


def _fill_busybox(tar: tarfile.TarFile) -> None:
    for folder in ("bin", "sbin", "usr", "usr/bin", "usr/sbin", "usr/local", "usr/local/bin", "etc", "root", "var",
                   "var/tmp", "proc", "sys", "dev", "tmp", "mnt"):
        _add_folder(tar, folder, mode=0o1777 if folder.endswith("tmp") else 0o755)
    _add(tar, "bin/busybox", Path("/bin/busybox").read_bytes())
    for path in run("/bin/busybox", "--list-full").split():
        if path != "bin/busybox":
            _add_link(tar, path, "/bin/busybox")
    _add(tar, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n", mode=0o644)
    _add(tar, "etc/group", b"root:x:0:\nnobody:x:65534:\n", mode=0o644)


def _tools_layer() -> Path:
    """A small Debian with Python, git, curl, jq and bash."""
    file = _LAYERS / f"tools-{_EDITION}.tar"
    if file.exists():
        return file
    say(f"making a Debian with {', '.join(_TOOLS)} (once; it is kept in {_LAYERS})")
    if shutil.which("debootstrap") is None:
        run("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "install", "-y", "--no-install-recommends",
            "debootstrap")
    root = _LAYERS / "tools.root"
    subprocess.run(["rm", "-rf", str(root)], check=True)
    root.mkdir(parents=True)
    run("debootstrap", "--variant=minbase", f"--include={','.join(_TOOLS)}", "bookworm", str(root))
    (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    unfinished = file.with_suffix(".part")
    left_out = ("dev/*", "proc/*", "sys/*", "var/cache/apt/*", "var/lib/apt/lists/*", "usr/share/doc/*", "usr/share/man/*",
                "usr/share/locale/*")
    run("tar", "-C", str(root), "--numeric-owner", *(f"--exclude=./{path}" for path in left_out), "-cf", str(unfinished), ".")
    subprocess.run(["rm", "-rf", str(root)], check=True)
    unfinished.rename(file)
    return file


def _argosy_layer() -> Path:
    """The wheel of this tree, as it is now, with what it depends on."""
    say("building the wheel of this tree")
    uv, root = str(Path(sys.executable).with_name("uv")), HOME / "argosy.root"
    shutil.rmtree(root, ignore_errors=True)
    run(uv, "build", "--quiet", "--wheel", "--out-dir", str(root / "wheel"), cwd=_HERE.parents[1])
    (wheel,) = (root / "wheel").glob("*.whl")
    # For the Python of the layer below, which may not be the one that runs this.
    run(uv, "pip", "install", "--quiet", "--python-version=3.11", "--only-binary=:all:", "--target",
        str(root / "content" / _PACKAGES), str(wheel))
    file = HOME / "argosy.tar"
    run("tar", "-C", str(root / "content"), "--owner=0", "--group=0", "--numeric-owner", "-cf", str(file), ".")
    shutil.rmtree(root)
    return file


def _add(tar: tarfile.TarFile, name: str, data: bytes, *, mode: int = 0o755) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), mode
    tar.addfile(member, io.BytesIO(data))


def _add_folder(tar: tarfile.TarFile, name: str, *, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.mode = tarfile.DIRTYPE, mode
    tar.addfile(member)


def _add_link(tar: tarfile.TarFile, name: str, target: str) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mode = tarfile.SYMTYPE, target, 0o777
    tar.addfile(member)
