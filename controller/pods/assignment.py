"""What must be done around a pod's main command: files staged before it, results and files gathered after it.

The assignment travels on the Pod as an annotation; whoever runs the pod (the embedded runtime, or the executor inside
a Kubernetes pod) carries it out and hands the outcome over in the main container's termination message. A pod without
an assignment is run exactly as written.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import orjson

ASSIGNMENT_ANNOTATION = "argosy.dev/assignment"
MAIN_ENDED_ANNOTATION = "argosy.dev/main-ended"  # we had the rest of the pod ended, for its step was over
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
    location: Mapping[str, Any] = field(default_factory=dict)  # as in YAML: which store, which bucket, whose credentials
    url: str = ""  # presigned: where the executor fetches it, having no credentials of its own
    headers: tuple[str, ...] = ()  # of the request, each ``Name: value``
    auth: str = ""  # the number of the variables with its credentials (`credentials`)


@dataclass(frozen=True, slots=True)
class ParameterOut:
    """An output parameter to be read from the file at `path`; `default` is used where the file does not exist."""

    name: str
    path: str
    default: str | None = None


@dataclass(frozen=True, slots=True)
class ArtifactOut:
    """A file or folder at `path`, to be packed as `archive` says (tar, zip or none) and kept in the store at `key`.

    A folder that is not packed becomes one object a file: `form` then has the fields (``name=value``) with which the
    executor may post files to `form_url`, under keys that begin with the form's own.
    """

    name: str
    path: str
    key: str
    archive: str = "tar"
    compression_level: int | None = None
    optional: bool = False
    location: Mapping[str, Any] = field(default_factory=dict)  # as the node's outputs show it
    url: str = ""  # presigned: where the executor stores it
    headers: tuple[str, ...] = ()
    auth: str = ""
    form_url: str = ""
    form: tuple[str, ...] = ()

    def without_address(self) -> "ArtifactOut":
        """Itself without what must stay secret."""
        return replace(self, url="", headers=(), form_url="", form=())


@dataclass(frozen=True, slots=True)
class FieldOut:
    """An output parameter to be read from a Kubernetes object, by a JSONPath as kubectl's or by a jq filter."""

    name: str
    json_path: str = ""
    jq_filter: str = ""
    default: str | None = None


@dataclass(frozen=True, slots=True)
class ResourceWork:
    """What a ``resource`` template does to a Kubernetes object, and when that counts as done.

    The manifest is `manifest`, or the file at `manifest_path`. A generated name ends in `suffix`; `owner` is the
    owner reference that the object gets.
    """

    action: str
    namespace: str
    manifest: str = ""
    manifest_path: str = ""
    flags: tuple[str, ...] = ()
    merge_strategy: str = "strategic"
    success_condition: str = ""
    failure_condition: str = ""
    owner: dict[str, Any] | None = None
    suffix: str = ""
    parameters: tuple[FieldOut, ...] = ()

    def to_json(self) -> str:
        """The text of a file that tells it."""
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> "ResourceWork":
        """Read that file. Raises ValueError where it is none."""
        try:
            return _read_work(orjson.loads(text))
        except (KeyError, TypeError) as error:
            raise ValueError(f"not the work of a resource template: {error}") from error


def _read_work(tree: dict[str, Any]) -> ResourceWork:
    lists = {"flags": tuple(tree["flags"]), "parameters": tuple(FieldOut(**item) for item in tree["parameters"])}
    return ResourceWork(**{**tree, **lists})


@dataclass(frozen=True, slots=True)
class Header:
    """A header of a request: its value, or the Secret's key that holds it."""

    name: str
    value: str = ""
    secret: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class HttpWork:
    """The request of an ``http`` template, and when its answer is a success; the body is base64."""

    method: str
    url: str
    body: str = ""
    headers: tuple[Header, ...] = ()
    verify: bool = True
    timeout_seconds: float = 30.0
    success_condition: str = ""

    def to_json(self) -> str:
        """The text of a file that tells it."""
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> "HttpWork":
        """Read that file. Raises ValueError where it is none."""
        try:
            return _read_request(orjson.loads(text))
        except (KeyError, TypeError) as error:
            raise ValueError(f"not the request of an http template: {error}") from error


def _read_request(tree: dict[str, Any]) -> HttpWork:
    return HttpWork(**{**tree, "headers": tuple(Header(**item) for item in tree["headers"])})


@dataclass(frozen=True, slots=True)
class Assignment:
    """Everything to be done around the command of `container`, or, where it is `work`, in its place."""

    container: str = "main"
    files: tuple[StagedFile, ...] = ()
    artifacts_in: tuple[ArtifactIn, ...] = ()
    result: bool = False  # keep the last 256 kB of stdout as outputs.result
    parameters: tuple[ParameterOut, ...] = ()
    artifacts_out: tuple[ArtifactOut, ...] = ()
    logs: ArtifactOut | None = None  # what main prints, to be kept as a file
    work: ResourceWork | None = None  # of a resource template
    request: HttpWork | None = None  # of an http template
    turn: Mapping[str, Any] | None = None  # in a container set, for the executor
    authorities: str = ""  # certificates (PEM) that the artifact stores' own must be signed by, beside the image's

    @property
    def needs_store(self) -> bool:
        """Whether anything is fetched from, or stored in, a store of artifacts."""
        return bool(self.artifacts_in or self.artifacts_out or self.logs)

    def without_contents(self) -> "Assignment":
        """As much of it as the controller reads back: no texts of files, which may be large, no addresses, which are secret."""
        return replace(self, files=(), artifacts_in=(), work=None, request=None, authorities="",
                       artifacts_out=tuple(item.without_address() for item in self.artifacts_out),
                       logs=self.logs.without_address() if self.logs else None)

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
                artifacts_in=tuple(ArtifactIn(**_with_tuples(item)) for item in tree["artifacts_in"]),
                result=tree["result"],
                parameters=tuple(ParameterOut(**item) for item in tree["parameters"]),
                artifacts_out=tuple(ArtifactOut(**_with_tuples(item)) for item in tree["artifacts_out"]),
                logs=ArtifactOut(**_with_tuples(tree["logs"])) if tree.get("logs") else None,
                work=_read_work(tree["work"]) if tree.get("work") else None,
                request=_read_request(tree["request"]) if tree.get("request") else None,
                authorities=tree.get("authorities") or "",
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not an assignment: {error}") from error


def _with_tuples(item: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in item.items()}


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
    message: str = ""  # what the command itself left as its termination message

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
            started=tree.get("started") is not False, message=tree.get("message") or "")
        return handover if handover.is_whole() else None

    def is_whole(self) -> bool:
        """Whether every part is of the kind that it should be: anybody can write a termination message."""
        texts = [self.error, self.message, *(self.artifacts if isinstance(self.artifacts, list) else [None]),
                 *(self.parameters.values() if isinstance(self.parameters, dict) else [None])]
        return (self.result is None or isinstance(self.result, str)) and all(isinstance(text, str) for text in texts)
