"""Which template a step, task or hook means."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from argosy.manifests.findings import did_you_mean
from controller.spec.checks.report import Report, is_filled_later
from controller.spec.graph import Call, LifecycleHook, TemplateRef
from controller.spec.templates import Template
from controller.spec.workflow import WorkflowSpec, WorkflowTemplate

FindTemplate: TypeAlias = Callable[[str, str], WorkflowTemplate | None]


@dataclass(frozen=True, slots=True)
class Library:
    """The templates within reach. `local` is None where they belong to a WorkflowTemplate that cannot be looked up."""

    local: Mapping[str, Template] | None
    report: Report
    find: FindTemplate | None = None
    defaults: Template | None = None
    _found: dict[tuple[str, str], WorkflowTemplate | None] = field(default_factory=dict)

    def called(self, call: Call | LifecycleHook, path: str) -> Template | None:
        """The template, or None if it is wrong (which is reported) or cannot be known yet."""
        inline = call.inline if isinstance(call, Call) else None
        ways = [name for name, value in (
            ("template", call.template), ("templateRef", call.template_ref), ("inline", inline)) if value]
        if len(ways) != 1:
            found = " and ".join(ways) or "none of them"
            self.report.error(path, f"must have exactly one of template, templateRef and inline, but has {found}")
            return None
        if inline is not None:
            return inline
        if call.template_ref is not None:
            return self._referenced(call.template_ref, f"{path}.templateRef")
        return self.named(call.template, f"{path}.template")

    def named(self, name: str, path: str) -> Template | None:
        """A template of this workflow by name."""
        if self.local is None or is_filled_later(name):
            return None
        if name not in self.local:
            self.report.error(path, f"names template '{name}', which does not exist{did_you_mean(name, self.local)}")
            return None
        return self.local[name]

    def workflow_template(self, name: str, path: str, *, cluster_scope: bool) -> WorkflowTemplate | None:
        """A WorkflowTemplate by name, if it can be looked up."""
        if self.find is None or is_filled_later(name):
            return None
        kind = "ClusterWorkflowTemplate" if cluster_scope else "WorkflowTemplate"
        if (kind, name) not in self._found:
            self._found[kind, name] = self.find(kind, name)
        found = self._found[kind, name]
        if found is None:
            hint = "" if cluster_scope else "; for a ClusterWorkflowTemplate write clusterScope: true"
            self.report.error(path, f"names {kind} '{name}', which does not exist{hint}")
        return found

    def _referenced(self, ref: TemplateRef, path: str) -> Template | None:
        for key, value in (("name", ref.name), ("template", ref.template)):
            if not value:
                self.report.error(f"{path}.{key}", "is required")
        if not ref.name or not ref.template:
            return None
        found = self.workflow_template(ref.name, f"{path}.name", cluster_scope=ref.cluster_scope)
        if found is None or is_filled_later(ref.template):
            return None
        templates = by_name(found.spec)
        if ref.template not in templates:
            hint = did_you_mean(ref.template, templates)
            self.report.error(f"{path}.template", f"'{ref.template}' is no template of '{ref.name}'{hint}")
        return templates.get(ref.template)


def by_name(spec: WorkflowSpec) -> dict[str, Template]:
    """A spec's templates by their names."""
    return {template.name: template for template in spec.templates}
