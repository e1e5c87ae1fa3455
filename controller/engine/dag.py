"""A dag template: each task starts as soon as the tasks it depends on have ended as it wants."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from argosy.expressions import MISSING, Condition, parse_condition
from controller.engine.composite import FAILED_FAST, Composite, Siblings
from controller.engine.contract import Json
from controller.engine.errors import USER_ERRORS, NodeError
from controller.engine.frame import Frame, Job
from controller.engine.moves import COMPLETED, FAILED
from controller.engine.nodes import Node
from controller.engine.scope import Scope, filled
from controller.engine.task import Task
from controller.engine.values import text_of

if TYPE_CHECKING:
    from controller.engine.run import Run

OMITTED = "omitted: depends condition not met"


class Vertex:
    """One task of the graph: what it waits for, and who waits for it."""

    __slots__ = ("branch", "call", "condition", "dependents", "needs", "position", "task", "waits_for")

    def __init__(self, call: Mapping[str, Json], position: int) -> None:
        self.call = call
        self.position = position
        self.condition: Condition | None = None
        self.needs: tuple[str, ...] = ()
        self.dependents: list[Vertex] = []
        self.waits_for = 0
        self.task: Task | None = None
        self.branch = ""  # its own phase if it ran, else the worst of those before it

    @property
    def ended(self) -> bool:
        return self.branch != ""


class Dag(Composite):
    """A node of type DAG."""

    __slots__ = ("_open", "_targets", "_vertices", "_wrong")

    kind = "tasks"
    node_type = "DAG"

    def __init__(self, run: "Run", parent: Frame, job: Job) -> None:
        super().__init__(run, parent, job)
        self._vertices: dict[str, Vertex] = {}
        self._targets: list[Vertex] = []
        self._open = 0
        self._wrong = ""

    def begin(self) -> None:
        try:
            self._draw()
        except (NodeError, *USER_ERRORS) as error:
            self.settle("Error", str(error))
            return
        wanted = self._ancestors_of_targets()
        self._open = len(wanted)
        for vertex in wanted:
            vertex.waits_for = len(vertex.needs)
            for name in vertex.needs:
                self._vertices[name].dependents.append(vertex)
        roots = [vertex for vertex in wanted if not vertex.needs]
        if not wanted:
            self.succeed()
        elif not roots:
            self.settle("Error", "the tasks of this dag wait for each other in a circle")
        self._start_all(roots)

    def child_ended(self, child: Frame) -> None:
        assert isinstance(child, Task), "only tasks run inside a dag"
        self._wrong = self._wrong or child.error
        self._ended(self._vertices[child.call["name"]])

    def scope_for(self, task: Task) -> Scope:
        return self.job.scope.above(Ancestors(self._vertices, self._vertices[task.call["name"]]))

    def _start_all(self, vertices: list[Vertex]) -> None:
        for vertex in reversed(vertices):  # what is pushed last comes first
            self.run.push(lambda vertex=vertex: self._start(vertex))  # type: ignore[misc]  # a default of the right type

    def _start(self, vertex: Vertex) -> None:
        assert self.node is not None
        name = f"{self.node.name}.{vertex.call['name']}"
        known = self.run.nodes.find(name, owner=self.node)
        if known is None and (self.setting.stopped or not self.run.may_start(self.setting)):
            self._ended(vertex)
            return
        vertex.task = Task(
            self.run, self, (*self.place, vertex.position), name=name, call=vertex.call, owner=self.node,
            parents=() if known else self._parents_of(vertex),
        )
        if known is None and vertex.condition is not None and not vertex.condition.evaluate(self._holds):
            vertex.task.omit(OMITTED)
        else:
            self.run.push(vertex.task.start)

    def _ended(self, vertex: Vertex) -> None:
        node = vertex.task.node if vertex.task else None
        before = [self._vertices[name].branch for name in vertex.needs]
        inherited = next((branch for branch in before if branch in FAILED), "Succeeded")
        vertex.branch = node.phase if node is not None and node.phase in COMPLETED else inherited
        if node is not None and node.daemoned:
            vertex.branch = "Succeeded"
        if vertex.task is not None:
            self.seen[vertex.call["name"]] = vertex.task
        self._open -= 1
        ready = []
        for dependent in vertex.dependents:
            dependent.waits_for -= 1
            if dependent.waits_for == 0:
                ready.append(dependent)
        self._start_all(ready)
        if self._open == 0:
            self.run.push(self._finish)

    def _finish(self) -> None:
        phase = self._outcome()
        self.show_ends(vertex.task.node for vertex in self._targets if vertex.task and vertex.task.node)
        if self.failed_fast:
            self.settle("Failed", FAILED_FAST)
        elif self._wrong:
            self.settle("Error", self._wrong)
        elif phase == "Succeeded":
            self.succeed()
        else:
            self.settle(phase)

    def _outcome(self) -> str:
        if self.run.shutdown and not self.setting.exiting:
            return "Failed"
        fail_fast = self.job.template.json["dag"].get("failFast") is not False
        outcome = "Succeeded"
        for vertex in self._targets:
            if vertex.branch in FAILED and not _goes_on(vertex, vertex.branch):
                outcome = vertex.branch
                if fail_fast:
                    break
        return outcome

    def _draw(self) -> None:
        tasks = self.job.template.json["dag"].get("tasks") or ()
        self._vertices = {call["name"]: Vertex(call, position) for position, call in enumerate(tasks)}
        depended: set[str] = set()
        for vertex in self._vertices.values():
            vertex.condition, vertex.needs = self._dependencies(vertex.call)
            for name in vertex.needs:
                if name not in self._vertices:
                    raise NodeError(f"task '{vertex.call['name']}' depends on '{name}', which does not exist")
            depended.update(vertex.needs)
        target = self.job.template.json["dag"].get("target")
        names = text_of(filled(target, self.job.scope)).split() if target else sorted(self._vertices.keys() - depended)
        for name in names:
            if name not in self._vertices:
                raise NodeError(f"target '{name}' does not exist")
        self._targets = [self._vertices[name] for name in names]

    def _dependencies(self, call: Mapping[str, Json]) -> tuple[Condition | None, tuple[str, ...]]:
        if call.get("depends"):
            condition = parse_condition(call["depends"])
            return condition, tuple(dict.fromkeys(name for name, _ in condition.terms))
        names = tuple(dict.fromkeys(call.get("dependencies") or ()))
        return (parse_condition(" && ".join(names)) if names else None), names

    def _ancestors_of_targets(self) -> list[Vertex]:
        wanted: set[int] = set()
        stack = list(self._targets)
        while stack:
            vertex = stack.pop()
            if vertex.position not in wanted:
                wanted.add(vertex.position)
                stack.extend(self._vertices[name] for name in vertex.needs)
        return [vertex for vertex in self._vertices.values() if vertex.position in wanted]

    def _parents_of(self, vertex: Vertex) -> tuple[Node, ...]:
        if not vertex.needs:
            assert self.node is not None
            return (self.node,)
        tasks = (self._vertices[name].task for name in vertex.needs)
        nodes = [task.node for task in tasks if task is not None and task.node is not None]
        return tuple({end.id: end for node in nodes for end in self.run.nodes.outbound(node)}.values())

    def _holds(self, name: str, state: str | None) -> bool:
        """Whether a task ended in this state; without a state, in one that lets those who depend on it run."""
        vertex = self._vertices[name]
        node = vertex.task.node if vertex.task else None
        if node is None:
            return False
        if state is None:
            return node.phase in ("Succeeded", "Skipped") or node.daemoned or _goes_on(vertex, node.phase)
        if state in ("AnySucceeded", "AllFailed"):
            turns = [turn.phase for turn in vertex.task.nodes] if vertex.task and node.type == "TaskGroup" else []
            wanted = "Succeeded" if state == "AnySucceeded" else "Failed"
            matches = [phase == wanted for phase in turns]
            return any(matches) if state == "AnySucceeded" else bool(matches) and all(matches)
        if state == "Daemoned":
            return node.daemoned and node.phase != "Pending"
        return node.phase == {"Errored": "Error"}.get(state, state)


def _goes_on(vertex: Vertex, phase: str) -> bool:
    """Whether the task says that the graph goes on though it ended so."""
    wanted = vertex.call.get("continueOn") or {}
    return bool((phase == "Failed" and wanted.get("failed")) or (phase == "Error" and wanted.get("error")))


class Ancestors(Siblings):
    """A layer through which a task reads those that had to end before it, and only those: others may still run."""

    __slots__ = ("_vertex", "_vertices")

    def __init__(self, vertices: Mapping[str, Vertex], vertex: Vertex) -> None:
        super().__init__("tasks", {})
        self._vertices = vertices
        self._vertex = vertex

    def read(self, tag: str) -> Json:
        kind, _, rest = tag.partition(".")
        name, _, rest = rest.partition(".")
        if kind != "tasks" or not rest or name not in self._vertices or not self._is_ancestor(name):
            return MISSING
        task = self._vertices[name].task
        return MISSING if task is None else task.read(rest)

    def known(self) -> Iterator[str]:
        near = {name: self._vertices[name].task for name in self._vertex.needs}
        yield from Siblings("tasks", {name: task for name, task in near.items() if task is not None}).known()

    def _is_ancestor(self, name: str) -> bool:
        if name in self._vertex.needs:
            return True
        seen: set[str] = set()
        stack = list(self._vertex.needs)
        while stack:
            current = stack.pop()
            if current == name:
                return True
            if current not in seen:
                seen.add(current)
                stack.extend(self._vertices[current].needs)
        return False
