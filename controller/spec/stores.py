# ruff: noqa: RUF012  (pydantic copies a default; it is never shared)
"""Where artifacts are kept: one class for each kind of store."""

from pydantic import Field

from argosy.manifests.model import Model
from controller.spec.metadata import ConfigMapKeySelector, SecretKeySelector


class ArtifactoryArtifact(Model):
    """A file in JFrog Artifactory."""

    password_secret: SecretKeySelector | None = None
    url: str = ""
    username_secret: SecretKeySelector | None = None


class AzureArtifact(Model):
    """A blob in Azure storage."""

    account_key_secret: SecretKeySelector | None = None
    blob: str = ""
    container: str = ""
    endpoint: str = ""
    use_sdk_creds: bool = Field(False, alias="useSDKCreds")


class GCSArtifact(Model):
    """An object in Google Cloud Storage."""

    bucket: str = ""
    key: str = ""
    service_account_key_secret: SecretKeySelector | None = None


class GitArtifact(Model):
    """A git repository."""

    branch: str = ""
    depth: int | None = None
    disable_submodules: bool = False
    fetch: list[str] = []
    insecure_ignore_host_key: bool = False
    insecure_skip_tls: bool = Field(False, alias="insecureSkipTLS")
    password_secret: SecretKeySelector | None = None
    repo: str = ""
    revision: str = ""
    single_branch: bool = False
    ssh_private_key_secret: SecretKeySelector | None = None
    username_secret: SecretKeySelector | None = None


class HDFSArtifact(Model):
    """A file in HDFS."""

    addresses: list[str] = []
    data_transfer_protection: str = ""
    force: bool = False
    hdfs_user: str = ""
    krb_c_cache_secret: SecretKeySelector | None = None
    krb_config_config_map: ConfigMapKeySelector | None = None
    krb_keytab_secret: SecretKeySelector | None = None
    krb_realm: str = ""
    krb_service_principal_name: str = ""
    krb_username: str = ""
    path: str = ""


class BasicAuth(Model):
    """A user name and a password, each from a Secret."""

    password_secret: SecretKeySelector | None = None
    username_secret: SecretKeySelector | None = None


class ClientCertAuth(Model):
    """A client certificate and its key, from Secrets."""

    client_cert_secret: SecretKeySelector | None = None
    client_key_secret: SecretKeySelector | None = None


class OAuth2EndpointParam(Model):
    """An extra parameter for a token request."""

    key: str = ""
    value: str = ""


class OAuth2Auth(Model):
    """OAuth2 client credentials."""

    client_id_secret: SecretKeySelector | None = Field(None, alias="clientIDSecret")
    client_secret_secret: SecretKeySelector | None = None
    endpoint_params: list[OAuth2EndpointParam] = []
    scopes: list[str] = []
    token_url_secret: SecretKeySelector | None = Field(None, alias="tokenURLSecret")


class HTTPAuth(Model):
    """How a request proves who it is."""

    basic_auth: BasicAuth | None = None
    client_cert: ClientCertAuth | None = None
    oauth2: OAuth2Auth | None = None


class Header(Model):
    """A header of a request."""

    name: str = ""
    value: str = ""


class HTTPArtifact(Model):
    """A file behind a URL."""

    auth: HTTPAuth | None = None
    headers: list[Header] = []
    save_stream_via_file: bool = False
    url: str = ""


class OSSLifecycleRule(Model):
    """When an object is moved to slower storage or deleted."""

    mark_deletion_after_days: int = 0
    mark_infrequent_access_after_days: int = 0


class OSSArtifact(Model):
    """An object in Alibaba's storage."""

    access_key_secret: SecretKeySelector | None = None
    bucket: str = ""
    create_bucket_if_not_present: bool = False
    endpoint: str = ""
    key: str = ""
    lifecycle_rule: OSSLifecycleRule | None = None
    secret_key_secret: SecretKeySelector | None = None
    security_token: str = ""
    use_sdk_creds: bool = Field(False, alias="useSDKCreds")


class PluginArtifact(Model):
    """A file kept by an artifact plugin."""

    configuration: str = ""
    connection_timeout_seconds: int = 0
    key: str = ""
    name: str = ""


class RawArtifact(Model):
    """A file whose content is in the manifest."""

    data: str = ""


class CreateS3BucketOptions(Model):
    """How a missing bucket is made."""

    object_locking: bool = False


class S3EncryptionOptions(Model):
    """How an object is encrypted at rest."""

    enable_encryption: bool = False
    kms_encryption_context: str = ""
    kms_key_id: str = ""
    server_side_customer_key_secret: SecretKeySelector | None = None


class S3Artifact(Model):
    """An object in S3 or what speaks its language."""

    access_key_secret: SecretKeySelector | None = None
    addressing_style: str = ""
    bucket: str = ""
    ca_secret: SecretKeySelector | None = None
    create_bucket_if_not_present: CreateS3BucketOptions | None = None
    encryption_options: S3EncryptionOptions | None = None
    endpoint: str = ""
    insecure: bool | None = None
    key: str = ""
    region: str = ""
    role_arn: str = Field("", alias="roleARN")
    secret_key_secret: SecretKeySelector | None = None
    session_token_secret: SecretKeySelector | None = None
    use_sdk_creds: bool = Field(False, alias="useSDKCreds")
