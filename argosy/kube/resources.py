"""The kinds of object that Argosy knows, by name."""

from argosy.kube.contract import Resource

ARGO = "argoproj.io"

WORKFLOWS = Resource(ARGO, "v1alpha1", "workflows", "Workflow", singular="workflow", short_names=("wf",))
WORKFLOW_TEMPLATES = Resource(
    ARGO, "v1alpha1", "workflowtemplates", "WorkflowTemplate", singular="workflowtemplate", short_names=("wftmpl",))
CLUSTER_WORKFLOW_TEMPLATES = Resource(
    ARGO, "v1alpha1", "clusterworkflowtemplates", "ClusterWorkflowTemplate", namespaced=False,
    singular="clusterworkflowtemplate", short_names=("clusterwftmpl", "cwft"))
CRON_WORKFLOWS = Resource(
    ARGO, "v1alpha1", "cronworkflows", "CronWorkflow", singular="cronworkflow", short_names=("cwf", "cronwf"))
WORKFLOW_EVENT_BINDINGS = Resource(
    ARGO, "v1alpha1", "workfloweventbindings", "WorkflowEventBinding", singular="workfloweventbinding",
    short_names=("wfeb",))
WORKFLOW_TASK_RESULTS = Resource(
    ARGO, "v1alpha1", "workflowtaskresults", "WorkflowTaskResult", singular="workflowtaskresult")
EVENT_SOURCES = Resource(
    ARGO, "v1alpha1", "eventsources", "EventSource", singular="eventsource", short_names=("es",),
    status_subresource=True)
EVENT_BUSES = Resource(
    ARGO, "v1alpha1", "eventbus", "EventBus", singular="eventbus", short_names=("eb",), status_subresource=True)
SENSORS = Resource(
    ARGO, "v1alpha1", "sensors", "Sensor", singular="sensor", short_names=("sn",), status_subresource=True)

PODS = Resource("", "v1", "pods", "Pod", singular="pod", short_names=("po",), status_subresource=True)
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", singular="configmap", short_names=("cm",))
SECRETS = Resource("", "v1", "secrets", "Secret", singular="secret")
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False, singular="namespace", short_names=("ns",),
                      status_subresource=True)
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount", singular="serviceaccount",
                            short_names=("sa",))
SERVICES = Resource("", "v1", "services", "Service", singular="service", short_names=("svc",), status_subresource=True)
PERSISTENT_VOLUME_CLAIMS = Resource(
    "", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", singular="persistentvolumeclaim",
    short_names=("pvc",), status_subresource=True)
POD_DISRUPTION_BUDGETS = Resource(
    "policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", singular="poddisruptionbudget", short_names=("pdb",),
    status_subresource=True)
EVENTS = Resource("", "v1", "events", "Event", singular="event", short_names=("ev",))
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease", singular="lease")
ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role", singular="role")
ROLE_BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", singular="rolebinding")
CLUSTER_ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False,
                         singular="clusterrole")
CLUSTER_ROLE_BINDINGS = Resource(
    "rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False,
    singular="clusterrolebinding")

KNOWN: tuple[Resource, ...] = (
    WORKFLOWS, WORKFLOW_TEMPLATES, CLUSTER_WORKFLOW_TEMPLATES, CRON_WORKFLOWS, WORKFLOW_EVENT_BINDINGS,
    WORKFLOW_TASK_RESULTS, EVENT_SOURCES, EVENT_BUSES, SENSORS, PODS, CONFIG_MAPS, SECRETS, NAMESPACES,
    SERVICE_ACCOUNTS, SERVICES, PERSISTENT_VOLUME_CLAIMS, POD_DISRUPTION_BUDGETS, EVENTS, LEASES, ROLES, ROLE_BINDINGS,
    CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS,
)
_BY_KIND = {(resource.api_version, resource.kind): resource for resource in KNOWN}


def resource_of(api_version: str, kind: str) -> Resource | None:
    """The resource that a manifest's apiVersion and kind name, if Argosy knows it."""
    return _BY_KIND.get((api_version, kind))
