"""A container, script or resource template: one pod that is wanted until it is seen, and watched until it has ended."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from controller.engine.contract import Json, NodePhase, PodSeen, WantedPod
from controller.engine.durations import parse_duration
from controller.engine.errors import NodeError
from controller.engine.frame import Frame, Job, Setting
from controller.engine.moves import SETTLED
from controller.engine.nodes import POD_LOST, Node
from controller.engine.outputs import pod_outputs
from controller.engine.scope import Scope, Values, filled
from controller.engine.surroundings import failed_hosts, pod_fields
from controller.engine.values import text_of

if TYPE_CHECKING:
    from controller.engine.run import Run

TIMED_OUT = "timeout"
PAST_DEADLINE = "Step exceeded its deadline"
_READ_LATER = frozenset({"metrics", "inputs", "retryStrategy"})  # not filled in: other variables, or filled already


class PodBody(Frame):
    """A node of type Pod."""

    node_type = "Pod"
    __slots__ = ("deadline", "inside", "job", "name", "pod_fields", "template")

    def __init__(self, run: "Run", parent: Frame, job: Job) -> None:
        super().__init__(run, parent, job.place)
        self.job = job
        self.inside = False
        self.deadline: float | None = None
        self.name = run.nodes.pod_name(job.name, job.template.name)
        self.template: Mapping[str, Json] = {}
        self.pod_fields: Mapping[str, Json] = {}

    def start(self) -> None:
        node = self.run.nodes.find(self.job.name, owner=self.job.owner)
        if node is not None and node.settled:
            self.node = node
            self.tell_parent()
        elif self.run.pod_gate.enter(self, again=node is not None or self.run.pods.had_begun(self.job.name)):
            self.let_in()

    @property
    def setting(self) -> Setting:
        """What it runs in."""
        return self.job.setting

    def let_in(self) -> None:
        """There is room for one more pod."""
        self.inside = True
        if self.is_off(self.job):
            self.dismiss()
            return
        try:
            self.template = self._filled_template()
            self.pod_fields = pod_fields(self.run.spec, self.job.scope)
            timeouts = [self._seconds(field) for field in ("timeout", "pendingTimeout")]
        except NodeError as error:
            self._leave()
            self.make_node(self.job, "Skipped", "Error", message=str(error))
            self.settle("Error", str(error))
            return
        self._begin(*timeouts)

    def dismiss(self) -> None:
        """It will not come to its turn any more."""
        self._leave()
        self.tell_parent()

    def seen(self, pod: PodSeen) -> None:
        """The pod exists and is in this state."""
        node = self.node
        assert node is not None
        self.run.pods.was_seen(node.id)
        if pod.phase == "Pending" and node.phase == "Running":
            return  # an older sight of it
        self.run.nodes.set(node, **self._about_pod(pod))
        if pod.phase in SETTLED:
            outputs = pod_outputs(self.template.get("outputs") or {}, pod.outputs, pod.exit_code)
            if outputs:
                self.run.nodes.set(node, outputs=outputs)
            self.run.export(node.outputs)
            is_daemon = bool(self.job.template.json.get("daemon"))
            self.end("Failed" if is_daemon and pod.phase == "Succeeded" else pod.phase, pod.message, at=pod.finished_at)
        elif not (pod.phase == "Running" and self.job.template.json.get("daemon") and not pod.daemon_ready):
            self._goes_on(pod)

    def delayed(self, message: str) -> None:
        """The pod cannot be made for now."""
        if self.node is not None and self.node.phase == "Pending":
            self.run.nodes.move(self.node, "Pending", now=self.run.now, message=message)

    def end(self, phase: NodePhase, message: str, *, at: float | None = None) -> None:
        """The pod has ended (at that time, if it is known), or will be ended."""
        assert self.node is not None
        was_daemon = self.node.daemoned
        if was_daemon:
            self.run.nodes.set(self.node, daemoned=None)
        self.run.pods.forget(self.node.id)
        self._leave()
        if was_daemon:  # the parent was told when it became ready
            self.run.nodes.move(self.node, phase, now=self.run.now, message=message)
        else:
            self.settle(phase, message, at=at)

    def stop(self, message: str, *, phase: NodePhase = "Failed", at_once: bool = False) -> None:
        """End it from our side: its pod is to go, its node settles now."""
        assert self.node is not None
        self.run.pods.unwant(self.node.id, self.name, at_once=at_once)
        self.end(phase, message)

    def wanted(self) -> WantedPod:
        """The pod that should exist."""
        assert self.node is not None
        job = self.job
        seconds = self.template.get("activeDeadlineSeconds")
        return WantedPod(
            node_id=self.node.id, node_name=job.name, pod_name=self.name, template_name=job.template.name,
            template=self.template, inputs=job.inputs.json, wants_result=job.wants_result, attempt=job.attempt,
            deadline=self.deadline, boundary_id=job.setting.boundary.id if job.setting.boundary else "",
            active_seconds=int(text_of(seconds)) if seconds is not None else None, exiting=job.setting.exiting,
            pod_fields=self.pod_fields, around=job.setting.of_pods, avoid_hosts=failed_hosts(self.run, job),
        )

    def _begin(self, timeout: float | None, pending_timeout: float | None) -> None:
        node = self.make_node(self.job, self.node_type, "Pending")
        self.run.pods.frames[node.id] = self
        if node.daemoned:  # a saved status shows it ready
            self.run.add_daemon(self)
            self.tell_parent()
            return
        if not self.run.may_start(self.job.setting):
            self.stop(f"workflow shutdown with strategy:  {self.run.shutdown}")
            return
        if self.run.past_deadline(self.job.setting):
            self.stop(PAST_DEADLINE)
            return
        limit = None if self.job.setting.exiting else self.run.deadline
        ends = [node.started + timeout if timeout is not None else None, self.job.deadline, limit]
        self.deadline = min((end for end in ends if end is not None), default=None)
        if node.phase == "Pending":
            self._wait_for_it(node, timeout, pending_timeout)

    def _wait_for_it(self, node: Node, timeout: float | None, pending_timeout: float | None) -> None:
        for seconds in (timeout, pending_timeout):
            if seconds is not None:
                self.run.timers.at(node.started + seconds, self._late, wanted=lambda: node.phase == "Pending")
        self.run.pods.want(self)
        early = self.run.pods.early.pop(node.id, None)
        if early is not None:
            self.run.push(lambda: self.seen(early))

    def _late(self) -> None:
        assert self.node is not None
        if self.node.phase == "Pending":
            self.stop(TIMED_OUT)

    def _goes_on(self, pod: PodSeen) -> None:
        assert self.node is not None
        message = pod.message if pod.phase == "Pending" else ""
        became_daemon = bool(self.job.template.json.get("daemon")) and pod.daemon_ready and not self.node.daemoned
        if became_daemon:
            self.run.nodes.set(self.node, daemoned=True, podIP=pod.ip)
        self.run.nodes.move(self.node, pod.phase, now=self.run.now, message=message)
        if became_daemon:
            self.run.add_daemon(self)
            self.tell_parent()

    def _about_pod(self, pod: PodSeen) -> dict[str, Json]:
        assert self.node is not None
        shown: dict[str, Any] = {}
        if pod.host and self.node.json.get("hostNodeName") != pod.host:
            shown["hostNodeName"] = pod.host
        if pod.lost:
            shown[POD_LOST] = True
        return shown

    def _filled_template(self) -> dict[str, Json]:
        job = self.job
        raw = job.template.json
        paths = {}
        for kind in ("parameters", "artifacts"):
            for output in (raw.get("outputs") or {}).get(kind) or ():
                path = output.get("path") or (output.get("valueFrom") or {}).get("path")
                if path:
                    paths[f"outputs.{kind}.{output['name']}.path"] = text_of(path)
        scope: Scope = job.scope.above(Values(paths))
        parts = {key: value for key, value in raw.items() if key not in _READ_LATER}
        template: dict[str, Json] = {**raw, **filled(parts, scope)}
        if job.inputs.json:
            template["inputs"] = job.inputs.json
        return template

    def _seconds(self, field: str) -> float | None:
        text = self.template.get(field)
        if not text:
            return None
        try:
            return parse_duration(text_of(text))
        except ValueError as error:
            raise NodeError(f"{field}: {error}") from error

    def _leave(self) -> None:
        if self.inside:
            self.inside = False
            self.run.pod_gate.leave()
