"""Workflows, WorkflowTemplates and CronWorkflows as a whole."""

from collections.abc import Collection

from argosy.errors import Problem
from argosy.manifests.findings import did_you_mean
from controller.spec.artifact import Artifact
from controller.spec.checks.calls import check_hooks
from controller.spec.checks.library import FindTemplate, Library, by_name
from controller.spec.checks.report import Report, is_filled_later
from controller.spec.checks.schedules import schedule_mistake
from controller.spec.checks.scope import Globals, Scope
from controller.spec.checks.templates import check_retry, check_template
from controller.spec.checks.values import check_arguments, check_supplied
from controller.spec.metadata import ObjectMeta
from controller.spec.triggered import CronWorkflow
from controller.spec.values import Arguments, Parameter
from controller.spec.workflow import Workflow, WorkflowSpec, WorkflowTemplate

_POD_GC = ("OnPodCompletion", "OnPodSuccess", "OnWorkflowCompletion", "OnWorkflowSuccess")
_CONCURRENCY = ("Allow", "Forbid", "Replace")


def check_workflow(
    workflow: Workflow | WorkflowTemplate | CronWorkflow, find_template: FindTemplate | None = None, *,
    needs_values: bool = False,
) -> list[Problem]:
    """What Argo would refuse, and what would surprise; an object that has been read is taken for granted.

    `find_template` answers (kind, name) with a template or None; without it, references to other objects are not
    followed. With `needs_values`, a Workflow is about to run, so that every argument must have a value.
    """
    report = Report()
    if isinstance(workflow, CronWorkflow):
        _check_cron(workflow, find_template, report)
    else:
        kind = "template" if isinstance(workflow, WorkflowTemplate) else "workflow"
        _check_name(workflow.metadata, 63, report)
        is_template = kind == "template"
        _check_spec(workflow.spec, workflow.metadata, "spec", find_template, report,
                    is_template=is_template, needs_values=needs_values and not is_template)
    wrong = {problem.path for problem in report.problems if problem.severity == "error"}
    return [problem for problem in report.problems if problem.severity == "error" or problem.path not in wrong]


def _check_name(metadata: ObjectMeta, longest: int, report: Report) -> None:
    if len(metadata.name) > longest:
        report.error("metadata.name", f"is {len(metadata.name)} characters long; {longest} are allowed")


def _check_cron(cron: CronWorkflow, find: FindTemplate | None, report: Report) -> None:
    spec = cron.spec
    _check_name(cron.metadata, 52, report)
    if not spec.schedules:
        report.error("spec.schedules", "must have at least one schedule, such as '0 * * * *'")
    for at, schedule in enumerate(spec.schedules):
        mistake = schedule_mistake(schedule)
        if mistake:
            report.error(f"spec.schedules[{at}]", f"'{schedule}' is no schedule: {mistake}")
    policy = spec.concurrency_policy
    if policy and policy not in _CONCURRENCY:
        hint = did_you_mean(policy, _CONCURRENCY)
        report.error("spec.concurrencyPolicy", f"must be one of {', '.join(_CONCURRENCY)}, but is '{policy}'{hint}")
    if (spec.starting_deadline_seconds or 0) < 0:
        report.error("spec.startingDeadlineSeconds", "must not be negative")
    if spec.workflow_spec is None:
        report.error("spec.workflowSpec", "is required")
        return
    metadata = spec.workflow_metadata or ObjectMeta()
    _check_spec(spec.workflow_spec, metadata, "spec.workflowSpec", find, report, is_template=False, needs_values=False)


def _check_spec(
    spec: WorkflowSpec, metadata: ObjectMeta, path: str, find: FindTemplate | None, report: Report, *,
    is_template: bool, needs_values: bool,
) -> None:
    library = Library(by_name(spec), report, find, spec.template_defaults)
    base = spec
    if spec.workflow_template_ref is not None:
        if spec.templates:
            report.error(f"{path}.templates", "do not go with workflowTemplateRef, which brings its own; keep one of them")
        ref = spec.workflow_template_ref
        found = library.workflow_template(
            ref.name, f"{path}.workflowTemplateRef.name", cluster_scope=ref.cluster_scope)
        base = found.spec if found is not None else spec
        library = Library(by_name(base) if found is not None else None, report, find, base.template_defaults)
    arguments = _merged(spec.arguments, base.arguments) if base is not spec else spec.arguments
    report.unique_names([template.name for template in spec.templates], f"{path}.templates[{{}}]")
    check_arguments(arguments, f"{path}.arguments", report, needs_values=needs_values)
    _check_entries(spec, base, arguments, path, library=library, is_template=is_template)
    _check_policies(spec, path, report)
    scope = Scope(_globals(spec, base, metadata, arguments, is_template=is_template or base is not spec))
    for at, template in enumerate(spec.templates):
        check_template(template, f"{path}.templates[{at}]", scope.of(template), library)


