"""The controller: every workflow that has work left gets a reconciler, and every pod's news goes to the one it concerns."""

import asyncio
import logging
from itertools import count
from random import Random

from argosy.backoff import Backoff
from argosy.clock import Clock
from argosy.errors import ArgosyError, SpecErrors
from argosy.kube.contract import Kube, NotFound, Object, WatchEvent
from argosy.kube.resources import PODS, WORKFLOWS
from argosy.kube.watching import changes
from argosy.logs import note
from controller.admission import refuse
from controller.announcing import Announcer
from controller.artifacts.garbage import Garbage, is_waiting
from controller.fencing import Deposed, Fenced, Overtaken, Tenure
from controller.labels import instance_selector
from controller.leases import Leases
from controller.outfitting import AsWritten, Outfitter
from controller.pods.manifest import WORKFLOW_LABEL
from controller.reconcile import Reconciler
from controller.sharding import is_newer
from controller.sweeping import Sweeper

log = logging.getLogger("argosy.controller")

_OVER = ("Succeeded", "Failed", "Error")
_BACKOFF = Backoff()
_LEAVE_SECONDS = 2.0  # for a workflow to save what it knows before another replica takes it up


class Controller:
    """A lifecycle service that runs all workflows of `namespace` (all namespaces if it is empty).

    `outfitter` gives pods what they need beyond their templates (the default: whoever runs the pods carries out their
    assignments); `one_machine` whether pods are processes here, so that fields which choose a node or a network have no effect.
    With `leases` it runs only its share of the workflows (it is their `ShardWork`); with `instance`, those of that
    installation, else those of none.
    """

    def __init__(self, kube: Kube, *, clock: Clock, chance: Random, namespace: str = "",
                 outfitter: Outfitter | None = None, one_machine: bool = True, leases: Leases | None = None,
                 instance: str = "") -> None:
        self._outfitter = outfitter or AsWritten()
        self._one_machine = one_machine
        self._kube = kube
        self._clock = clock
        self._chance = chance
        self._namespace = namespace
        self._leases = leases
        self._selector = instance_selector(instance)
        self._group = asyncio.TaskGroup()
        self._elsewhere: dict[str, tuple[str, str]] = {}  # unfinished workflows of other replicas: uid -> namespace, name
        self._reconcilers: dict[str, tuple[Reconciler, asyncio.Task[None]]] = {}  # by the workflow's uid
        self._uids: dict[tuple[str, str], str] = {}  # (namespace, name) of the workflows that run -> uid
        self._last_writes: dict[str, str] = {}  # uid of a workflow that has ended -> version of our last write, till seen
        remover = self._outfitter.remover
        self._sweeper = Sweeper(self._kube_for, clock=clock, chance=Random(chance.random()),
                                garbage=Garbage(remover) if remover else None)
        self._announcer = Announcer(kube, clock=clock, chance=Random(chance.random()))

    async def run(self, ready: asyncio.Event) -> None:
        """Serve until cancelled; with leases, the work is handed over then before anything is cut short."""
        async with asyncio.TaskGroup() as self._group:
            if self._leases is None:
                await self._serve(ready)
                return
            shared = asyncio.Event()
            self._group.create_task(self._serve(ready, after=shared))
            await self._leases.run(self, shared)

    async def _serve(self, ready: asyncio.Event, *, after: asyncio.Event | None = None) -> None:
        if after is not None:
            await after.wait()
        group, synced = self._group, asyncio.Event()
        group.create_task(self._sweeper.run())
        group.create_task(self._announcer.run())
        group.create_task(self._follow_workflows(synced))
        await synced.wait()  # so that whoever looks at a pod knows all workflows that are finished
        group.create_task(self._follow_pods())
        ready.set()

    # ---- which workflows ----

    def gained(self, tenure: Tenure) -> None:
        """Take up the workflows of this shard."""
        for uid, (namespace, name) in list(self._elsewhere.items()):
            if self._tenure_of(uid) is tenure:
                self._take_up({"metadata": {"namespace": namespace, "name": name, "uid": uid}})
        self._sweeper.gained()

    def lost(self, tenure: Tenure) -> None:
        """Drop the workflows of this shard, whatever is being done for them."""
        for reconciler, task in list(self._reconcilers.values()):
            if reconciler.tenure is tenure:
                task.cancel()
                self._leave_to_others(reconciler)
        self._sweeper.lost()

    async def let_go(self, tenures: list[Tenure]) -> None:
        """Let the workflows of these shards come to a point at which another replica can go on."""
        leaving = [(reconciler, task) for reconciler, task in self._reconcilers.values() if reconciler.tenure in tenures]
        for reconciler, _ in leaving:
            reconciler.leave()
        if leaving:
            _, late = await asyncio.wait([task for _, task in leaving], timeout=_LEAVE_SECONDS)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    def _tenure_of(self, uid: str) -> Tenure | None:
        return self._leases.tenure_of(uid) if self._leases else None

    def _kube_for(self, uid: str) -> Kube | None:
        """What to act through for the workflow with this uid; None where another replica looks after it."""
        if self._leases is None:
            return self._kube
        tenure = self._tenure_of(uid)
        return Fenced(self._kube, tenure) if tenure else None

    def _leave_to_others(self, reconciler: Reconciler) -> None:
        self._elsewhere[reconciler.uid] = (reconciler.namespace, reconciler.name)
        self._forget(reconciler)

    # ---- workflows ----

    async def _follow_workflows(self, synced: asyncio.Event) -> None:
        async for event in changes(self._kube, WORKFLOWS, clock=self._clock, chance=self._chance,
                                   namespace=self._namespace, label_selector=self._selector, synced=synced):
            try:
                self._workflow_event(event)
            except Exception:  # one object, however malformed, must not end what all others need
                log.exception("a bug of ours: an event of workflow %s was not understood", event.object["metadata"]["name"])

    def _workflow_event(self, event: WatchEvent) -> None:
        workflow = event.object
        uid = workflow["metadata"]["uid"]
        found = self._reconcilers.get(uid)
        if event.type == "DELETED":
            self._last_writes.pop(uid, None)
            self._elsewhere.pop(uid, None)
            self._sweeper.workflow_lives(uid)
            if found:
                found[1].cancel()
        elif is_waiting(workflow):
            if found:
                found[1].cancel()
            self._sweeper.workflow_waits(workflow)
        elif found:
            found[0].workflow_changed(workflow)
        elif self._is_older(workflow) or workflow["metadata"].get("deletionTimestamp"):
            return
        elif (workflow.get("status") or {}).get("phase", "") in _OVER:
            self._elsewhere.pop(uid, None)
            self._sweeper.workflow_over(workflow)
        else:
            self._sweeper.workflow_lives(uid)
            self._take_up(workflow)

    def _is_older(self, workflow: Object) -> bool:
        """Whether this is a sight of a workflow from before its end, which the watch still shows after we wrote that.

        It must not be taken up again: its pods may be gone by now and would be made a second time.
        """
        metadata = workflow["metadata"]
        last, version = self._last_writes.get(metadata["uid"], ""), metadata["resourceVersion"]
        if not last:
            return False
        if last != version and last.isdigit() and version.isdigit() and int(version) < int(last):
            return True
        del self._last_writes[metadata["uid"]]
        return False

    def _take_up(self, workflow: Object) -> None:
        """Run the workflow, or note that another replica does."""
        metadata = workflow["metadata"]
        uid, name = metadata["uid"], metadata["name"]
        tenure = self._tenure_of(uid)
        if self._leases is not None and (tenure is None or is_newer(workflow, tenure.claim)):
            self._elsewhere[uid] = (metadata["namespace"], name)
            return
        self._elsewhere.pop(uid, None)
        reconciler = Reconciler(self._kube, workflow, clock=self._clock, chance=Random(self._chance.random()),
                                outfitter=self._outfitter, one_machine=self._one_machine,
                                sweeper=self._sweeper, announcer=self._announcer, tenure=tenure)
        task = self._group.create_task(self._guarded(reconciler), name=f"workflow {name}")
        self._reconcilers[uid] = (reconciler, task)
        self._uids[(metadata["namespace"], name)] = uid

    async def _guarded(self, reconciler: Reconciler) -> None:
        """Run one workflow; whatever goes wrong with it stays with it."""
        try:
            await self._run_to_the_end(reconciler)
        except Exception:  # not even its end could be seen to; the process goes on for all others
            log.exception("a bug of ours: workflow %s/%s is left where it stands", reconciler.namespace, reconciler.name)
        finally:
            self._forget(reconciler)

    async def _run_to_the_end(self, reconciler: Reconciler) -> None:
        try:
            await reconciler.run()
            self._note_end(reconciler.saved)
            if reconciler.leaving:
                self._leave_to_others(reconciler)
        except Deposed as error:
            note(log, "workflow left to another replica", namespace=reconciler.namespace, workflow=reconciler.name,
                 reason=str(error))
            self._leave_to_others(reconciler)
        except Overtaken as news:
            self._forget(reconciler)
            self._take_up(news.workflow)
        except SpecErrors as errors:
            text = f"invalid spec: {'; '.join(map(str, errors.problems))}"
            await self._give_up(reconciler, text, phase="Failed")
        except ArgosyError as error:
            await self._give_up(reconciler, str(error))
        except Exception as error:  # our own bug: it must end this one workflow loudly, never the process
            log.exception("a bug of ours ended workflow %s/%s", reconciler.namespace, reconciler.name)
            text = f"internal error, please report it: {type(error).__name__}: {error}"
            await self._give_up(reconciler, text)

    def _note_end(self, workflow: Object) -> None:
        """A workflow ended, is gone, or was left for another replica in good order."""
        if (workflow.get("status") or {}).get("phase", "") in _OVER:
            self._last_writes[workflow["metadata"]["uid"]] = workflow["metadata"]["resourceVersion"]
            self._sweeper.workflow_over(workflow)

    async def _give_up(self, reconciler: Reconciler, text: str, *, phase: str = "Error") -> None:
        """End a workflow that cannot go on; until that is written, people would wait for it in vain."""
        workflow, tenure = reconciler.saved, reconciler.tenure
        kube: Kube = Fenced(self._kube, tenure) if tenure else self._kube
        for tries in count():
            try:
                ended = await refuse(kube, workflow, text, phase=phase, now=self._clock.now(),
                                     claim=tenure.claim if tenure else None)
            except NotFound:
                return
            except Deposed:
                self._leave_to_others(reconciler)
                return
            except ArgosyError as error:
                note(log, "could not write why a workflow ended", level=logging.ERROR, workflow=reconciler.name,
                     reason=str(error), tries=tries + 1)
                await self._clock.sleep(_BACKOFF.wait_seconds(tries, self._chance))
            else:
                if ended is not None:
                    self._note_given_up(ended, text)
                return

    def _note_given_up(self, workflow: Object, text: str) -> None:
        """A workflow is over, most likely for this reason: it may have been over before, and that end stays."""
        self._note_end(workflow)
        status = workflow["status"]
        if status.get("message") == text:
            self._announcer.tell(workflow, status["phase"], text)
        self._sweeper.workflow_given_up(workflow)

    def _forget(self, reconciler: Reconciler) -> None:
        found = self._reconcilers.get(reconciler.uid)
        if found is None or found[0] is not reconciler:
            return  # another one runs the workflow by now
        del self._reconcilers[reconciler.uid]
        key = (reconciler.namespace, reconciler.name)
        if self._uids.get(key) == reconciler.uid:
            del self._uids[key]

    # ---- pods ----

    async def _follow_pods(self) -> None:
        async for event in changes(self._kube, PODS, clock=self._clock, chance=self._chance,
                                   namespace=self._namespace, label_selector=WORKFLOW_LABEL):
            try:
                self._pod_event(event)
            except Exception:  # as above
                log.exception("a bug of ours: an event of pod %s was not understood", event.object["metadata"]["name"])

    def _pod_event(self, event: WatchEvent) -> None:
        reconciler = self._reconciler_of(event.object)
        if event.type == "DELETED":
            self._sweeper.pod_gone(event.object)
            if reconciler is not None:
                reconciler.pod_deleted(event.object)
        elif reconciler is not None:
            reconciler.pod_changed(event.object)
        else:
            self._sweeper.pod_seen(event.object)

    def _reconciler_of(self, pod: Object) -> Reconciler | None:
        metadata = pod["metadata"]
        name = (metadata.get("labels") or {}).get(WORKFLOW_LABEL, "")
        uid = self._uids.get((metadata["namespace"], name), "")
        found = self._reconcilers.get(uid)
        return found[0] if found else None
