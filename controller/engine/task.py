"""One step or task: its condition, its arguments, its turns if it is a loop, and what others may read of it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from argosy.clock import to_rfc3339
from argosy.expressions import MISSING, decide
from controller.engine.call import Call, went_wrong
from controller.engine.contract import Json
from controller.engine.errors import USER_ERRORS, NodeError
from controller.engine.frame import Frame, Place, about
from controller.engine.hooks import Hooked, has_hooks
from controller.engine.items import LOOPS, Item, is_loop, item_at, items_of
from controller.engine.moves import FAILED
from controller.engine.nodes import Node
from controller.engine.outputs import LoopOutputs, absent_argument, taken_artifact
from controller.engine.scope import Scope, Values, filled
from controller.engine.values import named, text_of

if TYPE_CHECKING:
    from controller.engine.composite import Composite
    from controller.engine.run import Run

EMPTY_LOOP = "Skipped, empty params"


class Task(Frame):
    """A step of a group, or a task of a graph whose dependencies are met.

    It ends when all its turns and their handlers have. `error` is set where it could not even begin.
    """

    __slots__ = (
        "_next", "_open", "_outputs", "_values", "call", "composite", "error", "group", "loop", "name", "nodes", "owner",
        "parents", "wrong",
    )

    def __init__(
        self, run: "Run", composite: "Composite", place: Place, *, name: str, call: Mapping[str, Json], owner: Node,
        parents: tuple[Node, ...],
    ) -> None:
        super().__init__(run, composite, place)
        self.composite = composite
        self.call = call
        self.name = name  # of the node; the turns of a loop add to it
        self.owner = owner
        self.parents = parents
        self.loop = is_loop(call)
        self.group: Node | None = owner if composite.kind == "steps" else None  # stands for the whole loop
        self.nodes: list[Node] = []  # one for each turn that came to be, in item order
        self.error = ""
        self.wrong = ""  # the text of a mistake that the engine found in one of its turns
        self._values: list[Json] = []
        self._next = self._open = 0
        self._outputs: LoopOutputs | None = None

    # ---- running ----

    def start(self) -> None:
        node = self.run.nodes.find(self.name, owner=self.owner)
        if node is not None and node.settled and node.type == "Skipped":
            self.node = node
            self.nodes = [node]
            self.tell_parent()
            return
        try:
            if self.loop:
                self._start_loop()
            else:
                self._open = 1
                self._start_turn(0, None)
        except NodeError as error:
            self._open = 0
            self._cannot_start(str(error))

    def child_ended(self, child: Frame) -> None:
        node = child.node
        if isinstance(child, Hooked) and child.error:
            self.error = self.error or child.error
        if node is not None:
            self._note(node)
            if self.composite.kind == "tasks" and went_wrong(node) and not node.message.startswith("task '"):
                self.run.nodes.set(node, message=f"task '{node.name}' errored: {node.message}")
        self._open -= 1
        self._end_if_done()

    def adopt(self, nodes: list[Node], group: Node | None) -> None:
        """Take over from a saved status a task that is over with all its handlers."""
        for node in nodes:
            self._note(node)
        if self.loop and not (len(nodes) == 1 and nodes[0].name == self.name):
            self.group = group or self.group
            self.node = self.group
        else:
            self.node = nodes[0] if nodes else None

    def _note(self, node: Node) -> None:
        self.nodes.append(node)
        if not self.wrong and went_wrong(node):
            self.wrong = f"step group deemed errored due to child {node.name} error: {node.message}"

    def _start_loop(self) -> None:
        try:
            loop = {field: filled(self.call[field], self._scope()) for field in LOOPS if field in self.call}
            self._values = items_of(loop)
        except NodeError:
            if self._holds_without_item() is not False:
                raise
        if not self._values:
            self._skip(self.name, EMPTY_LOOP, parents=self.parents, owner=self.owner)
            return
        if self.composite.kind == "tasks":
            self._make_group()
        self._open = len(self._values)
        self.run.push(self._start_next)

    def _start_next(self) -> None:
        index, self._next = self._next, self._next + 1
        if self._next < len(self._values):
            self.run.push(self._start_next)
        try:
            self._start_turn(index, item_at(self.call["name"], index, self._values[index]))
        except NodeError as error:
            self._open -= 1
            self._cannot_start(str(error), name=self._turn_name(index))

    def _breaks_off(self) -> bool:
        """Whether the turns that have not begun are not to begin."""
        if self.composite.setting.stopped or not self.run.may_start(self.composite.setting):
            return True
        return self.composite.kind == "steps" and bool(self.error or self.wrong)

    def _start_turn(self, index: int, item: Item | None) -> None:
        name = self.name if item is None else self.name[: -len(self.call["name"])] + item.name
        owner = self.owner if item is None else self.group or self.owner
        parents = self.parents if item is None or self.composite.kind == "steps" else (owner,)
        scope = self._scope() if item is None else self._scope().above(Values(item.variables))
        node = self.run.nodes.find(name, owner=owner)
        arguments = None
        if node is None:
            if self._breaks_off():
                self._open -= 1
                self._end_if_done()
                return
            refusal = self._refusal(scope)
            if refusal:
                self._skip(name, refusal, parents=parents, owner=owner)
                return
            arguments = self._arguments(scope)
        place = (*self.place, index)
        make = Hooked if has_hooks(self.call) else Call
        child = make(
            self.run, self, place, name=name, call=self.call, arguments=arguments, setting=self.composite.setting,
            owner=owner, parents=parents,
            wants_result=self.call["name"] in self.composite.job.template.results_read,
        )
        if isinstance(child, Hooked):
            child.reads(self.composite.kind, scope)
        self.run.push(child.start)

    def _refusal(self, scope: Scope) -> str:
        """Why it is skipped, or ""."""
        when = self.call.get("when")
        if not when:
            return ""
        condition = filled(when, scope)
        return "" if _decided(condition) else f"when '{condition}' evaluated false"

    def _holds_without_item(self) -> bool | None:
        """What `when` says before there is an item; None where that cannot be told yet."""
        when = self.call.get("when")
        if not when:
            return True
        try:
            return _decided(filled(when, self._scope()))
        except NodeError:
            return None

    def _arguments(self, scope: Scope) -> Mapping[str, Json]:
        written = self.call.get("arguments") or {}
        parameters = []
        for parameter in written.get("parameters") or ():
            if absent_argument(parameter.get("value"), scope):
                parameters.append({**parameter, "value": None})
            else:
                parameters.append(filled(parameter, scope))
        artifacts = [taken_artifact(artifact, scope) for artifact in written.get("artifacts") or ()]
        return {"parameters": parameters, "artifacts": [each for each in artifacts if each is not None]}

    def _make_group(self) -> None:
        node = self.run.nodes.find(self.name, owner=self.owner)
        if node is None:
            node = self._new_node(self.name, "TaskGroup", "Running", "", parents=self.parents, owner=self.owner, flag={})
        self.group = self.node = node

    def _skip(self, name: str, reason: str, *, parents: tuple[Node, ...], owner: Node, phase: str = "Skipped") -> None:
        node = self.run.nodes.find(name, owner=owner)
        if node is None:
            node = self._new_node(name, "Skipped", phase, reason, parents=parents, owner=owner, flag={})
        self.nodes.append(node)
        if not self.loop or not self._values:
            self.node = node
            self.composite.turn_ended(node)
            self.tell_parent()
            return
        self.composite.turn_ended(node)
        self._open -= 1
        self._end_if_done()

    def omit(self, reason: str) -> None:
        """Its dependencies ended in a way that it does not want."""
        self._values = []
        self._skip(self.name, reason, parents=self.parents, owner=self.owner, phase="Omitted")

    def _cannot_start(self, text: str, *, name: str = "") -> None:
        """A mistake in the manifest shows when it is about to run: a graph's task says so, a group of steps as a whole."""
        if self.composite.kind == "steps":
            self.error = text
        else:
            owner = self.group or self.owner
            parents = self.parents if self.group is None else (owner,)
            turn = name or self.name
            node = self.run.nodes.find(turn, owner=owner)
            if node is None:
                node = self._new_node(turn, "Skipped", "Error", text, parents=parents, owner=owner, flag={})
            self.nodes.append(node)
            self.node = self.node or node
            self.composite.turn_ended(node)
        self._end_if_done()

    def _end_if_done(self) -> None:
        if self._open > 0:
            return
        if self.group is not None and self.composite.kind == "tasks" and not self.group.settled:
            failed = sorted((node for node in self.nodes if node.phase in FAILED), key=_turn_number)
            missing = len(self.nodes) < len(self._values)
            phase = failed[-1].phase if failed else "Failed" if missing else "Succeeded"
            self.run.nodes.move(self.group, phase, now=self.run.now)
        if self.node is None:
            self.node = self.group if self.loop else self.nodes[0] if self.nodes else None
        self.tell_parent()

    def _turn_name(self, index: int) -> str:
        return f"{self.name}({index})"

    def _new_node(
        self, name: str, kind: str, phase: str, message: str, *, parents: tuple[Node, ...], owner: Node,
        flag: Mapping[str, bool],
    ) -> Node:
        setting = self.composite.setting
        node = self.run.nodes.create(
            name, kind, phase, now=self.run.now, boundary=setting.boundary, owner=owner,
            about=about(self.call, setting.home, flag=flag), message=message,
        )
        for parent in parents:
            self.run.nodes.connect(parent, node)
        return node

    def _scope(self) -> Scope:
        return self.composite.scope_for(self)

    # ---- what others may read of it ----

    def read(self, rest: str) -> Json:
        """The variable ``steps.NAME.<rest>`` or ``tasks.NAME.<rest>``."""
        node = self.node
        if node is None:
            return MISSING
        if node.type == "Skipped":
            value = read_node(self.run, node, rest)
            return value if value is not MISSING else self._read_skipped(rest)
        if not self.loop:
            return read_node(self.run, node, rest)
        if rest.startswith("outputs."):
            if self._outputs is None:
                self._outputs = LoopOutputs(sorted(self.nodes, key=_turn_number))
            return self._outputs.read(rest)
        return read_node(self.run, node, rest)

    def _read_skipped(self, rest: str) -> Json:
        """What a task that did not run leaves: the defaults that its template declares, else nothing."""
        if not rest.startswith("outputs.") or self.node is None or self.node.phase not in ("Skipped", "Omitted"):
            return MISSING
        template = self.run.catalogue.find(self.call, self.composite.setting.home)
        declared = template.json.get("outputs") or {}
        kind, _, name = rest.removeprefix("outputs.").partition(".")
        if kind == "parameters" and name:
            parameter = named(declared.get("parameters")).get(name)
            default = ((parameter or {}).get("valueFrom") or {}).get("default")
            return MISSING if parameter is None else None if default is None else text_of(default)
        if kind == "artifacts":
            return None if name in named(declared.get("artifacts")) else MISSING
        return None if kind == "result" and template.kind in ("container", "script") else MISSING


