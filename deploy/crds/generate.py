"""``python -m deploy.crds.generate``: the CustomResourceDefinitions beside this file, made from the models of manifests.

Names, scopes, columns and subresources are Argo's, so that either may be installed over the other. As with Argo's, the
kinds of workflows lose keys that nobody knows (and kubectl tells of them), and the kinds of events keep them.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from argosy.kube.contract import Object, Resource
from argosy.kube.resources import (
    CLUSTER_WORKFLOW_TEMPLATES,
    CRON_WORKFLOWS,
    EVENT_BUSES,
    EVENT_SOURCES,
    SENSORS,
    WORKFLOW_EVENT_BINDINGS,
    WORKFLOW_TASK_RESULTS,
    WORKFLOW_TEMPLATES,
    WORKFLOWS,
)
from argosy.manifests.model import Model
from controller.spec import ClusterWorkflowTemplate, CronWorkflow, Workflow, WorkflowEventBinding, WorkflowTemplate
from controller.spec.task_result import WorkflowTaskResult
from deploy.crds.structure import ANYTHING, Schema, Structure
from events.spec import EventBus, EventSource, Sensor

FOLDER = Path(__file__).parent
MODELS: Mapping[Resource, type[Model]] = {
    CLUSTER_WORKFLOW_TEMPLATES: ClusterWorkflowTemplate, CRON_WORKFLOWS: CronWorkflow, EVENT_BUSES: EventBus,
    EVENT_SOURCES: EventSource, SENSORS: Sensor, WORKFLOW_EVENT_BINDINGS: WorkflowEventBinding,
    WORKFLOW_TASK_RESULTS: WorkflowTaskResult, WORKFLOW_TEMPLATES: WorkflowTemplate, WORKFLOWS: Workflow,
}
_OPEN = (EVENT_BUSES, EVENT_SOURCES, SENSORS)
_COLUMNS: Mapping[Resource, list[Object]] = {
    WORKFLOWS: [
        {"name": "Status", "type": "string", "jsonPath": ".status.phase", "description": "How far the workflow is"},
        {"name": "Age", "type": "date", "format": "date-time", "jsonPath": ".status.startedAt",
         "description": "Since when it runs"},
        {"name": "Message", "type": "string", "jsonPath": ".status.message", "description": "Why it is so"},
    ],
}
_SHORT = 110
_HEAD = """\
# {kind}, as `python -m deploy.crds.generate` made it from the models that read manifests. Change those, not this file.
"""


def definition(resource: Resource) -> Object:
    """The CustomResourceDefinition of a kind."""
    version: Object = {"name": resource.version, "served": True, "storage": True}
    if resource in _COLUMNS:
        version["additionalPrinterColumns"] = _COLUMNS[resource]
    if resource.status_subresource:
        version["subresources"] = {"status": {}}
    version["schema"] = {"openAPIV3Schema": _schema(resource)}
    names: Object = {"kind": resource.kind, "listKind": f"{resource.kind}List", "plural": resource.plural,
                     "singular": resource.singular}
    if resource.short_names:
        names["shortNames"] = list(resource.short_names)
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{resource.plural}.{resource.group}"},
        "spec": {"group": resource.group, "names": names, "scope": "Namespaced" if resource.namespaced else "Cluster",
                 "versions": [version]},
    }


def _schema(resource: Resource) -> Schema:
    """The schema of whole objects. Their metadata is the API server's own business, their status the controllers'."""
    schema = Structure(open_=resource in _OPEN).of(MODELS[resource])
    schema.pop(ANYTHING, None)  # beside spec and status there is nothing to keep
    properties = schema["properties"]
    properties["metadata"] = {"type": "object"}
    if "status" in properties:
        # As one whole, or the server would note for each field of each step of a workflow who wrote it, at every write.
        properties["status"] = {"type": "object", ANYTHING: True, "x-kubernetes-map-type": "atomic"}
    return {**schema, "required": [key for key in ("metadata", "spec") if key in properties]}


class _Dumper(yaml.CSafeDumper):
    """Writes what is short on one line, and no anchors, since some readers of definitions know none."""

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        return super().represent_mapping(tag, mapping, flow_style=flow_style or len(json.dumps(mapping)) <= _SHORT)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 (PyYAML asks for each value; the answer is the same)
        return True


def text(resource: Resource) -> str:
    """A kind's file."""
    body = yaml.dump(definition(resource), Dumper=_Dumper, sort_keys=False, width=1000)
    return _HEAD.format(kind=resource.kind) + body


def main() -> None:
    """Write one file per kind."""
    for resource in MODELS:
        (FOLDER / f"{resource.plural}.yaml").write_text(text(resource), encoding="utf-8")


if __name__ == "__main__":
    main()
