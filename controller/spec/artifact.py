# ruff: noqa: RUF012  (pydantic copies a default; it is never shared)
"""Artifacts: files and folders that pass between steps, how they are packed, and when they go."""

from typing import TYPE_CHECKING

from pydantic import Field

from argosy.manifests.model import Json, Model, late

if TYPE_CHECKING:
    from controller.spec import stores
else:
    stores = late("controller.spec.stores")


class PodMetadata(Model):
    """Labels and annotations for pods."""

    annotations: dict[str, str] = {}
    labels: dict[str, str] = {}


class WorkflowLevelArtifactGC(Model):
    """When a workflow's artifacts are deleted, and by what pod."""

    force_finalizer_removal: bool = False
    pod_metadata: PodMetadata | None = None
    pod_spec_patch: str = ""
    service_account_name: str = ""
    strategy: str = ""


class ArtifactRepositoryRef(Model):
    """Which ConfigMap, and which key of it, describes where artifacts are kept."""

    config_map: str = ""
    key: str = ""


class TarStrategy(Model):
    """An artifact kept as a gzipped tar file."""

    compression_level: int | None = None


class ArchiveStrategy(Model):
    """How an artifact is packed: tar, zip or not at all."""

    none: dict[str, Json] | None = None
    tar: TarStrategy | None = None
    zip: dict[str, Json] | None = None


class ArtifactGC(Model):
    """When an artifact is deleted."""

    pod_metadata: PodMetadata | None = None
    service_account_name: str = ""
    strategy: str = ""


class ArtifactLocation(Model):
    """Where a file is kept: exactly one kind of store."""

    archive_logs: bool | None = None
    artifactory: stores.ArtifactoryArtifact | None = None
    azure: stores.AzureArtifact | None = None
    gcs: stores.GCSArtifact | None = None
    git: stores.GitArtifact | None = None
    hdfs: stores.HDFSArtifact | None = None
    http: stores.HTTPArtifact | None = None
    oss: stores.OSSArtifact | None = None
    plugin: stores.PluginArtifact | None = None
    raw: stores.RawArtifact | None = None
    s3: stores.S3Artifact | None = None


class Artifact(ArtifactLocation):
    """A file or folder that a step takes or leaves, and where it is kept."""

    archive: ArchiveStrategy | None = None
    artifact_gc: ArtifactGC | None = Field(None, alias="artifactGC")
    deleted: bool = False
    from_: str = Field("", alias="from")
    from_expression: str = ""
    global_name: str = ""
    mode: int | None = None
    name: str = ""
    optional: bool = False
    path: str = ""
    recurse_mode: bool = False
    sub_path: str = ""
