"""The `Kube` contract while the API server restarts or forgets: these tests disturb all others, so they run alone."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing
from random import Random

import pytest

from argosy.clock import SystemClock
from argosy.kube.contract import Expired, Kube, WatchEvent
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import WORKFLOWS
from argosy.kube.watching import changes
from tests.cluster.disturbances import compact_etcd, restart_api_server
from tests.conformance.test_kube import things, workflow


class TestForgottenMoments:
    async def test_a_watch_from_a_forgotten_version_has_expired(self, kube: RemoteKube, namespace: str) -> None:
        made = await kube.create(WORKFLOWS, workflow(), namespace=namespace)
        for number in range(3):
            await kube.patch(WORKFLOWS, "flow", {"spec": {"priority": number}}, namespace=namespace)
        compact_etcd()
        restart_api_server()
        with pytest.raises(Expired):
            async with aclosing(kube.watch(WORKFLOWS, namespace=namespace,
                                           resource_version=made["metadata"]["resourceVersion"])) as events:
                await anext(events)

    async def test_a_page_of_a_forgotten_moment_has_expired(self, kube: RemoteKube, namespace: str) -> None:
        for number in range(4):
            await kube.create(WORKFLOWS, workflow(f"w{number}"), namespace=namespace)
        first = await kube.list(WORKFLOWS, namespace=namespace, limit=2)
        await kube.delete(WORKFLOWS, "w3", namespace=namespace)
        compact_etcd()
        restart_api_server()
        with pytest.raises(Expired):
            await kube.list(WORKFLOWS, namespace=namespace, limit=2, continue_token=first.continue_token)


class TestRestartedServer:
    @pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL])
    async def test_followed_changes_go_on_without_gap_or_repetition(
        self, kube: RemoteKube, namespace: str, sign: signal.Signals,
    ) -> None:
        await kube.create(WORKFLOWS, workflow("before"), namespace=namespace)
        synced = asyncio.Event()
        async with aclosing(self.followed(kube, namespace, synced)) as events:
            assert await things(events, 1) == [("ADDED", "before")]
            later = asyncio.ensure_future(things(events, 2))
            await asyncio.to_thread(restart_api_server, sign=sign)
            await kube.create(WORKFLOWS, workflow("after"), namespace=namespace)
            await kube.delete(WORKFLOWS, "before", namespace=namespace)
            # Whoever lists anew, for the server has forgotten what was, learns of the end before the beginning.
            assert sorted(await later) == [("ADDED", "after"), ("DELETED", "before")]
        assert synced.is_set()

    def followed(self, kube: Kube, namespace: str, synced: asyncio.Event) -> AsyncIterator[WatchEvent]:
        return changes(kube, WORKFLOWS, clock=SystemClock(), chance=Random(7), namespace=namespace, synced=synced)
