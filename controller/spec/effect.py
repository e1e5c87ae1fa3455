"""Fields of workflows that are read and kept, and have no effect: anywhere, or where pods are processes of one machine."""

from argosy.errors import Problem
from argosy.manifests.model import Json, Model
from argosy.manifests.unused import Table, unused
from controller.spec.triggered import CronWorkflow, WorkflowEventBinding
from controller.spec.workflow import ClusterWorkflowTemplate, Workflow, WorkflowTemplate

_ONE_MACHINE = "has no effect here: pods run on this machine, there is no node to choose"
_NETWORK = "has no effect here: pods share this machine's network"
_PROCESS = "has no effect here: containers run as processes of this machine"
_LOGS = "has no effect here: logs are always kept"
_FOLDER = "has no effect here: artifacts are kept in the local folder"
_KIND = "is not run yet: a step with this template ends in Error"
_ENDED = "has no effect yet: no metric is published"
_LOCKS = "has no effect yet: nothing waits for a lock"

EFFECTLESS: Table = {
    "CronWorkflow": {"spec": "is kept, but not run yet: submit its workflow by hand, or use an EventSource and a Sensor"},
    "WorkflowEventBinding": {"spec": "is kept, but has no effect yet: use an EventSource and a Sensor"},
    "WorkflowSpec": {
        "executor": "has no effect: no service account is needed around the container",
        "executorPlugins": "has no effect yet: plugins are not run",
        "metrics": _ENDED,
        "synchronization": _LOCKS,
    },
    "Template": {
        "data": _KIND,
        "executor": "has no effect: no service account is needed around the container",
        "memoize": "has no effect yet: the step runs each time",
        "metrics": _ENDED,
        "plugin": _KIND,
        "synchronization": _LOCKS,
    },
    **dict.fromkeys(("ArtifactGC", "WorkflowLevelArtifactGC"), dict.fromkeys(
        ("podMetadata", "podSpecPatch", "serviceAccountName"), "has no effect: the controller deletes artifacts itself")),
}
ON_ONE_MACHINE: Table = {
    "WorkflowSpec": {
        "affinity": _ONE_MACHINE,
        "archiveLogs": _LOGS,
        "artifactRepositoryRef": _FOLDER,
        "dnsConfig": _NETWORK,
        "dnsPolicy": _NETWORK,
        "hostNetwork": _NETWORK,
        "imagePullSecrets": "has no effect here: no image is pulled",
        "nodeSelector": _ONE_MACHINE,
        "podDisruptionBudget": "has no effect here: nothing moves pods away from this machine",
        "podPriorityClassName": _ONE_MACHINE,
        "podResources": _PROCESS,
        "resourceClaims": _PROCESS,
        "schedulerName": _ONE_MACHINE,
        "tolerations": _ONE_MACHINE,
    },
    "Template": {
        "affinity": _ONE_MACHINE,
        "nodeSelector": _ONE_MACHINE,
        "podResources": _PROCESS,
        "priorityClassName": _ONE_MACHINE,
        "resourceClaims": _PROCESS,
        "schedulerName": _ONE_MACHINE,
        "tolerations": _ONE_MACHINE,
    },
    "RetryStrategy": {"affinity": _ONE_MACHINE},
    "Artifact": dict.fromkeys(("artifactory", "azure", "gcs", "hdfs", "oss", "plugin"), _FOLDER),
    "ArtifactLocation": {"archiveLogs": _LOGS},
}
_EVERYTHING: Table = {name: {**EFFECTLESS.get(name, {}), **ON_ONE_MACHINE.get(name, {})}
                      for name in (*EFFECTLESS, *ON_ONE_MACHINE)}
_KINDS: dict[str, type[Model]] = {
    "Workflow": Workflow, "WorkflowTemplate": WorkflowTemplate, "ClusterWorkflowTemplate": ClusterWorkflowTemplate,
    "CronWorkflow": CronWorkflow, "WorkflowEventBinding": WorkflowEventBinding,
}


def effectless(obj: Json, *, one_machine: bool = True) -> list[Problem]:
    """Warnings for an object of one of Argo Workflows' kinds; none for other kinds."""
    model = _KINDS.get(obj.get("kind", "")) if isinstance(obj, dict) else None
    if model is None:
        return []
    return unused(model, obj, _EVERYTHING if one_machine else EFFECTLESS)
