"""What kind of template it is, and what follows from that."""

from controller.spec.templates import Template

KINDS = ("container", "containerSet", "script", "steps", "dag", "suspend", "resource", "http", "data", "plugin")


def kinds_of(template: Template) -> list[str]:
    """The kinds that the template has a field for; a right one has exactly one."""
    present = {
        "container": template.container, "containerSet": template.container_set, "script": template.script,
        "dag": template.dag, "suspend": template.suspend, "resource": template.resource, "http": template.http,
        "data": template.data, "plugin": template.plugin, "steps": template.steps if has_steps(template) else None,
    }
    return [kind for kind in KINDS if present[kind] is not None]


def has_steps(template: Template) -> bool:
    """Whether `steps` is written, be it an empty list."""
    return "steps" in template.model_fields_set


def is_graph(template: Template) -> bool:
    """Whether it only calls other templates."""
    return template.dag is not None or has_steps(template)


def makes_a_pod(template: Template) -> bool:
    """Whether a pod runs it."""
    return any(part is not None for part in (
        template.container, template.container_set, template.script, template.resource, template.data))


def has_result(template: Template) -> bool:
    """Whether it leaves ``outputs.result`` and an exit code."""
    if template.container_set is not None:
        return any(container.name == "main" for container in template.container_set.containers)
    return any(part is not None for part in (
        template.container, template.script, template.data, template.http, template.plugin))
