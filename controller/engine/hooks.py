"""Hooks of a step or task: templates run when an expression comes true while it runs, and when it has ended."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from argosy.expressions import MISSING
from controller.engine.call import Call
from controller.engine.contract import Json
from controller.engine.errors import NodeError
from controller.engine.frame import Frame, Place, Setting
from controller.engine.moves import COMPLETED
from controller.engine.nodes import Node
from controller.engine.outputs import absent_argument, taken_artifact
from controller.engine.scope import Layer, Scope, filled, is_true

if TYPE_CHECKING:
    from controller.engine.run import Run

EXIT = "exit"
HOOK_PLACE = 1 << 30  # behind all turns of its loop and all attempts
EXIT_PLACE = 1 << 20  # and behind the hooks that run while it runs
FINAL_ARGUMENTS = "final arguments"  # beside a handler's own fields: the workflow's, which are never filled in twice


def has_hooks(call: Mapping[str, Json]) -> bool:
    """Whether a step or task has any handler."""
    return bool(call.get("onExit") or call.get("hooks"))


def exit_hook(holder: Mapping[str, Json], workflow_arguments: Mapping[str, Json] | None) -> Mapping[str, Json] | None:
    """The exit handler of a step, a task or the workflow; it is called with the workflow's arguments if it names none."""
    if holder.get("onExit"):
        return {"template": holder["onExit"], FINAL_ARGUMENTS: workflow_arguments or {}}
    hook = (holder.get("hooks") or {}).get(EXIT)
    if hook is None:
        return None
    own = hook.get("arguments") or {}
    return hook if own.get("parameters") or own.get("artifacts") else {**hook, FINAL_ARGUMENTS: workflow_arguments or {}}


def running_hooks(holder: Mapping[str, Json]) -> dict[str, Mapping[str, Json]]:
    """The handlers that start while their step, task or workflow runs."""
    return {name: hook for name, hook in (holder.get("hooks") or {}).items() if name != EXIT}


class Itself:
    """A layer through which a handler reads the step or task that it belongs to."""

    __slots__ = ("_prefix", "_run", "node")

    def __init__(self, run: "Run", kind: str, name: str) -> None:
        self._run = run
        self._prefix = f"{kind}.{name}."
        self.node: Node | None = None

    def read(self, tag: str) -> Json:
        from controller.engine.task import read_node

        if self.node is None or not tag.startswith(self._prefix):
            return MISSING
        rest = tag.removeprefix(self._prefix)
        return self.node.phase if rest == "status" else read_node(self._run, self.node, rest)

    def known(self) -> list[str]:
        return [f"{self._prefix}status"]


