"""Templates that do the work themselves: containers, scripts, resources, container sets."""

from collections.abc import Iterable, Mapping, Sequence

from argosy.manifests.findings import did_you_mean
from controller.spec.checks.cycles import cycle_in
from controller.spec.checks.report import Report, is_filled_later
from controller.spec.containers import VolumeMount
from controller.spec.leaves import ContainerSetTemplate, ResourceTemplate
from controller.spec.templates import Template

_ACTIONS = ("get", "create", "apply", "delete", "replace", "patch")


def check_leaf(template: Template, path: str, report: Report, *, defaults: Template | None) -> None:
    """What a template of one of these kinds must and must not have."""
    if template.parallelism is not None:
        report.error(f"{path}.parallelism", "is only for steps and dag templates")
    _check_deadline(template, path, report)
    container, script = template.container, template.script
    default_container = defaults.container if defaults else None
    default_script = defaults.script if defaults else None
    if container is not None and not container.image and not (default_container and default_container.image):
        report.error(f"{path}.container.image", "is required")
    if script is not None and not script.image and not (default_script and default_script.image):
        report.error(f"{path}.script.image", "is required")
    if container is not None:
        _check_mounts(container.volume_mounts, f"{path}.container", report)
        _check_artifact_paths(template, path, report)
    if template.container_set is not None:
        _check_container_set(template, template.container_set, f"{path}.containerSet", report)
    if template.resource is not None:
        _check_resource(template, template.resource, f"{path}.resource", report)
    if template.plugin is not None and len(template.plugin) != 1:
        report.error(f"{path}.plugin", f"must have exactly one key, the plugin's name, but has {len(template.plugin)}")
    _check_extra_containers(template, path, report)


def _check_deadline(template: Template, path: str, report: Report) -> None:
    deadline = template.active_deadline_seconds
    if deadline is None or (isinstance(deadline, str) and is_filled_later(deadline)):
        return
    text = str(deadline)
    if not text.isdigit():
        report.error(f"{path}.activeDeadlineSeconds", f"must be a whole number of seconds above 0, but is '{text}'")


def _check_mounts(mounts: Sequence[VolumeMount], path: str, report: Report) -> None:
    seen: dict[str, str] = {}
    for at, mount in enumerate(mounts):
        where = mount.mount_path or ""
        if where in seen:
            report.error(f"{path}.volumeMounts[{at}].mountPath", f"'{where}' is already taken by volume '{seen[where]}'")
        seen.setdefault(where, mount.name)


def _check_artifact_paths(template: Template, path: str, report: Report) -> None:
    mounts = template.container.volume_mounts if template.container else []
    taken = {mount.mount_path: f"volume '{mount.name}'" for mount in mounts}
    for at, artifact in enumerate(template.inputs.artifacts):
        if artifact.path and artifact.path in taken:
            here = f"{path}.inputs.artifacts[{at}].path"
            report.error(here, f"'{artifact.path}' is already taken by {taken[artifact.path]}")
        taken.setdefault(artifact.path, f"artifact '{artifact.name}'")


def _check_container_set(template: Template, whole: ContainerSetTemplate, path: str, report: Report) -> None:
    containers = whole.containers
    if not containers:
        report.error(f"{path}.containers", "must have at least one container")
    report.unique_names([one.name for one in containers], f"{path}.containers[{{}}]")
    _check_mounts(whole.volume_mounts, path, report)
    names = {one.name: at for at, one in enumerate(containers)}
    for at, container in enumerate(containers):
        _check_dependencies(container.dependencies, names, f"{path}.containers[{at}].dependencies", report)
        _check_reserved(container.name, f"{path}.containers[{at}].name", report)
    cycle = cycle_in({one.name: [name for name in one.dependencies if name in names] for one in containers})
    if cycle:
        report.error(f"{path}.containers", f"wait for each other in a circle: {' -> '.join(cycle)}")
    has_values = template.inputs.artifacts or template.outputs.parameters or template.outputs.artifacts
    if has_values and "main" not in names:
        report.error(f"{path}.containers", "inputs and outputs are those of a container named 'main'; name one so")


def _check_dependencies(wanted: Iterable[str], known: Mapping[str, int], path: str, report: Report) -> None:
    for at, name in enumerate(wanted):
        if name not in known:
            report.error(f"{path}[{at}]", f"names '{name}', which does not exist{did_you_mean(name, known)}")


def _check_resource(template: Template, resource: ResourceTemplate, path: str, report: Report) -> None:
    action = resource.action
    if is_filled_later(action):
        return
    if action not in _ACTIONS:
        hint = did_you_mean(action, _ACTIONS) if action else ""
        report.error(f"{path}.action", f"must be one of {', '.join(_ACTIONS)}, but is '{action}'{hint}")
    if action in ("get", "delete"):
        return
    if not resource.manifest and resource.manifest_from is None:
        report.error(path, "has no manifest; write manifest or manifestFrom")
    if resource.manifest and resource.manifest_from is not None:
        report.error(path, "has both manifest and manifestFrom; keep one")
    artifact = resource.manifest_from.artifact if resource.manifest_from else None
    names = [one.name for one in template.inputs.artifacts]
    if artifact is not None and artifact.name not in names:
        hint = did_you_mean(artifact.name, names)
        report.error(f"{path}.manifestFrom.artifact.name", f"'{artifact.name}' is no input artifact{hint}")


def _check_extra_containers(template: Template, path: str, report: Report) -> None:
    for at, container in enumerate(template.init_containers):
        if not container.name:
            report.error(f"{path}.initContainers[{at}].name", "is required")
    for at, container in enumerate(template.sidecars):
        _check_reserved(container.name, f"{path}.sidecars[{at}].name", report)


def _check_reserved(name: str, path: str, report: Report) -> None:
    if name in ("wait", "supervisor") or name.startswith("artifact-plugin-"):
        report.error(path, f"'{name}' is reserved for containers that are added to the pod; choose another name")
