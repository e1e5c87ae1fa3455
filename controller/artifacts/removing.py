"""Deletes artifacts from where they are kept: a bucket, or the folder of this machine."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from argosy.errors import SpecError
from argosy.kube.contract import Object
from controller.artifacts.contract import ArtifactError
from controller.artifacts.folder import FolderStore
from controller.artifacts.signing import Signer
from controller.pods.locations import key_of, leaves_nothing_open, location_of, packing_of

_OBJECTS_AT_ONCE = 1_000

Tree = Mapping[str, Any]


class BucketRemover:
    """Deletes with the credentials that the artifact was signed with."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    async def remove(self, artifact: Tree, workflow: Object, spec: Tree) -> None:
        """Delete the artifact's object, or all objects of a folder that was not packed. Raises SpecError, Unavailable."""
        kind = location_of(artifact) or ""
        repository = await self._signer.repository(workflow, spec)
        store, key = await self._signer.store({kind: artifact[kind]}, repository, namespace=workflow["metadata"]["namespace"],
                                              where=f"artifact {artifact.get('name')}")
        try:
            while packing_of(artifact, default="tar") == "none":
                below = await store.keys_below(key, most=_OBJECTS_AT_ONCE)
                if not below:
                    break
                for each in below:
                    await store.delete(each)
            await store.delete(key)
        except PermissionError as error:
            raise SpecError(f"artifact {artifact.get('name')}", f"may not be deleted: {error}") from error


class FolderRemover:
    """Deletes from the folder of the embedded system, or from the store that an artifact names if its secrets are there."""

    def __init__(self, store: FolderStore, elsewhere: BucketRemover) -> None:
        self._store = store
        self._elsewhere = elsewhere

    async def remove(self, artifact: Tree, workflow: Object, spec: Tree) -> None:
        """Delete what is kept at the artifact's key. Raises SpecError, Unavailable."""
        if leaves_nothing_open(artifact):
            with suppress(SpecError):
                await self._elsewhere.remove(artifact, workflow, spec)
                return
        key = key_of(artifact)
        try:
            if key is not None:
                await asyncio.to_thread(self._store.delete, key)
        except (ArtifactError, OSError) as error:
            raise SpecError(f"artifact {artifact.get('name')}", f"cannot be deleted: {error}") from error
