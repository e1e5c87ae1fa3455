"""The executor's programs, as this installation carries them, and the ConfigMaps that bring them into a namespace's pods.

``make executor`` (and every build of the wheel) puts them into ``controller/programs/``; they are not part of the sources.
"""

import asyncio
import base64
import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from argosy.clock import Clock
from argosy.errors import ArgosyError
from argosy.kube.contract import AlreadyExists, Forbidden, Kube, Object
from argosy.kube.resources import CONFIG_MAPS
from controller.pods.mounting import PROGRAM

PROGRAMS = Path(__file__).parent / "programs"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_LOOK_AGAIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Executor:
    """The static programs by architecture (amd64, arm64), and the names of the ConfigMaps that hold them."""

    programs: Mapping[str, bytes]
    names: Mapping[str, str]  # follow from the programs, so that versions live side by side

    @classmethod
    def load(cls, folder: Path = PROGRAMS) -> "Executor":
        """Read the programs. Raises ArgosyError where this installation has none."""
        programs = {path.name: path.read_bytes() for path in sorted(folder.glob("*")) if path.name in _MACHINES.values()}
        if not programs:
            raise ArgosyError(f"this installation lacks the executor, which steps on a cluster need: {folder} is empty; "
                              "install Argosy from its wheel, or run `make executor` in its sources")
        names = {architecture: f"argosy-executor-{architecture}-{hashlib.sha256(program).hexdigest()[:10]}"
                 for architecture, program in programs.items()}
        return cls(programs, names)

    @property
    def usual_architecture(self) -> str:
        """That of this machine, else the first there is."""
        own = _MACHINES.get(platform.machine(), "")
        return own if own in self.programs else min(self.programs)

    def config_map(self, architecture: str) -> Object:
        """One of the ConfigMaps: immutable, so that kubelets need not watch it."""
        data = {PROGRAM: base64.b64encode(self.programs[architecture]).decode()}
        return {"apiVersion": "v1", "kind": "ConfigMap", "immutable": True, "binaryData": data, "metadata": {
            "name": self.names[architecture], "labels": {"app.kubernetes.io/managed-by": "argosy"}}}


class ExecutorMaps:
    """Sees to it that a namespace has the ConfigMaps before a pod there needs one."""

    def __init__(self, kube: Kube, executor: Executor, *, clock: Clock) -> None:
        self._kube = kube
        self._executor = executor
        self._clock = clock
        self._seen_at: dict[str, float] = {}  # namespace -> when the ConfigMaps were there last
        self._lock = asyncio.Lock()

    async def ensure(self, namespace: str) -> None:
        """Make those that are not there; somebody may have deleted one, so that is looked at again now and then."""
        if self._is_fresh(namespace):
            return
        async with self._lock:
            if not self._is_fresh(namespace):
                for architecture in self._executor.programs:
                    await self._ensure(self._executor.config_map(architecture), namespace)
                self._seen_at[namespace] = self._clock.now()

    def _is_fresh(self, namespace: str) -> bool:
        age = self._clock.now() - self._seen_at.get(namespace, float("-inf"))
        return 0 <= age < _LOOK_AGAIN_SECONDS

    async def _ensure(self, whole: Object, namespace: str) -> None:
        try:
            # An empty one, for the answer alone: the whole one is most of a megabyte each way.
            await self._kube.create(CONFIG_MAPS, {**whole, "binaryData": {}}, namespace=namespace, dry_run=True)
            await self._kube.create(CONFIG_MAPS, whole, namespace=namespace)
        except AlreadyExists:
            return
        except Forbidden as error:
            raise Forbidden(f"the controller may not create ConfigMap {whole['metadata']['name']}, which brings the executor "
                            f"into pods, in namespace {namespace}: grant it `create` on configmaps there ({error})") from error
