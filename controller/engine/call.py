"""A call: one template run for one node, with its arguments bound, its turn awaited, and retried where it says so."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from controller.engine.catalogue import Template
from controller.engine.contract import Json
from controller.engine.errors import NodeError
from controller.engine.frame import MOST_DEPTH, Frame, Job, Place, Setting, about
from controller.engine.inputs import Inputs, bind
from controller.engine.nodes import Node
from controller.engine.scope import Scope, Values

if TYPE_CHECKING:
    from controller.engine.run import Run

TOO_DEEP = f"Maximum recursion depth exceeded: templates call each other more than {MOST_DEPTH} deep"


class Call(Frame):
    """One template called for one node. After it has ended, `node` is None where it never came to its turn."""

    __slots__ = (
        "arguments", "body", "call", "flag", "inside", "name", "owner", "parents", "setting", "still_wanted", "wants_result",
        "watch",
    )

    def __init__(
        self, run: "Run", parent: Frame | None, place: Place, *, name: str, call: Mapping[str, Json],
        arguments: Mapping[str, Json] | None, setting: Setting, owner: Node | None, parents: tuple[Node, ...],
        wants_result: bool = False, flag: Mapping[str, bool] | None = None,
        watch: Callable[[Node], None] | None = None, still_wanted: Callable[[], bool] | None = None,
    ) -> None:
        super().__init__(run, parent, place)
        self.name = name
        self.call = call
        self.arguments = arguments
        self.setting = setting
        self.owner = owner
        self.parents = parents
        self.wants_result = wants_result
        self.flag = flag
        self.watch = watch
        self.still_wanted = still_wanted
        self.inside = False  # holds a place in the gate of its setting
        self.body: Frame | None = None

    def start(self) -> None:
        node = self.run.nodes.find(self.name, owner=self.owner)
        if node is not None and node.settled:
            self.node = node
            if self.watch is not None:
                self.watch(node)
            self._leave()
            self.tell_parent()
            return
        if self.setting.depth >= MOST_DEPTH:
            self.fail(TOO_DEEP)
            return
        try:
            template = self.run.catalogue.find(self.call, self.setting.home)
            inputs = self._inputs(template, node)
        except NodeError as error:
            self.fail(str(error))
            return
        self.body = self._body(template, inputs)
        gate = self.setting.gate
        if gate is None:
            self.run.push(self.body.start)
        elif gate.enter(self, again=node is not None or self.run.pods.had_begun(self.name)):
            self.let_in()

    def let_in(self) -> None:
        """Its turn has come."""
        assert self.body is not None, "a call is let in only once it is prepared"
        self.inside = True
        too_late = self.setting.stopped or not self.run.may_start(self.setting)
        if (too_late or (self.still_wanted is not None and not self.still_wanted())) and not self.run.nodes.exists(self.name):
            self.dismiss()
        else:
            self.run.push(self.body.start)

    def dismiss(self) -> None:
        """It will not come to its turn any more."""
        self._leave()
        self.tell_parent()

    def child_ended(self, child: Frame) -> None:
        self.node = child.node
        self._leave()
        self.tell_parent()

    def fail(self, message: str) -> None:
        """The call itself is wrong: its node tells why."""
        node = self.run.nodes.find(self.name, owner=self.owner)
        if node is None:
            node = self.run.nodes.create(
                self.name, "Skipped", "Error", now=self.run.now, boundary=self.setting.boundary, owner=self.owner,
                about=self._about(), message=message,
            )
            for parent in self.parents:
                self.run.nodes.connect(parent, node)
        self.node = node
        self._leave()
        self.settle("Error", message)

    def _inputs(self, template: Template, node: Node | None) -> Inputs:
        if node is not None:
            return Inputs.of_json(node.json.get("inputs") or {})
        return bind(template.json.get("inputs"), self.arguments, self._scope(template), self.run.answer)

    def _scope(self, template: Template) -> Scope:
        variables = {"node.name": self.name}
        if template.makes_pod:
            variables["pod.name"] = self.run.nodes.pod_name(self.name, template.name)
        caller = self.call.get("name", "")
        variables |= {"steps.name": caller, "tasks.name": caller}
        return self.run.scope.above(Values(variables))

    def _body(self, template: Template, inputs: Inputs) -> Frame:
        from controller.engine.bodies import body_of
        from controller.engine.retry import Retry

        job = Job(
            name=self.name, template=template, inputs=inputs,
            scope=self._scope(template).above(inputs.variables()), setting=self.setting, about=self._about(),
            owner=self.owner, parents=self.parents, place=self.place, wants_result=self.wants_result, watch=self.watch,
            still_wanted=self.still_wanted,
        )
        strategy = template.json.get("retryStrategy")
        if strategy is None:
            strategy = self.run.spec.get("retryStrategy")
        return Retry(self.run, self, job, strategy) if strategy is not None else body_of(self.run, self, job)

    def _about(self) -> dict[str, Json]:
        return about(self.call, self.setting.home, flag=self.flag)

    def _leave(self) -> None:
        if self.node is not None and self.setting.ended is not None:
            self.setting.ended(self.node)
        if self.inside and self.setting.gate is not None:
            self.inside = False
            self.setting.gate.leave()


def went_wrong(node: Node) -> bool:
    """Whether a node ended for a mistake in the manifest, found by the engine, rather than by what it ran.

    Told from the node alone, so that a saved run that is read back decides as the first one did.
    """
    if node.phase != "Error" or node.message == TOO_DEEP:
        return False
    return node.type in ("Skipped", "Steps") or (node.type == "DAG" and bool(node.message))
