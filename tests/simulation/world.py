"""One simulated history: workflows run, controllers are killed at any await, a person writes in between; then the verdict."""

import asyncio
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any
from unittest.mock import patch

from argosy.embedded.store import EmbeddedKube
from argosy.kube.contract import Kube, NotFound, Object
from argosy.kube.resources import PODS, WORKFLOWS
from argosy.kube.watching import changes
from controller.pods.manifest import WORKFLOW_LABEL
from controller.pods.seen import node_id_of
from controller.service import Controller
from tests.simulation.kubelet import Kubelet
from tests.simulation.loop import LoopClock, simulate
from tests.simulation.replicas import replicas
from tests.simulation.scenarios import is_hasty, random_workflow
from tests.simulation.storm import CALM, Sniper, StormyKube, Weather

OVER = ("Succeeded", "Failed", "Error")
PATIENCE_SECONDS = 4000.0
FAILING = 0.35
BAD_DAY = Weather()
SLOW_DAY = Weather(delay_seconds=0.1)  # a save takes long, so much happens before the next one


@dataclass(slots=True)
class History:
    """What was seen of one run of the world."""

    ends: dict[str, Any] = field(default_factory=dict)  # workflow -> phase and (type, phase) of every node
    broken: list[str] = field(default_factory=list)  # promises that did not hold
    pods: dict[str, str] = field(default_factory=dict)  # name of each pod that ever was -> uid
    nodes: dict[str, str] = field(default_factory=dict)  # name of each pod that ever was -> id of its node
    restarts: int = 0


