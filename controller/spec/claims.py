# ruff: noqa: RUF012  (pydantic copies a default; it is never shared)
"""Claims for volumes that outlive pods."""

from pydantic import Field

from argosy.manifests.model import Json, Model
from argosy.manifests.scalars import Quantity
from controller.spec.metadata import LabelSelector, ObjectMeta


class TypedLocalObjectReference(Model):
    """An object of any kind in the same namespace."""

    api_group: str | None = None
    kind: str | None = None
    name: str = ""


class TypedObjectReference(Model):
    """An object of any kind."""

    api_group: str | None = None
    kind: str | None = None
    name: str = ""
    namespace: str | None = None


class VolumeResourceRequirements(Model):
    """How large a volume is asked for."""

    limits: dict[str, Quantity] = {}
    requests: dict[str, Quantity] = {}


class PersistentVolumeClaimSpec(Model):
    """What volume is asked for."""

    access_modes: list[str] = []
    data_source: TypedLocalObjectReference | None = None
    data_source_ref: TypedObjectReference | None = None
    resources: VolumeResourceRequirements | None = None
    selector: LabelSelector | None = None
    storage_class_name: str | None = None
    volume_attributes_class_name: str | None = None
    volume_mode: str | None = None
    volume_name: str | None = None


class PersistentVolumeClaim(Model):
    """A claim for a volume that outlives pods."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: PersistentVolumeClaimSpec | None = None
    status: Json = None


class PersistentVolumeClaimTemplate(Model):
    """A claim to be made with the pod."""

    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: PersistentVolumeClaimSpec | None = None
