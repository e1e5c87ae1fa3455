"""What nodes leave behind: outputs of pods, of whole step and task templates, of loops, and of the workflow."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from argosy.expressions import MISSING
from controller.engine.contract import Json, Outputs
from controller.engine.errors import NodeError
from controller.engine.nodes import Node
from controller.engine.scope import Scope, evaluated, filled
from controller.engine.values import from_json, named, text_of, to_json


def pod_outputs(declared: Mapping[str, Json], left: Outputs, exit_code: int | None) -> dict[str, Json]:
    """A pod's outputs as ``status.nodes`` shows them: the declared ones with what came back."""
    shown: dict[str, Json] = {}
    parameters = [
        {**parameter, "value": left.parameters[parameter["name"]]}
        for parameter in declared.get("parameters") or () if parameter["name"] in left.parameters
    ]
    if parameters:
        shown["parameters"] = parameters
    kept = named(declared.get("artifacts"))
    artifacts = [{**kept.get(artifact.get("name", ""), {}), **artifact} for artifact in left.artifacts]
    if artifacts:
        shown["artifacts"] = artifacts
    if left.result is not None:
        shown["result"] = left.result
    if exit_code is not None:
        shown["exitCode"] = str(exit_code)
    return shown


def template_outputs(declared: Mapping[str, Json], scope: Scope) -> dict[str, Json]:
    """The outputs of a steps or dag template, taken from what its steps left. Raises NodeError."""
    shown: dict[str, Json] = {}
    if declared.get("parameters"):
        shown["parameters"] = [_output_parameter(parameter, scope) for parameter in declared["parameters"]]
    if declared.get("artifacts"):
        artifacts = (taken_artifact(artifact, scope) for artifact in declared["artifacts"])
        shown["artifacts"] = [artifact for artifact in artifacts if artifact is not None]
    return shown


def _output_parameter(parameter: Mapping[str, Any], scope: Scope) -> dict[str, Json]:
    source = parameter.get("valueFrom")
    if source is None:
        raise NodeError(f"output parameter '{parameter['name']}' has no valueFrom; write valueFrom.parameter or .expression")
    default = source.get("default")
    try:
        value = _sourced(parameter["name"], source, scope)
    except NodeError:
        if default is None:
            raise
        value = filled(default, scope)
    if value is None:
        if default is None:
            raise NodeError(
                f'output parameter "{parameter["name"]}": "{source.get("parameter", "")}" is an absent optional '
                "(skipped/omitted node output with no default)"
            )
        value = filled(default, scope)
    shown = {key: part for key, part in parameter.items() if key != "valueFrom"}
    return {**shown, "value": text_of(value)}


def _sourced(name: str, source: Mapping[str, Any], scope: Scope) -> Json:
    if source.get("expression"):
        expression = filled(source["expression"], scope)
        value = evaluated(expression, scope)
        if value is None:
            raise NodeError(f'failed to evaluate expression "{expression}"')
        return value
    if source.get("parameter"):
        return pure_reference(source["parameter"], scope)
    raise NodeError(f"output parameter '{name}' has a valueFrom that fits no steps or dag; write parameter or expression")


def pure_reference(text: str, scope: Scope) -> Json:
    """The value of a text that is one placeholder (or a bare name), with None for what is absent. Raises NodeError."""
    stripped = text.strip()
    inner = stripped[2:-2].strip() if stripped.startswith("{{") and stripped.endswith("}}") else stripped
    if "{{" not in inner and not inner.startswith("="):
        value = scope.read(inner)
        if value is not MISSING:
            return value
        if stripped == inner:
            raise NodeError(f'Unable to resolve: "{inner}"')
    return filled(text, scope)


def absent_argument(value: Json, scope: Scope) -> bool:
    """Whether an argument is nothing but a reference to an output that a skipped node did not leave."""
    if not isinstance(value, str) or not (value.startswith("{{") and value.endswith("}}")):
        return False
    inner = value[2:-2].strip()
    return "{{" not in inner and not inner.startswith("=") and scope.read(inner) is None


