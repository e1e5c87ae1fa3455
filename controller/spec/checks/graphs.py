"""Templates that call others: groups of steps, and graphs of tasks."""

from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from argosy.expressions import ExpressionError, parse_condition
from argosy.manifests.findings import did_you_mean
from controller.spec.checks.calls import check_call, is_fan_out, scope_of
from controller.spec.checks.cycles import comes_after, cycle_in
from controller.spec.checks.library import Library
from controller.spec.checks.report import Report, is_filled_later
from controller.spec.checks.scope import Called, Scope
from controller.spec.graph import DAG, Call, DAGTask
from controller.spec.templates import Template

STATES = ("Succeeded", "Failed", "Errored", "Skipped", "Omitted", "Daemoned", "AnySucceeded", "AllFailed")
CheckInline = Callable[[Template, str, Scope], None]


def check_steps(template: Template, path: str, scope: Scope, library: Library, *, inline: CheckInline) -> Scope:
    """All groups of steps; returns the scope of the template's outputs."""
    steps: dict[str, Called] = {}
    _check_step_names(template, path, library.report)
    for at, group in enumerate(template.steps):
        beside: dict[str, Called] = {}
        for position, step in enumerate(group):
            here = f"{path}.steps[{at}][{position}]"
            called = Called(check_call(step, here, library), is_fan_out(step))
            scope_here = replace(scope, steps=ChainMap(beside, steps))
            _check_fields(step, here, scope_here, called, report=library.report, inline=inline)
            beside[step.name] = replace(called, runs_beside=True)
        steps |= {name: replace(called, runs_beside=False) for name, called in beside.items()}
    return replace(scope, steps=steps)


def _check_step_names(template: Template, path: str, report: Report) -> None:
    places = [(f"{path}.steps[{at}][{position}]", step.name)
              for at, group in enumerate(template.steps) for position, step in enumerate(group)]
    seen: dict[str, str] = {}
    for here, name in places:
        if not name:
            report.error(f"{here}.name", "is required; write 'name: ...'")
        elif name in seen:
            report.error(f"{here}.name", f"'{name}' is already the name of {seen[name]}; names must be unique")
        else:
            report.well_formed(name, f"{here}.name")
        seen.setdefault(name, here)


def _check_fields(
    call: Call, path: str, scope: Scope, called: Called, *, report: Report, inline: CheckInline,
) -> None:
    """The placeholders of a step or task, and the template that it holds in place."""
    own = {call.name: called} if call.hooks or call.on_exit else {}
    around = scope
    if own and isinstance(call, DAGTask):
        around = replace(scope, tasks=_over(own, scope.tasks))
    elif own:
        around = replace(scope, steps=_over(own, scope.steps))
    inner = scope_of(call, around)
    tree = call.tree()
    tree.pop("inline", None)
    inner.check(tree, path, report)
    if call.inline is not None:
        inline(call.inline, f"{path}.inline", inner)


def _over(own: dict[str, Called], others: Mapping[str, Called]) -> Mapping[str, Called]:
    return {**others, **own}


def check_dag(dag: DAG, here: str, scope: Scope, library: Library, *, inline: CheckInline) -> Scope:
    """All tasks of a graph; returns the scope of the template's outputs."""
    report = library.report
    if not dag.tasks:
        report.error(f"{here}.tasks", "must have at least one task")
    report.unique_names([task.name for task in dag.tasks], f"{here}.tasks[{{}}]")
    tasks = {task.name: task for task in dag.tasks}
    before = {
        task.name: _dependencies(task, tasks, f"{here}.tasks[{at}]", report) for at, task in enumerate(dag.tasks)}
    _check_style(dag, here, report)
    cycle = cycle_in(before)
    if cycle:
        report.error(f"{here}.tasks", f"wait for each other in a circle: {' -> '.join(cycle)}")
    _check_target(dag, tasks, here, report)
    called = {task.name: Called(check_call(task, f"{here}.tasks[{at}]", library), is_fan_out(task))
              for at, task in enumerate(dag.tasks)}
    for at, task in enumerate(dag.tasks):
        place = f"{here}.tasks[{at}]"
        seen = called if cycle else _SeenFrom(task.name, called, before)
        if not cycle:
            _check_argument_order(task, before, place, report)
        _check_fields(task, place, replace(scope, tasks=seen), called[task.name], report=report, inline=inline)
    return replace(scope, tasks=called)