class Watchman:
    """Sees every change at once and without error, and notes each promise that is broken."""

    def __init__(self, kube: Kube, workflows: dict[str, Object]) -> None:
        self._kube = kube
        self._workflows = workflows
        self._active: dict[str, set[str]] = defaultdict(set)
        self._deleted: set[str] = set()
        self.left: dict[str, str] = {}  # name of each pod that is there -> its phase
        self.history = History()

    async def run(self) -> None:
        async for event in changes(self._kube, PODS, clock=LoopClock(), chance=Random(0)):
            await self._look(event.type, event.object)

    async def _look(self, kind: str, pod: Object) -> None:
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        workflow = pod["metadata"]["labels"][WORKFLOW_LABEL]
        self.left[name] = (pod.get("status") or {}).get("phase", "")
        if kind == "DELETED":
            del self.left[name]
        if kind == "ADDED" and self.history.pods.get(name, uid) != uid:
            self.history.broken.append(f"pod {name} was made twice")
        if (kind == "DELETED" or pod["metadata"].get("deletionTimestamp")) and uid not in self._deleted:
            self._deleted.add(uid)
            await self._look_at_deleted(pod, workflow)
        if kind == "DELETED" or (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            self._active[workflow].discard(uid)
            return
        self._active[workflow].add(uid)
        most = self._workflows[workflow]["spec"].get("parallelism")
        if most and len(self._active[workflow]) > most:
            self.history.broken.append(f"{len(self._active[workflow])} pods of {workflow} at once, {most} allowed")
        self.history.pods[name], self.history.nodes[name] = uid, node_id_of(pod)

    async def _look_at_deleted(self, pod: Object, workflow: str) -> None:
        saved = await self._kube.get(WORKFLOWS, workflow, namespace="default")
        node = ((saved.get("status") or {}).get("nodes") or {}).get(node_id_of(pod)) or {}
        if node.get("phase") not in ("Succeeded", "Failed", "Error"):
            self.history.broken.append(f"pod {pod['metadata']['name']} was deleted before its node's end was saved")

    def to_be_deleted(self) -> list[str]:
        """Pods that their workflow's podGC wants gone, once all workflows are over, and that are there still."""
        strategies = {name: (each["spec"].get("podGC") or {}).get("strategy") for name, each in self._workflows.items()}
        due = {"OnPodCompletion": ("Succeeded", "Failed"), "OnWorkflowCompletion": ("Succeeded", "Failed"),
               "OnPodSuccess": ("Succeeded",)}
        return [name for name, phase in self.left.items() if phase in due.get(strategies[name.split("-")[0]] or "", ())]


async def _controllers(kube: Kube, chance: Random, history: History, *, killing: float) -> None:
    """One controller after the other; each lives for a while and is killed at whatever await it stands.

    Some are killed just after they have made a pod, when they have most to lose.
    """
    while True:
        sniper = Sniper(kube, chance=chance, sure=chance.choice((0.0, 0.2)) if killing else 0.0)
        controller = Controller(sniper, clock=LoopClock(), chance=Random(chance.random()))
        task = asyncio.ensure_future(controller.run(asyncio.Event()))
        shot = asyncio.ensure_future(sniper.shot.wait())
        try:
            if not killing:
                await task
            await asyncio.wait([task, shot], timeout=chance.expovariate(1 / killing), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
            if shot.done():
                await asyncio.sleep(chance.choice((0.0, 0.05)))
        finally:
            shot.cancel()
            task.cancel()
            await asyncio.wait([task])
        history.restarts += 1
        if killing and chance.random() < 0.3:  # nobody is there for a while, and much happens meanwhile
            await asyncio.sleep(chance.expovariate(1 / 3))


async def _person(kube: Kube, workflows: dict[str, Object], chance: Random) -> dict[str, set[str]]:
    """Writes annotations into running workflows, and remembers which; none may be lost. May stop a hasty one."""
    written: dict[str, set[str]] = defaultdict(set)
    for number in range(6):
        await asyncio.sleep(chance.expovariate(1 / 3))
        name = chance.choice(sorted(workflows))
        key = f"note-{number}"
        await kube.patch(WORKFLOWS, name, {"metadata": {"annotations": {key: "read me"}}}, namespace="default")
        written[name].add(key)
        if is_hasty(workflows[name]) and chance.random() < 0.2:
            wish = {"shutdown": chance.choice(("Stop", "Terminate"))}
            await kube.patch(WORKFLOWS, name, {"spec": wish}, namespace="default")
    return written


async def _until_over(kube: Kube, names: list[str]) -> None:
    left = set(names)
    async for event in kube.watch(WORKFLOWS, namespace="default"):
        if (event.object.get("status") or {}).get("phase") in OVER:
            left.discard(event.object["metadata"]["name"])
        if not left:
            return


async def _live(seed: int, *, weather: Weather, killing: float, sharing: bool, frozen: bool) -> History:
    chance = Random(seed)
    failing = 0.05 if _is_slow(seed) else FAILING
    kube = EmbeddedKube.open(":memory:", clock=LoopClock(), durable=False)
    workflows = {f"w{number}": random_workflow(chance, name=f"w{number}") for number in range(2)}
    watchman = Watchman(kube, workflows)
    history = watchman.history
    bad_day = StormyKube(kube, chance=chance, weather=weather)
    controllers = (replicas(bad_day, chance, troubling=killing, frozen=frozen) if sharing
                   else _controllers(bad_day, chance, history, killing=killing))
    try:
        async with asyncio.TaskGroup() as group:
            others = [group.create_task(Kubelet(kube, seed=seed, failing=failing).run()), group.create_task(watchman.run()),
                      group.create_task(controllers)]
            for workflow in workflows.values():
                await kube.create(WORKFLOWS, workflow, namespace="default")
            writer = group.create_task(_person(kube, workflows, chance))
            try:
                await asyncio.wait_for(_until_over(kube, list(workflows)), PATIENCE_SECONDS)
            except TimeoutError:
                history.broken.append("a workflow did not end")
            written = await writer
            for _ in range(100):  # what is to be deleted goes in spite of the weather
                if not watchman.to_be_deleted():
                    break
                await asyncio.sleep(5)
            history.broken.extend(f"pod {name} was left behind" for name in watchman.to_be_deleted())
            for task in others:
                task.cancel()
        await _sum_up(kube, workflows, written, history)
    finally:
        kube.close()
    return history


async def _sum_up(kube: Kube, workflows: dict[str, Object], written: dict[str, set[str]], history: History) -> None:
    for name in workflows:
        with suppress(NotFound):
            saved = await kube.get(WORKFLOWS, name, namespace="default")
            status = saved.get("status") or {}
            nodes = status.get("nodes") or {}
            if not is_hasty(workflows[name]):
                history.ends[name] = (status.get("phase"), {
                    node["name"]: (node["type"], node["phase"]) for node in nodes.values()})
            lost = written[name] - set(saved["metadata"].get("annotations") or {})
            if lost:
                history.broken.append(f"what a person wrote into {name} was lost: {sorted(lost)}")
            attempts = [node for node in nodes.values() if node["type"] == "Pod"]
            history.broken.extend(_too_many_tries(workflows[name], nodes))
            made = [pod for pod in history.pods if pod.startswith(f"{name}-")]
            history.broken.extend(f"pod {pod} was made and no node tells of it" for pod in made
                                  if history.nodes[pod] not in nodes)
            if not is_hasty(workflows[name]) and len(made) != len(attempts):
                history.broken.append(f"{len(attempts)} attempts of {name} but {len(made)} pods")


def _too_many_tries(workflow: Object, nodes: dict[str, Any]) -> list[str]:
    """Retry nodes with more attempts than the limit of the one template that retries."""
    limit = next(template["retryStrategy"]["limit"] for template in workflow["spec"]["templates"]
                 if "retryStrategy" in template)
    return [f"{node['name']} was tried {len(node['children'])} times, {limit + 1} allowed" for node in nodes.values()
            if node["type"] == "Retry" and len(node.get("children") or []) > limit + 1]


def _is_slow(seed: int) -> bool:
    """Whether the day of this seed is slow; on such days little fails, so that much rests on what is not saved yet."""
    return seed % 3 == 0


def live_through(seed: int, *, weather: Weather | None = None, killing: float | None = None, sharing: bool = False,
                 frozen: bool = False) -> History:
    """The history that follows from `seed`; `killing` is a controller's mean life in seconds (0 for ever; else drawn).

    With `sharing` there are several controllers at a time, and they are stopped too; `frozen`, together with their clocks.
    """
    if weather is None:
        weather = SLOW_DAY if _is_slow(seed) else BAD_DAY
    if killing is None:
        killing = Random(seed).choice((0.0, 3.0, 8.0, 30.0))
    dice = Random(seed)  # which shard a workflow falls into follows from its uid
    with (patch("argosy.embedded.store.kube.new_uid", lambda: f"{dice.getrandbits(128):032x}"),
          patch("controller.leases.new_suffix", lambda: f"{dice.getrandbits(32):08x}")):
        return simulate(_live(seed, weather=weather, killing=killing, sharing=sharing, frozen=frozen), seed=seed)


def verdict(seed: int, *, sharing: bool = False, frozen: bool = False) -> list[str]:
    """What went wrong under this seed: broken promises, and ends that differ from those of a calm day.

    Where clocks are frozen a request that was about to go out may go out late, and make a pod once more; but what is
    written down stays right.
    """
    stormy = live_through(seed, sharing=sharing, frozen=frozen)
    calm = live_through(seed, weather=CALM, killing=0.0)
    broken = [text for text in stormy.broken if not (frozen and text.startswith("pod ")) and not (frozen and "at once" in text)]
    wrong = [*broken, *(f"on a calm day: {text}" for text in calm.broken)]
    for name, end in calm.ends.items():
        if stormy.ends.get(name) != end:
            wrong.append(f"{name} ended {_told(stormy.ends.get(name), end)}")
    return wrong


def _told(ours: Any, right: Any) -> str:
    if ours is None or ours[0] != right[0]:
        return f"{ours and ours[0]} instead of {right[0]}"
    names = [node for node in right[1].keys() | ours[1].keys() if right[1].get(node) != ours[1].get(node)]
    return f"with other nodes: {[(node, ours[1].get(node), right[1].get(node)) for node in sorted(names)[:3]]}"

