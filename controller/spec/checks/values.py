"""Arguments, inputs and outputs: that each value comes from somewhere, and from one place only."""

from collections.abc import Sequence

from argosy.manifests.findings import did_you_mean
from controller.spec.artifact import Artifact
from controller.spec.checks.report import Report, is_filled_later
from controller.spec.checks.shapes import is_graph
from controller.spec.templates import Template
from controller.spec.values import Arguments, Parameter, ValueFrom

STORES = ("artifactory", "azure", "gcs", "git", "hdfs", "http", "oss", "plugin", "raw", "s3")


def check_arguments(arguments: Arguments, path: str, report: Report, *, needs_values: bool) -> None:
    """What is handed to a workflow, step or task."""
    report.unique_names([one.name for one in arguments.parameters], f"{path}.parameters[{{}}]", of_values=True)
    report.unique_names([one.name for one in arguments.artifacts], f"{path}.artifacts[{{}}]", of_values=True)
    for at, parameter in enumerate(arguments.parameters):
        _check_argument(parameter, f"{path}.parameters[{at}]", report, needs_values=needs_values)
    for at, artifact in enumerate(arguments.artifacts):
        here = f"{path}.artifacts[{at}]"
        if artifact.from_ and artifact.from_expression:
            report.error(here, "has both from and fromExpression; keep one")
        elif not artifact.from_ and not artifact.from_expression and not has_location(artifact):
            report.error(here, f"comes from nowhere; write 'from: ...', or where it is kept ({', '.join(STORES)})")


def _check_argument(parameter: Parameter, path: str, report: Report, *, needs_values: bool) -> None:
    source = parameter.value_from
    if source is None and parameter.value is None and needs_values:
        report.error(path, f"parameter '{parameter.name}' has no value; write 'value: ...'")
    if source is not None:
        wrong = [key for key, value in (
            ("path", source.path), ("jsonPath", source.json_path), ("parameter", source.parameter),
            ("expression", source.expression)) if value]
        if wrong or (source.config_map_key_ref is None and not source.event and source.supplied is None):
            found = f"{wrong[0]} is for outputs" if wrong else "none of them is there"
            report.error(f"{path}.valueFrom", f"an argument may come from configMapKeyRef, event or supplied; {found}")
    if "enum" not in parameter.model_fields_set:
        return
    if not parameter.enum:
        report.error(f"{path}.enum", "lists no value; remove it or list what is allowed")
    elif parameter.value is not None and parameter.value not in parameter.enum:
        report.error(f"{path}.value", f"'{parameter.value}' is none of the allowed values: {', '.join(parameter.enum)}")


def has_location(artifact: Artifact) -> bool:
    """Whether it says where the file is kept."""
    return any(getattr(artifact, store) is not None for store in STORES)


def check_inputs(template: Template, path: str, report: Report) -> None:
    """A template's inputs by themselves."""
    inputs = template.inputs
    report.unique_names([one.name for one in inputs.parameters], f"{path}.parameters[{{}}]", of_values=True)
    report.unique_names([one.name for one in inputs.artifacts], f"{path}.artifacts[{{}}]", of_values=True)
    for at, artifact in enumerate(inputs.artifacts):
        here = f"{path}.artifacts[{at}]"
        _check_path(template, artifact, here, report)
        if artifact.from_:
            report.error(f"{here}.from", "is for arguments; the caller says where the artifact comes from")
        _check_store(artifact, here, report)


def check_supplied(
    template: Template, arguments: Arguments, path: str, report: Report, *, is_whole: bool = True,
) -> None:
    """That a template gets all inputs it needs; with `is_whole`, that nothing is handed over in vain."""
    given = {one.name for one in arguments.parameters}
    for parameter in template.inputs.parameters:
        has_own = parameter.value is not None or parameter.default is not None or parameter.value_from is not None
        if parameter.name and parameter.name not in given and not has_own:
            report.error(path, f"input parameter '{parameter.name}' of template '{template.name}' gets no value; "
                               f"add it to arguments.parameters or give it a default")
    handed = {one.name for one in arguments.artifacts}
    for artifact in template.inputs.artifacts:
        if artifact.name and artifact.name not in handed and not artifact.optional and not has_location(artifact):
            report.error(path, f"input artifact '{artifact.name}' of template '{template.name}' is not handed over; "
                               f"add it to arguments.artifacts, or mark it 'optional: true'")
    if is_whole:
        _check_unused(template, arguments, path, report)


