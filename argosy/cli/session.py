"""What a verb works with: the Kube it speaks to, the namespace, and where it prints. Tests make one over any Kube."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from argosy.cli.options import DEFAULT_NAMESPACE, Globals, read_globals
from argosy.cli.paint import Line, print_lines
from argosy.clock import Clock, SystemClock
from argosy.errors import ArgosyError
from argosy.kube.contract import Kube, NotFound
from controller.operations import latest, list_workflows

LATEST = "@latest"


@dataclass(frozen=True, slots=True)
class Session:
    """One run of one verb."""

    kube: Kube
    namespace: str = DEFAULT_NAMESPACE
    out: TextIO = field(default_factory=lambda: sys.stdout)
    color: bool | None = None
    home: str = DEFAULT_NAMESPACE  # the namespace of whoever runs this: inside a cluster the pod's own, whatever -n says
    clock: Clock = field(default_factory=SystemClock)

    def print(self, *lines: Line | str) -> None:
        """Print lines, with colours where the output takes them."""
        print_lines(self.out, *lines, color=self.color)

    async def resolve(self, name: str) -> str:
        """The name itself, or the newest workflow's for ``@latest``."""
        if name != LATEST:
            return name
        return await latest(self.kube, namespace=self.namespace)

    @asynccontextmanager
    async def naming(self, name: str) -> AsyncIterator[str]:
        """The resolved name; if there turns out to be no such workflow, say which may have been meant."""
        resolved = await self.resolve(name)
        try:
            yield resolved
        except NotFound as error:
            known = await self._names()
            if resolved in known:
                raise
            raise NotFound(_unknown(resolved, self.namespace, known)) from error

    async def _names(self) -> list[str]:
        return [item["metadata"]["name"] for item in await list_workflows(self.kube, namespace=self.namespace)]


def _unknown(name: str, namespace: str, known: list[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1, cutoff=0.5)
    if not known:
        hint = "the namespace has no workflows (-n NAME looks in another one)"
    elif near:
        hint = f"did you mean {near[0]!r}?"
    else:
        hint = "argosy list shows what there is; @latest is the newest"
    return f"there is no workflow {name!r} in namespace {namespace!r}; {hint}"


def run_verb(work: Callable[[Session], Awaitable[int | None]]) -> int:
    """Connect as the global options say, do the work, and return the exit code (None means success)."""
    import asyncio

    return asyncio.run(_connected(read_globals(), work)) or 0


async def _connected(given: Globals, work: Callable[[Session], Awaitable[int | None]]) -> int | None:
    async with connect(given) as session:
        return await work(session)


@asynccontextmanager
async def connect(given: Globals) -> AsyncIterator[Session]:
    """A session with the server that the global options and the environment name."""
    from argosy.kube.kubeconfig import load_kubeconfig
    from argosy.kube.proxies import Proxies
    from argosy.kube.remote import RemoteKube
    from argosy.settings import read_environment

    environment = read_environment()
    config = load_kubeconfig(
        path=_path(given.kubeconfig), data=_path(given.data or ("" if given.kubeconfig else environment.data)),
        kubeconfig=environment.kubeconfig, home=environment.home, context=given.context,
        in_cluster_server=environment.in_cluster_server, proxies=Proxies(
            https=environment.https_proxy, http=environment.http_proxy, none_for=environment.no_proxy))
    namespace = given.namespace or environment.namespace or config.namespace or DEFAULT_NAMESPACE
    async with RemoteKube(config, on_warning=_warn) as kube:
        yield Session(kube, namespace=namespace, color=given.color, home=config.namespace or DEFAULT_NAMESPACE)


def _path(text: str) -> Path | None:
    return Path(text).expanduser() if text else None


def _warn(text: str) -> None:
    sys.stderr.write(f"warning: {text}\n")


def remote_of(session: Session) -> Any:
    """The session's Kube where a verb needs paths of Argosy's own; only a server over HTTP has them."""
    if not hasattr(session.kube, "get_json"):
        raise ArgosyError("this needs a running server; start one with: argosy up")
    return session.kube
