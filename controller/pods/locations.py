"""Where an artifact is kept, read from its YAML: the kind of storage, the key in it, and how it is packed.

An artifact may name a place of its own (`s3` with bucket and endpoint), only a `key`, or nothing at all. What it leaves
open is taken from the template's ``archiveLocation`` and then from the `Repository` of the installation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from argosy.errors import SpecError

DEFAULT_KEY_FORMAT = "{{workflow.name}}/{{pod.name}}"

_KEYED = {"s3": "key", "gcs": "key", "oss": "key", "azure": "blob"}
_CONTAINER_FIELD = {"s3": "bucket", "gcs": "bucket", "oss": "bucket", "azure": "container"}
_OTHER = ("git", "http", "hdfs", "artifactory", "raw", "plugin")
_ONLY_IN_REPOSITORIES = ("keyFormat", "keyPrefix", "blobNameFormat")

Tree = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Repository:
    """Where artifacts go that name no place of their own, and what the installation says about artifacts in general.

    `location` is a place without a key, such as ``{"s3": {"bucket": "mine"}}``; `kinds` the kinds of storage that can be
    reached. `default` says that it is the installation's own and no namespace's; `found` is how the workflow's
    ``status.artifactRepositoryRef`` shows it.
    """

    location: Tree = field(default_factory=lambda: {"s3": {}})
    key_format: str = DEFAULT_KEY_FORMAT
    kinds: tuple[str, ...] = ("s3", "http")
    archive_logs: bool = False
    takes_logs: bool = True  # False where logs are kept anyway
    default: bool = False
    found: Tree = field(default_factory=dict)

    @classmethod
    def read(cls, config: object, found: Tree, *, where: str) -> "Repository":
        """From an entry of a ConfigMap, as Argo's documentation describes it. Raises SpecError."""
        if not isinstance(config, Mapping):
            raise SpecError(where, "is no artifact repository; write a mapping such as `s3: {bucket: mine, endpoint: ...}`")
        kind = location_of(config)
        place = config.get(kind) if kind else {}
        if not isinstance(place, Mapping):
            raise SpecError(f"{where}.{kind}", "must be a mapping such as `bucket: my-bucket`")
        key_format = place.get("keyFormat") or place.get("blobNameFormat")
        if not key_format:
            prefix = str(place.get("keyPrefix") or "").strip("/")
            key_format = f"{prefix}/{DEFAULT_KEY_FORMAT}" if prefix else DEFAULT_KEY_FORMAT
        location = {name: value for name, value in place.items() if name not in _ONLY_IN_REPOSITORIES}
        return cls(location={kind or "s3": location}, key_format=str(key_format),
                   archive_logs=config.get("archiveLogs") is True, default=bool(found.get("default")),
                   found={**found, "artifactRepository": config})


FOLDER = Repository(kinds=("s3", "gcs", "oss", "azure", "http"), takes_logs=False)  # a folder that stands for all stores


def location_of(artifact: Tree) -> str | None:
    """The kind of storage the artifact names ("s3", "git", ...), or None."""
    return next((kind for kind in (*_KEYED, *_OTHER) if artifact.get(kind) is not None), None)


def key_of(artifact: Tree) -> str | None:
    """The key under which a folder keeps it; a bucket of its own becomes the key's first part, a last "/" goes."""
    key = own_key(artifact)
    if not key:
        return None
    kind = location_of(artifact) or ""
    bucket = artifact[kind].get(_CONTAINER_FIELD[kind])
    return f"{bucket}/{key}" if bucket else key


def own_key(artifact: Tree) -> str:
    """The key inside its store, without a last "/" (a folder); empty where it has none."""
    kind = location_of(artifact)
    return str(artifact[kind].get(_KEYED[kind]) or "").rstrip("/") if kind in _KEYED else ""


def packing_of(artifact: Tree, *, default: str) -> str:
    """"tar", "zip" or "none" as ``archive:`` says, else `default`."""
    archive = artifact.get("archive")
    if not archive:
        return default
    return next((kind for kind in ("none", "zip", "tar") if kind in archive), default)


def completed(location: Tree, base: Tree) -> dict[str, Any]:
    """The location with what it leaves open taken from `base`; one with a store and a bucket of its own leaves nothing."""
    kind = location_of(location) or ""
    place = location[kind]
    if kind not in _KEYED or leaves_nothing_open(location):
        return {kind: place}
    return {kind: {**(base.get(kind) or {}), **place}}


def leaves_nothing_open(location: Tree) -> bool:
    """Whether it says by itself which store and which bucket, so that nothing need be known besides."""
    kind = location_of(location)
    place = location.get(kind or "") or {}
    return kind == "http" or (kind in _KEYED and bool(place.get("endpoint") and place.get(_CONTAINER_FIELD[kind])))


def input_location(artifact: Tree, template: Tree) -> dict[str, Any]:
    """Where an input artifact is, as far as the artifact and its template say."""
    kind = location_of(artifact)
    if kind not in _KEYED:
        return {kind: artifact[kind]} if kind else {}
    return completed({kind: artifact[kind]}, template.get("archiveLocation") or {})


def output_location(artifact: Tree, template: Tree, repository: Repository, *, folder: str, file: str) -> dict[str, Any]:
    """Where an output artifact is to be kept: only its key where everything else is the repository's.

    `folder` is the key that the repository gives to this pod, `file` the last part of a key that nobody chose.
    """
    archive = template.get("archiveLocation") or {}
    base_kind = location_of(archive) or ""
    kind = location_of(artifact) or base_kind or location_of(repository.location) or "s3"
    if kind not in _KEYED:
        return {kind: artifact.get(kind) or archive.get(kind)}
    place: Tree = artifact.get(kind) or {}
    key = own_key(artifact)
    if not key:
        folder = own_key(archive) if kind == base_kind and own_key(archive) else folder
        key = f"{folder}/{file}"
    return completed({kind: {**place, _KEYED[kind]: key}}, archive)
