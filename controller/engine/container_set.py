"""A container set: one pod whose containers are nodes of their own, drawn below it in the order of their dependencies."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from controller.engine.contract import NodePhase, PodSeen
from controller.engine.frame import Frame, Job
from controller.engine.moves import NODE_MOVES
from controller.engine.nodes import Node
from controller.engine.pod import PodBody

if TYPE_CHECKING:
    from controller.engine.run import Run


class ContainerSet(PodBody):
    """A node of type Pod with a node of type Container for each container, from the moment its pod is seen."""

    __slots__ = ("members",)

    def __init__(self, run: "Run", parent: Frame, job: Job) -> None:
        super().__init__(run, parent, job)
        self.members: dict[str, Node] = {}

    def start(self) -> None:
        self._adopt_members()
        super().start()

    def seen(self, pod: PodSeen) -> None:
        """The pod exists and is in this state, and so are its containers."""
        if not self.members:
            self._make_members()
        for container in pod.containers:
            member = self.members.get(container.name)
            if member is not None and container.phase in NODE_MOVES[member.phase]:
                at = self.run.now if container.finished_at is None else container.finished_at
                self.run.nodes.move(member, container.phase, now=max(member.started, min(at, self.run.now)),
                                    message=container.message)
        super().seen(pod)

    def end(self, phase: NodePhase, message: str, *, at: float | None = None) -> None:
        """The pod has ended, or will be ended; containers that nobody saw end do so with it."""
        for member in self.members.values():
            if not member.settled:
                self.run.nodes.move(member, phase, now=self.run.now, message=message)
        super().end(phase, message, at=at)

    def _containers(self) -> Iterator[Mapping[str, Any]]:
        yield from (self.job.template.json.get("containerSet") or {}).get("containers") or ()

    def _name(self, container: Mapping[str, Any]) -> str:
        return f"{self.job.name}.{container['name']}"

    def _adopt_members(self) -> None:
        """Those that came with a saved status."""
        if self.run.nodes.exists(self.job.name):
            for container in self._containers():
                node = self.run.nodes.find(self._name(container), owner=self.job.owner)
                if node is not None:
                    self.members[container["name"]] = node

    def _make_members(self) -> None:
        assert self.node is not None, "a pod that is seen has a node"
        for container in self._containers():
            self.members[container["name"]] = self.run.nodes.create(
                self._name(container), "Container", "Pending", now=self.run.now, boundary=self.node,
                owner=self.job.owner, about=self.job.about)
        for container in self._containers():
            member = self.members[container["name"]]
            for name in container.get("dependencies") or ():
                self.run.nodes.connect(self.members[name], member)
            if not container.get("dependencies"):
                self.run.nodes.connect(self.node, member)
