"""Where an artifact is kept, read from its YAML: the kind of storage, the key in it, and how it is packed."""

from collections.abc import Mapping
from typing import Any

_KEYED = {"s3": "key", "gcs": "key", "oss": "key", "azure": "blob"}
_CONTAINER_FIELD = {"s3": "bucket", "gcs": "bucket", "oss": "bucket", "azure": "container"}
_OTHER = ("git", "http", "hdfs", "artifactory", "raw", "plugin")


def location_of(artifact: Mapping[str, Any]) -> str | None:
    """The kind of storage the artifact names ("s3", "git", ...), or None."""
    return next((kind for kind in (*_KEYED, *_OTHER) if artifact.get(kind) is not None), None)


def key_of(artifact: Mapping[str, Any]) -> str | None:
    """The key under which a store keeps it; a bucket of its own becomes the key's first part, a last "/" (a folder) goes."""
    kind = location_of(artifact)
    if kind not in _KEYED:
        return None
    place = artifact[kind]
    key = str(place.get(_KEYED[kind]) or "").rstrip("/")
    if not key:
        return None
    bucket = place.get(_CONTAINER_FIELD[kind])
    return f"{bucket}/{key}" if bucket else key


def packing_of(artifact: Mapping[str, Any], *, default: str) -> str:
    """"tar", "zip" or "none" as ``archive:`` says, else `default`."""
    archive = artifact.get("archive")
    if not archive:
        return default
    return next((kind for kind in ("none", "zip", "tar") if kind in archive), default)
