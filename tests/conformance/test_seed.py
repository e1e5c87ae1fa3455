"""The document that Argosy started from: each of its manifests is accepted, and those the host can run reach their end."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from argosy.embedded.throwaway import apply_all, throwaway
from argosy.kube.resources import PODS
from argosy.manifests import load_manifests
from argosy.settings import Settings
from tests.support.manifests import run_to_end, yaml_blocks

SEED = Path(__file__).parents[3] / "shared" / "seed" / "argo-workflows-module.md"
pytestmark = pytest.mark.skipif(not SEED.is_file(), reason="the seed document is not beside this checkout")

# Workflows whose programs any host has.
RUNNABLE = ("hello-world-", "steps-example-", "params-example-", "artifacts-example-", "s3-artifacts-", "parallel-loop-",
            "abc-dag-", "data-pipeline-")


def seed_objects() -> list[dict[str, Any]]:
    """The document's whole manifests; its snippets (a template, a few fields) are not objects."""
    blocks = [block for block in yaml_blocks(SEED) if "kind:" in block and "metadata:" in block]
    return [manifest.object for block in blocks for manifest in load_manifests(block, source="seed")]


def _by_prefix(prefix: str) -> dict[str, Any]:
    return next(item for item in seed_objects() if item["metadata"].get("generateName") == prefix)


def test_every_manifest_of_the_document_is_accepted() -> None:
    async def apply() -> int:
        async with throwaway(settings=Settings()) as kube:
            await apply_all(kube, seed_objects(), namespace="argo")
        return len(seed_objects())

    assert asyncio.run(apply()) >= 12


@pytest.mark.parametrize("prefix", RUNNABLE)
def test_a_workflow_of_the_document_succeeds(prefix: str) -> None:
    async def run() -> dict[str, Any]:
        async with throwaway(settings=Settings()) as kube:
            return await run_to_end(kube, _by_prefix(prefix))

    status = asyncio.run(run())["status"]
    assert status["phase"] == "Succeeded", status


def test_the_one_that_calls_a_template_it_does_not_have_is_told_so() -> None:
    async def run() -> dict[str, Any]:
        async with throwaway(settings=Settings()) as kube:
            return await run_to_end(kube, _by_prefix("fan-out-"))

    status = asyncio.run(run())["status"]
    assert status["phase"] == "Failed"
    assert "invalid spec" in status["message"]
    assert "'aggregate-results'" in status["message"]


def test_in_the_exercise_never_more_than_three_items_run_at_once() -> None:
    async def most_at_once() -> int:
        running: set[str] = set()
        most = 0
        async with throwaway(settings=Settings()) as kube, asyncio.TaskGroup() as group:
            async def look() -> None:
                nonlocal most
                async for event in kube.watch(PODS, namespace="argo"):
                    name, phase = event.object["metadata"]["name"], (event.object.get("status") or {}).get("phase")
                    if event.type == "DELETED" or phase in ("Succeeded", "Failed"):
                        running.discard(name)
                    else:
                        running.add(name)
                    most = max(most, len(running))

            watcher = group.create_task(look())
            await run_to_end(kube, _by_prefix("data-pipeline-"))
            watcher.cancel()
        return most

    assert asyncio.run(most_at_once()) == 3
