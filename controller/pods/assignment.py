"""What must be done around a pod's main command: files staged before it, results and files gathered after it.

The assignment travels on the Pod as an annotation; whoever runs the pod (the embedded runtime, or the executor inside
a Kubernetes pod) carries it out and hands the outcome over in the main container's termination message. A pod without
an assignment is run exactly as written.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

ASSIGNMENT_ANNOTATION = "argosy.dev/assignment"
MAIN_ANNOTATION = "argosy.dev/main"  # names the container whose end is the pod's end, whatever its sidecars do


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file to be written before the command starts: a script's source, a raw artifact, a parameter too large for argv."""

    path: str
    text: str
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class ArtifactIn:
    """An artifact to be fetched from the store at `key` and laid at `path` before the command starts.

    `archive` is how it was packed: "tar" (gzip), "zip", "none", or "" to look at what it is. `mode` is an octal
    file mode (None leaves it); with `recurse` it applies to everything below a folder. `sub_path` takes one part of a folder.
    """

    name: str
    path: str
    key: str
    archive: str = ""
    mode: int | None = None
    recurse: bool = False
    optional: bool = False
    sub_path: str = ""
    url: str = ""  # presigned: where the executor fetches it, having no credentials of its own


@dataclass(frozen=True, slots=True)
class ParameterOut:
    """An output parameter to be read from the file at `path`; `default` is used where the file does not exist."""

    name: str
    path: str
    default: str | None = None


@dataclass(frozen=True, slots=True)
class ArtifactOut:
    """A file or folder at `path`, to be packed as `archive` says (tar, zip or none) and kept in the store at `key`."""

    name: str
    path: str
    key: str
    archive: str = "tar"
    compression_level: int | None = None
    optional: bool = False
    url: str = ""  # presigned: where the executor stores it


@dataclass(frozen=True, slots=True)
class Assignment:
    """Everything to be done around the command of `container`."""

    container: str = "main"
    files: tuple[StagedFile, ...] = ()
    artifacts_in: tuple[ArtifactIn, ...] = ()
    result: bool = False  # keep the last 256 kB of stdout as outputs.result
    parameters: tuple[ParameterOut, ...] = ()
    artifacts_out: tuple[ArtifactOut, ...] = ()

    def in_words(self) -> str:
        """What is to be done, for an error's text."""
        parts = [text for wanted, text in (
            (self.files, "files written before its command starts"), (self.artifacts_in, "input artifacts"),
            (self.result, "its outputs.result kept"), (self.parameters, "output parameters read from files"),
            (self.artifacts_out, "output artifacts kept")) if wanted]
        return ", ".join(parts)

    def to_json(self) -> str:
        """The annotation's text."""
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def from_json(cls, text: str) -> "Assignment":
        """Read the annotation back. Raises ValueError where it is none of ours."""
        tree: dict[str, Any] = orjson.loads(text)
        try:
            return cls(
                container=tree["container"],
                files=tuple(StagedFile(**item) for item in tree["files"]),
                artifacts_in=tuple(ArtifactIn(**item) for item in tree["artifacts_in"]),
                result=tree["result"],
                parameters=tuple(ParameterOut(**item) for item in tree["parameters"]),
                artifacts_out=tuple(ArtifactOut(**item) for item in tree["artifacts_out"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not an assignment: {error}") from error


@dataclass(frozen=True, slots=True)
class Handover:
    """What comes back after the command ended, as JSON in the termination message.

    `artifacts` names the ones that were kept; `error` is set when something that had to be there was not (a missing
    output file, an artifact that could not be stored): the step then ends in Error with this text. With `elsewhere` the
    outputs were too large for the message and are in the WorkflowTaskResult that is called after the node. `started` is
    False where the command never ran, because a file or an artifact could not be laid or there is no such program.
    """

    result: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    artifacts: list[str] = field(default_factory=list)
    error: str = ""
    elsewhere: bool = False
    started: bool = True

    def to_json(self) -> str:
        """The termination message's text."""
        return orjson.dumps({"argosy": 1, **asdict(self)}).decode()

    @classmethod
    def from_json(cls, text: str) -> "Handover | None":
        """Read a termination message; None where it is the user's own text and no handover."""
        try:
            tree = orjson.loads(text)
        except orjson.JSONDecodeError:
            return None
        if not isinstance(tree, dict) or tree.pop("argosy", None) != 1:
            return None
        handover = cls(
            result=tree.get("result"), parameters=tree.get("parameters") or {}, artifacts=tree.get("artifacts") or [],
            error=tree.get("error") or "", elsewhere=tree.get("elsewhere") is True,
            started=tree.get("started") is not False)
        return handover if handover.is_whole() else None

    def is_whole(self) -> bool:
        """Whether every part is of the kind that it should be: anybody can write a termination message."""
        texts = [self.error, *(self.artifacts if isinstance(self.artifacts, list) else [None]),
                 *(self.parameters.values() if isinstance(self.parameters, dict) else [None])]
        return (self.result is None or isinstance(self.result, str)) and all(isinstance(text, str) for text in texts)
