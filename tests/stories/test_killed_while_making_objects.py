"""The embedded system, killed while resource templates make objects: each step makes one, and knows which one it was."""

import asyncio
from pathlib import Path
from random import Random

from argosy.errors import Unavailable
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import CONFIG_MAPS, WORKFLOWS
from tests.support.killed_system import NAMESPACE, apply, kube_of, open_system

STEPS = 120
KILL_AT = (1, 15, 50, 90)  # objects that there are when the system is killed
MANIFEST = f"""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: many}}
spec:
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {{name: make, template: make, withSequence: {{count: "{STEPS}"}}}}
  - name: make
    resource:
      action: create
      manifest: |
        apiVersion: v1
        kind: ConfigMap
        metadata: {{generateName: made-, labels: {{made: "yes"}}}}
    outputs: {{parameters: [{{name: made, valueFrom: {{jsonPath: "{{.metadata.name}}"}}}}]}}
"""


async def test_no_step_makes_a_second_object(tmp_path: Path) -> None:
    async with asyncio.timeout(80), open_system(tmp_path / "data") as system:
        await system.start()
        await apply(system, MANIFEST)
        for number, count in enumerate(KILL_AT):
            async with kube_of(system.data) as kube:
                await until_made(kube, count)
            await system.kill(Random(number))
            await system.start()
            await system.ready()
        async with kube_of(system.data) as kube:
            async for event in kube.watch(WORKFLOWS, namespace=NAMESPACE):
                if event.object.get("status", {}).get("finishedAt"):
                    break
            made = (await kube.list(CONFIG_MAPS, namespace=NAMESPACE, label_selector="made=yes")).items
    assert (event.object["status"]["phase"], event.object["status"]["progress"]) == ("Succeeded", f"{STEPS}/{STEPS}")
    assert len(made) == STEPS


async def until_made(kube: RemoteKube, count: int) -> None:
    """Wait until there are so many objects."""
    there: set[str] = set()
    async for event in kube.watch(CONFIG_MAPS, namespace=NAMESPACE, label_selector="made=yes"):
        there.add(event.object["metadata"].get("name", ""))
        if len(there) >= count:
            return
    raise Unavailable("the watch ended early")