def taken_artifact(artifact: Mapping[str, Any], scope: Scope) -> dict[str, Json] | None:
    """An artifact taken from elsewhere (`from`, `fromExpression`), or as it is written.

    None where an optional one is not there. Raises NodeError.
    """
    if not artifact.get("from") and not artifact.get("fromExpression"):
        whole: dict[str, Json] = filled(artifact, scope)
        return whole
    try:
        found = _artifact_value(artifact, scope)
    except NodeError:
        if artifact.get("optional"):
            return None
        raise
    if not isinstance(found, Mapping) or not found:
        if artifact.get("optional"):
            return None
        raise NodeError(f"unable to resolve references: {artifact.get('from') or artifact['fromExpression']} is no artifact")
    taken = {key: value for key, value in found.items() if key not in ("from", "fromExpression", "globalName")}
    if artifact.get("subPath"):
        taken = below(taken, text_of(filled(artifact["subPath"], scope)))
    if artifact.get("globalName"):
        taken["globalName"] = artifact["globalName"]
    return {**taken, "name": artifact["name"]}


def _artifact_value(artifact: Mapping[str, Any], scope: Scope) -> Json:
    if artifact.get("fromExpression"):
        return evaluated(filled(artifact["fromExpression"], scope), scope)
    text = artifact["from"].strip()
    tag = text[2:-2].strip() if text.startswith("{{") else text
    if tag.startswith("="):
        return evaluated(tag[1:], scope)
    value = scope.read(filled(tag, scope))
    if value is MISSING:
        raise NodeError(f'unable to resolve references: Unable to resolve: "{tag}"')
    return value


def below(artifact: Mapping[str, Any], sub_path: str) -> dict[str, Json]:
    """The artifact that is one part of a folder artifact: the key goes on with the path."""
    for location in ("s3", "gcs", "oss", "azure", "hdfs", "artifactory"):
        place = artifact.get(location)
        field = {"azure": "blob", "hdfs": "path", "artifactory": "url"}.get(location, "key")
        if place and place.get(field):
            return {**artifact, location: {**place, field: f"{place[field].rstrip('/')}/{sub_path.lstrip('/')}"}}
    return {**artifact, "subPath": sub_path}


class LoopOutputs:
    """The outputs of a loop's turns as JSON lists in item order, each made when it is first read."""

    __slots__ = ("_lists", "_nodes")

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = [node for node in nodes if node.outputs is not None and node.phase == "Succeeded"]
        self._lists: dict[str, Json] = {}

    def read(self, tag: str) -> Json:
        """``outputs.result``, ``outputs.parameters`` or ``outputs.parameters.x``."""
        if tag not in self._lists:
            self._lists[tag] = self._list(tag)
        return self._lists[tag]

    def _list(self, tag: str) -> Json:
        if tag == "outputs.result":
            return to_json([_json_or_text(outputs["result"]) for outputs in self._outputs() if "result" in outputs])
        if tag == "outputs.parameters":
            return to_json([each for each in map(_values, self._outputs()) if each])
        if not tag.startswith("outputs.parameters."):
            return MISSING
        name = tag.removeprefix("outputs.parameters.")
        texts = [values[name] for values in map(_values, self._outputs()) if name in values]
        return _joined(texts) if texts else MISSING

    def _outputs(self) -> Iterable[Mapping[str, Json]]:
        return (node.outputs or {} for node in self._nodes)


def _values(outputs: Mapping[str, Json]) -> dict[str, str]:
    return {item["name"]: text_of(item["value"]) for item in outputs.get("parameters") or () if "value" in item}


def _json_or_text(text: str) -> Json:
    try:
        return from_json(text)
    except ValueError:
        return text


def _joined(texts: list[str]) -> str:
    """Lists and maps stay what they are if all are; anything else is a list of strings."""
    try:
        parsed = [from_json(text) for text in texts]
    except ValueError:
        return to_json(texts)
    return to_json(parsed if all(isinstance(value, list | dict) for value in parsed) else texts)


def export(status: dict[str, Json], outputs: Mapping[str, Json] | None) -> bool:
    """Copy the outputs that have a ``globalName`` to ``status.outputs``; True where that changed something."""
    changed = False
    for kind in ("parameters", "artifacts"):
        for item in (outputs or {}).get(kind) or ():
            if item.get("globalName") and (kind == "artifacts" or "value" in item):
                changed |= _export_one(status, kind, item)
    return changed


def _export_one(status: dict[str, Json], kind: str, item: Mapping[str, Json]) -> bool:
    if kind == "parameters":
        shown = {"name": item["globalName"], "value": item["value"]}
    else:
        shown = {key: value for key, value in item.items() if key not in ("globalName", "path")}
        shown["name"] = item["globalName"]
    entries = list((status.get("outputs") or {}).get(kind) or ())
    at = next((i for i, entry in enumerate(entries) if entry["name"] == shown["name"]), len(entries))
    if at < len(entries) and entries[at] == shown:
        return False
    entries[at:at + 1] = [shown]
    status["outputs"] = {**(status.get("outputs") or {}), kind: entries}
    return True
