"""The shell around one workflow's engine: load, observe, advance, save, then act.

One `Reconciler` lives as long as its workflow runs. Whatever happens to the workflow lands in its inbox; one pass takes
all that has gathered, lets the engine advance, saves the status once, and only then acts on the world: deletes, creates,
asks. What could not be done for now stays in the engine's `wanted` and `needs` and is tried again with back-off, so a
crash between any two steps loses nothing and repeats nothing (pod names follow from node and attempt).

A save writes the whole status, so one save per event would cost the square of a large workflow. A save that nothing waits
for (no pod to make or to end, nothing to ask) is therefore put off for a moment after the last one, and for `_SAVE_SHARE`
times as long as that one took; what happens meanwhile goes into the same write.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from random import Random
from typing import Any

from argosy.backoff import Backoff
from argosy.clock import Clock
from argosy.errors import Problem, SpecError, SpecErrors, Unavailable
from argosy.kube.contract import AlreadyExists, Conflict, Forbidden, Kube, KubeError, NotFound, Object
from argosy.kube.resources import (
    CLUSTER_WORKFLOW_TEMPLATES,
    CONFIG_MAPS,
    PODS,
    WORKFLOW_TEMPLATES,
    WORKFLOWS,
)
from argosy.logs import note
from controller.admission import spec_problems, spec_warning
from controller.announcing import Announcer
from controller.budgets import make_budget
from controller.claims import make_claims
from controller.cleaning import EndedPods
from controller.damage import check_status
from controller.engine import Run
from controller.engine.contract import (
    Answer,
    Changes,
    Move,
    Need,
    Observation,
    PodDelayed,
    PodGone,
    PodRefused,
    UnwantedPod,
    WantedPod,
)
from controller.foreign import foreign_edits
from controller.labels import stamped
from controller.pods.manifest import WORKFLOW_LABEL, build_pod
from controller.pods.seen import node_id_of, read_gone, read_pod
from controller.sweeping import Sweeper

log = logging.getLogger("argosy.controller")

_NEED_RESOURCES = {
    "WorkflowTemplate": WORKFLOW_TEMPLATES,
    "ClusterWorkflowTemplate": CLUSTER_WORKFLOW_TEMPLATES,
    "ConfigMap": CONFIG_MAPS,
}
_MOST_AT_ONCE = 16  # API calls that one workflow has under way at a time
_OWN_WRITES_KEPT = 64
_SAVE_SHARE = 8  # how many times as long as a save took the next one is put off, so that saving stays a small share
_SAVE_SOON_SECONDS = 0.05  # a quick step begins and ends within it, and is written once
_SAVE_LATE_SECONDS = 2.0  # what a person reads is never older than this
_TRIES_AT_ONCE = 4  # writes in a row, each on top of what somebody else wrote meanwhile


class Reconciler:
    """Runs one workflow to its end."""

    def __init__(self, kube: Kube, workflow: Object, *, clock: Clock, chance: Random, sweeper: Sweeper,
                 announcer: Announcer, backoff: Backoff | None = None, executor: bool = True,
                 one_machine: bool = True) -> None:
        self.namespace: str = workflow["metadata"]["namespace"]
        self.name: str = workflow["metadata"]["name"]
        self.uid: str = workflow["metadata"]["uid"]
        self._kube = kube
        self._sweeper = sweeper
        self._announcer = announcer
        self._executor = executor
        self._one_machine = one_machine
        self._clock = clock
        self._chance = chance
        self._backoff = backoff or Backoff()
        self._object = workflow
        self._run: Run | None = None
        self._inbox: deque[Observation] = deque()
        self._woken = asyncio.Event()
        self._own_writes: deque[str] = deque(maxlen=_OWN_WRITES_KEPT)
        self._unwanted: dict[str, UnwantedPod] = {}
        self._pods: dict[str, str] = {}  # node id -> name of the pod that was seen for it
        self._ended_pods = EndedPods()
        self._untold: list[Move] = []  # moves of the workflow itself that are to be announced once they are saved
        self._unsaved = False
        self._save_after = 0.0  # a save that nothing waits for does not start sooner
        self._prepared = False  # what the pods need beside them has been made
        self._warnings: list[Problem] = []
        self._failures = 0

    # ---- what the service tells ----

    def workflow_changed(self, workflow: Object) -> None:
        """The Workflow object was written: by ourselves (nothing new), or by somebody who wishes something."""
        if workflow["metadata"]["resourceVersion"] not in self._own_writes:
            self._take(workflow)

    def _take(self, workflow: Object) -> None:
        """Work on with the object as somebody wrote it, and with what they wish."""
        self._object = workflow
        self._inbox.extend(foreign_edits(workflow, self._run.status if self._run else {}))
        self._woken.set()

    def pod_changed(self, pod: Object) -> None:
        """One of this workflow's pods was created or its status moved on."""
        if not self._owns(pod):
            return
        self._pods[node_id_of(pod)] = pod["metadata"]["name"]
        self._ended_pods.note(pod)
        self._inbox.append(read_pod(pod))
        self._woken.set()

    def pod_deleted(self, pod: Object) -> None:
        """One of this workflow's pods is gone; its last status is the last word."""
        if not self._owns(pod):
            return
        self._pods.pop(node_id_of(pod), None)
        self._inbox.extend(read_gone(pod))
        self._save_after = 0.0  # what it said last stands nowhere else any more
        self._woken.set()

    def _owns(self, pod: Object) -> bool:
        owners = pod["metadata"].get("ownerReferences") or []
        return bool(node_id_of(pod)) and any(owner.get("uid") == self.uid for owner in owners)

    # ---- the life of one workflow ----

    async def run(self) -> None:
        """Bring the workflow to its end. Returns then, or when the object is gone."""
        try:
            await self._start()
            while not (self._engine.ended and not self._unsaved and not self._unwanted):
                wake_at = await self._pass()
                await self._rest(wake_at)
            self._tell_what_is_saved()  # of pods that ended during the last pass, too
            note(log, "workflow ended", namespace=self.namespace, workflow=self.name,
                 phase=self._engine.status.get("phase"), message=self._engine.status.get("message"))
        except NotFound:
            note(log, "workflow is gone", namespace=self.namespace, workflow=self.name)

    @property
    def _engine(self) -> Run:
        assert self._run is not None, "the engine is there once the reconciler has started"
        return self._run

    async def _start(self) -> None:
        errors, self._warnings = spec_problems(self._object, one_machine=self._one_machine)
        if errors and not (self._object.get("status") or {}).get("phase"):
            raise SpecErrors(errors)  # a workflow that runs already was judged when it began
        check_status(self._object.get("status") or {})
        self._run = Run.load(self._object)
        self._inbox.extend(foreign_edits(self._object, self._run.status))
        await self._keep_trying(self._look_at_pods)
        note(log, "workflow taken up", namespace=self.namespace, workflow=self.name)

    async def _look_at_pods(self) -> None:
        """See the pods that exist; a node that ran before and has no pod any more has lost it."""
        listing = await self._kube.list(PODS, namespace=self.namespace, label_selector=f"{WORKFLOW_LABEL}={self.name}")
        for pod in listing.items:
            self.pod_changed(pod)
        for node_id in _running_pod_nodes(self._engine.status):
            if node_id not in self._pods:
                self._inbox.append(PodGone(node_id))

    async def _pass(self) -> float | None:
        """Take what has gathered, decide, save, act. Returns when to look again at the latest."""
        self._woken.clear()
        seen = list(self._inbox)
        self._inbox.clear()
        self._engine.observe(*seen)
        changes = self._engine.advance(self._clock.now())
        self._unsaved = self._unsaved or changes.status_changed
        self._tell(changes)
        for unwanted in changes.delete:
            self._unwanted[unwanted.node_id] = unwanted
        if self._unsaved and self._may_be_saved_later():
            return self._save_after if changes.wake_at is None else min(self._save_after, changes.wake_at)
        try:
            if self._unsaved:
                await self._save()
            self._tell_what_is_saved()
            await self._act()
        except Unavailable as error:
            return self._later(error)
        self._failures = 0
        return changes.wake_at

    def _may_be_saved_later(self) -> bool:
        """Whether the last save is so recent that the next can wait, and nothing waits for it."""
        engine = self._engine
        put_off = self._save_after - self._clock.now()  # more than the most there is: somebody set the clock back
        return (0 < put_off <= _SAVE_LATE_SECONDS and not engine.ended and not self._unwanted and not engine.needs
                and self._pods.keys() >= engine.wanted.keys())

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
            self._sweeper.pod_ended(pod, self._ended_pods.cleaning)

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
        if self._woken.is_set() or (self._engine.ended and not self._unsaved and not self._unwanted):
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
            try:
                await action()
            except Unavailable as error:
                await self._rest(self._later(error))
                continue
            self._failures = 0
            return

    # ---- save ----

    async def _save(self) -> None:
        """Write the status; where somebody wrote in between, take their wishes in and write on top of them."""
        started_at = self._clock.now()
        for _ in range(_TRIES_AT_ONCE):
            try:
                written = await self._kube.replace(WORKFLOWS, self._saved_form())
            except Conflict:
                current = await self._kube.get(WORKFLOWS, self.name, namespace=self.namespace)
                if current["metadata"]["uid"] != self.uid:
                    raise NotFound(f"workflow {self.name} was deleted and made anew") from None
                self._take(current)  # even one of our own: what the watch showed last may have been older
                continue
            self._own_writes.append(written["metadata"]["resourceVersion"])
            self._object = {key: value for key, value in written.items() if key != "status"}
            self._unsaved = False
            ended_at = self._clock.now()
            put_off = max(_SAVE_SHARE * (ended_at - started_at), _SAVE_SOON_SECONDS)
            self._save_after = ended_at + min(put_off, _SAVE_LATE_SECONDS)
            return
        raise Unavailable("somebody else writes the workflow all the time")

    def _saved_form(self) -> Object:
        status = self._engine.status
        if self._warnings:
            status = {**status, "conditions": [*(status.get("conditions") or []), spec_warning(self._warnings)]}
        return stamped({**self._object, "status": status}, self._engine)

    # ---- act ----

    async def _act(self) -> None:
        await self._delete_pods()
        await self._create_pods()
        await self._answer_needs()

    async def _delete_pods(self) -> None:
        for node_id, unwanted in list(self._unwanted.items()):
            with suppress(NotFound):  # gone already is all that was wanted
                await self._kube.delete(PODS, unwanted.pod_name, namespace=self.namespace,
                                        grace_seconds=0 if unwanted.at_once else None)
            del self._unwanted[node_id]

    async def _create_pods(self) -> None:
        wanted = [pod for node_id, pod in self._engine.wanted.items() if node_id not in self._pods]
        if wanted and not self._prepared:
            await make_claims(self._kube, self._object, self._engine.spec)
            await make_budget(self._kube, self._object, self._engine.spec)
            self._prepared = True
        if len(wanted) == 1:
            await self._create_pod(wanted[0])
        elif wanted:
            limit = asyncio.Semaphore(_MOST_AT_ONCE)
            results = await asyncio.gather(*(self._create_within(limit, pod) for pod in wanted), return_exceptions=True)
            _raise_first(results)

    async def _create_within(self, limit: asyncio.Semaphore, wanted: WantedPod) -> None:
        async with limit:
            await self._create_pod(wanted)

    async def _create_pod(self, wanted: WantedPod) -> None:
        try:
            manifest = build_pod(wanted, self._object, self._engine.spec, now=self._clock.now(),
                                 executor=self._executor)
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
        self._pods[wanted.node_id] = pod["metadata"]["name"]

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
            self._inbox.append(await self._answer(need))
            self._woken.set()

    async def _answer(self, need: Need) -> Answer:
        resource = _NEED_RESOURCES[need.kind]
        try:
            found = await self._kube.get(resource, need.name, namespace=self.namespace if resource.namespaced else "")
        except NotFound as error:
            return Answer(need, None, str(error))
        return Answer(need, found)


def _running_pod_nodes(status: Mapping[str, Any]) -> Iterable[str]:
    """Ids of the nodes whose pod had been seen running when the status was saved."""
    for node_id, node in (status.get("nodes") or {}).items():
        if node.get("type") == "Pod" and node.get("phase") == "Running":
            yield node_id


def _raise_first(results: Iterable[Any]) -> None:
    for result in results:
        if isinstance(result, BaseException):
            raise result
