"""The ``argoWorkflow`` trigger: submit a workflow, or stop, retry, resume ... one that there is."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace

from argosy.errors import ArgosyError, Problem, SpecError, Unavailable
from argosy.kube.contract import KubeError, Object
from argosy.kube.resources import WORKFLOWS
from controller import operations
from controller.operations_build import (
    SubmitOptions,
    parse_labels,
    parse_parameters,
    parse_source,
    resubmission_of,
    with_options,
    workflow_from,
)
from events.rules.event import Json
from events.triggers import objects
from events.triggers.contract import Action, Done, Refused, World
from events.triggers.k8s import create

OPERATIONS = ("submit", "submit-from", "resubmit", "retry", "resume", "suspend", "stop", "terminate")
_OF_ONE: Mapping[str, Callable[..., Awaitable[Object]]] = {
    "retry": operations.retry, "resume": operations.resume, "suspend": operations.suspend, "stop": operations.stop,
    "terminate": operations.terminate,
}
_OPTIONS = {
    "-p": "parameters", "--parameter": "parameters", "-l": "labels", "--labels": "labels", "--name": "name",
    "--generate-name": "generate_name", "--serviceaccount": "service_account", "--entrypoint": "entrypoint",
    "--priority": "priority",
}


class ArgoWorkflow:
    """Acts on workflows as the command line does."""

    def check(self, template: Mapping[str, Json], where: str) -> Iterable[Problem]:
        """The operation, its arguments and the source."""
        operation = template.get("operation") or "submit"
        if operation not in OPERATIONS:
            yield Problem(f"{where}.operation", f"is {operation!r}; write one of {', '.join(OPERATIONS)}")
        try:
            read_options([str(word) for word in template.get("args") or ()])
        except ArgosyError as error:
            yield Problem(f"{where}.args", str(error))
        yield from objects.check_source(template, where)

    async def act(self, action: Action, world: World) -> Done:
        """Fetch the workflow, fill it, and carry the operation out."""
        obj = objects.fill(await objects.fetch(action, world), action)
        operation = str(action.template.get("operation") or "submit")
        meta = obj.setdefault("metadata", {})
        meta["namespace"] = meta.get("namespace") or action.namespace
        try:
            options = read_options([str(word) for word in action.template.get("args") or ()])
            with objects.rights(action, meta["namespace"]):
                if operation in _OF_ONE:
                    return await self._steer(operation, str(meta.get("name") or ""), meta["namespace"], action, world)
                built = await self._build(operation, obj, options, world)
                return await create(built, WORKFLOWS, action, world)
        except (KubeError, Unavailable, Refused):
            raise
        except ArgosyError as error:  # what the operations refuse
            raise Refused(f"{action.where}: {error}") from error

    async def _build(self, operation: str, obj: Object, options: SubmitOptions, world: World) -> Object:
        """The Workflow to create."""
        meta = obj["metadata"]
        if operation == "submit":
            return with_options(obj, options)
        if operation == "submit-from":
            resource, name = parse_source(f"{str(obj.get('kind', '')).lower()}/{meta.get('name', '')}")
            stored = await world.kube.get(resource, name, namespace=meta["namespace"] if resource.namespaced else "")
            built = workflow_from(resource, stored)
        else:
            built = resubmission_of(await world.kube.get(WORKFLOWS, str(meta.get("name")), namespace=meta["namespace"]))
        built["metadata"]["namespace"] = meta["namespace"]
        return with_options(built, options)

    async def _steer(self, operation: str, name: str, namespace: str, action: Action, world: World) -> Done:
        if not name:
            raise SpecError(action.where, f"{operation} needs the workflow's metadata.name")
        changed = await _OF_ONE[operation](world.kube, name, namespace=namespace)
        return Done(f"{operation} of Workflow {name}", objects.reference(changed))


def read_options(words: list[str]) -> SubmitOptions:
    """The ``args`` of the trigger, which are those of ``argo submit``. Raises SpecError for one that has no effect here."""
    options, rest = SubmitOptions(), list(words)
    while rest:
        word = rest.pop(0)
        option, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        field = _OPTIONS.get(option)
        if field is None:
            raise SpecError("args", f"{word!r} has no effect in a trigger; there are {', '.join(_OPTIONS)}")
        if not equals:
            if not rest:
                raise SpecError("args", f"{word!r} needs a value after it")
            value = rest.pop(0)
        options = _with(options, field, value)
    return options


def _with(options: SubmitOptions, field: str, value: str) -> SubmitOptions:
    if field == "parameters":
        return replace(options, parameters={**options.parameters, **parse_parameters([value])})
    if field == "labels":
        return replace(options, labels={**options.labels, **parse_labels(value)})
    if field == "priority":
        if not value.lstrip("-").isdigit():
            raise SpecError("args", f"--priority is {value!r}; write a whole number")
        return replace(options, priority=int(value))
    if field == "name":
        return replace(options, name=value)
    if field == "generate_name":
        return replace(options, generate_name=value)
    if field == "entrypoint":
        return replace(options, entrypoint=value)
    return replace(options, service_account=value)
