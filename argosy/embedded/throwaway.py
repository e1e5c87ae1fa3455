"""One workflow in an embedded system of its own that is gone afterwards: what `argosy run` does. No server, no port."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from argosy.clock import Clock, SystemClock
from argosy.embedded.admission import admit
from argosy.embedded.pods import ImageTable, PodRuntime
from argosy.embedded.store import EmbeddedKube
from argosy.errors import SpecError
from argosy.kube.contract import Kube, Object
from argosy.kube.kinds import ListedKinds
from argosy.kube.resources import resource_of
from argosy.lifecycle import Service, running
from argosy.settings import Settings, read_environment
from controller.artifacts.folder import FolderStore
from controller.artifacts.removing import BucketRemover, FolderRemover
from controller.artifacts.signing import Signer
from controller.outfitting import AsWritten
from controller.service import Controller


@asynccontextmanager
async def throwaway(*, settings: Settings, clock: Clock | None = None) -> AsyncIterator[Kube]:
    """An embedded system without events: a store in memory, the pod runtime, the controller; all gone at the end."""
    clock = clock or SystemClock()
    folder = Path(tempfile.mkdtemp(prefix="argosy-run-"))
    kube = EmbeddedKube.open(":memory:", clock=clock, durable=False, admit=admit)
    try:
        services = workflow_services(kube, folder, settings=settings, clock=clock, durable=False)
        async with running(services):
            yield kube
    finally:
        kube.close()
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def workflow_services(kube: EmbeddedKube, folder: Path, *, settings: Settings, clock: Clock, durable: bool) -> list[Service]:
    """What runs workflows: the pod runtime and the controller, over `folder`. With `durable`, pods outlive the process."""
    artifacts = FolderStore(folder / "artifacts")
    runtime = PodRuntime(
        kube, folder=folder / "pods", images=ImageTable(settings.images), artifacts=artifacts,
        clock=clock, isolation=settings.isolation, most_pods=settings.most_pods, hide=(folder,),
        host_path=read_environment().path, durable=durable, outlive=durable,
        kinds=ListedKinds(kube.resources))
    kube.log_reader = runtime.read_logs
    signer = Signer(kube, clock=clock)
    outfitter = AsWritten(signer=signer, remover=FolderRemover(artifacts, BucketRemover(signer)))
    return [runtime, Controller(kube, clock=clock, chance=Random(), outfitter=outfitter)]


async def apply_all(kube: Kube, objects: Sequence[Object], *, namespace: str) -> None:
    """Create `objects` in order. Raises SpecError for a kind that nobody knows."""
    for obj in objects:
        resource = resource_of(obj.get("apiVersion", ""), obj.get("kind", ""))
        if resource is None:
            raise SpecError("kind", f"is {obj.get('kind')!r} of {obj.get('apiVersion')!r}, which Argosy does not know")
        space = (obj.get("metadata") or {}).get("namespace") or namespace
        await kube.create(resource, obj, namespace=space if resource.namespaced else "")
