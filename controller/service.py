"""The controller: every workflow that has work left gets a reconciler, and every pod's news goes to the one it concerns."""

import asyncio
import logging
from random import Random

from argosy.clock import Clock
from argosy.errors import ArgosyError, SpecErrors
from argosy.kube.contract import Kube, NotFound, Object, WatchEvent
from argosy.kube.resources import PODS, WORKFLOWS
from argosy.kube.watching import changes
from argosy.logs import note
from controller.admission import refuse
from controller.announcing import Announcer
from controller.labels import INSTANCE_LABEL
from controller.pods.manifest import WORKFLOW_LABEL
from controller.reconcile import Reconciler
from controller.sweeping import Sweeper

log = logging.getLogger("argosy.controller")

_OVER = ("Succeeded", "Failed", "Error")


class Controller:
    """A lifecycle service that runs all workflows of `namespace` (all namespaces if it is empty).

    `executor` says whether whoever runs the pods carries out their assignments, such as handing over results;
    `one_machine` whether pods are processes here, so that fields which choose a node or a network have no effect.
    """

    def __init__(self, kube: Kube, *, clock: Clock, chance: Random, namespace: str = "", executor: bool = True,
                 one_machine: bool = True) -> None:
        self._executor = executor
        self._one_machine = one_machine
        self._kube = kube
        self._clock = clock
        self._chance = chance
        self._namespace = namespace
        self._reconcilers: dict[str, tuple[Reconciler, asyncio.Task[None]]] = {}  # by the workflow's uid
        self._uids: dict[tuple[str, str], str] = {}  # (namespace, name) of the workflows that run -> uid
        self._last_writes: dict[str, str] = {}  # uid of a workflow that has ended -> version of our last write, till seen
        self._sweeper = Sweeper(kube, clock=clock, chance=Random(chance.random()))
        self._announcer = Announcer(kube, clock=clock, chance=Random(chance.random()))

    async def run(self, ready: asyncio.Event) -> None:
        """Serve until cancelled."""
        async with asyncio.TaskGroup() as group:
            synced = asyncio.Event()
            group.create_task(self._sweeper.run())
            group.create_task(self._announcer.run())
            group.create_task(self._follow_workflows(group, synced))
            await synced.wait()  # so that whoever looks at a pod knows all workflows that are finished
            group.create_task(self._follow_pods())
            ready.set()

    # ---- workflows ----

    async def _follow_workflows(self, group: asyncio.TaskGroup, synced: asyncio.Event) -> None:
        async for event in changes(self._kube, WORKFLOWS, clock=self._clock, chance=self._chance,
                                   namespace=self._namespace, synced=synced):
            try:
                self._workflow_event(event, group)
            except Exception:  # one object, however malformed, must not end what all others need
                log.exception("a bug of ours: an event of workflow %s was not understood", event.object["metadata"]["name"])

    def _workflow_event(self, event: WatchEvent, group: asyncio.TaskGroup) -> None:
        workflow = event.object
        uid = workflow["metadata"]["uid"]
        found = self._reconcilers.get(uid)
        if event.type == "DELETED":
            self._last_writes.pop(uid, None)
            self._sweeper.workflow_lives(uid)
            if found:
                found[1].cancel()
        elif found:
            found[0].workflow_changed(workflow)
        elif self._is_older(workflow) or not self._is_ours(workflow):
            return
        elif (workflow.get("status") or {}).get("phase", "") in _OVER:
            self._sweeper.workflow_over(workflow)
        else:
            self._sweeper.workflow_lives(uid)
            self._take_up(workflow, group)

    def _is_ours(self, workflow: Object) -> bool:
        metadata = workflow["metadata"]
        return not metadata.get("deletionTimestamp") and INSTANCE_LABEL not in (metadata.get("labels") or {})

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

    def _take_up(self, workflow: Object, group: asyncio.TaskGroup) -> None:
        metadata = workflow["metadata"]
        reconciler = Reconciler(self._kube, workflow, clock=self._clock, chance=Random(self._chance.random()),
                                executor=self._executor, one_machine=self._one_machine,
                                sweeper=self._sweeper, announcer=self._announcer)
        task = group.create_task(self._guarded(reconciler, workflow), name=f"workflow {metadata['name']}")
        self._reconcilers[metadata["uid"]] = (reconciler, task)
        self._uids[(metadata["namespace"], metadata["name"])] = metadata["uid"]

    async def _guarded(self, reconciler: Reconciler, workflow: Object) -> None:
        """Run one workflow; whatever goes wrong with it stays with it."""
        try:
            await reconciler.run()
            self._note_end(reconciler.saved)
        except SpecErrors as errors:
            await self._give_up(workflow, f"invalid spec: {'; '.join(map(str, errors.problems))}", phase="Failed")
        except ArgosyError as error:
            await self._give_up(workflow, str(error))
        except Exception as error:  # our own bug: it must end this one workflow loudly, never the process
            log.exception("a bug of ours ended workflow %s/%s", reconciler.namespace, reconciler.name)
            await self._give_up(workflow, f"internal error, please report it: {type(error).__name__}: {error}")
        finally:
            self._forget(reconciler)

    def _note_end(self, workflow: Object) -> None:
        """A workflow ended, or is gone."""
        if (workflow.get("status") or {}).get("phase", "") in _OVER:
            self._last_writes[workflow["metadata"]["uid"]] = workflow["metadata"]["resourceVersion"]
            self._sweeper.workflow_over(workflow)

    async def _give_up(self, workflow: Object, text: str, *, phase: str = "Error") -> None:
        try:
            await refuse(self._kube, workflow, text, phase=phase, now=self._clock.now())
        except NotFound:
            return
        except ArgosyError as error:
            note(log, "could not write why a workflow ended", level=logging.ERROR,
                 workflow=workflow["metadata"]["name"], reason=str(error))
        else:
            self._announcer.tell(workflow, phase, text)

    def _forget(self, reconciler: Reconciler) -> None:
        self._reconcilers.pop(reconciler.uid, None)
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
