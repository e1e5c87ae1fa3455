# ruff: noqa: RUF012  (pydantic copies a default; it is never shared)
"""Where the manifest that a trigger creates comes from."""

from typing import TYPE_CHECKING

from argosy.manifests.model import Json, Model, late
from controller.spec.metadata import ConfigMapKeySelector, SecretKeySelector

if TYPE_CHECKING:
    from events.spec import connection
else:
    connection = late("events.spec.connection")


class FileArtifact(Model):
    """A file beside the sensor."""

    path: str = ""


class GitCreds(Model):
    """A user name and a password for git, from Secrets."""

    password: SecretKeySelector | None = None
    username: SecretKeySelector | None = None


class GitRemoteConfig(Model):
    """A further remote of the repository."""

    name: str = ""
    urls: list[str] = []


class GitArtifact(Model):
    """A file in a git repository."""

    retired = {
        "namespace": "has no effect: Secrets are read from the Sensor's own namespace; remove it",
        "sshKeyPath": "has no effect: give the key's Secret in sshKeySecret",
    }

    branch: str = ""
    clone_directory: str = ""
    creds: GitCreds | None = None
    file_path: str = ""
    github_app: connection.GithubAppCreds | None = None
    insecure_ignore_host_key: bool = False
    ref: str = ""
    remote: GitRemoteConfig | None = None
    ssh_key_secret: SecretKeySelector | None = None
    tag: str = ""
    url: str = ""


class URLArtifact(Model):
    """A file behind a URL."""

    path: str = ""
    verify_cert: bool = False


class ManifestKey(ConfigMapKeySelector):
    """The key of a ConfigMap that holds the manifest."""

    retired = {"namespace": "has no effect: the ConfigMap is read from the Sensor's own namespace; remove it"}


class TriggerArtifact(Model):
    """Where the manifest to create comes from: exactly one place."""

    configmap: ManifestKey | None = None
    file: FileArtifact | None = None
    git: GitArtifact | None = None
    inline: str | None = None
    resource: Json = None
    s3: connection.S3Artifact | None = None
    url: URLArtifact | None = None
