# ruff: noqa: RUF012  (pydantic copies a default; it is never shared)
"""Steps and tasks: which template runs, with what, when, and after what."""

from typing import TYPE_CHECKING

from pydantic import Field

from argosy.manifests.model import Model, late
from argosy.manifests.scalars import IntOrString, ListOrText
from controller.spec.values import Arguments

if TYPE_CHECKING:
    from controller.spec import templates
else:
    templates = late("controller.spec.templates")


class TemplateRef(Model):
    """A template of another WorkflowTemplate."""

    cluster_scope: bool = False
    name: str = ""
    template: str = ""


class LifecycleHook(Model):
    """A template to run while a step or workflow runs, when an expression comes true."""

    arguments: Arguments = Field(default_factory=Arguments)
    expression: str = ""
    template: str = ""
    template_ref: TemplateRef | None = None


class ContinueOn(Model):
    """Whether the next steps go on though this one failed."""

    error: bool = False
    failed: bool = False


class Sequence(Model):
    """Numbers to fan out over."""

    count: IntOrString | None = None
    end: IntOrString | None = None
    format: str = ""
    start: IntOrString | None = None


class Call(Model):
    """What a step and a task share: which template runs, with what, when, how many times."""

    arguments: Arguments = Field(default_factory=Arguments)
    continue_on: ContinueOn | None = None
    hooks: dict[str, LifecycleHook] = {}
    inline: templates.Template | None = None
    name: str = ""
    on_exit: str = ""
    template: str = ""
    template_ref: TemplateRef | None = None
    when: str = ""
    with_items: ListOrText = []  # a text is taken as withParam takes it; Argo refuses it
    with_param: str = ""
    with_sequence: Sequence | None = None


class WorkflowStep(Call):
    """One step: a template to run, beside the others of its group."""


class DAGTask(Call):
    """One task of a graph: a template to run once the tasks it depends on are done."""

    dependencies: list[str] = []
    depends: str = ""


class DAG(Model):
    """A graph of tasks."""

    fail_fast: bool | None = None
    target: str = ""
    tasks: list[DAGTask] = []