class _SeenFrom(Mapping[str, Called]):
    """The tasks of a graph as one of them sees them. Looked up one by one: a graph may have very many."""

    def __init__(self, name: str, called: Mapping[str, Called], before: Mapping[str, Sequence[str]]) -> None:
        self._name, self._called, self._before = name, called, before

    def __getitem__(self, name: str) -> Called:
        return replace(self._called[name], is_ancestor=name == self._name or comes_after(self._before, self._name, name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._called)

    def __len__(self) -> int:
        return len(self._called)

    def __contains__(self, name: object) -> bool:
        return name in self._called


def _dependencies(task: DAGTask, tasks: dict[str, DAGTask], path: str, report: Report) -> list[str]:
    """The names of existing tasks that this one waits for."""
    terms: list[tuple[str, str | None, str]] = [
        (name, None, f"{path}.dependencies[{at}]") for at, name in enumerate(task.dependencies)]
    if task.depends and not is_filled_later(task.depends):
        try:
            terms += [(name, state, f"{path}.depends") for name, state in parse_condition(task.depends).terms]
        except ExpressionError as error:
            report.error(f"{path}.depends", f"cannot be read: {error.text}")
    for name, state, here in terms:
        if name not in tasks:
            report.error(here, f"names task '{name}', which does not exist{did_you_mean(name, tasks)}")
        elif state is not None and state not in STATES:
            report.error(here, f"'{state}' is no state of a task{did_you_mean(state, STATES)}")
        elif state in ("AnySucceeded", "AllFailed") and not is_fan_out(tasks[name]):
            report.error(here, f"{name}.{state} is for fan-outs, but '{name}' has no withItems, withParam or withSequence")
    return list(dict.fromkeys(name for name, _, _ in terms if name in tasks))


def _check_style(dag: DAG, path: str, report: Report) -> None:
    """`dependencies` and `depends` are two languages, of which one graph speaks one."""
    uses_depends = any(task.depends for task in dag.tasks)
    for at, task in enumerate(dag.tasks):
        here = f"{path}.tasks[{at}]"
        if uses_depends and task.dependencies:
            report.error(f"{here}.dependencies", "other tasks of this graph use depends; write depends here too: "
                                                 f"'{' && '.join(task.dependencies)}'")
        if uses_depends and task.continue_on is not None:
            report.error(f"{here}.continueOn", "does not go with depends; write 'depends: TASK.Succeeded || TASK.Failed' "
                                               "in the tasks that follow")
        if task.name[:1].isdigit() and (uses_depends or task.dependencies):
            report.error(f"{here}.name", f"'{task.name}' begins with a digit, which depends and dependencies cannot read")


def _check_target(dag: DAG, tasks: dict[str, DAGTask], path: str, report: Report) -> None:
    for name in dag.target.split():
        if name not in tasks and not is_filled_later(dag.target):
            report.error(f"{path}.target", f"names task '{name}', which does not exist{did_you_mean(name, tasks)}")


def _check_argument_order(
    task: DAGTask, before: Mapping[str, Sequence[str]], path: str, report: Report,
) -> None:
    """An argument that is another task's output needs that task among the dependencies."""
    arguments = task.arguments
    texts = [(f"parameters[{at}].value", one.value or "") for at, one in enumerate(arguments.parameters)]
    texts += [(f"artifacts[{at}].from", one.from_) for at, one in enumerate(arguments.artifacts)]
    for where, text in texts:
        name = text.removeprefix("{{tasks.").split(".")[0] if text.startswith("{{tasks.") else ""
        if name in before and not comes_after(before, task.name, name):
            report.error(f"{path}.arguments.{where}",
                         f"reads task '{name}', which need not be done by then; add '{name}' to the dependencies")
