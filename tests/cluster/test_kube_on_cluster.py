"""The `Kube` contract over a real API server: the suite that every backend passes, and what only a real one can do.

The suite's classes are collected here a second time, over the cluster; `kube` and `namespace` are this folder's.
"""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from argosy.kube.contract import BadRequest, Kube, NotFound
from argosy.kube.kubeconfig import KubeConfig
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import CONFIG_MAPS, PODS
from tests.cluster.layout import PATIENCE_SECONDS
from tests.conformance.test_kube import (
    TestCreating,
    TestDeleting,
    TestGenerationAndStatus,
    TestJsonPatch,
    TestListing,
    TestMergePatch,
    TestNamespaces,
    TestOwnership,
    TestReading,
    TestReplacing,
    TestSecrets,
    TestStrategicMergeAndApply,
    TestWatching,
    config_map,
    names,
    things,
)

__all__ = [
    "TestCreating", "TestDeleting", "TestGenerationAndStatus", "TestJsonPatch", "TestListing",
    "TestMergePatch", "TestNamespaces", "TestOwnership", "TestReading", "TestReplacing", "TestSecrets",
    "TestStrategicMergeAndApply", "TestWatching",
]



def printing(name: str, script: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {
        "restartPolicy": "Never", "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "main", "image": "busybox", "command": ["sh", "-c", script]}]}}


async def phase(kube: Kube, namespace: str, name: str, wanted: str) -> dict[str, Any]:
    """The pod, once it is in that phase."""
    async with asyncio.timeout(PATIENCE_SECONDS), aclosing(kube.watch(
            PODS, namespace=namespace, field_selector=f"metadata.name={name}")) as events:
        async for event in events:
            if event.object.get("status", {}).get("phase") == wanted:
                return event.object
    raise AssertionError(f"the watch ended before {name} was {wanted}")


class TestLongLists:
    async def test_a_list_longer_than_a_page_is_whole(self, kube: RemoteKube, namespace: str) -> None:
        await asyncio.gather(*(kube.create(CONFIG_MAPS, config_map(f"n{number:04}"), namespace=namespace)
                               for number in range(1100)))
        listing = await kube.list(CONFIG_MAPS, namespace=namespace, label_selector="test")
        assert names(listing.items) == [f"n{number:04}" for number in range(1100)]
        assert listing.continue_token == ""
        await kube.create(CONFIG_MAPS, config_map("later"), namespace=namespace)
        async with aclosing(kube.watch(
                CONFIG_MAPS, namespace=namespace, resource_version=listing.resource_version)) as events:
            assert await things(events, 1) == [("ADDED", "later")]


class TestLogs:
    async def test_a_log_is_followed_until_its_container_ends(self, kube: RemoteKube, namespace: str) -> None:
        script = 'for i in 1 2 3; do echo "line $i"; sleep 2; done; printf "no line end"'  # long enough to be seen running
        await kube.create(PODS, printing("talker", script), namespace=namespace)
        await phase(kube, namespace, "talker", "Running")
        pieces = [piece async for piece in kube.logs("talker", namespace=namespace, follow=True)]
        assert b"".join(pieces) == b"line 1\nline 2\nline 3\nno line end"

    async def test_a_finished_log_can_be_read_in_part(self, kube: RemoteKube, namespace: str) -> None:
        await kube.create(PODS, printing("talker", "echo one; echo two; echo three"), namespace=namespace)
        await phase(kube, namespace, "talker", "Succeeded")
        pieces = [piece async for piece in kube.logs("talker", namespace=namespace, tail_lines=2, timestamps=True)]
        lines = b"".join(pieces).decode().splitlines()
        assert [line.split(" ", 1)[1] for line in lines] == ["two", "three"]
        assert all(line.split(" ", 1)[0].endswith("Z") for line in lines)

    async def test_a_log_of_nothing_is_not_found(self, kube: RemoteKube, namespace: str) -> None:
        with pytest.raises(NotFound):
            await anext(kube.logs("nobody", namespace=namespace))

    async def test_a_container_that_is_not_there_is_refused(self, kube: RemoteKube, namespace: str) -> None:
        await kube.create(PODS, printing("talker", "true"), namespace=namespace)
        with pytest.raises(BadRequest):
            await anext(kube.logs("talker", namespace=namespace, container="other"))


class TestFloods:
    async def test_many_calls_at_once_are_all_answered(self, kube: RemoteKube, config: KubeConfig, namespace: str) -> None:
        async with RemoteKube(config) as other:
            made = await asyncio.gather(*(
                each.create(CONFIG_MAPS, config_map(f"{who}{number}"), namespace=namespace)
                for number in range(400) for who, each in (("a", kube), ("b", other))))
        assert len({obj["metadata"]["uid"] for obj in made}) == 800
