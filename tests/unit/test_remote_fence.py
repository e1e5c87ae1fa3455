"""Whether a write may go out is asked when its connection is there, not only when somebody thinks of it."""

import asyncio

import pytest

from argosy.errors import ArgosyError, Unavailable
from argosy.kube.fence import checked_by
from argosy.kube.kubeconfig import KubeConfig
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import CONFIG_MAPS

MAP = {"metadata": {"name": "a"}}


class Trust:
    """It may be written for the first `answers` questions, and no more."""

    def __init__(self, answers: int) -> None:
        self.left = answers

    def check(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Unavailable("the lease has run out")


@pytest.mark.parametrize("answers", [0, 1, 2])
async def test_nothing_arrives_that_may_not_go_out_any_more(answers: int) -> None:
    arrived: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append(await reader.read())  # until the other side hangs up
        writer.close()

    listener = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with listener, RemoteKube(KubeConfig(server=f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}")) as kube:
        with pytest.raises(ArgosyError), checked_by(Trust(answers).check):
            await kube.create(CONFIG_MAPS, MAP, namespace="ns")
        await kube.close()
        await asyncio.sleep(0)
    assert b'"name"' not in b"".join(arrived)
