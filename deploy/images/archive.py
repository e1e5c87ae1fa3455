"""Container images as files, made without a container engine: a docker-archive holds layers (tar files) and settings.

`docker load`, `podman load`, `ctr images import` and `skopeo copy docker-archive:FILE docker://...` read them. The same
layers and settings give the same image, whenever and wherever it is made.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def write_archive(
    target: Path, *, layers: Sequence[Path], names: Sequence[str], settings: Mapping[str, Any], architecture: str = "amd64",
) -> None:
    """Write the image to `target`; `settings` are those of a Dockerfile: Entrypoint, Cmd, Env, User, WorkingDir, Labels."""
    digests = {_digest(layer): layer for layer in layers}
    config = json.dumps({
        "architecture": architecture, "os": "linux", "config": dict(settings),
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
    }).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": list(names), "Layers": [f"{digest}.tar" for digest in digests]}]
    with tarfile.open(target, "w") as tar:
        add_file(tar, name, config, mode=0o644)
        add_file(tar, "manifest.json", json.dumps(manifest).encode(), mode=0o644)
        for digest, layer in digests.items():
            tar.add(layer, arcname=f"{digest}.tar")


def add_file(tar: tarfile.TarFile, name: str, data: bytes, *, mode: int = 0o755) -> None:
    """Add a file to a layer."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), mode
    tar.addfile(member, io.BytesIO(data))


def add_folder(tar: tarfile.TarFile, name: str, *, mode: int) -> None:
    """Add a folder to a layer."""
    member = tarfile.TarInfo(name)
    member.type, member.mode = tarfile.DIRTYPE, mode
    tar.addfile(member)


def add_link(tar: tarfile.TarFile, name: str, target: str) -> None:
    """Add a symbolic link to a layer."""
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mode = tarfile.SYMTYPE, target, 0o777
    tar.addfile(member)


def _digest(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()
