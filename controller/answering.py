"""What the engine asks for is read from the API: the templates and ConfigMaps that a workflow refers to."""

from argosy.kube.contract import Kube, NotFound
from argosy.kube.resources import CLUSTER_WORKFLOW_TEMPLATES, CONFIG_MAPS, WORKFLOW_TEMPLATES
from controller.engine.contract import Answer, Need
from controller.passing import waiting_for_better

_RESOURCES = {
    "WorkflowTemplate": WORKFLOW_TEMPLATES,
    "ClusterWorkflowTemplate": CLUSTER_WORKFLOW_TEMPLATES,
    "ConfigMap": CONFIG_MAPS,
}


async def answer(kube: Kube, need: Need, *, namespace: str) -> Answer:
    """The object that is needed, or why there is none. Raises Unavailable, and KubeError where we may not read it."""
    resource = _RESOURCES[need.kind]
    try:
        with waiting_for_better():
            found = await kube.get(resource, need.name, namespace=namespace if resource.namespaced else "")
    except NotFound as error:
        return Answer(need, None, str(error))
    return Answer(need, found)
