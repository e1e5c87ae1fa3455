"""Which registry an image's name means, and what it is called there, as docker and the kubelet read it.

``alpine`` is ``docker.io/library/alpine:latest``; the part before the first slash is a registry only if it has a dot or
a colon, or is ``localhost``.
"""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address
from typing import Final

from argosy.errors import SpecError

DOCKER_HUB: Final = "docker.io"
_LABEL: Final = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST: Final = re.compile(rf"(\[(?P<ipv6>[0-9a-fA-F:]+)\]|{_LABEL}(\.{_LABEL})*)(:(?P<port>[0-9]{{1,5}}))?")
_LONGEST_HOST: Final = 253
_REPOSITORY: Final = re.compile(r"[a-z0-9]+((\.|__?|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|__?|-+)[a-z0-9]+)*)*")
_TAG: Final = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


@dataclass(frozen=True, slots=True)
class Reference:
    """An image: in this registry, under this name, and which version of it (a tag or a digest)."""

    registry: str
    repository: str
    version: str

    @property
    def host(self) -> str:
        """Who answers for the registry."""
        return "registry-1.docker.io" if self.registry == DOCKER_HUB else self.registry

    @property
    def pinned(self) -> bool:
        """Whether the version is a digest, which means the same content for ever."""
        return ":" in self.version


def read_reference(image: str) -> Reference:
    """What an image's name means. Raises SpecError."""
    rest, _, digest = image.partition("@")
    name, tag = _without_tag(rest)
    first, slash, path = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        registry, repository = first, path
    else:
        registry, repository = DOCKER_HUB, name
    if registry in ("index.docker.io", "registry-1.docker.io"):
        registry = DOCKER_HUB
    if registry == DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    version = digest or tag or "latest"
    if rest.endswith(":") or not _is_host(registry) or not _REPOSITORY.fullmatch(repository) or not (
            DIGEST.fullmatch(version) if "@" in image else _TAG.fullmatch(version)):
        raise SpecError("image", f"{image!r} is no image's name; write NAME:TAG or REGISTRY/NAME:TAG, such as alpine:3.20")
    return Reference(registry, repository, version)


def names_of(image: str) -> set[str]:
    """The names by which settings may mean `image`: as written, and without digest, tag and what docker would add."""
    plain = image.partition("@")[0]
    short = re.sub(r"^(index\.|registry-1\.)?docker\.io/(library/)?", "", plain)
    return {image, plain, short, *(_without_tag(name)[0] for name in (plain, short))}


def _is_host(text: str) -> bool:
    found = _HOST.fullmatch(text)
    if found is None or len(text) > _LONGEST_HOST or int(found["port"] or "1") not in range(1, 65536):
        return False
    try:
        return found["ipv6"] is None or bool(IPv6Address(found["ipv6"]))
    except AddressValueError:
        return False


def _without_tag(name: str) -> tuple[str, str]:
    before, colon, after = name.rpartition(":")
    return (before, after) if colon and "/" not in after else (name, "")
