# ruff: noqa: RUF012  (pydantic copies a default; it is never shared)
"""Volumes and their sources."""

from pydantic import Field

from argosy.manifests.model import Model
from argosy.manifests.scalars import Quantity
from controller.spec.claims import PersistentVolumeClaimTemplate
from controller.spec.environment import ObjectFieldSelector, ResourceFieldSelector
from controller.spec.metadata import KeyToPath, LabelSelector, LocalObjectReference


class AWSElasticBlockStoreVolumeSource(Model):
    """A disk of Amazon's."""

    fs_type: str | None = None
    partition: int | None = None
    read_only: bool | None = None
    volume_id: str | None = Field(None, alias="volumeID")


class AzureDiskVolumeSource(Model):
    """A disk of Azure's."""

    caching_mode: str | None = None
    disk_name: str | None = None
    disk_uri: str | None = Field(None, alias="diskURI")
    fs_type: str | None = None
    kind: str | None = None
    read_only: bool | None = None


class AzureFileVolumeSource(Model):
    """A file share of Azure's."""

    read_only: bool | None = None
    secret_name: str | None = None
    share_name: str | None = None


class CSIVolumeSource(Model):
    """A short-lived volume from a storage driver."""

    driver: str | None = None
    fs_type: str | None = None
    node_publish_secret_ref: LocalObjectReference | None = None
    read_only: bool | None = None
    volume_attributes: dict[str, str] = {}


class CephFSVolumeSource(Model):
    """A CephFS mount."""

    monitors: list[str] = []
    path: str | None = None
    read_only: bool | None = None
    secret_file: str | None = None
    secret_ref: LocalObjectReference | None = None
    user: str | None = None


class CinderVolumeSource(Model):
    """A disk of OpenStack's."""

    fs_type: str | None = None
    read_only: bool | None = None
    secret_ref: LocalObjectReference | None = None
    volume_id: str | None = Field(None, alias="volumeID")


class ConfigMapVolumeSource(Model):
    """A ConfigMap's keys as files."""

    default_mode: int | None = None
    items: list[KeyToPath] = []
    name: str = ""
    optional: bool | None = None


class DownwardAPIVolumeFile(Model):
    """A file that holds a field of the pod."""

    field_ref: ObjectFieldSelector | None = None
    mode: int | None = None
    path: str | None = None
    resource_field_ref: ResourceFieldSelector | None = None


class DownwardAPIVolumeSource(Model):
    """The pod's own fields as files."""

    default_mode: int | None = None
    items: list[DownwardAPIVolumeFile] = []


class EmptyDirVolumeSource(Model):
    """An empty folder that lives as long as the pod."""

    medium: str | None = None
    size_limit: Quantity | None = None


class EphemeralVolumeSource(Model):
    """A volume that is claimed and released with the pod."""

    volume_claim_template: PersistentVolumeClaimTemplate | None = None


class FCVolumeSource(Model):
    """A Fibre Channel disk."""

    fs_type: str | None = None
    lun: int | None = None
    read_only: bool | None = None
    target_ww_ns: list[str] = Field([], alias="targetWWNs")
    wwids: list[str] = []


class FlexVolumeSource(Model):
    """A volume by a driver installed on the node."""

    driver: str | None = None
    fs_type: str | None = None
    options: dict[str, str] = {}
    read_only: bool | None = None
    secret_ref: LocalObjectReference | None = None


class FlockerVolumeSource(Model):
    """A Flocker dataset."""

    dataset_name: str | None = None
    dataset_uuid: str | None = Field(None, alias="datasetUUID")


class GCEPersistentDiskVolumeSource(Model):
    """A disk of Google's."""

    fs_type: str | None = None
    partition: int | None = None
    pd_name: str | None = None
    read_only: bool | None = None


class GitRepoVolumeSource(Model):
    """A git repository, cloned when the pod starts."""

    directory: str | None = None
    repository: str | None = None
    revision: str | None = None


class GlusterfsVolumeSource(Model):
    """A GlusterFS mount."""

    endpoints: str | None = None
    path: str | None = None
    read_only: bool | None = None


class HostPathVolumeSource(Model):
    """A file or folder of the node."""

    path: str | None = None
    type: str | None = None


class ISCSIVolumeSource(Model):
    """An iSCSI disk."""

    chap_auth_discovery: bool | None = None
    chap_auth_session: bool | None = None
    fs_type: str | None = None
    initiator_name: str | None = None
    iqn: str | None = None
    iscsi_interface: str | None = None
    lun: int | None = None
    portals: list[str] = []
    read_only: bool | None = None
    secret_ref: LocalObjectReference | None = None
    target_portal: str | None = None


class ImageVolumeSource(Model):
    """An image's content as a volume."""

    pull_policy: str | None = None
    reference: str | None = None


class NFSVolumeSource(Model):
    """An NFS mount."""

    path: str | None = None
    read_only: bool | None = None
    server: str | None = None


class PersistentVolumeClaimVolumeSource(Model):
    """A claimed volume."""

    claim_name: str | None = None
    read_only: bool | None = None


class PhotonPersistentDiskVolumeSource(Model):
    """A Photon disk."""

    fs_type: str | None = None
    pd_id: str | None = Field(None, alias="pdID")


class PortworxVolumeSource(Model):
    """A Portworx volume."""

    fs_type: str | None = None
    read_only: bool | None = None
    volume_id: str | None = Field(None, alias="volumeID")


