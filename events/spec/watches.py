# ruff: noqa: RUF012  (pydantic copies a default; it is never shared)
"""Event sources that watch something, or the clock."""

from argosy.manifests.model import Model
from controller.spec.metadata import ConfigMapKeySelector, SecretKeySelector
from events.spec.connection import EventSourceFilter


class CatchupConfiguration(Model):
    """Whether instants missed while nobody ran are made up for."""

    enabled: bool = False
    max_duration: str = ""


class ConfigMapPersistence(Model):
    """The ConfigMap that remembers the last instant."""

    create_if_not_exist: bool = False
    name: str = ""


class EventPersistence(Model):
    """How a calendar remembers where it was."""

    catchup: CatchupConfiguration | None = None
    config_map: ConfigMapPersistence | None = None


class CalendarEventSource(Model):
    """Instants of a cron schedule or an interval."""

    exclusion_dates: list[str] = []
    filter: EventSourceFilter | None = None
    interval: str = ""
    metadata: dict[str, str] = {}
    persistence: EventPersistence | None = None
    schedule: str = ""
    timezone: str = ""


class WatchPathConfig(Model):
    """Which files of a folder are watched."""

    directory: str = ""
    path: str = ""
    path_regexp: str = ""


class FileEventSource(Model):
    """Changes of files."""

    event_type: str = ""
    filter: EventSourceFilter | None = None
    metadata: dict[str, str] = {}
    polling: bool = False
    watch_path_config: WatchPathConfig | None = None


class GenericEventSource(Model):
    """Events of a gRPC server of your own."""

    auth_secret: SecretKeySelector | None = None
    config: str = ""
    filter: EventSourceFilter | None = None
    insecure: bool = False
    json_body: bool = False
    metadata: dict[str, str] = {}
    url: str = ""


class HDFSEventSource(Model):
    """Changes of files in HDFS."""

    addresses: list[str] = []
    check_interval: str = ""
    directory: str = ""
    filter: EventSourceFilter | None = None
    hdfs_user: str = ""
    krb_c_cache_secret: SecretKeySelector | None = None
    krb_config_config_map: ConfigMapKeySelector | None = None
    krb_keytab_secret: SecretKeySelector | None = None
    krb_realm: str = ""
    krb_service_principal_name: str = ""
    krb_username: str = ""
    metadata: dict[str, str] = {}
    path: str = ""
    path_regexp: str = ""
    type: str = ""


class Selector(Model):
    """A label or field and the value it must have."""

    key: str = ""
    operation: str = ""
    value: str = ""


class ResourceFilter(Model):
    """Which objects are meant."""

    after_start: bool = False
    created_by: str = ""
    fields: list[Selector] = []
    labels: list[Selector] = []
    prefix: str = ""


class ResourceEventSource(Model):
    """Changes of Kubernetes objects."""

    event_types: list[str] = []
    filter: ResourceFilter | None = None
    group: str | None = None
    metadata: dict[str, str] = {}
    namespace: str = ""
    resource: str | None = None
    version: str | None = None


class SFTPEventSource(Model):
    """Changes of files on an SFTP server."""

    address: SecretKeySelector | None = None
    event_type: str = ""
    filter: EventSourceFilter | None = None
    metadata: dict[str, str] = {}
    password: SecretKeySelector | None = None
    poll_interval_duration: str = ""
    ssh_key_secret: SecretKeySelector | None = None
    username: SecretKeySelector | None = None
    watch_path_config: WatchPathConfig | None = None