def _check_entries(
    spec: WorkflowSpec, base: WorkflowSpec, arguments: Arguments, path: str, *, library: Library,
    is_template: bool,
) -> None:
    """Where the run begins and what runs at its end."""
    entrypoint = spec.entrypoint or base.entrypoint
    if entrypoint:
        template = library.named(entrypoint, f"{path}.entrypoint")
        if template is not None and not is_template:
            check_supplied(template, arguments, f"{path}.arguments", library.report, is_whole=False)
    elif not is_template and library.local is not None:
        names = ", ".join(library.local) or "the first template"
        library.report.error(f"{path}.entrypoint", f"is required: name the template to begin with ({names})")
    if spec.on_exit:
        library.named(spec.on_exit, f"{path}.onExit")
    check_hooks(spec.hooks, path, library)


def _check_policies(spec: WorkflowSpec, path: str, report: Report) -> None:
    strategy = spec.pod_gc.strategy if spec.pod_gc else ""
    if strategy and strategy not in _POD_GC:
        hint = did_you_mean(strategy, _POD_GC)
        report.error(f"{path}.podGC.strategy", f"must be one of {', '.join(_POD_GC)}, but is '{strategy}'{hint}")
    if spec.shutdown not in ("", "Stop", "Terminate"):
        report.error(f"{path}.shutdown", f"must be Stop or Terminate, but is '{spec.shutdown}'")
    for at, claim in enumerate(spec.volume_claim_templates):
        if not claim.metadata.name:
            report.error(f"{path}.volumeClaimTemplates[{at}].metadata.name", "is required; containers mount the volume by it")
    if spec.retry_strategy is not None:
        check_retry(spec.retry_strategy, f"{path}.retryStrategy", report)


def _merged(own: Arguments, base: Arguments) -> Arguments:
    """A workflow's arguments, and those of its template that it does not give itself."""
    parameters: dict[str, Parameter] = {one.name: one for one in base.parameters}
    for parameter in own.parameters:
        parameters[parameter.name] = parameter
    artifacts: dict[str, Artifact] = {one.name: one for one in base.artifacts} | {one.name: one for one in own.artifacts}
    return Arguments(parameters=list(parameters.values()), artifacts=list(artifacts.values()))


def _globals(
    spec: WorkflowSpec, base: WorkflowSpec, metadata: ObjectMeta, arguments: Arguments, *, is_template: bool,
) -> Globals:
    """What ``workflow.*`` may name. A template in isolation may count on what the workflow will bring."""
    own = spec.workflow_metadata
    labels = [*metadata.labels, *(own.labels if own else ()), *(own.labels_from if own else ())]
    annotations = [*metadata.annotations, *(own.annotations if own else ())]
    outputs = [template.outputs for template in base.templates]
    return Globals(
        parameters=None if is_template else [parameter.name for parameter in arguments.parameters],
        labels=None if is_template else labels, annotations=None if is_template else annotations,
        output_parameters=_global_names([one.global_name for output in outputs for one in output.parameters], base),
        output_artifacts=_global_names([one.global_name for output in outputs for one in output.artifacts], base),
        priority=spec.priority is not None or is_template,
    )


def _global_names(names: Collection[str], spec: WorkflowSpec) -> Collection[str] | None:
    """Names of global outputs; any, where a name is filled in later or another WorkflowTemplate may give it."""
    calls = [call for template in spec.templates for group in template.steps for call in group]
    tasks = [task for template in spec.templates if template.dag for task in template.dag.tasks]
    is_open = any(call.template_ref or call.inline for call in (*calls, *tasks))
    return None if is_open or any(is_filled_later(name) for name in names) else [name for name in names if name]
