"""Which placeholders can be filled at a place, and what to say about one that cannot."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from argosy.expressions import ExpressionError, names
from argosy.manifests.findings import did_you_mean
from argosy.manifests.model import Json
from argosy.placeholders.parts import Formula, Tag
from controller.spec.checks.report import Report, placeholders
from controller.spec.checks.shapes import has_result, makes_a_pod
from controller.spec.templates import Template

_ROOTS = ("item.", "steps.", "inputs.", "outputs.", "pod.", "workflow.", "tasks.")
_ALWAYS = ("outputs.", "workflow.creationTimestamp", "workflow.scheduledTime", "workflow.duration", "tasks.name",
           "steps.name", "node.name")
_WORKFLOW = frozenset((
    "name", "namespace", "mainEntrypoint", "serviceAccountName", "uid", "status", "failures", "annotations",
    "annotations.json", "labels", "labels.json"))
_ABOUT_A_NODE = frozenset(("id", "startedAt", "finishedAt", "hostNodeName", "status"))


@dataclass(frozen=True, slots=True)
class Globals:
    """What ``workflow.*`` may name; None means: anything, for it is not known here."""

    parameters: Collection[str] | None
    labels: Collection[str] | None
    annotations: Collection[str] | None
    output_parameters: Collection[str] | None
    output_artifacts: Collection[str] | None
    priority: bool

    def why_not(self, tag: str) -> str:
        """What is wrong with ``workflow.<tag>``; empty if nothing is."""
        if tag in _WORKFLOW or (tag == "priority" and self.priority):
            return ""
        if tag in ("parameters", "parameters.json"):
            return "" if self.parameters is None or self.parameters else "the workflow has no parameters"
        for begin, known, what in (
            ("parameters.", self.parameters, "parameter of the workflow; declare it in spec.arguments.parameters"),
            ("labels.", self.labels, "label of the workflow; set it in metadata.labels"),
            ("annotations.", self.annotations, "annotation of the workflow; set it in metadata.annotations"),
            ("outputs.parameters.", self.output_parameters, "global output parameter; give an output that globalName"),
            ("outputs.artifacts.", self.output_artifacts, "global output artifact; give an output that globalName"),
        ):
            if tag.startswith(begin):
                return _unless_known(tag.removeprefix(begin), known, what)
        if tag == "priority":
            return "the workflow has no priority; set spec.priority"
        return f"'workflow.{tag}' does not exist{did_you_mean(tag, _WORKFLOW | {'parameters', 'outputs'})}"


def _unless_known(name: str, known: Collection[str] | None, what: str) -> str:
    if known is None or name in known:
        return ""
    return f"'{name}' is no {what}{did_you_mean(name, known)}"


@dataclass(frozen=True, slots=True)
class Called:
    """A step or task whose outcome others may read. `template` is None if it is not known."""

    template: Template | None
    is_fan_out: bool = False
    runs_beside: bool = False  # in the same group of steps, so that it is not done yet
    is_ancestor: bool = True

    def why_not(self, rest: str) -> str:
        """What is wrong with reading `rest` of it, such as ``outputs.parameters.x``; empty if nothing is."""
        template = self.template
        if template is None or rest in _ABOUT_A_NODE:
            return ""
        if rest == "ip":
            return "" if template.daemon else f"only a daemon has an ip; set 'daemon: true' in template '{template.name}'"
        if rest in ("outputs.result", "exitCode"):
            return "" if has_result(template) else f"template '{template.name}' has no {rest.removeprefix('outputs.')}"
        if rest == "outputs.parameters":
            return "" if self.is_fan_out else "name one of its parameters: only a fan-out has all of them as a list"
        outputs = template.outputs
        for begin, known, what in (
            ("outputs.parameters.", [parameter.name for parameter in outputs.parameters], "output parameter"),
            ("outputs.artifacts.", [artifact.name for artifact in outputs.artifacts], "output artifact"),
        ):
            if rest.startswith(begin):
                return _unless_known(rest.removeprefix(begin), known, f"{what} of template '{template.name}'")
        return f"'{rest}' is nothing that a step or task has{did_you_mean(rest, _ABOUT_A_NODE | {'outputs.result'})}"


@dataclass(frozen=True, slots=True)
class Scope:
    """What may be named at one place."""

    workflow: Globals
    parameters: Collection[str] = ()
    artifacts: Collection[str] = ()
    steps: Mapping[str, Called] = field(default_factory=dict)
    tasks: Mapping[str, Called] = field(default_factory=dict)
    item_keys: Collection[str] | None = ()  # None: any
    in_pod: bool = False

    def of(self, template: Template) -> "Scope":
        """The scope inside a template."""
        return replace(
            self, parameters=[parameter.name for parameter in template.inputs.parameters],
            artifacts=[artifact.name for artifact in template.inputs.artifacts], steps={}, tasks={}, item_keys=(),
            in_pod=makes_a_pod(template))

    def within(self, inline: Template) -> "Scope":
        """The scope inside a template that is written in place: its own inputs and what its surroundings may name."""
        own = self.of(inline)
        return replace(
            self, parameters=[*self.parameters, *own.parameters], artifacts=[*self.artifacts, *own.artifacts],
            in_pod=own.in_pod)

    def check(self, tree: Json, path: str, report: Report) -> None:
        """Report every placeholder of the tree that nothing will ever fill."""
        for here, part in placeholders(tree, path):
            if isinstance(part, Formula):
                _check_formula(part, here, report)
            else:
                self._check_tag(part, here, report)

    def _check_tag(self, part: Tag, path: str, report: Report) -> None:
        name = part.name.strip()
        if not name.startswith(_ROOTS) or name.startswith(_ALWAYS):
            return
        why = self._why_not(name)
        if why:
            report.error(path, f"{{{{{name}}}}} cannot be filled: {why}")
            return
        called = self._called(name)
        if called is not None and called.runs_beside:
            report.warn(path, f"{{{{{name}}}}} reads a step of the same group, which runs at the same time; "
                              "put the reader into a later group")
        elif called is not None and not called.is_ancestor:
            report.warn(path, f"{{{{{name}}}}} reads a task that need not be done by then; add it to the dependencies")

    def _called(self, name: str) -> Called | None:
        root, _, rest = name.partition(".")
        known = {"steps": self.steps, "tasks": self.tasks}.get(root)
        return None if known is None else known.get(rest.partition(".")[0])

    def _why_not(self, name: str) -> str:
        root, _, rest = name.partition(".")
        if root == "workflow":
            return self.workflow.why_not(rest)
        if root == "inputs":
            return self._input_why_not(rest)
        if root == "item":
            known = self.item_keys
            return "" if known is None or rest in known else f"no item has '{rest}'{did_you_mean(rest, known)}"
        if root == "pod":
            return "" if rest == "name" and self.in_pod else "only pod.name exists, and only in templates that make a pod"
        return self._call_why_not(root, rest)

    def _input_why_not(self, rest: str) -> str:
        if rest == "parameters":
            return "" if self.parameters else "this template has no input parameters"
        for begin, known, what in (
            ("parameters.", self.parameters, "input parameter of this template; declare it in inputs.parameters"),
            ("artifacts.", self.artifacts, "input artifact of this template; declare it in inputs.artifacts"),
        ):
            if rest.startswith(begin):
                name = rest.removeprefix(begin)
                return _unless_known(name.removesuffix(".path") if begin == "artifacts." else name, known, what)
        return "write inputs.parameters.NAME or inputs.artifacts.NAME"

    def _call_why_not(self, root: str, rest: str) -> str:
        known = self.steps if root == "steps" else self.tasks
        name, _, what = rest.partition(".")
        if name in known:
            return known[name].why_not(what)
        other = self.tasks if root == "steps" else self.steps
        if name in other:
            return f"write {'tasks' if root == 'steps' else 'steps'}.{rest}: this template is no {root[:-1]} template"
        one = "step" if root == "steps" else "task"
        where = f"there is no {one} '{name}' before it in this template" if known else f"this template has no {root}"
        return f"{where}{did_you_mean(name, known)}"


def _check_formula(part: Formula, path: str, report: Report) -> None:
    try:
        names(part.source)
    except ExpressionError as error:
        report.warn(path, f"the expression {part.written} cannot be read: {error.text}")