def _check_unused(template: Template, arguments: Arguments, path: str, report: Report) -> None:
    inputs = template.inputs
    for what, given, taken in (
        ("parameter", [one.name for one in arguments.parameters], [one.name for one in inputs.parameters]),
        ("artifact", [one.name for one in arguments.artifacts], [one.name for one in inputs.artifacts]),
    ):
        for at, name in enumerate(given):
            if name and name not in taken:
                hint = did_you_mean(name, taken)
                report.warn(f"{path}.arguments.{what}s[{at}]", f"template '{template.name}' has no input {what} '{name}'{hint}")


def check_outputs(template: Template, path: str, report: Report) -> None:
    """A template's outputs by themselves."""
    outputs = template.outputs
    report.unique_names([one.name for one in outputs.parameters], f"{path}.parameters[{{}}]", of_values=True)
    report.unique_names([one.name for one in outputs.artifacts], f"{path}.artifacts[{{}}]", of_values=True)
    for at, artifact in enumerate(outputs.artifacts):
        here = f"{path}.artifacts[{at}]"
        _check_path(template, artifact, here, report)
        _check_global_name(artifact, here, report)
        _check_store(artifact, here, report)
    for at, parameter in enumerate(outputs.parameters):
        here = f"{path}.parameters[{at}]"
        _check_output(template, parameter, here, report)
        _check_global_name(parameter, here, report)


def _check_output(template: Template, parameter: Parameter, path: str, report: Report) -> None:
    source = parameter.value_from
    if parameter.value is not None:
        if source is not None:
            report.error(path, "has both value and valueFrom; keep one")
        return
    if source is None:
        report.error(path, f"output parameter '{parameter.name}' comes from nowhere; write valueFrom")
        return
    ways = _ways(source)
    wanted = _wanted(template)
    if len(ways) != 1:
        choice = " or ".join(wanted) or "path, parameter, expression, jqFilter, jsonPath or supplied"
        report.error(f"{path}.valueFrom", f"must have exactly one of {choice}, but has {' and '.join(ways) or 'none'}")
    elif wanted and ways[0] not in wanted:
        report.error(f"{path}.valueFrom", f"has {ways[0]}, but this kind of template needs {' or '.join(wanted)}")


def _ways(source: ValueFrom) -> list[str]:
    ways = [key for key, value in (
        ("path", source.path), ("jqFilter", source.jq_filter), ("jsonPath", source.json_path),
        ("parameter", source.parameter), ("expression", source.expression)) if value]
    return [*ways, "supplied"] if source.supplied is not None else ways


def _wanted(template: Template) -> Sequence[str]:
    if template.container is not None or template.container_set is not None or template.script is not None:
        return ("path",)
    if template.resource is not None:
        return ("jqFilter", "jsonPath")
    return ("parameter", "expression") if is_graph(template) else ()


def _check_path(template: Template, artifact: Artifact, path: str, report: Report) -> None:
    if is_graph(template):
        if artifact.path:
            report.error(f"{path}.path", "only templates that run a container have files; remove it")
    elif not artifact.path:
        report.error(path, f"artifact '{artifact.name}' has no path; write where the file is in the container")
    elif ".." in artifact.path.split("/"):
        report.error(f"{path}.path", f"'{artifact.path}' leaves its folder by '..'; write the path without it")


def _check_global_name(output: Artifact | Parameter, path: str, report: Report) -> None:
    if output.global_name and not is_filled_later(output.global_name):
        report.well_formed(output.global_name, f"{path}.globalName", of_values=True)


def _check_store(artifact: Artifact, path: str, report: Report) -> None:
    if artifact.git is not None and not artifact.git.repo:
        report.error(f"{path}.git.repo", "is required")
    stores = [store for store in STORES if getattr(artifact, store) is not None]
    if len(stores) > 1:
        report.error(path, f"is kept in {' and '.join(stores)}; keep one of them")
