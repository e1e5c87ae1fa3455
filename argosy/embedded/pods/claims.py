"""PersistentVolumeClaims: each is a folder of its own, bound at once, and goes when its claim is deleted."""

import asyncio
import contextlib
from pathlib import Path

from argosy.clock import Clock
from argosy.embedded.pods.life import remove
from argosy.kube.contract import Conflict, Expired, Kube, NotFound, Object, PatchKind
from argosy.kube.resources import PERSISTENT_VOLUME_CLAIMS as CLAIMS


async def keep_claims(kube: Kube, folder: Path, *, clock: Clock) -> None:
    """Bind claims and clear their folders away, until cancelled."""
    while True:
        folders = await asyncio.to_thread(lambda: list(folder.iterdir()))  # before the listing: what is made later is new
        listing = await kube.list(CLAIMS)
        known = {claim["metadata"]["uid"] for claim in listing.items}
        for left in folders:
            if left.name not in known:
                await asyncio.to_thread(remove, left)
        for claim in listing.items:
            await _bind(kube, claim)
        position = listing.resource_version
        with contextlib.suppress(Expired):
            while True:
                async for event in kube.watch(CLAIMS, resource_version=position):
                    position = event.object["metadata"]["resourceVersion"]
                    if event.type == "ADDED":
                        await _bind(kube, event.object)
                    elif event.type == "DELETED":
                        await asyncio.to_thread(remove, folder / event.object["metadata"]["uid"])
                await clock.sleep(0.05)  # the watch has ended: do not spin while nobody answers


async def _bind(kube: Kube, claim: Object) -> None:
    if (claim.get("status") or {}).get("phase") == "Bound":
        return
    metadata, spec = claim["metadata"], claim.get("spec") or {}
    size = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    status = {"phase": "Bound", "accessModes": spec.get("accessModes") or [], "capacity": {"storage": size} if size else {}}
    with contextlib.suppress(NotFound, Conflict):
        await kube.patch(CLAIMS, metadata["name"], {"metadata": {"uid": metadata["uid"]}, "status": status},
                         namespace=metadata["namespace"], kind=PatchKind.MERGE, subresource="status")
