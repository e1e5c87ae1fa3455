# ruff: noqa: RUF012  (pydantic copies a default; it is never shared)
"""Where a pod may run, how it resolves names, and how many may be disrupted."""

from argosy.manifests.model import Model
from argosy.manifests.scalars import IntOrString
from controller.spec.metadata import LabelSelector


class NodeSelectorRequirement(Model):
    """One condition on a node's label or field."""

    key: str | None = None
    operator: str | None = None
    values: list[str] = []


class NodeSelectorTerm(Model):
    """Conditions on a node that must all hold."""

    match_expressions: list[NodeSelectorRequirement] = []
    match_fields: list[NodeSelectorRequirement] = []


class NodeSelector(Model):
    """Terms of which one must hold for a node."""

    node_selector_terms: list[NodeSelectorTerm] = []


class PreferredSchedulingTerm(Model):
    """Nodes to prefer, with a weight."""

    preference: NodeSelectorTerm | None = None
    weight: int | None = None


class NodeAffinity(Model):
    """Which nodes a pod must or should run on."""

    preferred_during_scheduling_ignored_during_execution: list[PreferredSchedulingTerm] = []
    required_during_scheduling_ignored_during_execution: NodeSelector | None = None


class PodAffinityTerm(Model):
    """Pods to run near to or far from."""

    label_selector: LabelSelector | None = None
    match_label_keys: list[str] = []
    mismatch_label_keys: list[str] = []
    namespace_selector: LabelSelector | None = None
    namespaces: list[str] = []
    topology_key: str | None = None


class WeightedPodAffinityTerm(Model):
    """Pods to run near to or far from, with a weight."""

    pod_affinity_term: PodAffinityTerm | None = None
    weight: int | None = None


class PodAffinity(Model):
    """Which pods a pod must or should run near to."""

    preferred_during_scheduling_ignored_during_execution: list[WeightedPodAffinityTerm] = []
    required_during_scheduling_ignored_during_execution: list[PodAffinityTerm] = []


class PodAntiAffinity(PodAffinity):
    """Which pods a pod must or should run far from."""


class Affinity(Model):
    """What a pod is drawn to and what it keeps away from."""

    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAntiAffinity | None = None


class PodDNSConfigOption(Model):
    """A resolver option."""

    name: str = ""
    value: str | None = None


class PodDNSConfig(Model):
    """A pod's own resolver settings."""

    nameservers: list[str] = []
    options: list[PodDNSConfigOption] = []
    searches: list[str] = []


class HostAlias(Model):
    """Names for an address in a pod's /etc/hosts."""

    hostnames: list[str] = []
    ip: str | None = None


class PodDisruptionBudgetSpec(Model):
    """How many of the pods may be disrupted at once."""

    max_unavailable: IntOrString | None = None
    min_available: IntOrString | None = None
    selector: LabelSelector | None = None
    unhealthy_pod_eviction_policy: str | None = None


class Toleration(Model):
    """A node's taint that a pod puts up with."""

    effect: str | None = None
    key: str | None = None
    operator: str | None = None
    toleration_seconds: int | None = None
    value: str | None = None
