"""``argosy controller``: what it finds out about the pod that it runs in."""

from argosy.cli import controller
from argosy.cli.session import Session
from argosy.clock import SystemClock
from argosy.embedded.store import EmbeddedKube
from argosy.kube.resources import PODS


async def image_found(*containers: tuple[str, str]) -> str:
    kube = EmbeddedKube.open(":memory:", clock=SystemClock(), durable=False)
    try:
        await kube.create(PODS, {"metadata": {"name": "me"}, "spec": {"containers": [
            {"name": name, "image": image} for name, image in containers]}}, namespace="argosy")
        return await controller._image_of(Session(kube, home="argosy"), "me")
    finally:
        kube.close()


async def test_its_own_image_is_that_of_the_container_argosy_wherever_it_stands() -> None:
    assert await image_found(("proxy", "mesh/proxy:1"), ("argosy", "ours:1")) == "ours:1"


async def test_where_somebody_named_the_container_otherwise_its_own_image_is_the_first() -> None:
    assert await image_found(("runner", "ours:2"), ("proxy", "mesh/proxy:1")) == "ours:2"
