"""One workflow under way: what was seen goes in, what should be true comes out.

`Run.load` takes a Workflow object, new or half done; `observe` notes what somebody saw; `advance` works off all that
follows from it and says what changed. The work goes by a stack of small steps (see `frame`), so its amount is that of
the change. The run itself reads no clock and does no I/O: `controller/reconcile.py` is the shell around it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from argosy.clock import from_rfc3339, to_rfc3339
from controller.engine.catalogue import Catalogue
from controller.engine.contract import (
    Answer,
    Changes,
    Json,
    Move,
    Need,
    Observation,
    PodDelayed,
    PodGone,
    PodRefused,
    PodSeen,
    Resumed,
    Supplied,
    WantedPod,
    Wish,
)
from controller.engine.errors import Unanswered
from controller.engine.frame import Job, Setting
from controller.engine.gates import Gate, Turnstile
from controller.engine.ids import pod_name_of
from controller.engine.moves import NEW, WORKFLOW_ENDED, WORKFLOW_MOVES, check_move
from controller.engine.nodes import Node, Nodes
from controller.engine.outputs import export
from controller.engine.pod import PAST_DEADLINE, PodBody
from controller.engine.pods import Pods
from controller.engine.scope import Scope
from controller.engine.timers import Timers

if TYPE_CHECKING:
    from controller.engine.retry import Retry
    from controller.engine.suspend import Suspend
    from controller.engine.workflow import Root

DISPLAY_NAME = "workflows.argoproj.io/display-name"


class Run:
    """The state of one workflow, and the door to everything that happens to it."""

    # set by `workflow.prepare`, before the first frame runs
    catalogue: Catalogue
    scope: Scope

    def __init__(self, workflow: Mapping[str, Json], answers: Mapping[Need, Answer]) -> None:
        self.workflow = workflow
        self.name: str = workflow["metadata"]["name"]
        self.spec: Mapping[str, Json] = workflow.get("spec") or {}  # with what it refers to, once that is known
        self.status: dict[str, Any] = dict(workflow.get("status") or {})
        self.nodes = Nodes(self.name, self.status.get("nodes") or {})
        if self.nodes.json:
            self.status["nodes"] = self.nodes.json
        self.now = 0.0
        self.timers = Timers()
        self.pods = Pods()
        self.turnstile = Turnstile()
        self.pod_gate = Gate(0, self.turnstile)
        self.suspends: dict[str, Suspend] = {}  # waiting suspend nodes
        self.backoffs: dict[str, Retry] = {}  # retries that wait for their next attempt
        self.shutdown = ""
        self.suspended = False
        self.replaying = bool(self.nodes.json)
        self.answers: dict[Need, Json | None] = {need: answer.value for need, answer in answers.items()}
        self.messages: dict[Need, str] = {need: answer.message for need, answer in answers.items()}
        self.labels: dict[str, str] = {}
        self.annotations: dict[str, str] = {}
        self.steps = 0  # how many steps of work were done, for tests that count them
        self._root: Root | None = None
        self._work: list[Callable[[], None]] = []
        self._asked: dict[Need, list[Callable[[], None]]] = {}
        self._newly_asked: list[Need] = []
        self._seen: list[Observation] = []
        self._early_wishes: list[Resumed | Supplied] = []  # heard while a saved run was being read back
        self._daemons: dict[str, list[PodBody]] = {}
        self._status_changed = self._begun = False
        self._wish(_wish_of(workflow))

    @classmethod
    def load(cls, workflow: Json, *, answers: Mapping[Need, Answer] | None = None, begun: Iterable[str] = ()) -> "Run":
        """A run from a Workflow object, new or half done. `status.nodes` must be whole (not compressed).

        `begun` names nodes that the status does not know and that have pods: nothing keeps those from beginning.
        """
        run = cls(workflow, answers or {})
        for name in begun:
            run.pods.note_begun(name)
        return run

    # ---- what the shell uses ----

    @property
    def wanted(self) -> Mapping[str, WantedPod]:
        """The pods that should exist and have not been seen, by node id."""
        return self.pods.wanted

    @property
    def needs(self) -> frozenset[Need]:
        """All that was asked and has not been answered."""
        return frozenset(self._asked)

    @property
    def ended(self) -> bool:
        """Whether the workflow has come to its end."""
        return self.status.get("phase", NEW) in WORKFLOW_ENDED

    def observe(self, *seen: Observation) -> None:
        """Note what somebody saw; `advance` draws the conclusions."""
        self._seen.extend(seen)

    def advance(self, now: float) -> Changes:
        """Work off everything that follows from what was observed, and from the time being `now`."""
        self.now = now
        if not self._begun and not self.ended:
            self._begun = True
            from controller.engine.workflow import begin

            self._do(lambda: begin(self))  # even a workflow that begins suspended shows that it was taken up
            self._drain()
        seen, self._seen = self._seen, []
        for observation in seen:
            self._note(observation)
        for call in self.timers.due(now):
            self.push(call)
        self._drain()
        return self._changes()

    # ---- what the frames use ----

    def push(self, call: Callable[[], None]) -> None:
        """Add a step of work: the last added comes first."""
        self._work.append(call)

    def answer(self, need: Need) -> Json:
        """The object that was asked for, None where there is none. Raises Unanswered while that is not known."""
        if need not in self.answers:
            raise Unanswered(need)
        return self.answers[need]

    def may_start(self, setting: Setting) -> bool:
        """Whether a stop or termination lets something new begin here."""
        return not self.shutdown or (self.shutdown == "Stop" and setting.exiting)

    @property
    def deadline(self) -> float | None:
        """When the whole workflow's time is over."""
        seconds = self.spec.get("activeDeadlineSeconds")
        started = self.status.get("startedAt")
        return from_rfc3339(started) + float(seconds) if seconds is not None and started else None

    def past_deadline(self, setting: Setting) -> bool:
        """Whether the workflow's time is over for what runs here."""
        deadline = self.deadline
        return deadline is not None and not setting.exiting and self.now >= deadline

    def export(self, outputs: Mapping[str, Json] | None) -> None:
        """Make outputs with a globalName those of the workflow."""
        self._status_changed |= export(self.status, outputs)

    def add_daemon(self, frame: PodBody) -> None:
        """This pod runs on until what it belongs to ends."""
        boundary = frame.job.setting.boundary
        self._daemons.setdefault(boundary.id if boundary else "", []).append(frame)

    def end_daemons(self, boundary: Node | None) -> None:
        """What they served is over."""
        for frame in self._daemons.pop(boundary.id if boundary else "", ()):
            if frame.node is not None and not frame.node.settled:
                frame.stop("", phase="Succeeded")

    def name_for_display(self, node: Node, job: Job) -> None:
        """A template may say what its nodes are shown as."""
        from controller.engine.scope import filled

        shown = (job.template.json.get("annotations") or {}).get(DISPLAY_NAME)
        if shown:
            self.nodes.set(node, displayName=filled(shown, job.scope))

    def move_workflow(self, phase: str, message: str = "") -> None:
        """Bring the workflow itself to a phase, by the table of moves."""
        before = self.status.get("phase", NEW)
        check_move(WORKFLOW_MOVES, "the workflow", before, phase)
        self.nodes.moves.append(Move("", self.name, before, phase, message))
        self.status["phase"] = phase
        self.status.setdefault("startedAt", to_rfc3339(self.now))
        if message:
            self.status["message"] = message
        else:
            self.status.pop("message", None)
        if phase in WORKFLOW_ENDED:
            self.status["finishedAt"] = to_rfc3339(self.now)
            self.set_condition("Completed", "True")
        self._status_changed = True

    def set_condition(self, kind: str, status: str, message: str = "") -> None:
        """Add or change an entry of ``status.conditions``."""
        condition = {"type": kind, "status": status, **({"message": message} if message else {})}
        conditions = list(self.status.get("conditions") or ())
        at = next((i for i, known in enumerate(conditions) if known["type"] == kind), len(conditions))
        if conditions[at:at + 1] != [condition]:
            conditions[at:at + 1] = [condition]
            self.status["conditions"] = conditions
            self._status_changed = True

    def changed_status(self) -> None:
        """Some field of the status that is not a node has changed."""
        self._status_changed = True

    # ---- observations ----

    def _note(self, observation: Observation) -> None:
        match observation:
            case PodSeen():
                self._note_pod(observation)
            case PodGone(node_id, message):
                self._note_gone(node_id, message)
            case PodRefused(node_id, message):
                if node_id in self.pods.frames:
                    self.pods.frames[node_id].end("Error", message)
            case PodDelayed(node_id, message):
                if node_id in self.pods.wanted:
                    self.pods.frames[node_id].delayed(message)
            case Answer(need, value, message):
                self.answers[need], self.messages[need] = value, message
                for call in self._asked.pop(need, ()):
                    self.push(call)
            case Resumed() | Supplied():
                self._note_resumed(observation)
            case Wish():
                self._wish(observation)

    def _note_resumed(self, wish: Resumed | Supplied) -> None:
        waiting = self.suspends.get(wish.node_id)
        if waiting is None:
            if self.replaying:  # it may be one of those that are to be read back yet
                self._early_wishes.append(wish)
        elif isinstance(wish, Resumed):
            waiting.resume(wish)
        else:
            waiting.supply(wish)

    def _note_pod(self, pod: PodSeen) -> None:
        frame = self.pods.frames.get(pod.node_id)
        entry = self.nodes.json.get(pod.node_id)
        if frame is not None:
            frame.seen(pod)
        elif entry is None or self.replaying:
            if not self.ended:
                self.pods.early[pod.node_id] = pod
        elif pod.phase in ("Pending", "Running"):  # its node has settled, so a delete was lost
            template = entry.get("templateName") or (entry.get("templateRef") or {}).get("template", "")
            self.pods.unwant(pod.node_id, pod_name_of(self.name, pod.node_id, template))

    def _note_gone(self, node_id: str, message: str) -> None:
        frame = self.pods.frames.get(node_id)
        if frame is None or frame.node is None:
            return
        if frame.node.phase == "Pending":
            self.pods.want(frame)
        else:
            frame.end("Error", message)

    def _wish(self, wish: Wish) -> None:
        self.suspended = wish.suspend
        if wish.shutdown and wish.shutdown != self.shutdown:
            self.shutdown = wish.shutdown
            self.push(self._shut_down)

    def _shut_down(self) -> None:
        at_once = self.shutdown == "Terminate"
        for frame in list(self.pods.frames.values()):
            if not self.may_start(frame.job.setting):
                frame.stop(f"workflow shutdown with strategy:  {self.shutdown}", at_once=at_once)
        for waiting in list(self.suspends.values()):
            if not self.may_start(waiting.job.setting):
                waiting.stop(f"Stopped with strategy '{self.shutdown}'")
        for retry in list(self.backoffs.values()):
            self.push(retry.look_again)
        for waiter in self.pod_gate.dismiss():
            if self.may_start(waiter.setting):
                self.push(waiter.start)
            else:
                self.push(waiter.dismiss)

    def watch_deadline(self) -> None:
        """Have the workflow's own deadline kept."""
        deadline = self.deadline
        if deadline is not None:
            self.timers.at(deadline, self._deadline_passed, wanted=lambda: not self.ended)

    def _deadline_passed(self) -> None:
        for frame in list(self.pods.frames.values()):
            if not frame.job.setting.exiting:
                frame.stop(PAST_DEADLINE)
        for waiting in list(self.suspends.values()):
            if not waiting.job.setting.exiting:
                waiting.stop(PAST_DEADLINE)
        for retry in list(self.backoffs.values()):
            self.push(retry.look_again)

    # ---- the work ----

    def set_root(self, root: "Root") -> None:
        """The frame of the workflow as a whole."""
        self._root = root

    def _drain(self) -> None:
        """Work off everything, then let in one who waits, and so on until there is nothing left to do.

        While a saved run is read back nobody is let in: what had begun before must take its room first.
        """
        while not self.suspended or self.shutdown:
            self._drain_once()
            if self.replaying:
                if self._asked:
                    return
                self._end_replay()
            elif self.turnstile.let_one_in():
                continue
            elif self._root is not None and not self.ended:
                self._root.look()
            if not self._work:
                return

    def _drain_once(self) -> None:
        while self._work:
            self._do(self._work.pop())

    def _do(self, call: Callable[[], None]) -> None:
        """One step of work; what must be told first is asked for, and the step is done once it has been."""
        self.steps += 1
        try:
            call()
        except Unanswered as question:
            if question.need not in self._asked:
                self._newly_asked.append(question.need)
            self._asked.setdefault(question.need, []).append(call)

    def _end_replay(self) -> None:
        """The saved status has been read back, so what was seen early belongs to something by now."""
        self.replaying = False
        early, self._early_wishes = self._early_wishes, []
        for wish in early:
            self._note_resumed(wish)
        for key in list(self.pods.early):
            if key in self.nodes.json:
                self._note_pod(self.pods.early.pop(key))
        self.push(_nothing)

    def _changes(self) -> Changes:
        if self._begun:
            self._sum_up()
        moves, changed = self.nodes.take_changes()
        create, delete = self.pods.take()
        asked, self._newly_asked = tuple(self._newly_asked), []
        changes = Changes(
            moves=moves, changed_nodes=changed, create=create, delete=delete, needs=asked,
            wake_at=None if self.ended or (self.suspended and not self.shutdown) else self.timers.next_at(),
            status_changed=self._status_changed or bool(changed),
        )
        self._status_changed = False
        if self.labels or self.annotations:
            changes = replace(changes, labels=self.labels, annotations=self.annotations)
            self.labels, self.annotations = {}, {}
        return changes

    def _sum_up(self) -> None:
        if self.nodes.json and "nodes" not in self.status:
            self.status["nodes"] = self.nodes.json
        if self._root is not None and self.catalogue.stored_changed:
            self.catalogue.stored_changed = False
            self.status["storedTemplates"] = self.catalogue.stored
            self._status_changed = True
        if self.status.get("phase"):
            progress = f"{self.nodes.ended}/{self.nodes.total}"
            if self.status.get("progress") != progress:
                self.status["progress"] = progress
                self._status_changed = True
            if self.nodes.total:
                self.set_condition("PodRunning", "True" if self.nodes.running_pods > 0 and not self.ended else "False")


def _wish_of(workflow: Mapping[str, Json]) -> Wish:
    spec = workflow.get("spec") or {}
    return Wish(suspend=bool(spec.get("suspend")), shutdown=spec.get("shutdown") or "")


def _nothing() -> None:
    """A step of work that only makes the run look around once more."""
