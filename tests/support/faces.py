"""An HTTPS face over a real store, and a client of it, for as long as a block lasts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from argosy.clock import SystemClock
from argosy.embedded.api import ApiFace
from argosy.embedded.store import EmbeddedKube
from argosy.kube.contract import Kube
from argosy.kube.kubeconfig import KubeConfig, read_kubeconfig, write_kubeconfig
from argosy.kube.remote import RemoteKube
from argosy.lifecycle import running


@asynccontextmanager
async def served(kube: Kube, folder: Path, **options: Any) -> AsyncIterator[ApiFace]:
    """A face over `kube`; `folder`/kubeconfig leads to it."""
    face = ApiFace(kube, folder=folder / "api", clock=SystemClock(), **options)
    async with running([face]):
        write_kubeconfig(folder / "kubeconfig", server=face.url, authority=face.authority, token=face.token)
        yield face


@asynccontextmanager
async def stored(**options: Any) -> AsyncIterator[EmbeddedKube]:
    """A store in memory."""
    kube = EmbeddedKube.open(":memory:", clock=SystemClock(), **options)
    try:
        yield kube
    finally:
        kube.close()


@asynccontextmanager
async def reached(folder: Path, *, on_warning: Callable[[str], None] | None = None) -> AsyncIterator[RemoteKube]:
    """A client of the face whose kubeconfig is in `folder`."""
    async with RemoteKube(config_in(folder), on_warning=on_warning) as remote:
        yield remote


def config_in(folder: Path) -> KubeConfig:
    """What the kubeconfig of the face says."""
    return read_kubeconfig([folder / "kubeconfig"])


async def output_of(*command: str, stdin: str = "", seconds: float = 30) -> tuple[int, str, str]:
    """Run a program to its end: exit code, stdout, stderr."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(seconds):
            out, err = await process.communicate(stdin.encode())
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def names(items: Sequence[dict[str, Any]]) -> list[str]:
    """The names of objects."""
    return [item["metadata"]["name"] for item in items]
