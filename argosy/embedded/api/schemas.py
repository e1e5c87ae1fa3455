"""The fields of Argo's kinds as OpenAPI schemas, read from the models that check manifests: for `kubectl explain`."""

import inspect
from collections.abc import Mapping
from importlib import import_module
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from argosy.kube.contract import Object, Resource
from argosy.kube.resources import ARGO
from argosy.manifests.model import Model, keys_of, model_at

_MODELS: Mapping[str, str] = {
    "Workflow": "controller.spec", "WorkflowTemplate": "controller.spec", "ClusterWorkflowTemplate": "controller.spec",
    "CronWorkflow": "controller.spec.triggered", "WorkflowEventBinding": "controller.spec.triggered",
    "WorkflowTaskResult": "controller.spec.task_result",
    "EventSource": "events.spec", "EventBus": "events.spec", "Sensor": "events.spec",
}
_TYPES: Mapping[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}


def schemas_of(resource: Resource) -> tuple[Object, dict[str, Object]]:
    """The schema of a kind and those that it refers to, by name; a kind without a model is any object."""
    module = _MODELS.get(resource.kind) if resource.group == ARGO else None
    if module is None:
        return {"type": "object"}, {}
    root: type[Model] = getattr(import_module(module), resource.kind)
    found: dict[str, Object] = {}
    todo = [root]
    while todo:
        model = todo.pop()
        name = _name_of(model)
        if name not in found:
            found[name], inner = _schema(model)
            todo.extend(inner)
    return found[_name_of(root)], found


def _name_of(model: type[Model]) -> str:
    return f"{model.__module__}.{model.__qualname__}"


def _schema(model: type[Model]) -> tuple[Object, list[type[Model]]]:
    properties: Object = {}
    inside: list[type[Model]] = []
    for key, attribute in keys_of(model).items():
        inner = model_at(model, key)
        annotation = model.model_fields[attribute].annotation
        if inner is not None:
            inside.append(inner)
        properties[key] = _property(annotation, inner)
    return {"type": "object", "description": inspect.getdoc(model) or "", "properties": properties}, inside


def _property(annotation: Any, inner: type[Model] | None) -> Object:
    """How one field's value looks. What is several things at once, or unusual, is left open."""
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        parts = [part for part in get_args(annotation) if part is not type(None)]
        return _property(parts[0], inner) if len(parts) == 1 else _reference(inner)
    if origin is list or origin is tuple:
        return {"type": "array", "items": _property(next(iter(get_args(annotation)), Any), inner)}
    if origin is dict or origin is Mapping:
        return {"type": "object", "additionalProperties": _property(get_args(annotation)[1], inner)}
    if origin is Literal:
        return {"type": "string", "enum": list(get_args(annotation))}
    if annotation in _TYPES:
        return {"type": _TYPES[annotation]}
    return _reference(inner)


def _reference(inner: type[Model] | None) -> Object:
    if inner is None:
        return {"x-kubernetes-preserve-unknown-fields": True}
    return {"$ref": f"#/components/schemas/{_name_of(inner)}"}
