"""Where environment variables come from."""

from argosy.manifests.model import Model
from argosy.manifests.scalars import Quantity
from controller.spec.metadata import ConfigMapKeySelector, SecretKeySelector


class ObjectFieldSelector(Model):
    """A field of the pod itself, such as metadata.name."""

    api_version: str | None = None
    field_path: str | None = None


class ResourceFieldSelector(Model):
    """A container's resource request or limit."""

    container_name: str | None = None
    divisor: Quantity | None = None
    resource: str | None = None


class FileKeySelector(Model):
    """One key of a file of variables in a volume."""

    key: str | None = None
    optional: bool | None = None
    path: str | None = None
    volume_name: str | None = None


class EnvVarSource(Model):
    """Where an environment variable's value comes from."""

    config_map_key_ref: ConfigMapKeySelector | None = None
    field_ref: ObjectFieldSelector | None = None
    file_key_ref: FileKeySelector | None = None
    resource_field_ref: ResourceFieldSelector | None = None
    secret_key_ref: SecretKeySelector | None = None


class EnvVar(Model):
    """One environment variable."""

    name: str = ""
    value: str | None = None
    value_from: EnvVarSource | None = None


class ConfigMapEnvSource(Model):
    """A ConfigMap all of whose keys become environment variables."""

    name: str = ""
    optional: bool | None = None


class SecretEnvSource(Model):
    """A Secret all of whose keys become environment variables."""

    name: str = ""
    optional: bool | None = None


class EnvFromSource(Model):
    """Where many environment variables come from at once."""

    config_map_ref: ConfigMapEnvSource | None = None
    prefix: str | None = None
    secret_ref: SecretEnvSource | None = None
