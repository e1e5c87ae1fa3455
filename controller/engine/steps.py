"""A steps template: groups one after the other, the steps of a group side by side."""

from typing import TYPE_CHECKING

from controller.engine.composite import FAILED_FAST, Composite
from controller.engine.frame import Frame, Job, about
from controller.engine.nodes import Node
from controller.engine.pod import TIMED_OUT
from controller.engine.task import Task

if TYPE_CHECKING:
    from controller.engine.run import Run


class Steps(Composite):
    """A node of type Steps, with a StepGroup below it at a time."""

    __slots__ = ("_at", "_group", "_open", "_previous", "_tasks", "_wrong")

    kind = "steps"
    node_type = "Steps"

    def __init__(self, run: "Run", parent: Frame, job: Job) -> None:
        super().__init__(run, parent, job)
        self._at = -1
        self._group: Node | None = None
        self._previous: Node | None = None
        self._tasks: list[Task] = []
        self._open = 0
        self._wrong = ""  # the text of a mistake that the engine found in the present group

    def begin(self) -> None:
        self._next_group()

    def _next_group(self) -> None:
        groups = self.job.template.json["steps"]
        self._previous, self._at = self._group, self._at + 1
        if self._at == len(groups):
            self.show_ends(self._last_nodes())
            self.succeed()
            return
        self._group = self._make_group()
        self._wrong = ""
        steps = groups[self._at]
        self._tasks = [
            Task(
                self.run, self, (*self.place, self._at, number), name=f"{self._group.name}.{step['name']}", call=step,
                owner=self._group, parents=(self._group,),
            )
            for number, step in enumerate(steps)
        ]
        if self._group.settled:
            self._adopt_group(self._group)
            return
        self._open = len(self._tasks)
        if not self._tasks:
            self._end_group()
        else:
            self.run.push(lambda: self._start_step(0))

    def _start_step(self, number: int) -> None:
        """Start one step; the others of the group come after all that this one starts at once."""
        if number + 1 < len(self._tasks):
            self.run.push(lambda: self._start_step(number + 1))
        task = self._tasks[number]
        if (self.setting.stopped or self._wrong) and not (self.run.replaying and self._had_begun(task)):
            self.child_ended(task)
        else:
            self.run.push(task.start)

    def _had_begun(self, task: Task) -> bool:
        """Whether a saved status shows nodes of that step."""
        assert self._group is not None
        names = (self.run.nodes.handle(key).name for key in self._group.children)
        return any(name == task.name or name.startswith(f"{task.name}(") for name in names)

    def child_ended(self, child: Frame) -> None:
        assert isinstance(child, Task), "only steps run inside a group"
        self._wrong = self._wrong or child.error or child.wrong
        self._open -= 1
        if self._open == 0:
            self._end_group()

    def _end_group(self) -> None:
        group = self._group
        assert group is not None
        phase, message = self._outcome()
        if not group.settled:
            self.run.nodes.move(group, phase, now=self.run.now, message=message)
        if group.failed:
            self.show_ends(self._last_nodes())
            self.settle("Failed", group.message)
            return
        self.seen.update({task.call["name"]: task for task in self._tasks})
        self.run.push(self._next_group)

    def _outcome(self) -> tuple[str, str | None]:
        if self.failed_fast:
            return "Failed", FAILED_FAST
        if self._wrong:
            return "Error", self._wrong
        assert self._group is not None
        steps = {node.id: task for task in self._tasks for node in task.nodes}
        for key in self._group.children:  # in their own order, whichever ended first
            node = self.run.nodes.handle(key)
            if node.failed and key in steps and not _goes_on(steps[key], node):
                timed_out = node.type == "Pod" and node.message == TIMED_OUT
                return "Failed", TIMED_OUT if timed_out else f"child '{key}' failed"
        if self.run.shutdown and not self.run.may_start(self.setting) and any(task.node is None for task in self._tasks):
            return "Failed", f"Stopped with strategy '{self.run.shutdown}'"
        return "Succeeded", None

    def _make_group(self) -> Node:
        assert self.node is not None
        name = f"{self.node.name}[{self._at}]"
        group = self.run.nodes.find(name, owner=self.node)
        if group is None:
            group = self.run.nodes.create(
                name, "StepGroup", "Running", now=self.run.now, boundary=self.node, owner=self.node,
                about=about({}, self.setting.home, flag={}),
            )
            for parent in self._parents_of_group():
                self.run.nodes.connect(parent, group)
        return group

    def _parents_of_group(self) -> list[Node]:
        if self._previous is None:
            assert self.node is not None
            return [self.node]
        if not self._previous.children:
            return [self._previous]
        handles = (self.run.nodes.handle(key) for key in self._previous.children)
        return [end for child in handles for end in self.run.nodes.outbound(child)]

    def _last_nodes(self) -> list[Node]:
        last = self._group
        return [] if last is None else [self.run.nodes.handle(key) for key in last.children]

    def _adopt_group(self, group: Node) -> None:
        """A saved status says that this group is over: take its nodes as they are."""
        by_step: dict[str, list[Node]] = {}
        for key in group.children:
            node = self.run.nodes.handle(key)
            step = node.name.removeprefix(f"{group.name}.").partition("(")[0]
            by_step.setdefault(step, []).append(node)
        for task in self._tasks:
            task.adopt(by_step.get(task.call["name"], []), group)
        self._end_group()


def _goes_on(task: Task, node: Node) -> bool:
    """Whether the step says that the next ones go on though it ended so."""
    wanted = task.call.get("continueOn") or {}
    return bool(wanted.get("failed") if node.phase == "Failed" else wanted.get("error"))
