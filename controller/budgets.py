"""A workflow's PodDisruptionBudget: made before its first pod, gone when it is over."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from argosy.kube.contract import AlreadyExists, Kube, Object
from argosy.kube.resources import POD_DISRUPTION_BUDGETS
from controller.owned import delete_owned
from controller.passing import waiting_for_better
from controller.pods.manifest import WORKFLOW_LABEL, owner_reference


async def make_budget(kube: Kube, workflow: Object, spec: Mapping[str, Any]) -> None:
    """Create what ``spec.podDisruptionBudget`` asks for; it covers the workflow's own pods unless it says otherwise.

    Raises Unavailable while a quota leaves no room for it.
    """
    if not spec.get("podDisruptionBudget"):
        return
    metadata = workflow["metadata"]
    labels = {WORKFLOW_LABEL: metadata["name"]}
    budget = {
        "apiVersion": POD_DISRUPTION_BUDGETS.api_version, "kind": POD_DISRUPTION_BUDGETS.kind,
        "metadata": {"name": metadata["name"], "namespace": metadata["namespace"], "labels": labels,
                     "ownerReferences": [owner_reference(workflow)]},
        "spec": {"selector": {"matchLabels": labels}, **spec["podDisruptionBudget"]},
    }
    with waiting_for_better(), suppress(AlreadyExists):  # made before, perhaps by the process that ran this workflow then
        await kube.create(POD_DISRUPTION_BUDGETS, budget, namespace=metadata["namespace"])


async def delete_budget(kube: Kube, workflow: Object, spec: Mapping[str, Any]) -> None:
    """Delete it, if there is one."""
    if spec.get("podDisruptionBudget"):
        await delete_owned(kube, POD_DISRUPTION_BUDGETS, workflow["metadata"]["name"], workflow)
