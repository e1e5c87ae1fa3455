"""A server with too much to do puts calls off (429): we ask again when it says, and not for ever."""

import pytest
from aiohttp import web

from argosy.errors import Unavailable
from argosy.kube.contract import KubeError
from argosy.kube.kubeconfig import KubeConfig
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import CONFIG_MAPS
from tests.support.scripted_server import failed, server


class Waits:
    """A clock that waits for nothing and remembers for how long it was asked to."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def now(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)


def put_off(retry_after: str = "") -> web.Response:
    return web.json_response({"kind": "Status", "status": "Failure", "message": "too many requests",
                              "reason": "TooManyRequests", "code": 429}, status=429,
                             headers={"Retry-After": retry_after} if retry_after else {})


DONE = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "default"}}


async def test_a_call_that_is_put_off_is_made_again_when_the_server_says() -> None:
    clock = Waits()
    async with server(put_off("3"), put_off(), put_off("600"), web.json_response(DONE)) as url, \
            RemoteKube(KubeConfig(url), clock=clock) as kube:
        assert await kube.create(CONFIG_MAPS, DONE) == DONE
    assert clock.seconds == [3, 1, 30]


async def test_a_server_that_puts_off_for_ever_is_unavailable() -> None:
    clock = Waits()
    async with server(*(put_off("2") for _ in range(5))) as url, RemoteKube(KubeConfig(url), clock=clock) as kube:
        with pytest.raises(Unavailable, match="too many requests") as refused:
            await kube.get(CONFIG_MAPS, "settings", namespace="default")
    assert refused.value.retry_after_seconds == 2
    assert len(clock.seconds) == 4


async def test_a_server_that_may_have_done_it_is_not_asked_again() -> None:
    clock = Waits()
    async with server(failed(503)) as url, RemoteKube(KubeConfig(url), clock=clock) as kube:
        with pytest.raises(Unavailable):
            await kube.create(CONFIG_MAPS, DONE)
    assert clock.seconds == []


async def test_an_error_we_have_no_name_for_keeps_the_servers_code_and_reason() -> None:
    async with server(failed(415, "UnsupportedMediaType"), failed(405)) as url, RemoteKube(KubeConfig(url)) as kube:
        with pytest.raises(KubeError) as refused:
            await kube.create(CONFIG_MAPS, DONE)
        assert (refused.value.status, refused.value.reason) == (415, "UnsupportedMediaType")
        with pytest.raises(KubeError) as refused:
            await kube.create(CONFIG_MAPS, DONE)
        assert (refused.value.status, refused.value.reason) == (405, "InternalError")
