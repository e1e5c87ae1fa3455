"""The pods of one workflow in the world: which are there, which are still to be made, which are to go.

Many are made at a time. One that has to wait (a quota is used up, a stranger's pod has its name) keeps out no other: first
comes who was not tried yet, then, of those who wait, the one whose last try is longest ago. Where nobody can be served (the
server is away, or has too much to do) the turn is over at once, and the next one begins with others.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from argosy.clock import Clock
from argosy.errors import SpecError, Unavailable
from argosy.kube.answers import ServerFailed
from argosy.kube.contract import AlreadyExists, Conflict, Kube, KubeError, NotFound, Object
from argosy.kube.resources import PODS
from controller.budgets import make_budget
from controller.claims import make_claims
from controller.engine import Run
from controller.engine.contract import Observation, PodDelayed, PodRefused, UnwantedPod, WantedPod
from controller.outfitting import Outfit, Outfitter
from controller.passing import may_pass
from controller.pods.manifest import build_pod
from controller.pods.seen import node_id_of

_MOST_AT_ONCE = 64  # pods that one workflow has being made at a time: an API server under load answers slowly, not little
_MOST_IN_VAIN = 64  # tries a turn for pods that had to wait before, or with somebody who is in trouble: they may be many
_SOON_SECONDS = 0.1


class PutOff(Unavailable):
    """Some of it has to wait for now; all the rest was done."""


class _InTrouble(PutOff):
    """This one has to wait for somebody who is in trouble, and may be for all: there is no need to ask too often."""


@dataclass(slots=True)
class _Turn:
    """One time of making what is wanted."""

    run: Run
    workflow: Object
    left: deque[WantedPod]
    until: float
    in_vain: int = 0
    put_off: PutOff | None = None  # the first one's reason


class PodMaker:
    """Makes and deletes the pods of the workflow with this `uid`.

    `hear` is told what becomes of a pod that cannot be made, `see` is shown one that was there already.
    """

    def __init__(self, kube: Kube, *, namespace: str, uid: str, clock: Clock, outfitter: Outfitter,
                 hear: Callable[[Observation], None], see: Callable[[Object], None]) -> None:
        self.there: dict[str, str] = {}  # node id -> uid of the pod that was seen for it
        self.unwanted: dict[str, UnwantedPod] = {}
        self._kube = kube
        self._namespace = namespace
        self._uid = uid
        self._clock = clock
        self._outfitter = outfitter
        self._hear = hear
        self._see = see
        self._prepared = False  # what the pods need beside them has been made
        self._waiting: dict[str, None] = {}  # ids of nodes whose pods were tried in vain; the last try is the last entry
        self._under_way = 0
        self._gone: set[str] = set()  # uids of the pods that went while others, or they themselves, were being made

    # ---- what is known of them ----

    def owns(self, pod: Object) -> bool:
        """Whether this pod is one of the workflow's."""
        owners = pod["metadata"].get("ownerReferences") or []
        return bool(node_id_of(pod)) and any(owner.get("uid") == self._uid for owner in owners)

    def note(self, pod: Object) -> None:
        """It exists."""
        self.there[node_id_of(pod)] = pod["metadata"]["uid"]

    def note_gone(self, pod: Object) -> None:
        """It exists no more. That may be known before the call that made it has been answered."""
        self.there.pop(node_id_of(pod), None)
        if self._under_way:
            self._gone.add(pod["metadata"]["uid"])

    def lacks_any_of(self, wanted: Mapping[str, WantedPod]) -> bool:
        """Whether some of these are not there."""
        return not self.there.keys() >= wanted.keys()

    # ---- delete ----

    async def delete(self) -> None:
        """Delete what is unwanted. Raises PutOff where some of it is refused for now; one that does not go keeps no other."""
        refusal: KubeError | ServerFailed | None = None
        for node_id, unwanted in list(self.unwanted.items()):
            try:
                uid = self.there.get(node_id) or await self._uid_of(unwanted)
                await self._kube.delete(PODS, unwanted.pod_name, namespace=self._namespace, uid=uid,
                                        grace_seconds=0 if unwanted.at_once else None)
            except (NotFound, Conflict):
                pass  # gone already is all that was wanted; one made anew will be seen
            except (KubeError, ServerFailed) as error:
                refusal = refusal or error
                continue
            del self.unwanted[node_id]
        if refusal is not None:
            raise PutOff(str(refusal)) from refusal

    async def _uid_of(self, unwanted: UnwantedPod) -> str:
        """The uid of a pod that was asked for and not seen: the answer was lost, or a process before us made it."""
        pod = await self._kube.get(PODS, unwanted.pod_name, namespace=self._namespace)
        if not self.owns(pod):
            raise NotFound(f"pod {unwanted.pod_name} belongs to somebody else")
        return str(pod["metadata"]["uid"])

    # ---- make ----

    async def make(self, run: Run, workflow: Object, *, until: float) -> bool:
        """Make the pods that are wanted. Returns whether the time was over before all had been tried.

        Raises PutOff where some have to wait, and Unavailable where none can be made for now.
        """
        wanted = self._in_turn(run.wanted)
        if not wanted:
            return False
        if not self._prepared:
            await self._prepare(run, workflow, wanted)
        turn = _Turn(run, workflow, deque(wanted), until)
        if len(wanted) == 1:
            await self._make_some(turn)
        else:
            at_once = min(_MOST_AT_ONCE, len(wanted))
            for end in await asyncio.gather(*(self._make_some(turn) for _ in range(at_once)), return_exceptions=True):
                if end is not None:
                    raise end
        if turn.left:
            return True
        if turn.put_off is not None:
            raise turn.put_off
        return False

    async def _prepare(self, run: Run, workflow: Object, wanted: Iterable[WantedPod]) -> None:
        """Make what the pods need beside them; what that has to wait for is told on their nodes."""
        try:
            await make_claims(self._kube, workflow, run.spec)
            await make_budget(self._kube, workflow, run.spec)
        except Unavailable as error:
            for pod in wanted:
                self._hear(PodDelayed(pod.node_id, str(error)))
            raise
        self._prepared = True

    def _in_turn(self, wanted: Mapping[str, WantedPod]) -> list[WantedPod]:
        """Those that are not there, in the order in which to try them."""
        self._waiting = {key: None for key in self._waiting if key in wanted}
        fresh = [pod for key, pod in wanted.items() if key not in self.there and key not in self._waiting]
        return fresh + [wanted[key] for key in self._waiting if key not in self.there]

    async def _make_some(self, turn: _Turn) -> None:
        while turn.left:
            wanted = turn.left.popleft()
            try:
                await self._make_one(wanted, turn)
                self._waiting.pop(wanted.node_id, None)
            except PutOff as error:
                turn.put_off = turn.put_off or error
                turn.in_vain += self._had_to_wait_before(wanted) or isinstance(error, _InTrouble)
                if turn.in_vain >= _MOST_IN_VAIN:
                    turn.left.clear()
            except BaseException:
                self._had_to_wait_before(wanted)
                turn.left.clear()  # what keeps out this one keeps out all
                raise
            if self._clock.now() >= turn.until:
                return

    def _had_to_wait_before(self, wanted: WantedPod) -> bool:
        """It has to wait now; did it before?"""
        before = wanted.node_id in self._waiting
        self._waiting.pop(wanted.node_id, None)
        self._waiting[wanted.node_id] = None
        return before

    async def _make_one(self, wanted: WantedPod, turn: _Turn) -> None:
        self._under_way += 1
        try:
            uid = await self._made(wanted, turn)
            if uid and uid not in self._gone:
                self.there[wanted.node_id] = uid
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._gone.clear()

    async def _made(self, wanted: WantedPod, turn: _Turn) -> str:
        """The uid of the pod, "" where it is refused for good. Raises PutOff where it alone has to wait, Unavailable."""
        try:
            outfit = await self._outfit(wanted, turn)
            manifest = build_pod(wanted, turn.workflow, turn.run.spec, now=self._clock.now(),
                                 assignment=outfit.assignment, mounting=outfit.mounting)
            pod = await self._created(wanted, manifest)
        except (SpecError, KubeError) as error:
            if isinstance(error, KubeError) and may_pass(error):
                self._hear(PodDelayed(wanted.node_id, str(error)))
                raise PutOff(str(error)) from error
            self._hear(PodRefused(wanted.node_id, str(error)))
            return ""
        return str(pod["metadata"]["uid"])

    async def _outfit(self, wanted: WantedPod, turn: _Turn) -> Outfit:
        """What the pod is given; what it has to wait for is told on its node."""
        status = turn.run.status
        try:
            outfit = await self._outfitter.outfit(wanted, {**turn.workflow, "status": status}, turn.run.spec)
        except Unavailable as error:
            self._hear(PodDelayed(wanted.node_id, str(error)))
            raise _InTrouble(str(error), retry_after_seconds=error.retry_after_seconds) from error
        if outfit.repository:  # from now on all of this workflow's artifacts are looked for there
            status.setdefault("artifactRepositoryRef", dict(outfit.repository))
        return outfit

    async def _created(self, wanted: WantedPod, manifest: Object) -> Object:
        try:
            return await self._kube.create(PODS, manifest, namespace=self._namespace)
        except AlreadyExists:
            return await self._existing_pod(wanted)
        except ServerFailed as error:
            self._hear(PodDelayed(wanted.node_id, str(error)))
            raise _InTrouble(str(error)) from error  # an admission webhook may be away for long, and not be asked of all

    async def _existing_pod(self, wanted: WantedPod) -> Object:
        """The pod that is there already: ours from before a crash, or a stranger's that must go first."""
        try:
            pod = await self._kube.get(PODS, wanted.pod_name, namespace=self._namespace)
        except NotFound:
            pod = {}
        if not pod or pod["metadata"]["uid"] in self._gone:
            raise PutOff(f"pod {wanted.pod_name} went a moment ago", retry_after_seconds=_SOON_SECONDS)
        if not self.owns(pod):
            text = f"pod {wanted.pod_name} exists and belongs to somebody else; waiting for it to go"
            self._hear(PodDelayed(wanted.node_id, text))
            raise PutOff(text)
        self._see(pod)
        return pod
