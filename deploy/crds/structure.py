"""Turns the models that read manifests into structural schemas, the form in which Kubernetes wants a kind described.

Such a schema has no references: each part is written out wherever it occurs. What cannot be written out (a template
within a template) or is not worth its size is left open, and the controllers check it as they check everything.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin

from argosy.manifests.model import Model, keys_of, model_at
from argosy.manifests.scalars import Amount, AnyString, IntOrString, ListOrText, Quantity
from controller.spec.policies import Mutex, SemaphoreRef, Synchronization
from controller.spec.triggered import CronWorkflowSpec
from controller.spec.workflow import WorkflowSpec

Schema: TypeAlias = dict[str, Any]

ANYTHING = "x-kubernetes-preserve-unknown-fields"
_SCALARS: Mapping[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    IntOrString: {"x-kubernetes-int-or-string": True},
    # A structural schema has no word for "text or any number", and int-or-string refuses the CPU share 0.5.
    **{scalar: {ANYTHING: True} for scalar in (AnyString, Amount, Quantity, ListOrText, Any)},
}
# What Argo wrote before its version 4, and the models still read: as what each key's value is taken.
OLDER: Mapping[type[Model], Mapping[str, type]] = {
    CronWorkflowSpec: {"schedule": str},
    Synchronization: {"mutex": Mutex, "semaphore": SemaphoreRef},
}
# A second copy of all that a template may say would take the definition over the size that `kubectl apply` can carry.
_LEFT_OPEN: Mapping[type[Model], Mapping[str, str]] = {
    WorkflowSpec: {"templateDefaults": "What templates say unless they say otherwise; it has the fields of a template."},
}


@dataclass(frozen=True, slots=True)
class Structure:
    """How one kind is described. An `open_` kind keeps keys that its models do not know; others lose them."""

    open_: bool = False
    outside: tuple[type[Model], ...] = ()  # the models that the part lies within

    def of(self, model: type[Model]) -> Schema:
        """The schema of an object of the model."""
        if model in self.outside:
            return {"type": "object", "description": _words(model), ANYTHING: True}
        within = Structure(open_=self.open_, outside=(*self.outside, model))
        schema: Schema = {"type": "object", "description": _words(model), "properties": within.properties(model)}
        return schema | {ANYTHING: True} if self.open_ else schema

    def properties(self, model: type[Model]) -> dict[str, Schema]:
        """The schemas of the values of the model's keys, and of those that are read though no longer written."""
        left_open = _LEFT_OPEN.get(model, {})
        properties: dict[str, Schema] = {}
        for key, attribute in keys_of(model).items():
            if key in left_open:
                properties[key] = {"type": "object", "description": left_open[key], ANYTHING: True}
                continue
            info = model.model_fields[attribute]
            annotation = Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation
            properties[key] = self._value(annotation, model_at(model, key))
        for key, older in OLDER.get(model, {}).items():
            properties[key] = self._value(older, older if issubclass(older, Model) else None)
        for key, advice in model.retired.items():
            properties[key] = {"description": advice[0].upper() + advice[1:] + ".", ANYTHING: True}
        return properties

    def _value(self, annotation: Any, inner: type[Model] | None) -> Schema:
        """The schema of a value. `inner` is the model within the annotation, which may name it only by a mark."""
        if annotation in _SCALARS and inner is None:
            return dict(_SCALARS[annotation])
        origin, parts = get_origin(annotation), [part for part in get_args(annotation) if part is not type(None)]
        if origin in (Union, UnionType):
            assert len(parts) == 1, f"{annotation} is several things at once: name it in scalars.py and here"
            return self._value(parts[0], inner)
        if origin is list:
            return {"type": "array", "items": self._value(parts[0], inner)}
        if origin is dict:
            values = self._value(parts[1], inner)
            return {"type": "object", **(values if values == {ANYTHING: True} else {"additionalProperties": values})}
        assert inner is not None, f"{annotation} has no schema yet: say how it looks in _SCALARS"
        return self.of(inner)


def _words(model: type[Model]) -> str:
    return " ".join((inspect.getdoc(model) or "").split())