class ClusterTrustBundleProjection(Model):
    """Trusted certificates as a file."""

    label_selector: LabelSelector | None = None
    name: str = ""
    optional: bool | None = None
    path: str | None = None
    signer_name: str | None = None


class ConfigMapProjection(Model):
    """A ConfigMap's keys within a projected volume."""

    items: list[KeyToPath] = []
    name: str = ""
    optional: bool | None = None


class DownwardAPIProjection(Model):
    """The pod's fields within a projected volume."""

    items: list[DownwardAPIVolumeFile] = []


class PodCertificateProjection(Model):
    """A certificate for the pod within a projected volume."""

    certificate_chain_path: str | None = None
    credential_bundle_path: str | None = None
    key_path: str | None = None
    key_type: str | None = None
    max_expiration_seconds: int | None = None
    signer_name: str | None = None
    user_annotations: dict[str, str] = {}


class SecretProjection(Model):
    """A Secret's keys within a projected volume."""

    items: list[KeyToPath] = []
    name: str = ""
    optional: bool | None = None


class ServiceAccountTokenProjection(Model):
    """A service account's token within a projected volume."""

    audience: str | None = None
    expiration_seconds: int | None = None
    path: str | None = None


class VolumeProjection(Model):
    """One part of a projected volume."""

    cluster_trust_bundle: ClusterTrustBundleProjection | None = None
    config_map: ConfigMapProjection | None = None
    downward_api: DownwardAPIProjection | None = Field(None, alias="downwardAPI")
    pod_certificate: PodCertificateProjection | None = None
    secret: SecretProjection | None = None
    service_account_token: ServiceAccountTokenProjection | None = None


class ProjectedVolumeSource(Model):
    """Several sources in one folder."""

    default_mode: int | None = None
    sources: list[VolumeProjection] = []


class QuobyteVolumeSource(Model):
    """A Quobyte mount."""

    group: str | None = None
    read_only: bool | None = None
    registry: str | None = None
    tenant: str | None = None
    user: str | None = None
    volume: str | None = None


class RBDVolumeSource(Model):
    """A Ceph block device."""

    fs_type: str | None = None
    image: str | None = None
    keyring: str | None = None
    monitors: list[str] = []
    pool: str | None = None
    read_only: bool | None = None
    secret_ref: LocalObjectReference | None = None
    user: str | None = None


class ScaleIOVolumeSource(Model):
    """A ScaleIO volume."""

    fs_type: str | None = None
    gateway: str | None = None
    protection_domain: str | None = None
    read_only: bool | None = None
    secret_ref: LocalObjectReference | None = None
    ssl_enabled: bool | None = None
    storage_mode: str | None = None
    storage_pool: str | None = None
    system: str | None = None
    volume_name: str | None = None


class SecretVolumeSource(Model):
    """A Secret's keys as files."""

    default_mode: int | None = None
    items: list[KeyToPath] = []
    optional: bool | None = None
    secret_name: str | None = None


class StorageOSVolumeSource(Model):
    """A StorageOS volume."""

    fs_type: str | None = None
    read_only: bool | None = None
    secret_ref: LocalObjectReference | None = None
    volume_name: str | None = None
    volume_namespace: str | None = None


class VsphereVirtualDiskVolumeSource(Model):
    """A vSphere disk."""

    fs_type: str | None = None
    storage_policy_id: str | None = Field(None, alias="storagePolicyID")
    storage_policy_name: str | None = None
    volume_path: str | None = None


class Volume(Model):
    """A volume of a pod: a name, and exactly one source."""

    aws_elastic_block_store: AWSElasticBlockStoreVolumeSource | None = None
    azure_disk: AzureDiskVolumeSource | None = None
    azure_file: AzureFileVolumeSource | None = None
    cephfs: CephFSVolumeSource | None = None
    cinder: CinderVolumeSource | None = None
    config_map: ConfigMapVolumeSource | None = None
    csi: CSIVolumeSource | None = None
    downward_api: DownwardAPIVolumeSource | None = Field(None, alias="downwardAPI")
    empty_dir: EmptyDirVolumeSource | None = None
    ephemeral: EphemeralVolumeSource | None = None
    fc: FCVolumeSource | None = None
    flex_volume: FlexVolumeSource | None = None
    flocker: FlockerVolumeSource | None = None
    gce_persistent_disk: GCEPersistentDiskVolumeSource | None = None
    git_repo: GitRepoVolumeSource | None = None
    glusterfs: GlusterfsVolumeSource | None = None
    host_path: HostPathVolumeSource | None = None
    image: ImageVolumeSource | None = None
    iscsi: ISCSIVolumeSource | None = None
    name: str = ""
    nfs: NFSVolumeSource | None = None
    persistent_volume_claim: PersistentVolumeClaimVolumeSource | None = None
    photon_persistent_disk: PhotonPersistentDiskVolumeSource | None = None
    portworx_volume: PortworxVolumeSource | None = None
    projected: ProjectedVolumeSource | None = None
    quobyte: QuobyteVolumeSource | None = None
    rbd: RBDVolumeSource | None = None
    scale_io: ScaleIOVolumeSource | None = Field(None, alias="scaleIO")
    secret: SecretVolumeSource | None = None
    storageos: StorageOSVolumeSource | None = None
    vsphere_volume: VsphereVirtualDiskVolumeSource | None = None