class Hooked(Frame):
    """A call with its handlers around it. It ends when all of them have."""

    __slots__ = ("_call", "_ended", "_exit_known", "_itself", "_open", "_scope", "_started", "_waiting", "error")

    def __init__(
        self, run: "Run", parent: Frame, place: Place, *, name: str, call: Mapping[str, Json],
        arguments: Mapping[str, Json] | None, setting: Setting, owner: Node | None, parents: tuple[Node, ...],
        wants_result: bool = False,
    ) -> None:
        super().__init__(run, parent, place)
        self._call = Call(
            run, self, place, name=name, call=call, arguments=arguments, setting=setting, owner=owner, parents=parents,
            wants_result=wants_result, watch=self._watch,
        )
        self._open = 1
        self._ended = self._exit_known = self._waiting = False
        self._started: set[str] = set()
        self._scope = run.scope
        self._itself: Itself | None = None
        self.error = ""

    def reads(self, kind: str, scope: Scope) -> None:
        """What the handlers' expressions and arguments may read."""
        self._itself = Itself(self.run, kind, self._call.call.get("name", ""))
        layer: Layer = self._itself
        self._scope = scope.above(layer)

    def start(self) -> None:
        self._call.start()

    def child_ended(self, child: Frame) -> None:
        self._open -= 1
        if child is self._call:
            self._ended = True
            self.node = child.node
        elif isinstance(child, Call) and no_longer_held(child):
            self._started.discard(child.name.rpartition(".hooks.")[2])
        self._look()

    def _watch(self, node: Node) -> None:
        """The call's node has come to be: look at the handlers now and whenever its phase changes."""
        self.node = node
        if self._itself is not None:
            self._itself.node = node
        if running_hooks(self._call.call):
            node.watch = self._look_soon
            self._look_soon()

    def _look_soon(self) -> None:
        if not self._waiting:
            self._waiting = True
            self.run.push(self._look)

    def _look(self) -> None:
        """Start the handlers whose time has come; end when nothing is left."""
        self._waiting = False
        if self.node is not None:
            try:
                self._start_running_hooks(self.node)
                if self._ended and not self._exit_known and self._open == 0:
                    self._start_exit_hook(self.node)
                    self._exit_known = True
            except NodeError as error:
                self.error = self.error or str(error)
                self._exit_known = True
        if self._ended and self._open == 0:
            self._ended = False  # tell once
            self.tell_parent()

    def _start_running_hooks(self, node: Node) -> None:
        for number, (key, hook) in enumerate(running_hooks(self._call.call).items()):
            if key in self._started:
                continue
            name = f"{node.name}.hooks.{key}"
            if not hook.get("expression"):
                raise NodeError(f"Expression required for hook {name}")
            if self.run.nodes.exists(name) or holds(hook, self._scope):
                self._started.add(key)
                self._start_hook(number, name, hook, self._call.setting.for_hook(exiting=False), node)

    def _start_exit_hook(self, node: Node) -> None:
        hook = exit_hook(self._call.call, self.run.spec.get("arguments"))
        name = f"{node.name}.onExit"
        begun = self.run.nodes.exists(name)
        if hook is None or node.phase not in COMPLETED:
            return
        if not begun and not self.run.may_start(self._call.setting.for_hook(exiting=True)):
            return
        if hook.get("expression") and not begun and not holds(hook, self._scope):
            return
        self._start_hook(EXIT_PLACE, name, hook, self._call.setting.for_hook(exiting=True), node)

    def _start_hook(self, number: int, name: str, hook: Mapping[str, Json], setting: Setting, node: Node) -> None:
        arguments = None if self.run.nodes.exists(name) else hook_arguments(hook, self._scope)
        self._open += 1
        call = {key: value for key, value in hook.items() if key in ("template", "templateRef")}
        self.run.push(Call(
            self.run, self, (*self.place, HOOK_PLACE + number), name=name, call=call, arguments=arguments, setting=setting,
            owner=self._call.owner, parents=(node,), flag={"hooked": True},
            still_wanted=still_wanted(hook, self._scope),
        ).start)


def holds(hook: Mapping[str, Json], scope: Scope) -> bool:
    """Whether a handler's expression is true. Raises NodeError."""
    return is_true(filled(hook["expression"], scope), scope)


def no_longer_held(hook: Call) -> bool:
    """Whether a handler did not run because its expression was false again when its turn came: it may yet run."""
    return hook.node is None and hook.still_wanted is not None and not hook.still_wanted()


def still_wanted(hook: Mapping[str, Json], scope: Scope) -> Callable[[], bool] | None:
    """Whether the expression still holds when the handler, having waited, comes to its turn."""
    if not hook.get("expression"):
        return None

    def check() -> bool:
        try:
            return holds(hook, scope)
        except NodeError:
            return False

    return check


def hook_arguments(hook: Mapping[str, Any], scope: Scope) -> Mapping[str, Json]:
    """A handler's arguments, filled in. Raises NodeError."""
    if FINAL_ARGUMENTS in hook:
        final: Mapping[str, Json] = hook[FINAL_ARGUMENTS]
        return final
    written = hook.get("arguments") or {}
    parameters = [
        {**parameter, "value": None} if absent_argument(parameter.get("value"), scope) else filled(parameter, scope)
        for parameter in written.get("parameters") or ()
    ]
    artifacts = [taken_artifact(artifact, scope) for artifact in written.get("artifacts") or ()]
    return {"parameters": parameters, "artifacts": [each for each in artifacts if each is not None]}
