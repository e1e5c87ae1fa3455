"""The workflow as a whole: made ready, its entry template called, its handlers run, its end told."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from argosy.clock import from_rfc3339
from argosy.errors import ArgosyError
from controller.engine.call import Call, went_wrong
from controller.engine.catalogue import Catalogue, Home, check_object
from controller.engine.contract import Json
from controller.engine.errors import USER_ERRORS, NodeError
from controller.engine.frame import Frame, Setting
from controller.engine.gates import Gate
from controller.engine.hooks import (
    EXIT_PLACE,
    exit_hook,
    holds,
    hook_arguments,
    no_longer_held,
    running_hooks,
    still_wanted,
)
from controller.engine.inputs import configured
from controller.engine.merge import merge_specs
from controller.engine.moves import FAILED, NEW, WORKFLOW_PHASE_OF_ENTRY
from controller.engine.nodes import Node
from controller.engine.scope import Scope, evaluated, filled
from controller.engine.surroundings import whole_filled
from controller.engine.values import text_of
from controller.engine.workflow_values import WorkflowValues
from controller.literals import literal_names

if TYPE_CHECKING:
    from controller.engine.run import Run

TEMPLATE_LABELS = {
    "namespaced": "workflows.argoproj.io/workflow-template", "cluster": "workflows.argoproj.io/cluster-workflow-template",
}
POD_NAME_FORMAT = "workflows.argoproj.io/pod-name-format"


def begin(run: "Run") -> None:
    """Make a run ready and start it. Raises Unanswered (and is called again) while something must be told first."""
    try:
        prepare(run)
    except (ArgosyError, *USER_ERRORS) as error:
        run.spec = run.workflow.get("spec") or {}
        run.move_workflow("Failed" if isinstance(error, _Invalid) else "Error", str(error))
        return
    if run.status.get("phase", NEW) == NEW:
        run.move_workflow("Running")
        run.annotations[POD_NAME_FORMAT] = "v2"
    run.watch_deadline()
    root = Root(run)
    run.set_root(root)
    run.push(root.start)


class _Invalid(ArgosyError):
    """The spec as a whole is wrong: nothing of it runs."""


def prepare(run: "Run") -> None:
    """Read the spec, its references and its parameters. Raises Unanswered, and ArgosyError with a text for a person."""
    fresh = run.status.get("phase", NEW) == NEW
    spec, home, ref_label = _whole_spec(run)
    if fresh:
        _check(run, spec)
    run.spec = spec
    values = WorkflowValues(
        run.workflow, spec, run.status, phase=lambda: _phase_shown(run), failures=lambda: _failures(run),
        seconds=lambda: _seconds(run),
    )
    run.scope = Scope(values)
    _read_parameters(run, values)
    run.spec = whole_filled(run.spec, run.scope)
    run.catalogue = Catalogue(home, run.spec, dict(run.status.get("storedTemplates") or {}), run.answers)
    run.pod_gate = Gate(int(text_of(spec.get("parallelism") or 0)), run.turnstile)
    _describe(run, values, ref_label, fresh=fresh)


def _whole_spec(run: "Run") -> tuple[Mapping[str, Json], Home, dict[str, str]]:
    own: Mapping[str, Json] = run.workflow.get("spec") or {}
    ref = own.get("workflowTemplateRef")
    if not ref:
        return own, Home("local", run.name), {}
    home = Home("cluster" if ref.get("clusterScope") else "namespaced", ref.get("name", ""))
    label = {TEMPLATE_LABELS[home.scope]: home.name}
    stored = run.status.get("storedWorkflowTemplateSpec")
    if stored is None:
        found = run.answer(home.need)
        if found is None:
            reason = run.messages.get(home.need)
            raise NodeError(reason or f"{home.need.kind} '{home.name}' does not exist")
        check_object(found)
        stored = merge_specs(found.get("spec") or {}, own)
        run.status["storedWorkflowTemplateSpec"] = stored
        run.changed_status()
    return stored, Home("local", ""), label


def _check(run: "Run", spec: Mapping[str, Json]) -> None:
    alone = {key: value for key, value in spec.items() if key != "workflowTemplateRef"}  # what it brings is in it by now
    whole = {**run.workflow, "spec": alone}
    whole.pop("status", None)
    try:
        check_object(whole)
    except NodeError as error:
        raise _Invalid(f"invalid spec: {error}") from error
    entry = spec.get("entrypoint")
    names = [template.get("name") for template in spec.get("templates") or ()]
    if not entry:
        raise _Invalid("invalid spec: spec.entrypoint is missing; name the template to start with")
    if entry not in names:
        raise _Invalid(f"invalid spec: spec.entrypoint names template '{entry}', which does not exist")


def _read_parameters(run: "Run", values: WorkflowValues) -> None:
    arguments: dict[str, Any] = dict(run.spec.get("arguments") or {})
    read, literal = [], literal_names(run.workflow)
    for parameter in arguments.get("parameters") or ():
        source = parameter.get("valueFrom") or {}
        if parameter.get("value") is not None:
            value = text_of(parameter["value"] if parameter["name"] in literal else filled(parameter["value"], run.scope))
        elif source.get("configMapKeyRef"):
            try:
                value = configured(filled(source, run.scope), f"parameter {parameter['name']}", run.answer)
            except NodeError as error:
                raise _Invalid(f"failed to set global parameters: {error}") from error
        else:
            raise _Invalid(
                "failed to set global parameters: either value or valueFrom must be specified in order to set global "
                f"parameter {parameter['name']}"
            )
        values.parameters[parameter["name"]] = value
        read.append({**{key: part for key, part in parameter.items() if key != "valueFrom"}, "value": value})
    if arguments.get("artifacts"):
        arguments["artifacts"] = filled(arguments["artifacts"], run.scope)
    if arguments:
        arguments["parameters"] = read
        run.spec = {**run.spec, "arguments": arguments}


def _describe(run: "Run", values: WorkflowValues, ref_label: Mapping[str, str], *, fresh: bool) -> None:
    """The labels and annotations that the spec gives to the Workflow object itself."""
    metadata = run.spec.get("workflowMetadata") or {}
    values.labels |= {key: text_of(filled(value, run.scope)) for key, value in (metadata.get("labels") or {}).items()}
    values.annotations |= {
        key: text_of(filled(value, run.scope)) for key, value in (metadata.get("annotations") or {}).items()
    }
    given = {**(metadata.get("labels") or {})}
    for key, source in (metadata.get("labelsFrom") or {}).items():
        value = evaluated(source.get("expression", ""), run.scope)
        if not isinstance(value, str):
            raise NodeError(f'label "{key}" expression "{source.get("expression")}" gives {value!r}; it must be a string')
        values.labels[key] = value
        given[key] = value
    if fresh:
        run.labels |= {**{key: values.labels[key] for key in given}, **ref_label}
        run.annotations |= {key: values.annotations[key] for key in metadata.get("annotations") or ()}


def _phase_shown(run: "Run") -> str:
    entry = run.nodes.by_id(run.name)
    return WORKFLOW_PHASE_OF_ENTRY[entry.phase] if entry is not None and entry.settled else "Running"


def _seconds(run: "Run") -> float:
    started = run.status.get("startedAt")
    return max(0.0, run.now - from_rfc3339(started)) if started else 0.0


def _failures(run: "Run") -> list[dict[str, Json]]:
    failures = []
    for entry in run.nodes.json.values():
        if entry["phase"] in FAILED:
            template = entry.get("templateName") or (entry.get("templateRef") or {}).get("template", "")
            failures.append({  # in the order in which they are shown
                "displayName": entry["displayName"], "message": entry.get("message", ""), "templateName": template,
                "phase": entry["phase"], "podName": run.nodes.pod_name(entry["name"], template),
                "finishedAt": entry.get("finishedAt"),
            })
    return failures


class Root(Frame):
    """The workflow itself: the entry template, the workflow's hooks, its exit handler, its end."""

    __slots__ = ("_calls", "_entry", "_exit", "_exit_known", "_hooks")

    def __init__(self, run: "Run") -> None:
        super().__init__(run, None, ())
        self._calls: set[Call] = set()
        self._hooks: set[str] = set()
        self._entry: Call | None = None
        self._exit: Node | None = None
        self._exit_known = False

    def start(self) -> None:
        self._entry = self._call(0, self.run.name, {"template": self.run.spec["entrypoint"]}, self.run.spec.get("arguments"))

    def child_ended(self, child: Frame) -> None:
        assert isinstance(child, Call), "only calls run directly below the workflow"
        self._calls.discard(child)
        if no_longer_held(child):
            self._hooks.discard(child.name.rpartition(".hooks.")[2])
        if child is self._entry:
            self.node = child.node
        elif child.name == f"{self.run.name}.onExit":
            self._exit = child.node
        if child.node is not None and went_wrong(child.node) and child.flag is None:
            self._end("Error", f"error in entry template execution: {child.node.message}")
        elif self._exit is not None and child.node is self._exit and went_wrong(self._exit):
            self._end("Error", f"error in exit template execution : {self._exit.message}")

    def look(self) -> None:
        """Start the hooks and the exit handler whose time has come, and end when nothing is left."""
        try:
            self._start_hooks()
        except NodeError as error:
            self._end("Error", str(error))
            return
        if self._entry is None or self._calls:
            return
        if not self._exit_known:
            self._exit_known = True
            if self._start_exit():
                return
        self._conclude()

    def _start_hooks(self) -> None:
        entry = self.run.nodes.by_id(self.run.name)
        if entry is None or self.run.replaying:
            return
        for number, (key, hook) in enumerate(running_hooks(self.run.spec).items(), start=1):
            name = f"{self.run.name}.hooks.{key}"
            if key in self._hooks:
                continue
            if not hook.get("expression"):
                raise NodeError(f"Expression required for hook {name}")
            if self.run.nodes.exists(name) or holds(hook, self.run.scope):
                self._hooks.add(key)
                self._call(number, name, hook, self._hook_arguments(name, hook), flag={"hooked": True}, parents=(entry,))

    def _start_exit(self) -> bool:
        hook = exit_hook(self.run.spec, self.run.spec.get("arguments"))
        name = f"{self.run.name}.onExit"
        if hook is None or not (self.run.nodes.exists(name) or self.run.may_start(Setting(None, _home(self.run), True))):
            return False
        try:
            arguments = self._hook_arguments(name, hook)
        except NodeError as error:
            self._end("Error", f"error in exit template execution : {error}")
            return True
        self._call(EXIT_PLACE, name, hook, arguments, flag={"hooked": True}, exiting=True)
        return True

    def _hook_arguments(self, name: str, hook: Mapping[str, Json]) -> Mapping[str, Json] | None:
        return None if self.run.nodes.exists(name) else hook_arguments(hook, self.run.scope)

    def _call(
        self, number: int, name: str, holder: Mapping[str, Json], arguments: Mapping[str, Json] | None, *,
        flag: Mapping[str, bool] | None = None, parents: tuple[Node, ...] = (), exiting: bool = False,
    ) -> Call:
        call = Call(
            self.run, self, (number,), name=name,
            call={key: value for key, value in holder.items() if key in ("template", "templateRef")},
            arguments=arguments, setting=Setting(None, _home(self.run), exiting, 1), owner=None, parents=parents, flag=flag,
            still_wanted=still_wanted(holder, self.run.scope),
        )
        self._calls.add(call)
        self.run.push(call.start)
        return call

    def _conclude(self) -> None:
        node = self.node
        if node is None:  # stopped before anything began
            self._end("Failed", f"Stopped with strategy '{self.run.shutdown}'" if self.run.shutdown else "")
            return
        phase = WORKFLOW_PHASE_OF_ENTRY[node.phase]
        message = node.message if node.failed else ""
        if node.failed and self.run.shutdown:
            message = f"Stopped with strategy '{self.run.shutdown}'"
        if phase == "Succeeded" and self._exit is not None and self._exit.failed:
            phase, message = self._exit.phase, self._exit.message
        self._end(phase, message)

    def _end(self, phase: str, message: str) -> None:
        if not self.run.ended:
            self.run.end_daemons(None)
            self.run.move_workflow(phase, message)


def _home(run: "Run") -> Home:
    return run.catalogue.home
