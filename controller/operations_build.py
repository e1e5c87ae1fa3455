"""What a person or a trigger says when submitting, laid over a manifest: a Workflow object ready to be created.

Pure: objects and options in, a new object out. `controller.operations` does the asking and the creating.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from argosy.errors import ArgosyError, SpecError
from argosy.kube.contract import Object, Resource
from argosy.kube.resources import CLUSTER_WORKFLOW_TEMPLATES, CRON_WORKFLOWS, WORKFLOW_TEMPLATES, WORKFLOWS
from controller.literals import mark

LABEL_PREFIX = "workflows.argoproj.io/"
LABEL_WORKFLOW_TEMPLATE = LABEL_PREFIX + "workflow-template"
LABEL_CLUSTER_WORKFLOW_TEMPLATE = LABEL_PREFIX + "cluster-workflow-template"
LABEL_CRON_WORKFLOW = LABEL_PREFIX + "cron-workflow"
LABEL_RESUBMITTED_FROM = LABEL_PREFIX + "resubmitted-from-workflow"
LABEL_PHASE = LABEL_PREFIX + "phase"
LABEL_COMPLETED = LABEL_PREFIX + "completed"

_FROM_KINDS: Mapping[str, Resource] = {
    word: resource
    for resource in (WORKFLOW_TEMPLATES, CLUSTER_WORKFLOW_TEMPLATES, CRON_WORKFLOWS)
    for word in (resource.singular, resource.plural, *resource.short_names)
}


@dataclass(frozen=True, slots=True)
class SubmitOptions:
    """What is said beside the manifest; each that is given wins over what the manifest says.

    `name` makes the workflow's name certain, so that submitting twice creates once (triggers rely on it).
    """

    parameters: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    generate_name: str = ""
    entrypoint: str = ""
    service_account: str = ""
    priority: int | None = None


NO_OPTIONS = SubmitOptions()


def parse_source(text: str) -> tuple[Resource, str]:
    """``workflowtemplate/build`` and its like: which kind of object, and its name."""
    kind, slash, name = text.partition("/")
    resource = _FROM_KINDS.get(kind.lower())
    if not slash or not name or resource is None:
        raise ArgosyError(
            f"cannot submit from {text!r}; write KIND/NAME with one of the kinds workflowtemplate, "
            "clusterworkflowtemplate, cronworkflow (or wftmpl, cwft, cwf), such as workflowtemplate/build")
    return resource, name


def parse_parameters(pairs: tuple[str, ...] | list[str]) -> dict[str, str]:
    """``["message=hello", ...]`` as a mapping; only the first ``=`` separates, so values may hold more of them."""
    values: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise ArgosyError(f"parameter {pair!r} has no value; write NAME=VALUE, such as -p message=hello")
        values[name] = value
    return values


def parse_labels(text: str) -> dict[str, str]:
    """``a=b,c=d`` as a mapping."""
    labels: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise ArgosyError(f"label {pair!r} has no value; write NAME=VALUE, such as -l team=data,env=test")
        labels[name] = value
    return labels


def workflow_from(resource: Resource, source: Object) -> Object:
    """The Workflow that runs a stored template, or that a CronWorkflow would create at its next instant."""
    name = source["metadata"]["name"]
    metadata: Object = {"generateName": f"{name}-"}
    if resource is CRON_WORKFLOWS:
        spec = source.get("spec") or {}
        given = spec.get("workflowMetadata") or {}
        metadata["labels"] = {**(given.get("labels") or {}), LABEL_CRON_WORKFLOW: name}
        if given.get("annotations"):
            metadata["annotations"] = dict(given["annotations"])
        return _workflow(metadata, copy.deepcopy(spec.get("workflowSpec") or {}))
    if resource is CLUSTER_WORKFLOW_TEMPLATES:
        metadata["labels"] = {LABEL_CLUSTER_WORKFLOW_TEMPLATE: name}
        return _workflow(metadata, {"workflowTemplateRef": {"name": name, "clusterScope": True}})
    metadata["labels"] = {LABEL_WORKFLOW_TEMPLATE: name}
    return _workflow(metadata, {"workflowTemplateRef": {"name": name}})


def resubmission_of(workflow: Object) -> Object:
    """A new Workflow with the spec of an old one: without its status, its wishes to stop, and the engine's labels."""
    old = workflow["metadata"]
    labels = {
        key: value for key, value in (old.get("labels") or {}).items()
        if not key.startswith(LABEL_PREFIX) or key in
        (LABEL_WORKFLOW_TEMPLATE, LABEL_CLUSTER_WORKFLOW_TEMPLATE, LABEL_CRON_WORKFLOW)
    }
    labels[LABEL_RESUBMITTED_FROM] = old["name"]
    metadata: Object = {"generateName": old.get("generateName") or f"{old['name']}-", "labels": labels}
    if old.get("namespace"):
        metadata["namespace"] = old["namespace"]
    annotations = {
        key: value for key, value in (old.get("annotations") or {}).items()
        if not key.startswith(("kubectl.kubernetes.io/", LABEL_PREFIX + "pod-name-format"))
    }
    if annotations:
        metadata["annotations"] = annotations
    spec = copy.deepcopy(workflow.get("spec") or {})
    spec.pop("shutdown", None)
    spec.pop("suspend", None)
    return _workflow(metadata, spec)


