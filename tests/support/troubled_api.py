"""A controller on a clock that jumps, whose calls a test may refuse, delay or meddle with; the test's own calls get through."""

import functools
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from argosy.embedded.store import EmbeddedKube
from argosy.kube.contract import Object, Resource
from tests.simulation.loop import LoopClock, simulate
from tests.support.still_controller import World
from tests.support.troubled_kube import Trouble

LEAF = {"name": "leaf", "container": {"image": "alpine", "command": ["true"]}}


class TroubledWorld(World):
    """`troubles` holds, by the name of the call, what comes between the controller and the store just now."""

    clock: Any

    def __init__(self) -> None:
        self.clock = LoopClock()
        self.kube = EmbeddedKube.open(":memory:", clock=self.clock, durable=False)
        self.writes: Counter[str] = Counter()
        self.troubles: dict[str, Trouble] = {}

    def __getattr__(self, name: str) -> Any:
        method, trouble = super().__getattr__(name), self.troubles.get(name)
        if trouble is None:
            return method

        async def call(resource: Resource, *given: Any, **options: Any) -> Any:
            return await trouble(resource, given, lambda: method(resource, *given, **options))

        return call


def in_troubled_world(tell: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Makes a test of a story that takes place in a world of its own, its first argument, on a clock that jumps."""

    @functools.wraps(tell)
    def test(**given: Any) -> None:
        async def lived() -> None:
            world = TroubledWorld()
            try:
                await tell(world, **given)
            finally:
                world.kube.close()

        simulate(lived(), seed=7)

    test.__wrapped__ = functools.partial(tell, None)  # pytest asks it for the parameters
    return test


def steps(*groups: list[Object], **spec: Any) -> Object:
    """A spec whose entry runs these groups of steps one after the other."""
    templates = [{"name": "main", "steps": list(groups)}, LEAF, *spec.pop("templates", ())]
    return {"entrypoint": "main", "templates": templates, **spec}
