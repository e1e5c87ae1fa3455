"""What a template is called with: arguments bound to its inputs, and the variables that its text may then read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from controller.engine.contract import Json, Need
from controller.engine.errors import NodeError
from controller.engine.scope import Scope, Values, filled
from controller.engine.values import named, parameters_json, text_of

# Asks for a ConfigMap: its object, or None where there is none. Raises Unanswered while that is not known.
Ask = Callable[[Need], Json]

_KEPT_OF_INPUT = ("path", "mode", "recurseMode")  # where an artifact goes is said by the input, not by the argument
LOCATIONS = (
    "s3", "git", "http", "artifactory", "hdfs", "raw", "oss", "gcs", "azure", "plugin", "key",
)


@dataclass(frozen=True, slots=True)
class Inputs:
    """The final inputs of one node."""

    parameters: tuple[Mapping[str, Json], ...] = ()
    artifacts: tuple[Mapping[str, Json], ...] = ()

    @property
    def json(self) -> dict[str, Json]:
        """As ``status.nodes`` shows them; empty where there are none."""
        shown: dict[str, Json] = {}
        if self.parameters:
            shown["parameters"] = list(self.parameters)
        if self.artifacts:
            shown["artifacts"] = list(self.artifacts)
        return shown

    @classmethod
    def of_json(cls, json: Mapping[str, Json]) -> "Inputs":
        """Read back what a node of a saved status was called with."""
        return cls(tuple(json.get("parameters") or ()), tuple(json.get("artifacts") or ()))

    def variables(self) -> Values:
        """``inputs.*``, for the template's own text."""
        values: dict[str, Json] = {"inputs.parameters": parameters_json(self.parameters)}
        for parameter in self.parameters:
            if "value" in parameter:
                values[f"inputs.parameters.{parameter['name']}"] = text_of(parameter["value"])
        for artifact in self.artifacts:
            values[f"inputs.artifacts.{artifact['name']}"] = artifact
            if artifact.get("path"):
                values[f"inputs.artifacts.{artifact['name']}.path"] = artifact["path"]
        return Values(values)


def bind(declared: Mapping[str, Json] | None, arguments: Mapping[str, Json] | None, scope: Scope, ask: Ask) -> Inputs:
    """Bind arguments (already filled in) to the declared inputs, whose own text is filled in from `scope`.

    An argument whose value is None stands for an output that a skipped node did not leave: the input's default
    takes its place. Raises NodeError, or Unanswered where a ConfigMap must be read first.
    """
    declared, arguments = declared or {}, arguments or {}
    given = named(arguments.get("parameters"))
    parameters = tuple(
        _parameter(filled(parameter, scope), given.get(parameter["name"]), ask)
        for parameter in declared.get("parameters") or ()
    )
    scope = scope.above(Inputs(parameters).variables())
    brought = named(arguments.get("artifacts"))
    artifacts = []
    for wanted in declared.get("artifacts") or ():
        artifact = _artifact(filled(wanted, scope), brought.get(wanted["name"]))
        if artifact is not None:
            artifacts.append(artifact)
    return Inputs(parameters, tuple(artifacts))


def configured(value_from: Mapping[str, Json], what: str, ask: Ask) -> str:
    """The value that a ``configMapKeyRef`` names, or its default. Raises NodeError, Unanswered."""
    ref = value_from["configMapKeyRef"]
    found = ask(Need("ConfigMap", ref.get("name", "")))
    value = ((found or {}).get("data") or {}).get(ref.get("key", ""))
    if value is not None:
        return text_of(value)
    if value_from.get("default") is not None:
        return text_of(value_from["default"])
    missing = f"it has no key '{ref.get('key', '')}'" if found else "it does not exist"
    raise NodeError(f"unable to retrieve {what} from ConfigMap '{ref.get('name', '')}': {missing}")


def _parameter(declared: Mapping[str, Any], given: Mapping[str, Any] | None, ask: Ask) -> Mapping[str, Json]:
    what = f"inputs.parameters.{declared['name']}"
    bound = dict(declared)
    if bound.get("value") is None and bound.get("default") is not None:
        bound["value"] = bound["default"]
    absent = given is not None and "value" in given and given["value"] is None
    if given is not None and not absent:
        if given.get("value") is not None:
            bound.pop("valueFrom", None)
            bound["value"] = given["value"]
        elif given.get("valueFrom"):
            bound["valueFrom"] = given["valueFrom"]
            bound.pop("value", None)
    if (bound.get("valueFrom") or {}).get("configMapKeyRef"):
        bound["value"] = configured(bound["valueFrom"], what, ask)
    if bound.get("value") is None:
        if absent:
            raise NodeError(f"{what}: argument references an absent optional (skipped/omitted node output with no default)")
        raise NodeError(f"{what} was not supplied")
    for field in ("value", "default"):
        if field in bound:
            bound[field] = text_of(bound[field])
    return bound


def _artifact(declared: Mapping[str, Any], given: Mapping[str, Any] | None) -> Mapping[str, Json] | None:
    located = has_location(declared)
    if given is None:
        if not declared.get("optional") and not located:
            raise NodeError(f"inputs.artifacts.{declared['name']} was not supplied")
        return declared if located else None
    if not declared.get("optional") and not located and not has_location(given):
        raise NodeError(f"inputs.artifacts.{declared['name']} missing location information")
    kept = {field: declared[field] for field in _KEPT_OF_INPUT if field in declared}
    brought = {field: value for field, value in given.items() if field not in _KEPT_OF_INPUT}
    optional = {"optional": True} if declared.get("optional") else {}
    return {**brought, **optional, **kept, "name": declared["name"]}


def has_location(artifact: Mapping[str, Json]) -> bool:
    """Whether an artifact says where its content is."""
    return any(artifact.get(field) for field in LOCATIONS)
