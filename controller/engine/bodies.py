"""Which frame runs a template of which kind."""

from typing import TYPE_CHECKING

from controller.engine.container_set import ContainerSet
from controller.engine.dag import Dag
from controller.engine.frame import Frame, Job
from controller.engine.http import Http
from controller.engine.pod import PodBody
from controller.engine.steps import Steps
from controller.engine.suspend import Suspend

if TYPE_CHECKING:
    from controller.engine.run import Run

BODIES: dict[str, type[PodBody] | type[Steps] | type[Dag] | type[Suspend]] = {
    "container": PodBody, "script": PodBody, "resource": PodBody, "containerSet": ContainerSet, "http": Http, "steps": Steps,
    "dag": Dag, "suspend": Suspend,
}


class Unsupported(Frame):
    """A template of a kind that has no meaning here yet: its node says so."""

    __slots__ = ("job",)

    def __init__(self, run: "Run", parent: Frame, job: Job) -> None:
        super().__init__(run, parent, job.place)
        self.job = job

    def start(self) -> None:
        message = f"template type '{self.job.template.kind}' is not supported yet"
        node = self.make_node(self.job, "Skipped", "Error", message=message)
        self.settle(node.phase)


def body_of(run: "Run", parent: Frame, job: Job) -> Frame:
    """The frame that runs this job's template once."""
    body = BODIES.get(job.template.kind)
    return body(run, parent, job) if body is not None else Unsupported(run, parent, job)
