"""The shell around one workflow's engine: load, observe, advance, save, act.

One `Reconciler` lives as long as its workflow runs. Whatever happens to the workflow lands in its inbox; one pass takes
all that has gathered, lets the engine advance, saves the status once, and only then acts on the world: deletes, asks,
makes pods (`making`). What could not be done for now stays in the engine's `wanted` and `needs` and is tried again with
back-off, so a crash between any two steps loses nothing and repeats nothing (pod names follow from node and attempt).

No failure of the API server decides how a workflow ends; only what it will never take does. Where somebody wrote the
workflow before our save, what they wish goes into the status before it is written over theirs: they were told that it is done.

A save writes the whole status, so one save per event would cost the square of a large workflow. A save that nothing waits
for is therefore put off (see `pace`), and what happens meanwhile goes into the same write. Deletes and questions wait for
the save; so do new pods, unless all that they rest on can be read again from pods that exist (see `ahead`).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from random import Random
from typing import Any

from argosy.backoff import Backoff
from argosy.clock import Clock
from argosy.errors import ArgosyError, Problem, SpecErrors, Unavailable
from argosy.kube.contract import BadRequest, Conflict, Invalid, Kube, KubeError, NotFound, Object
from argosy.kube.resources import PODS, WORKFLOW_TASK_RESULTS, WORKFLOWS
from argosy.logs import note
from controller import ahead
from controller.admission import spec_problems, spec_warning
from controller.announcing import Announcer
from controller.answering import answer
from controller.artifacts.garbage import held
from controller.claiming import current, lay_claim, yield_to_others
from controller.cleaning import EndedPods
from controller.damage import check_status
from controller.engine import Run
from controller.engine.contract import Changes, Move, Observation, PodDelayed, PodGone, Wish
from controller.engine.moves import SETTLED
from controller.fencing import Deposed, Fenced, Tenure
from controller.foreign import foreign_edits
from controller.labels import Marks, stamped
from controller.making import PodMaker, PutOff
from controller.outfitting import Outfitter
from controller.pace import Pace
from controller.packing import Packer, is_too_large, readable, too_large, unpacked
from controller.passing import waiting_for_better
from controller.pods.manifest import WORKFLOW_LABEL
from controller.pods.seen import lingers, node_id_of, outcome_is_elsewhere, read_gone, read_pod
from controller.sharding import is_newer
from controller.sweeping import Sweeper

log = logging.getLogger("argosy.controller")

_OWN_WRITES_KEPT = 64
_CREATE_SECONDS = 1.0  # for so long pods are made before somebody looks at what those made before have come to
_TRIES_AT_ONCE = 4  # writes in a row, each on top of what somebody else wrote meanwhile


class WorkflowGone(ArgosyError):
    """The workflow itself is not there any more."""


class Reconciler:
    """Runs one workflow to its end."""

    def __init__(self, kube: Kube, workflow: Object, *, clock: Clock, chance: Random, sweeper: Sweeper,
                 announcer: Announcer, outfitter: Outfitter, backoff: Backoff | None = None,
                 one_machine: bool = True, tenure: Tenure | None = None) -> None:
        self.namespace: str = workflow["metadata"]["namespace"]
        self.name: str = workflow["metadata"]["name"]
        self.uid: str = workflow["metadata"]["uid"]
        self.tenure = tenure  # None: no other process shares the work
        self._kube: Kube = Fenced(kube, tenure) if tenure else kube
        self.leaving = False  # for another replica, in good order
        self._deposed = False
        self._sweeper = sweeper
        self._announcer = announcer
        self._one_machine = one_machine
        self._clock = clock
        self._chance = chance
        self._backoff = backoff or Backoff()
        self._object = workflow
        self._packer = Packer(workflow)
        self._run: Run | None = None
        self._inbox: deque[Observation] = deque()
        self._elsewhere: dict[str, Object] = {}  # pods whose outputs are still to be fetched, by node id
        self._woken = asyncio.Event()
        self._own_writes: deque[str] = deque(maxlen=_OWN_WRITES_KEPT)
        self._pods = PodMaker(self._kube, namespace=self.namespace, uid=self.uid, clock=clock, outfitter=outfitter,
                              hear=self._hear, see=self.pod_changed)
        self._ended_pods = EndedPods()
        self._untold: list[Move] = []  # moves of the workflow itself that are to be announced once they are saved
        self._marks = Marks()
        self._unsaved = False
        self._can_be_read_again = True  # what is not saved; so pods may be made before it is
        self._pace = Pace()  # of saves that nothing waits for
        self._warnings: list[Problem] = []
        self._failures = 0
        self._wake_at: float | None = None  # when time alone could bring the engine on

    # ---- what the service tells ----

    def workflow_changed(self, workflow: Object) -> None:
        """The Workflow object was written: by ourselves (nothing new), or by somebody who wishes something."""
        if workflow["metadata"]["resourceVersion"] in self._own_writes:
            return
        if self.tenure is not None and is_newer(workflow, self.tenure.claim):
            self._deposed = True
            self._woken.set()
        else:
            self._take(workflow)

    def leave(self) -> None:
        """Save what is not saved yet, begin nothing more, and leave the workflow to another replica."""
        self.leaving = True
        self._woken.set()

    def _take(self, workflow: Object) -> None:
        """Work on with the object as somebody wrote it, and with what they wish."""
        self._object = workflow
        self._inbox.extend(foreign_edits(readable(workflow), self._run.status if self._run else {}))
        self._woken.set()

    def pod_changed(self, pod: Object) -> None:
        """One of this workflow's pods was created or its status moved on."""
        if not self._pods.owns(pod):
            return
        self._pods.note(pod)
        self._ended_pods.note(pod)
        if lingers(pod):
            self._sweeper.pod_lingers(pod, workflow_uid=self.uid)
        if not self._is_elsewhere(pod):
            self._inbox.append(read_pod(pod))
        self._woken.set()

    def pod_deleted(self, pod: Object) -> None:
        """One of this workflow's pods is gone; its last status is the last word."""
        if not self._pods.owns(pod):
            return
        self._pods.note_gone(pod)
        if not self._is_elsewhere(pod):
            self._inbox.extend(read_gone(pod))
        self._pace.hurry()  # what it said last stands nowhere else any more
        self._woken.set()

    def _is_elsewhere(self, pod: Object) -> bool:
        """Whether the pod's outputs must be fetched before the engine can be told; then they will be."""
        if not outcome_is_elsewhere(pod):
            return False
        node_id = node_id_of(pod)
        node = (self._run.status.get("nodes") or {}).get(node_id) if self._run else None
        if (node or {}).get("phase") not in SETTLED:
            self._elsewhere[node_id] = pod
        return True

    def _hear(self, observation: Observation) -> None:
        """Something is to be observed with the next pass, which for most of it is due now."""
        self._inbox.append(observation)
        if not isinstance(observation, PodDelayed):  # told with the next try
            self._woken.set()

    # ---- the life of one workflow ----

    async def run(self) -> None:
        """Bring the workflow to its end. Returns then, when the object is gone, or when it is to be left to another replica.

        Raises Deposed where another replica has taken it up, Overtaken where one had begun it before we did.
        """
        try:
            await self._start()
            while not self._is_done:
                if self._deposed:
                    raise Deposed(f"another replica has claimed workflow {self.name}")
                if self.leaving:
                    self._pace.hurry()
                    await self._pass()
                    return
                wake_at = await self._pass()
                await self._rest(wake_at)
            self._tell_what_is_saved()  # of pods that ended during the last pass, too
            note(log, "workflow ended", namespace=self.namespace, workflow=self.name,
                 phase=self._engine.status.get("phase"), message=self._engine.status.get("message"))
        except WorkflowGone:
            note(log, "workflow is gone", namespace=self.namespace, workflow=self.name)

    @property
    def _is_done(self) -> bool:
        return self._run is not None and self._run.ended and not self._unsaved and not self._pods.unwanted

    @property
    def _engine(self) -> Run:
        assert self._run is not None, "the engine is there once the reconciler has started"
        return self._run

    async def _start(self) -> None:
        if self.tenure is not None:
            await self._keep_trying(self._claim)
            self._packer = Packer(self._object)
        errors, self._warnings = spec_problems(self._object, one_machine=self._one_machine)
        if errors and not (self._object.get("status") or {}).get("phase"):
            raise SpecErrors(errors)  # a workflow that runs already was judged when it began
        workflow = unpacked(self._object)
        check_status(workflow.get("status") or {})
        self._run = Run.load(workflow)
        await self._keep_trying(self._look_at_pods)
        self._inbox.extend(foreign_edits(readable(self._object), self._run.status))
        note(log, "workflow taken up", namespace=self.namespace, workflow=self.name)

    async def _claim(self) -> None:
        assert self.tenure is not None, "only shared work is claimed"
        with _of_the_workflow():
            self._object = await lay_claim(self._kube, self._object, self.tenure.claim)
        self._own_writes.append(self._object["metadata"]["resourceVersion"])

    async def _look_at_pods(self) -> None:
        """See the pods that exist; a node that ran before and has no pod any more has lost it."""
        listing = await self._kube.list(PODS, namespace=self.namespace, label_selector=f"{WORKFLOW_LABEL}={self.name}")
        for pod in listing.items:
            self.pod_changed(pod)
        await self._catch_up([pod for pod in listing.items if self._pods.owns(pod)])
        for node_id in ahead.running_pod_nodes(self._engine.status):
            if node_id not in self._pods.there:
                self._inbox.append(PodGone(node_id))

    async def _catch_up(self, pods: list[Object]) -> None:
        """Bring the run to where it was when the last of these pods was made, if no save tells of that (see `ahead`)."""
        workflow = readable(self._object)
        status = workflow.get("status") or {}
        unknown = ahead.unknown_pods(pods, status.get("nodes") or {})
        if not unknown:
            return
        await self._fetch_outcomes()
        at = ahead.time_of(unknown, status, now=self._clock.now())
        self._run = Run.load(ahead.without_wishes(workflow), begun=ahead.names_of(unknown))
        self._run.observe(*ahead.evidence(self._inbox))
        self._take_changes(self._run.advance(at))
        while self._run.needs and not self._run.ended:
            self._run.observe(*[await answer(self._kube, need, namespace=self.namespace) for need in self._run.needs])
            self._take_changes(self._run.advance(at))

    async def _pass(self) -> float | None:
        """Take what has gathered, decide, save, act. Returns when to look again at the latest."""
        self._woken.clear()
        try:
            with waiting_for_better():
                await self._fetch_outcomes()
                self._advance()
                if self._unsaved and self._may_be_saved_later():
                    await self._make_pods(until=self._pace.due)
                    return _earlier(self._pace.due, self._wake_at)
                if self._unsaved:
                    await self._save()
                self._tell_what_is_saved()
                await self._act()
        except PutOff as error:
            return _earlier(self._later(error), self._wake_at)
        except Unavailable as error:
            return self._later(error)
        self._failures = 0
        return self._wake_at

    def _advance(self) -> None:
        """Let the engine draw its conclusions from what has gathered."""
        seen = list(self._inbox)
        self._inbox.clear()
        self._engine.observe(*seen)
        changes = self._engine.advance(self._clock.now())
        self._take_changes(changes)
        if self.tenure is not None and (self._pods.unwanted or self._pods.lacks_any_of(self._engine.wanted)):
            self._unsaved = True  # even where nothing is new: only who could still save a moment ago may act
        self._can_be_read_again &= ahead.can_be_read_again(seen, changes, self._engine.nodes.json)

    def _take_changes(self, changes: Changes) -> None:
        """What an advance brought about is to be saved, told and done."""
        self._unsaved = self._unsaved or changes.status_changed
        self._wake_at = changes.wake_at
        self._marks.add(changes)
        self._tell(changes)
        for unwanted in changes.delete:
            self._pods.unwanted[unwanted.node_id] = unwanted

    async def _fetch_outcomes(self) -> None:
        """See pods whose outputs were too large for their termination message: those are in WorkflowTaskResults."""
        for node_id, pod in list(self._elsewhere.items()):
            try:
                outcome = await self._kube.get(WORKFLOW_TASK_RESULTS, node_id, namespace=self.namespace)
            except NotFound:
                outcome = {}
            del self._elsewhere[node_id]
            self._inbox.append(read_pod(pod, outcome))

    def _may_be_saved_later(self) -> bool:
        """Whether the last save is so recent that the next can wait, and nothing waits for it."""
        engine = self._engine
        return (self._pace.lets_wait(self._clock.now()) and not engine.ended and not self._pods.unwanted and not engine.needs
                and (self._can_be_read_again or not self._pods.lacks_any_of(engine.wanted)))

    @property
    def saved(self) -> Object:
        """The workflow as it was saved last; of use once `run` has returned."""
        return {**self._object, "status": self._run.status if self._run else self._object.get("status") or {}}

    def _tell_what_is_saved(self) -> None:
        """What waited for the save: events to announce, pods that need not be kept any more."""
        for move in self._untold:
            self._announcer.tell(self._object, move.after, move.message)
        self._untold.clear()
        for pod in self._ended_pods.take(self._engine.spec, self._engine.status):
            assert self._ended_pods.cleaning is not None, "pods go only where podGC says so"
            self._sweeper.pod_ended(pod, self._ended_pods.cleaning, workflow_uid=self.uid)

    def _tell(self, changes: Changes) -> None:
        self._untold.extend(move for move in changes.moves if not move.node_id)
        for move in changes.moves:
            note(log, "node moved" if move.node_id else "workflow moved", level=logging.DEBUG if move.node_id else
                 logging.INFO, namespace=self.namespace, workflow=self.name, node=move.name if move.node_id else "",
                 before=move.before, after=move.after, message=move.message)

    def _later(self, error: Exception) -> float:
        asked = getattr(error, "retry_after_seconds", None)
        wait = self._backoff.wait_seconds(self._failures, self._chance, asked=asked)
        self._failures += 1
        note(log, "will try again", level=logging.WARNING, namespace=self.namespace, workflow=self.name,
             reason=str(error), wait_seconds=round(wait, 3))
        return self._clock.now() + wait

    async def _rest(self, wake_at: float | None) -> None:
        """Wait for something to happen, or until `wake_at`."""
        if self._woken.is_set() or self._is_done:
            return
        if wake_at is None:
            await self._woken.wait()
            return
        sleeper = asyncio.ensure_future(self._clock.sleep(wake_at - self._clock.now()))
        waiter = asyncio.ensure_future(self._woken.wait())
        try:
            await asyncio.wait([sleeper, waiter], return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeper.cancel()
            waiter.cancel()

    async def _keep_trying(self, action: Any) -> None:
        while True:
            if self.leaving or self._deposed:
                raise Deposed(f"workflow {self.name} is left to another replica")
            try:
                with waiting_for_better():
                    await action()
            except Unavailable as error:
                self._woken.clear()  # what woke us lies in the inbox; the wait must be one
                await self._rest(self._later(error))
            else:
                self._failures = 0
                return

    # ---- save ----

    async def _save(self) -> None:
        """Write the status; where somebody wrote in between, take their wishes in and write on top of them."""
        started_at = self._clock.now()
        for _ in range(_TRIES_AT_ONCE):
            form = await self._saved_form()
            try:
                with _of_the_workflow():
                    written = await self._kube.replace(WORKFLOWS, form)
            except Conflict:
                await self._look_again()
                continue
            except KubeError as error:
                await self._cannot_save(form, error)
                raise
            self._own_writes.append(written["metadata"]["resourceVersion"])
            self._object = {key: value for key, value in written.items() if key != "status"}
            self._unsaved, self._can_be_read_again = False, True
            self._marks.clear()
            self._pace.saved(started_at, self._clock.now())
            return
        raise Unavailable("somebody else writes the workflow all the time")

    async def _look_again(self) -> None:
        """Somebody else wrote the workflow. What they wish is drawn into the status before that is written over theirs."""
        with _of_the_workflow():
            found = await current(self._kube, self._object)
        if self.tenure is not None:
            yield_to_others(found, known=self._object, claim=self.tenure.claim)
        self._take(found)  # even one of our own: what the watch showed last may have been older
        self._advance()

    async def _cannot_save(self, form: Object, error: KubeError) -> None:
        """Raise what the refusal means, unless it stands for itself: only what will never be taken ends the workflow."""
        if is_too_large(error):
            await self._end_pods()
            raise too_large(form) from error
        if not isinstance(error, Invalid | BadRequest):
            raise Unavailable(str(error)) from error

    async def _saved_form(self) -> Object:
        known = self._object  # a newer one that comes while the nodes are packed brings wishes that are not in them
        status = await self._packer.packed(self._engine.status)
        others = [each for each in status.get("conditions") or [] if each.get("type") != "SpecWarning"]
        if self._warnings or len(others) < len(status.get("conditions") or []):
            status = {**status, "conditions": [*others, *([spec_warning(self._warnings)] if self._warnings else [])]}
        whole = stamped({**known, "status": status}, self._marks, ended=self._engine.ended,
                        claim=self.tenure.claim if self.tenure else None)
        return held(whole, self._engine.spec) if self._sweeper.garbage else whole

    async def _end_pods(self) -> None:
        """Nothing that still runs can be written down any more."""
        self._engine.observe(Wish(shutdown="Terminate"))
        self._take_changes(self._engine.advance(self._clock.now()))
        with suppress(PutOff):  # the sweeper goes on with it
            await self._pods.delete()

    # ---- act ----

    async def _act(self) -> None:
        """Delete, ask, make. What has to wait for itself alone keeps nothing else from being done."""
        put_off: PutOff | None = None
        for part in (self._pods.delete, self._answer_needs, self._make_pods):
            try:
                await part()
            except PutOff as error:
                put_off = put_off or error
        if put_off is not None:
            raise put_off

    async def _make_pods(self, *, until: float | None = None) -> None:
        """Make the pods that are wanted; those that were not tried by that time come with the next pass."""
        until = self._clock.now() + _CREATE_SECONDS if until is None else until
        if await self._pods.make(self._engine, self._object, until=until):
            self._woken.set()

    async def _answer_needs(self) -> None:
        """Ask for what the engine needs to be told, all of it at once."""
        needs = sorted(self._engine.needs, key=lambda need: (need.kind, need.name))
        late: Unavailable | None = None
        for found in await asyncio.gather(*(answer(self._kube, need, namespace=self.namespace) for need in needs),
                                          return_exceptions=True):
            if isinstance(found, Unavailable):
                late = late or found
            elif isinstance(found, BaseException):
                raise found
            else:
                self._hear(found)
        if late is not None:
            raise PutOff(str(late), retry_after_seconds=late.retry_after_seconds) from late


@contextmanager
def _of_the_workflow() -> Iterator[None]:
    """What is not found in here is the workflow itself."""
    try:
        yield
    except NotFound as error:
        raise WorkflowGone(str(error)) from error


def _earlier(moment: float, other: float | None) -> float:
    return moment if other is None else min(moment, other)