def with_options(workflow: Object, options: SubmitOptions) -> Object:
    """A copy of `workflow` with the options laid over it. Raises SpecError where it would have no name."""
    _check_kind(workflow)
    built: Object = {**workflow, "metadata": copy.deepcopy(workflow.get("metadata") or {}),
                     "spec": copy.deepcopy(workflow.get("spec") or {})}
    metadata, spec = built["metadata"], built["spec"]
    if options.name:
        metadata["name"] = options.name
        metadata.pop("generateName", None)
    elif options.generate_name:
        metadata["generateName"] = options.generate_name
        metadata.pop("name", None)
    if not metadata.get("name") and not metadata.get("generateName"):
        raise SpecError("metadata.name", "is missing; write a name, or `generateName: hello-` for fresh ones")
    if options.labels:
        metadata["labels"] = {**(metadata.get("labels") or {}), **options.labels}
    if options.annotations:
        metadata["annotations"] = {**(metadata.get("annotations") or {}), **options.annotations}
    for key, value in (("entrypoint", options.entrypoint), ("serviceAccountName", options.service_account)):
        if value:
            spec[key] = value
    if options.priority is not None:
        spec["priority"] = options.priority
    if options.parameters:
        override_parameters(spec, options.parameters)
        mark(metadata, options.parameters)
    return built


def override_parameters(spec: Object, values: Mapping[str, str]) -> None:
    """Give ``spec.arguments.parameters`` these values: a declared one keeps its place, another is added."""
    arguments = spec.setdefault("arguments", {}) or {}
    spec["arguments"] = arguments
    declared: list[Any] = list(arguments.get("parameters") or [])
    left = dict(values)
    for index, parameter in enumerate(declared):
        name = parameter.get("name") if isinstance(parameter, dict) else None
        if name in left:
            kept = {key: value for key, value in parameter.items() if key not in ("value", "valueFrom")}
            declared[index] = {**kept, "value": left.pop(name)}
    declared.extend({"name": name, "value": value} for name, value in left.items())
    arguments["parameters"] = declared


def _check_kind(workflow: Object) -> None:
    kind = workflow.get("kind")
    if kind != WORKFLOWS.kind:
        raise SpecError("kind", f"is {kind!r}; only a Workflow can be submitted. To run a stored template, "
                                "submit --from workflowtemplate/NAME")


def _workflow(metadata: Object, spec: Object) -> Object:
    return {"apiVersion": WORKFLOWS.api_version, "kind": WORKFLOWS.kind, "metadata": metadata, "spec": spec}
