"""Faults planted on purpose: each is a plausible bug, and the simulation must catch every one of them.

A fault is a context manager that puts the bug in for as long as its block lasts.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from controller.cleaning import EndedPod
from controller.engine.contract import WantedPod
from controller.engine.gates import Gate
from controller.engine.nodes import Nodes
from controller.engine.pods import Pods
from controller.engine.retry import Strategy
from controller.making import PodMaker
from controller.reconcile import Reconciler
from controller.sweeping import Sweeper


@contextmanager
def act_only_on_new_pods() -> Iterator[None]:
    """A pod is asked for once, when it is first wanted; if that call fails nobody asks again."""
    original = PodMaker._make_one

    async def once(self: PodMaker, wanted: WantedPod, turn: Any) -> None:
        asked = self.__dict__.setdefault("asked", set())
        if wanted.node_id in asked:
            return
        asked.add(wanted.node_id)
        await original(self, wanted, turn)

    with patch.object(PodMaker, "_make_one", once):
        yield


@contextmanager
def act_before_saving() -> Iterator[None]:
    """Pods are created before the status that names them is written."""
    original = Reconciler._save

    async def late(self: Reconciler) -> None:
        await self._act()
        await original(self)

    with patch.object(Reconciler, "_save", late):
        yield


@contextmanager
def act_ahead_of_everything() -> Iterator[None]:
    """Pods are created before the save also where they rest on what stands nowhere else."""
    with patch("controller.ahead.can_be_read_again", lambda *_given: True):
        yield


@contextmanager
def do_not_catch_up() -> Iterator[None]:
    """A new process takes the saved status for all that had happened."""
    async def nothing(self: Reconciler, pods: Any) -> None:
        return

    with patch.object(Reconciler, "_catch_up", nothing):
        yield


@contextmanager
def let_others_in_before_pods_that_exist() -> Iterator[None]:
    """A pod that the saved status does not know of queues up again at every limit on what runs at once."""
    with patch.object(Pods, "had_begun", lambda _self, _name: False):
        yield


@contextmanager
def ignore_versions() -> Iterator[None]:
    """The status is written without saying which version of the object it was read from."""
    original = Reconciler._save

    async def blind(self: Reconciler) -> None:
        kube = self._kube

        class Blind:
            def __getattr__(self, name: str) -> Any:
                return getattr(kube, name)

            async def replace(self, resource: Any, obj: Any, **options: Any) -> Any:
                metadata = {key: value for key, value in obj["metadata"].items() if key != "resourceVersion"}
                return await kube.replace(resource, {**obj, "metadata": metadata}, **options)

        self._kube = Blind()  # type: ignore[assignment]  # a Kube but for the missing version
        try:
            await original(self)
        finally:
            self._kube = kube

    with patch.object(Reconciler, "_save", blind):
        yield


@contextmanager
def parallelism_off_by_one() -> Iterator[None]:
    """A limit on what runs at once lets one more in."""
    def limited(self: Gate, name: str, value: Any) -> None:
        object.__setattr__(self, name, value + 1 if name == "limit" and value else value)

    with patch.object(Gate, "__setattr__", limited):
        yield


@contextmanager
def pod_name_without_attempt() -> Iterator[None]:
    """Every attempt of a retried step asks for a pod of the same name."""
    original = Nodes.pod_name

    def same(self: Nodes, name: str, template_name: str) -> str:
        return original(self, re.sub(r"\(\d+\)$", "", name), template_name)

    with patch.object(Nodes, "pod_name", same):
        yield


@contextmanager
def one_retry_too_many() -> Iterator[None]:
    """A step is tried once more than its retryStrategy allows."""
    original = Strategy.read

    def generous(json: Any) -> Strategy:
        strategy = original(json)
        return strategy if strategy.limit is None else replace(strategy, limit=strategy.limit + 1)

    with patch.object(Strategy, "read", generous):
        yield


@contextmanager
def clean_before_saving() -> Iterator[None]:
    """A pod is deleted as soon as its end is seen, whether or not that is written down."""
    original = Reconciler.pod_changed

    def hasty(self: Reconciler, pod: Any) -> None:
        original(self, pod)
        ended, cleaning = EndedPod.of(pod), self._ended_pods.cleaning
        if ended is not None and cleaning is not None and not cleaning.waits_for_workflow:
            self._sweeper.pod_ended(ended, replace(cleaning, delay_seconds=0.0), workflow_uid=self.uid)

    with patch.object(Reconciler, "pod_changed", hasty):
        yield


@contextmanager
def forget_what_a_finished_workflow_left() -> Iterator[None]:
    """Only the process that saw a workflow end deletes its pods; a new one does not look."""
    with patch.object(Sweeper, "pod_seen", lambda _self, _pod: None):
        yield


FAULTS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    fault.__name__: fault for fault in (
        act_only_on_new_pods, act_before_saving, ignore_versions, parallelism_off_by_one, pod_name_without_attempt,
        one_retry_too_many, clean_before_saving, forget_what_a_finished_workflow_left)
}
# Few seeds show these, so tests/stories/test_acting_ahead.py has a story for each.

