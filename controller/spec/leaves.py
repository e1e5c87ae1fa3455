# ruff: noqa: RUF012  (pydantic copies a default; it is never shared)
"""The kinds of template that do the work themselves: script, HTTP, resource, data, container set, suspend."""

from typing import TYPE_CHECKING

from argosy.manifests.model import Model, late
from argosy.manifests.scalars import IntOrString
from controller.spec.artifact import Artifact
from controller.spec.containers import Container, VolumeMount

if TYPE_CHECKING:
    from controller.spec import metadata
else:
    metadata = late("controller.spec.metadata")


class ContainerNode(Container):
    """One container of a container set, after the others that it depends on."""

    dependencies: list[str] = []


class ContainerSetRetryStrategy(Model):
    """How often a container's command is tried again inside the pod."""

    duration: str = ""
    retries: IntOrString | None = None


class ContainerSetTemplate(Model):
    """Several containers in one pod, ordered as a graph."""

    containers: list[ContainerNode] = []
    retry_strategy: ContainerSetRetryStrategy | None = None
    volume_mounts: list[VolumeMount] = []


class ArtifactPaths(Artifact):
    """The artifact whose list of files is the data."""


class DataSource(Model):
    """What a data template reads."""

    artifact_paths: ArtifactPaths | None = None


class TransformationStep(Model):
    """An expression over the list of files."""

    expression: str = ""


class Data(Model):
    """A list of files, filtered and mapped."""

    source: DataSource | None = None
    transformation: list[TransformationStep] = []


class HTTPBodySource(Model):
    """A request's body as base64."""

    bytes: str = ""


class HTTPHeaderSource(Model):
    """A header's value from a Secret."""

    secret_key_ref: metadata.SecretKeySelector | None = None


class HTTPHeader(Model):
    """A header, its value written down or from a Secret."""

    name: str = ""
    value: str = ""
    value_from: HTTPHeaderSource | None = None


class HTTP(Model):
    """A request to make, and which answers are success."""

    body: str = ""
    body_from: HTTPBodySource | None = None
    headers: list[HTTPHeader] = []
    insecure_skip_verify: bool = False
    method: str = ""
    success_condition: str = ""
    timeout_seconds: int | None = None
    url: str = ""


class ManifestFrom(Model):
    """The artifact that holds the manifest."""

    artifact: Artifact | None = None


class ResourceTemplate(Model):
    """A Kubernetes object to create, change or delete, and when that counts as done."""

    action: str = ""
    failure_condition: str = ""
    flags: list[str] = []
    manifest: str = ""
    manifest_from: ManifestFrom | None = None
    merge_strategy: str = ""
    set_owner_reference: bool = False
    success_condition: str = ""


class ScriptTemplate(Container):
    """A container whose program is written in the manifest."""

    source: str = ""


class SuspendTemplate(Model):
    """A pause, until somebody resumes or for a duration."""

    duration: str = ""


class UserContainer(Container):
    """A container beside the main one: an init container or a sidecar."""

    mirror_volume_mounts: bool | None = None
