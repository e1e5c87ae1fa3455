# ruff: noqa: RUF012  (pydantic copies a default; it is never shared)
"""What goes into and comes out of templates: parameters, arguments, inputs, outputs."""

from typing import TYPE_CHECKING

from argosy.manifests.model import Json, Model, late
from argosy.manifests.scalars import AnyString

if TYPE_CHECKING:
    from controller.spec import artifact, metadata
else:
    artifact = late("controller.spec.artifact")
    metadata = late("controller.spec.metadata")


class ValueFrom(Model):
    """Where a parameter's value comes from."""

    config_map_key_ref: metadata.ConfigMapKeySelector | None = None
    default: AnyString | None = None
    event: str = ""
    expression: str = ""
    jq_filter: str = ""
    json_path: str = ""
    parameter: str = ""
    path: str = ""
    supplied: dict[str, Json] | None = None


class Parameter(Model):
    """A named value that goes into or comes out of a step."""

    default: AnyString | None = None
    description: AnyString | None = None
    enum: list[AnyString] = []
    global_name: str = ""
    name: str = ""
    value: AnyString | None = None
    value_from: ValueFrom | None = None


class Arguments(Model):
    """The parameters and artifacts handed to a workflow, a step or a hook."""

    artifacts: list[artifact.Artifact] = []
    parameters: list[Parameter] = []


class Inputs(Model):
    """The parameters and artifacts that a template takes."""

    artifacts: list[artifact.Artifact] = []
    parameters: list[Parameter] = []


class Outputs(Model):
    """The parameters and artifacts that a template leaves."""

    artifacts: list[artifact.Artifact] = []
    exit_code: str | None = None
    parameters: list[Parameter] = []
    result: str | None = None
