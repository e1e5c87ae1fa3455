"""Frames: the small machines that a run is made of, one for each step, loop, retry, group, template call and handler.

A frame starts children, is told when each has ended, and then settles itself and tells its own parent. All calls go
through the run's list of work, so that neither long chains nor wide loops nor deep nesting meet Python's recursion
limit, and so that the order is always the same: depth first, as a person reads the template.

A saved run is read back by the very same frames: one whose node exists already adopts it instead of making it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from controller.engine.catalogue import Home, Template
from controller.engine.contract import Json
from controller.engine.gates import Gate
from controller.engine.inputs import Inputs
from controller.engine.nodes import Node
from controller.engine.scope import Scope

if TYPE_CHECKING:
    from controller.engine.run import Run

Place = tuple[int, ...]
MOST_DEPTH = 100  # calls within calls: a recursion deeper than this is taken for endless


@dataclass(slots=True)
class Setting:
    """What all that runs inside one steps or dag template has in common."""

    boundary: Node | None
    home: Home
    exiting: bool = False  # part of an exit handler: runs on after a stop and past the workflow's deadline
    depth: int = 0
    gate: Gate | None = None  # the template's own parallelism
    stopped: bool = False  # failFast: nothing new is to start here
    ended: Callable[[Node], None] | None = None  # told of each call's end, before the call makes room for another
    of_pods: Mapping[str, Json] = field(default_factory=dict)  # what the template says of the pods inside it

    def for_hook(self, *, exiting: bool) -> "Setting":
        """The same for a handler, which runs though failFast lets nothing else begin."""
        return Setting(self.boundary, self.home, self.exiting or exiting, self.depth, self.gate, of_pods=self.of_pods)


@dataclass(frozen=True, slots=True)
class Job:
    """One template about to run for one node."""

    name: str
    template: Template
    inputs: Inputs
    scope: Scope
    setting: Setting
    about: Mapping[str, Json]  # templateName, templateScope, nodeFlag: how status.nodes says what the node is for
    owner: Node | None
    parents: tuple[Node, ...]  # nodes that the new one hangs below
    place: Place
    wants_result: bool = False
    attempt: int = 0
    deadline: float | None = None
    watch: Callable[[Node], None] | None = None
    still_wanted: Callable[[], bool] | None = None  # a hook whose expression no longer holds at its turn does not run


class Frame(ABC):
    """The part that all frames share."""

    __slots__ = ("node", "parent", "place", "run")

    def __init__(self, run: "Run", parent: "Frame | None", place: Place) -> None:
        self.run = run
        self.parent = parent
        self.place = place  # the way from the root, by positions among siblings: orders those who wait
        self.node: Node | None = None

    @abstractmethod
    def start(self) -> None:
        """Begin, or go on where a saved status left off."""

    def child_ended(self, child: "Frame") -> None:
        """A child has settled, with all its hooks."""
        raise AssertionError(f"{type(self).__name__} starts no children, yet {child} ended below it")

    def tell_parent(self) -> None:
        """Say that this frame has ended."""
        parent = self.parent
        if parent is not None:
            self.run.push(lambda: parent.child_ended(self))

    def settle(self, phase: str, message: str | None = None, *, at: float | None = None) -> None:
        """Bring this frame's node to its end (unless a saved status did) and tell the parent."""
        assert self.node is not None, "a frame without a node cannot settle"
        if not self.node.settled:
            ended = self.run.now if at is None else max(self.node.started, min(at, self.run.now))
            self.run.nodes.move(self.node, phase, now=ended, message=message)
        self.tell_parent()

    def is_off(self, job: Job) -> bool:
        """Whether a job that has come to its turn is not to begin any more."""
        if self.run.nodes.exists(job.name):
            return False
        return job.setting.stopped or (job.still_wanted is not None and not job.still_wanted())

    def make_node(self, job: Job, kind: str, phase: str, *, message: str = "", inputs: bool = True) -> Node:
        """Make this frame's node, or adopt the one of a saved status."""
        node = self.run.nodes.find(job.name, owner=job.owner)
        if node is None:
            about: dict[str, Any] = dict(job.about)
            if inputs and job.inputs.json:
                about["inputs"] = job.inputs.json
            node = self.run.nodes.create(
                job.name, kind, phase, now=self.run.now, boundary=job.setting.boundary, owner=job.owner, about=about,
                message=message,
            )
            self.run.name_for_display(node, job)
            for parent in job.parents:
                self.run.nodes.connect(parent, node)
        self.node = node
        if job.watch is not None:
            job.watch(node)
        return node


def about(call: Mapping[str, Json], home: Home, *, flag: Mapping[str, bool] | None = None) -> dict[str, Json]:
    """The fields of a node that say which template it is for, and from where that was called."""
    fields: dict[str, Json] = {}
    if call.get("template"):
        fields["templateName"] = call["template"]
    if call.get("templateRef"):
        fields["templateRef"] = call["templateRef"]
    fields["templateScope"] = str(home)
    if flag is not None:
        fields["nodeFlag"] = dict(flag)
    return fields
