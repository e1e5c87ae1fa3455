# ruff: noqa: RUF012  (pydantic copies a default; it is never shared)
"""The metadata of objects, and how one object names another or a key of it."""

from argosy.manifests.model import Json, Model


class LabelSelectorRequirement(Model):
    """One condition on a label."""

    key: str | None = None
    operator: str | None = None
    values: list[str] = []


class LabelSelector(Model):
    """Which objects are meant, by their labels."""

    match_expressions: list[LabelSelectorRequirement] = []
    match_labels: dict[str, str] = {}


class LocalObjectReference(Model):
    """The name of an object in the same namespace."""

    name: str = ""


class ConfigMapKeySelector(Model):
    """One key of a ConfigMap."""

    key: str | None = None
    name: str = ""
    optional: bool | None = None


class SecretKeySelector(Model):
    """One key of a Secret."""

    key: str | None = None
    name: str = ""
    optional: bool | None = None


class KeyToPath(Model):
    """Under which path a key appears in a volume."""

    key: str | None = None
    mode: int | None = None
    path: str | None = None


class OwnerReference(Model):
    """An object whose end ends this one too."""

    api_version: str | None = None
    block_owner_deletion: bool | None = None
    controller: bool | None = None
    kind: str | None = None
    name: str = ""
    uid: str | None = None


class ObjectMeta(Model):
    """Name, namespace, labels, annotations and the rest of an object's identity."""

    annotations: dict[str, str] = {}
    creation_timestamp: str | None = None
    deletion_grace_period_seconds: int | None = None
    deletion_timestamp: str | None = None
    finalizers: list[str] = []
    generate_name: str | None = None
    generation: int | None = None
    labels: dict[str, str] = {}
    managed_fields: list[Json] = []
    name: str = ""
    namespace: str | None = None
    owner_references: list[OwnerReference] = []
    resource_version: str | None = None
    self_link: str | None = None
    uid: str | None = None
