"""What steps and dag templates share: their node, their parallelism, failFast, their scope, and their outputs."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from argosy.expressions import MISSING
from controller.engine.contract import Json
from controller.engine.errors import NodeError
from controller.engine.frame import Frame, Job, Setting
from controller.engine.gates import Gate
from controller.engine.nodes import Node
from controller.engine.outputs import template_outputs
from controller.engine.scope import Scope, filled
from controller.engine.surroundings import inherited
from controller.engine.task import Task
from controller.engine.values import text_of

if TYPE_CHECKING:
    from controller.engine.run import Run

FAILED_FAST = "template has failed or errored children and failFast enabled"


class Siblings:
    """A layer through which the steps or tasks of one template read each other."""

    __slots__ = ("_kind", "_tasks")

    def __init__(self, kind: str, tasks: Mapping[str, Task]) -> None:
        self._kind = kind
        self._tasks = tasks

    def read(self, tag: str) -> Json:
        kind, _, rest = tag.partition(".")
        if kind != self._kind:
            return MISSING
        name, _, rest = rest.partition(".")
        task = self._tasks.get(name)
        return MISSING if task is None or not rest else task.read(rest)

    def known(self) -> Iterable[str]:
        for name, task in self._tasks.items():
            yield f"{self._kind}.{name}.status"
            for kind in ("parameters", "artifacts"):
                for output in ((task.node.outputs if task.node else None) or {}).get(kind) or ():
                    yield f"{self._kind}.{name}.outputs.{kind}.{output['name']}"
            yield f"{self._kind}.{name}.outputs.result"


class Composite(Frame):
    """A node of type Steps or DAG."""

    __slots__ = ("_scope", "any_failed", "job", "seen", "setting")

    kind = ""  # "steps" or "tasks": how the template's own text names what is inside
    node_type = ""

    def __init__(self, run: "Run", parent: Frame, job: Job) -> None:
        super().__init__(run, parent, job.place)
        self.job = job
        self.setting = job.setting
        self.any_failed = False
        self.seen: dict[str, Task] = {}  # what may be read by now
        self._scope: Scope | None = None

    def start(self) -> None:
        known = self.run.nodes.find(self.job.name, owner=self.job.owner) is not None or self.run.pods.had_begun(self.job.name)
        if self.run.pod_gate.enter(self, takes_room=False, again=known):
            self.let_in()

    def let_in(self) -> None:
        """Its turn has come."""
        if self.is_off(self.job):
            self.dismiss()
            return
        outer, template = self.job.setting, self.job.template
        node = self.make_node(self.job, self.node_type, "Running")
        try:
            limit = int(text_of(filled(template.json.get("parallelism") or 0, self.job.scope)))
            of_pods = inherited(template.json, self.job.scope)
        except (NodeError, ValueError) as error:
            self.settle("Error", f"parallelism: {error}")
            return
        gate = Gate(limit, self.run.turnstile) if limit > 0 else None
        self.setting = Setting(node, template.home, outer.exiting, outer.depth + 1, gate, ended=self.turn_ended,
                               of_pods=of_pods)
        self.begin()

    def dismiss(self) -> None:
        """It will not come to its turn any more."""
        self.tell_parent()

    @abstractmethod
    def begin(self) -> None:
        """The node is there: start what is inside."""

    def scope_for(self, task: Task) -> Scope:
        """What a step or task may read."""
        del task  # a dag narrows this down
        if self._scope is None:
            self._scope = self.job.scope.above(Siblings(self.kind, self.seen))
        return self._scope

    def turn_ended(self, node: Node) -> None:
        """A node inside has settled: with failFast the first failure is the last thing that starts."""
        if node.failed:
            self.any_failed = True
            if self.job.template.json.get("failFast"):
                self.setting.stopped = True
                if self.setting.gate is not None:
                    for waiter in self.setting.gate.dismiss():
                        self.run.push(waiter.dismiss if waiter.setting.stopped else waiter.start)

    @property
    def failed_fast(self) -> bool:
        """Whether failFast has ended it."""
        return self.setting.stopped and self.any_failed

    def succeed(self) -> None:
        """Settle with the outputs that the template declares."""
        assert self.node is not None
        if self.node.settled:
            self.tell_parent()
            return
        declared = self.job.template.json.get("outputs") or {}
        try:
            outputs = template_outputs(declared, self.outputs_scope())
        except NodeError as error:
            self.settle("Error", str(error))
            return
        if outputs:
            self.run.nodes.set(self.node, outputs=outputs)
            self.run.export(outputs)
        self.settle("Succeeded")

    def outputs_scope(self) -> Scope:
        """What the template's outputs may read: everything inside."""
        return self.job.scope.above(Siblings(self.kind, self.seen))

    def show_ends(self, lasts: Iterable[Node]) -> None:
        """Write down which nodes inside are the last ones, and end the daemons."""
        assert self.node is not None
        outbound = [end.id for last in lasts for end in self.run.nodes.outbound(last)]
        if outbound and not self.node.settled:
            self.run.nodes.set(self.node, outboundNodes=outbound)
        self.run.end_daemons(self.node)
