"""A sensor as a whole: its triggers name dependencies that exist, and each does exactly one thing."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from argosy.errors import Problem
from argosy.expressions import ExpressionError, parse_condition
from argosy.manifests.findings import did_you_mean
from argosy.manifests.model import Model
from controller.spec.checks.report import Report
from controller.spec.checks.schedules import schedule_mistake
from events.spec.checks.filters import check_dependencies
from events.spec.parameter import TriggerParameter
from events.spec.sensor import Sensor, Trigger, TriggerTemplate
from events.spec.trigger_source import TriggerArtifact

KINDS = {
    "k8s": "k8s", "argoWorkflow": "argo_workflow", "http": "http", "log": "log", "awsLambda": "aws_lambda",
    "azureEventHubs": "azure_event_hubs", "azureServiceBus": "azure_service_bus", "custom": "custom", "email": "email",
    "kafka": "kafka", "nats": "nats", "openWhisk": "open_whisk", "pulsar": "pulsar", "slack": "slack",
}
_OPERATIONS = {
    "k8s": ("create", "update", "patch", "delete"),
    "argoWorkflow": ("submit", "submit-from", "suspend", "retry", "resume", "resubmit", "terminate", "stop"),
}
_METHODS = ("GET", "DELETE", "PATCH", "POST", "PUT")
_PLACES = ("append", "overwrite", "prepend")
_UNITS = ("Second", "Minute", "Hour")
_REQUIRED = {
    "http": ("url",), "awsLambda": ("functionName", "region", "payload"), "kafka": ("url", "topic", "payload"),
    "nats": ("url", "subject", "payload"), "openWhisk": ("actionName", "host", "payload"), "slack": ("slackToken",),
    "email": ("host",), "custom": ("serverURL",), "pulsar": ("url", "topic", "payload"),
    "azureEventHubs": ("fqdn", "hubName", "payload"), "azureServiceBus": ("payload",),
}


def check_sensor(sensor: Sensor) -> list[Problem]:
    """What Argo Events would refuse, and what would surprise; the sensor has been read already."""
    report = Report()
    check_dependencies(sensor.spec.dependencies, "spec.dependencies", report)
    names = [dependency.name for dependency in sensor.spec.dependencies]
    if not sensor.spec.triggers:
        report.error("spec.triggers", "must have at least one trigger")
    seen: dict[str, int] = {}
    for at, trigger in enumerate(sensor.spec.triggers):
        path = f"spec.triggers[{at}]"
        _check_trigger(trigger, path, names, report)
        name = trigger.template.name if trigger.template else ""
        if name in seen:
            report.error(f"{path}.template.name", f"'{name}' is already the name of spec.triggers[{seen[name]}]")
        if name:
            seen.setdefault(name, at)
    return report.problems


def _check_trigger(trigger: Trigger, path: str, dependencies: Collection[str], report: Report) -> None:
    if trigger.template is None:
        report.error(f"{path}.template", "is required")
        return
    template = Report()
    _check_template(trigger.template, f"{path}.template", dependencies, template)
    if trigger.parameters:  # they may write anything into the template before it is used
        report.problems += [replace(problem, severity="warning", text=f"{problem.text} (unless a parameter changes it)")
                            for problem in template.problems]
    else:
        report.problems += template.problems
    _check_parameters(trigger.parameters, f"{path}.parameters", dependencies, report)
    _check_settings(trigger, path, report)
    dead = trigger.dlq_trigger
    if dead is not None:
        if not trigger.at_least_once:
            report.error(f"{path}.atLeastOnce", "must be true where there is a dlqTrigger")
        if not dead.at_least_once:
            report.error(f"{path}.dlqTrigger.atLeastOnce", "must be true")
        _check_trigger(dead, f"{path}.dlqTrigger", dependencies, report)


def _check_settings(trigger: Trigger, path: str, report: Report) -> None:
    policy, rate = trigger.policy, trigger.rate_limit
    if policy is not None and policy.k8s is not None and not policy.k8s.labels:
        report.error(f"{path}.policy.k8s.labels", "must name the labels that mean success")
    if policy is not None and policy.status is not None and not policy.status.allow:
        report.error(f"{path}.policy.status.allow", "must list the HTTP status codes that mean success")
    if rate is not None and rate.unit and rate.unit not in _UNITS:
        report.error(f"{path}.rateLimit.unit", f"must be one of {', '.join(_UNITS)}, but is '{rate.unit}'")


def _check_template(template: TriggerTemplate, path: str, dependencies: Collection[str], report: Report) -> None:
    if not template.name:
        report.error(f"{path}.name", "is required")
    if template.conditions:
        _check_conditions(template.conditions, f"{path}.conditions", dependencies, report)
    for at, reset in enumerate(template.conditions_reset):
        here = f"{path}.conditionsReset[{at}].byTime"
        mistake = schedule_mistake(reset.by_time.cron) if reset.by_time else "is required"
        if mistake:
            report.error(f"{here}.cron" if reset.by_time else here, mistake)
    kinds = [(key, getattr(template, name)) for key, name in KINDS.items() if getattr(template, name) is not None]
    if len(kinds) != 1:
        found = " and ".join(key for key, _ in kinds) or "none of them"
        report.error(path, f"must have exactly one of {', '.join(KINDS)}, but has {found}")
    for key, kind in kinds:
        _check_kind(key, kind, f"{path}.{key}", dependencies, report)


def _check_conditions(conditions: str, path: str, dependencies: Collection[str], report: Report) -> None:
    try:
        terms = parse_condition(conditions).terms
    except ExpressionError as error:
        report.error(path, f"cannot be read: {error.text}")
        return
    for first, rest in terms:
        name = first if rest is None else f"{first}.{rest}"
        if name not in dependencies:
            report.error(path, f"names dependency '{name}', which does not exist{did_you_mean(name, dependencies)}")


def _check_kind(key: str, kind: Model, path: str, dependencies: Collection[str], report: Report) -> None:
    tree = kind.tree()
    for name in _REQUIRED.get(key, ()):
        if not tree.get(name):
            report.error(f"{path}.{name}", "is required")
    if key in _OPERATIONS:
        _check_source(getattr(kind, "source", None), f"{path}.source", report)
        operation, known = tree.get("operation", ""), _OPERATIONS[key]
        if operation not in known and (operation or key != "k8s"):
            hint = did_you_mean(operation, known) if operation else ""
            report.error(f"{path}.operation", f"must be one of {', '.join(known)}, but is '{operation}'{hint}")
    if key == "http" and tree.get("method", "POST") not in ("", *_METHODS):
        report.error(f"{path}.method", f"must be one of {', '.join(_METHODS)}, but is '{tree['method']}'")
    parameters: Sequence[TriggerParameter] = getattr(kind, "parameters", [])
    payload: Sequence[TriggerParameter] = getattr(kind, "payload", [])
    _check_parameters(parameters, f"{path}.parameters", dependencies, report)
    _check_parameters(payload, f"{path}.payload", dependencies, report, may_be_whole=key == "http")


def _check_source(source: TriggerArtifact | None, path: str, report: Report) -> None:
    if source is None:
        report.error(path, "is required: the manifest, such as source.resource")
        return
    places = sorted(source.tree())
    if len(places) != 1:
        found = " and ".join(places) or "none of them"
        report.error(path, f"must have exactly one of resource, inline, configmap, file, git, s3 and url, but has {found}")


def _check_parameters(
    parameters: Sequence[TriggerParameter], path: str, dependencies: Collection[str], report: Report, *,
    may_be_whole: bool = False,
) -> None:
    for at, parameter in enumerate(parameters):
        here = f"{path}[{at}]"
        if parameter.src is None:
            report.error(f"{here}.src", "is required: which dependency, and what of its event")
        elif not parameter.src.dependency_name:
            report.error(f"{here}.src.dependencyName", "is required")
        elif parameter.src.dependency_name not in dependencies:
            name = parameter.src.dependency_name
            report.error(f"{here}.src.dependencyName",
                         f"names dependency '{name}', which does not exist{did_you_mean(name, dependencies)}")
        if not parameter.dest and not may_be_whole:
            report.error(f"{here}.dest", "is required: where the value goes, such as spec.arguments.parameters.0.value")
        if parameter.operation and parameter.operation not in _PLACES:
            hint = did_you_mean(parameter.operation, _PLACES)
            report.error(f"{here}.operation", f"must be one of {', '.join(_PLACES)}, but is '{parameter.operation}'{hint}")
