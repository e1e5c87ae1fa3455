"""What the embedded store asks before it takes an object: is it one that Argosy can read, and what will have no effect?

Only the shape is judged here (unknown fields, wrong types), so that the person who applies a manifest hears of it at once.
What depends on other objects is judged when the object is used, and told on the object.
"""

from collections.abc import Callable
from typing import Any

from argosy.errors import SpecErrors
from argosy.kube.contract import Invalid, Object, Resource

_KINDS = ("Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow", "EventSource", "EventBus", "Sensor")


def admit(resource: Resource, obj: Object, operation: str) -> list[str]:
    """The warnings for an object of Argo's kinds. Raises Invalid with all that is wrong with it.

    A Workflow that runs is written often, by the controller alone; its spec was judged when it was created.
    """
    if resource.group != "argoproj.io" or resource.kind not in _KINDS:
        return []
    if operation != "CREATE" and resource.kind == "Workflow":
        return []
    try:
        _parser(resource.kind)(obj)
    except SpecErrors as error:
        name = (obj.get("metadata") or {}).get("name", "")
        raise Invalid(f'{resource.kind} "{name}" is invalid: ' + "; ".join(str(item) for item in error.problems)) from error
    if resource.kind in ("EventSource", "EventBus", "Sensor"):
        return []  # the services that run them tell what has no effect in the object's status
    from controller.spec import effectless

    return [str(problem) for problem in effectless(obj)]


def _parser(kind: str) -> Callable[[Object], Any]:
    if kind in ("EventSource", "EventBus", "Sensor"):
        from events import spec as events_spec

        return {"EventSource": events_spec.parse_event_source, "EventBus": events_spec.parse_event_bus,
                "Sensor": events_spec.parse_sensor}[kind]
    from controller import spec

    if kind == "Workflow":
        return spec.parse_workflow
    if kind == "CronWorkflow":
        return spec.parse_cron_workflow
    return spec.parse_workflow_template
