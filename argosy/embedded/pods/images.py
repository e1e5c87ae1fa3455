"""What stands in for a container image here: an entry point, a command, and files laid over the host's own.

Pods run on the host's programs, so an image is only a name. The table says, for a pattern of names, what the image's
entry point would have been, and may give a folder whose files then appear at "/".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from argosy.settings import ImageStandIn
from controller.images.references import names_of


@dataclass(frozen=True, slots=True)
class Image:
    """How a container of some image is run on this machine."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    root: str = ""  # a folder whose files appear at "/"
    env: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)  # a program that the image has, and the host's that it means
    scripts: Mapping[str, str] = field(default_factory=dict)  # where a file is, and which of our `scripts` stands in for it
    path: str = ""  # folders before the usual PATH


_PYTHON = Image(command=("python3",), links={"python": "python3", "python3": "python3"})
_BUILT_IN: tuple[tuple[str, Image], ...] = (
    ("alpine/git", Image(entrypoint=("git",))),
    ("curlimages/curl", Image(entrypoint=("curl",))),
    ("alpine/curl", Image(entrypoint=("curl",))),
    ("*/kubectl", Image(entrypoint=("kubectl",))),
    ("*/jq", Image(entrypoint=("jq",))),
    ("*python*", _PYTHON),
    ("argoproj/argosay", Image(entrypoint=("/argosay",), scripts={"/argosay": "argosay.sh"})),
    ("docker/whalesay", Image(scripts={"/usr/local/bin/cowsay": "cowsay.sh"})),
    ("node", Image(command=("node",))),
    ("golang", Image(command=("bash",), path="/usr/local/go/bin")),
    ("perl", Image(command=("perl",))),
    ("busybox", Image(command=("sh",))),
    ("alpine", Image(command=("/bin/sh",))),
    *((name, Image(command=("bash",))) for name in (
        "bash", "debian", "ubuntu", "fedora", "centos", "rockylinux", "rust", "alpine/k8s", "buildpack-deps")),
)


class ImageTable:
    """The stand-ins of the settings, and after them the built-in ones; the first whose pattern matches counts.

    A pattern is a glob over the image's name; without a tag it matches every tag.
    """

    def __init__(self, stand_ins: Sequence[ImageStandIn] = ()) -> None:
        given = [(entry.pattern, Image(
            entrypoint=entry.entrypoint, command=entry.command, root=str(entry.root.resolve()) if entry.root else "",
            env=entry.env)) for entry in stand_ins]
        self._entries = (*given, *_BUILT_IN)

    def find(self, image: str) -> Image:
        """How `image` is run; an empty entry where nothing matches, so that only a manifest's own command counts."""
        names = names_of(image)
        for pattern, entry in self._entries:
            if any(fnmatchcase(name, pattern) for name in names):
                return entry
        return Image()
