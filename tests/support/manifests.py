"""Manifests run as a user would run them: through an embedded system, to the end of the workflow."""

import asyncio
import re
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from argosy.kube.contract import Kube
from argosy.kube.resources import WORKFLOWS
from argosy.manifests import load_manifests

Tree = dict[str, Any]
OVER = ("Succeeded", "Failed", "Error")


def objects_in(path: Path) -> list[Tree]:
    """Every object of a file."""
    return [manifest.object for manifest in load_manifests(path.read_text(), source=str(path))]


def yaml_blocks(document: Path) -> list[str]:
    """The fenced YAML blocks of a Markdown document."""
    return re.findall(r"```yaml\n(.*?)```", document.read_text(), flags=re.DOTALL)


async def run_to_end(kube: Kube, workflow: Tree, *, namespace: str = "argo", patience_seconds: float = 120) -> Tree:
    """Create the workflow and wait for its end; returns it as it was then."""
    made = deepcopy(workflow)
    made.setdefault("metadata", {})["namespace"] = namespace
    created = await kube.create(WORKFLOWS, made, namespace=namespace)
    name = created["metadata"]["name"]
    async with asyncio.timeout(patience_seconds):
        async for event in kube.watch(WORKFLOWS, namespace=namespace, field_selector=f"metadata.name={name}"):
            if event.type in ("ADDED", "MODIFIED") and (event.object.get("status") or {}).get("phase") in OVER:
                return event.object
    raise AssertionError(f"the watch of {name} ended before the workflow did")


async def run_all(kube: Kube, workflows: Sequence[Tree], *, at_once: int = 6, **options: Any) -> list[Tree]:
    """Several workflows side by side, at most `at_once` at a time; their ends in the given order."""
    limit = asyncio.Semaphore(at_once)

    async def one(workflow: Tree) -> Tree:
        async with limit:
            return await run_to_end(kube, workflow, **options)

    return await asyncio.gather(*(one(workflow) for workflow in workflows))
