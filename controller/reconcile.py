"""The shell around one workflow's engine: load, observe, advance, save, act.

One `Reconciler` lives as long as its workflow runs. Whatever happens to the workflow lands in its inbox; one pass takes
all that has gathered, lets the engine advance, saves the status once, and only then acts on the world: deletes, creates,
asks. What could not be done for now stays in the engine's `wanted` and `needs` and is tried again with back-off, so a
crash between any two steps loses nothing and repeats nothing (pod names follow from node and attempt).

A save writes the whole status, so one save per event would cost the square of a large workflow. A save that nothing waits
for is therefore put off (see `pace`), and what happens meanwhile goes into the same write. Deletes and questions wait for
the save; so do new pods, unless all that they rest on can be read again from pods that exist (see `ahead`).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from random import Random
from typing import Any

from argosy.backoff import Backoff
from argosy.clock import Clock
from argosy.errors import Problem, SpecError, SpecErrors, Unavailable
from argosy.kube.contract import AlreadyExists, Conflict, Forbidden, Kube, KubeError, NotFound, Object
from argosy.kube.resources import PODS, WORKFLOW_TASK_RESULTS, WORKFLOWS
from argosy.logs import note
from controller import ahead
from controller.admission import spec_problems, spec_warning
from controller.announcing import Announcer
from controller.answering import answer
from controller.artifacts.garbage import held
from controller.budgets import make_budget
from controller.claiming import current, lay_claim, yield_to_others
from controller.claims import make_claims
from controller.cleaning import EndedPods
from controller.damage import check_status
from controller.engine import Run
from controller.engine.contract import (
    Changes,
    Move,
    Observation,
    PodDelayed,
    PodGone,
    PodRefused,
    UnwantedPod,
    WantedPod,
    Wish,
)
from controller.engine.moves import SETTLED
from controller.fencing import Deposed, Fenced, Tenure
from controller.foreign import foreign_edits
from controller.labels import Marks, stamped
from controller.outfitting import Outfit, Outfitter
from controller.pace import Pace
from controller.packing import Packer, is_too_large, readable, too_large, unpacked
from controller.pods.manifest import WORKFLOW_LABEL, build_pod
from controller.pods.seen import node_id_of, outcome_is_elsewhere, read_gone, read_pod
from controller.sharding import is_newer
from controller.sweeping import Sweeper

log = logging.getLogger("argosy.controller")

_MOST_AT_ONCE = 64  # pods that one workflow has being made at a time: an API server under load answers slowly, not little
_OWN_WRITES_KEPT = 64
_CREATE_SECONDS = 1.0  # for so long pods are made before somebody looks at what those made before have come to
_TRIES_AT_ONCE = 4  # writes in a row, each on top of what somebody else wrote meanwhile


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
        self._outfitter = outfitter
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
        self._unwanted: dict[str, UnwantedPod] = {}
        self._pods: dict[str, str] = {}  # node id -> uid of the pod that was seen for it
        self._ended_pods = EndedPods()
        self._untold: list[Move] = []  # moves of the workflow itself that are to be announced once they are saved
        self._marks = Marks()
        self._unsaved = False
        self._can_be_read_again = True  # what is not saved; so pods may be made before it is
        self._pace = Pace()  # of saves that nothing waits for
        self._prepared = False  # what the pods need beside them has been made
        self._warnings: list[Problem] = []
        self._failures = 0

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
        if not self._owns(pod):
            return
        self._pods[node_id_of(pod)] = pod["metadata"]["uid"]
        self._ended_pods.note(pod)
        if not self._is_elsewhere(pod):
            self._inbox.append(read_pod(pod))
        self._woken.set()

    def pod_deleted(self, pod: Object) -> None:
        """One of this workflow's pods is gone; its last status is the last word."""
        if not self._owns(pod):
            return
        self._pods.pop(node_id_of(pod), None)
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

    def _owns(self, pod: Object) -> bool:
        owners = pod["metadata"].get("ownerReferences") or []
        return bool(node_id_of(pod)) and any(owner.get("uid") == self.uid for owner in owners)

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
        except NotFound:
            note(log, "workflow is gone", namespace=self.namespace, workflow=self.name)

    @property
    def _is_done(self) -> bool:
        return self._run is not None and self._run.ended and not self._unsaved and not self._unwanted

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
        self._object = await lay_claim(self._kube, self._object, self.tenure.claim)
        self._own_writes.append(self._object["metadata"]["resourceVersion"])

    async def _look_at_pods(self) -> None:
        """See the pods that exist; a node that ran before and has no pod any more has lost it."""
        listing = await self._kube.list(PODS, namespace=self.namespace, label_selector=f"{WORKFLOW_LABEL}={self.name}")
        for pod in listing.items:
            self.pod_changed(pod)
        await self._catch_up([pod for pod in listing.items if self._owns(pod)])
        for node_id in ahead.running_pod_nodes(self._engine.status):
            if node_id not in self._pods:
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
            await self._fetch_outcomes()
        except Unavailable as error:
            return self._later(error)
        seen = list(self._inbox)
        self._inbox.clear()
        self._engine.observe(*seen)
        changes = self._engine.advance(self._clock.now())
        self._take_changes(changes)
        if self.tenure is not None and (self._unwanted or self._engine.wanted.keys() - self._pods.keys()):
            self._unsaved = True  # even where nothing is new: only who could still save a moment ago may act
        self._can_be_read_again &= ahead.can_be_read_again(seen, changes, self._engine.nodes.json)
        try:
            if self._unsaved and self._may_be_saved_later():
                await self._create_pods(until=self._pace.due)
                return self._pace.due if changes.wake_at is None else min(self._pace.due, changes.wake_at)
            if self._unsaved:
                await self._save()
            self._tell_what_is_saved()
            await self._act()
        except Unavailable as error:
            return self._later(error)
        self._failures = 0
        return changes.wake_at

    def _take_changes(self, changes: Changes) -> None:
        """What an advance brought about is to be saved, told and done."""
        self._unsaved = self._unsaved or changes.status_changed
        self._marks.add(changes)
        self._tell(changes)
        for unwanted in changes.delete:
            self._unwanted[unwanted.node_id] = unwanted

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
        return (self._pace.lets_wait(self._clock.now()) and not engine.ended and not self._unwanted and not engine.needs
                and (self._can_be_read_again or self._pods.keys() >= engine.wanted.keys()))

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
        wait = asked if asked is not None else self._backoff.wait_seconds(self._failures, self._chance)
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
                written = await self._kube.replace(WORKFLOWS, form)
            except Conflict:
                found = await current(self._kube, self._object)
                if self.tenure is not None:
                    yield_to_others(found, known=self._object, claim=self.tenure.claim)
                self._take(found)  # even one of our own: what the watch showed last may have been older
                continue
            except KubeError as error:
                if not is_too_large(error):
                    raise
                await self._end_pods()
                raise too_large(form) from error
            self._own_writes.append(written["metadata"]["resourceVersion"])
            self._object = {key: value for key, value in written.items() if key != "status"}
            self._unsaved, self._can_be_read_again = False, True
            self._marks.clear()
            self._pace.saved(started_at, self._clock.now())
            return
        raise Unavailable("somebody else writes the workflow all the time")

    async def _saved_form(self) -> Object:
        status = await self._packer.packed(self._engine.status)
        if self._warnings:
            status = {**status, "conditions": [*(status.get("conditions") or []), spec_warning(self._warnings)]}
        whole = stamped({**self._object, "status": status}, self._marks, ended=self._engine.ended,
                        claim=self.tenure.claim if self.tenure else None)
        return held(whole, self._engine.spec) if self._sweeper.garbage else whole

    async def _end_pods(self) -> None:
        """Nothing that still runs can be written down any more."""
        self._engine.observe(Wish(shutdown="Terminate"))
        self._take_changes(self._engine.advance(self._clock.now()))
        await self._delete_pods()

    # ---- act ----

    async def _act(self) -> None:
        await self._delete_pods()
        await self._create_pods(until=self._clock.now() + _CREATE_SECONDS)
        await self._answer_needs()

    async def _delete_pods(self) -> None:
        for node_id, unwanted in list(self._unwanted.items()):
            with suppress(NotFound, Conflict):  # gone already is all that was wanted; one made anew will be seen
                uid = self._pods.get(node_id) or await self._uid_of(unwanted)
                await self._kube.delete(PODS, unwanted.pod_name, namespace=self.namespace, uid=uid,
                                        grace_seconds=0 if unwanted.at_once else None)
            del self._unwanted[node_id]

    async def _uid_of(self, unwanted: UnwantedPod) -> str:
        """The uid of a pod that was asked for and not seen: the answer was lost, or a process before us made it."""
        pod = await self._kube.get(PODS, unwanted.pod_name, namespace=self.namespace)
        if not self._owns(pod):
            raise NotFound(f"pod {unwanted.pod_name} belongs to somebody else")
        return str(pod["metadata"]["uid"])

    async def _create_pods(self, *, until: float) -> None:
        """Make the pods that are wanted; those that were not made by that time come with the next pass."""
        wanted = [pod for node_id, pod in self._engine.wanted.items() if node_id not in self._pods]
        if wanted and not self._prepared:
            await make_claims(self._kube, self._object, self._engine.spec)
            await make_budget(self._kube, self._object, self._engine.spec)
            self._prepared = True
        if len(wanted) == 1:
            await self._create_pod(wanted[0])
        elif wanted:
            left = iter(wanted)
            at_once = min(_MOST_AT_ONCE, len(wanted))
            results = await asyncio.gather(*(self._create_some(left, until) for _ in range(at_once)), return_exceptions=True)
            _raise_first(results)
            if next(left, None) is not None:
                self._woken.set()

    async def _create_some(self, left: Iterator[WantedPod], until: float) -> None:
        for wanted in left:
            await self._create_pod(wanted)
            if self._clock.now() >= until:
                return

    async def _create_pod(self, wanted: WantedPod) -> None:
        try:
            outfit = await self._outfit(wanted)
            manifest = build_pod(wanted, self._object, self._engine.spec, now=self._clock.now(),
                                 assignment=outfit.assignment, mounting=outfit.mounting)
            pod = await self._kube.create(PODS, manifest, namespace=self.namespace)
        except AlreadyExists:
            pod = await self._existing_pod(wanted)
        except SpecError as error:
            self._refuse(wanted, str(error))
            return
        except Forbidden as error:
            if "exceeded quota" in str(error):
                self._inbox.append(PodDelayed(wanted.node_id, str(error)))  # told with the next try, so nobody is woken
                raise Unavailable(str(error)) from error
            self._refuse(wanted, str(error))
            return
        except KubeError as error:
            self._refuse(wanted, str(error))
            return
        self._pods[wanted.node_id] = pod["metadata"]["uid"]

    async def _outfit(self, wanted: WantedPod) -> Outfit:
        """What the pod is given; what it has to wait for is told on its node."""
        status = self._engine.status
        try:
            outfit = await self._outfitter.outfit(wanted, {**self._object, "status": status}, self._engine.spec)
        except Unavailable as error:
            self._inbox.append(PodDelayed(wanted.node_id, str(error)))  # told with the next try, so nobody is woken
            raise
        if outfit.repository:  # from now on all of this workflow's artifacts are looked for there
            status.setdefault("artifactRepositoryRef", dict(outfit.repository))
        return outfit

    async def _existing_pod(self, wanted: WantedPod) -> Object:
        """The pod that is there already: ours from before a crash, or a stranger's that must go first."""
        pod = await self._kube.get(PODS, wanted.pod_name, namespace=self.namespace)
        if not self._owns(pod):
            raise Unavailable(f"pod {wanted.pod_name} exists and belongs to somebody else; waiting for it to go")
        self.pod_changed(pod)
        return pod

    def _refuse(self, wanted: WantedPod, text: str) -> None:
        self._inbox.append(PodRefused(wanted.node_id, text))
        self._woken.set()

    async def _answer_needs(self) -> None:
        for need in self._engine.needs:
            self._inbox.append(await answer(self._kube, need, namespace=self.namespace))
            self._woken.set()


def _raise_first(results: Iterable[Any]) -> None:
    for result in results:
        if isinstance(result, BaseException):
            raise result