def _decided(condition: str) -> bool:
    try:
        return decide(condition)
    except USER_ERRORS as error:
        raise NodeError(f"Invalid 'when' expression '{condition}': {error}") from error


def _turn_number(node: Node) -> int:
    """The place of a turn in its loop: what stands between the last "(" and the ":" after it (items hold no brackets)."""
    digits = node.name.rpartition("(")[2].partition(":")[0]
    return int(digits) if digits.isdigit() else 0


def read_node(run: "Run", node: Node, rest: str) -> Json:
    """A variable of one node; a retried one is read through its last attempt."""
    if node.type == "Retry":
        node = run.nodes.last_attempt(node)
    outputs: Mapping[str, Any] = node.outputs or {}
    if rest.startswith("outputs.parameters."):
        found = named(outputs.get("parameters")).get(rest.removeprefix("outputs.parameters."))
        return text_of(found["value"]) if found and "value" in found else MISSING
    if rest.startswith("outputs.artifacts."):
        return named(outputs.get("artifacts")).get(rest.removeprefix("outputs.artifacts."), MISSING)
    plain = {
        "id": node.id, "status": node.phase, "ip": node.json.get("podIP"), "hostNodeName": node.json.get("hostNodeName"),
        "startedAt": to_rfc3339(node.started) if node.started else None,
        "finishedAt": to_rfc3339(node.finished) if node.finished else None,
        "exitCode": outputs.get("exitCode"), "outputs.result": outputs.get("result"),
    }
    value = plain.get(rest)
    return MISSING if value is None else value
