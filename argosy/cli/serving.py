"""Verbs that serve until they are told to end: Ctrl-C and SIGTERM cancel what runs, in order, and the exit code is 0."""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import click

from argosy.logs import configure

if TYPE_CHECKING:
    from argosy.health import Check
    from argosy.kube.remote import RemoteKube
    from argosy.lifecycle import Service

health_port = click.option(
    "--health-port", type=click.IntRange(0, 65535), metavar="PORT", default=None,
    help="Answer /healthz and /readyz on this port of every address, for probes.")


def serve_until_told(work: Coroutine[Any, Any, None], *, verbose: bool) -> int:
    """Log to standard error, and run `work` until it ends or the program is told to. The exit code."""
    configure(level=logging.DEBUG if verbose else logging.INFO)
    asyncio.run(_until_told(work))
    return 0


async def _until_told(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.current_task()
    assert task is not None, "a coroutine that runs has a task"
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):  # it is the signal's doing, and the end of the program
        await work


@asynccontextmanager
async def serving(
    services: "Sequence[Service]", *, port: int | None, checks: "Mapping[str, Check] | None" = None,
) -> AsyncIterator[None]:
    """Run the services for the block. With a `port`, probes are answered from before the first of them starts."""
    from argosy.health import Health
    from argosy.lifecycle import running

    if port is None:
        async with running(services):
            yield
        return
    health = Health(port=port, checks=checks)
    async with running([health, *services]):
        health.started()
        yield


async def ask_whether_known(kube: "RemoteKube") -> None:
    """Find out before anything starts whether the server takes our credentials. Raises Unauthorized, KubeconfigError.

    Later a refusal is waited out, as it may pass; at the start it is told, as nobody would look for it in a log. A server
    that is not there yet is waited for either way.
    """
    from argosy.errors import Unavailable
    from argosy.kube.answers import Unauthorized
    from argosy.kube.contract import KubeError

    try:
        await kube.get_json("/version")
    except Unauthorized:
        raise
    except (KubeError, Unavailable):
        return


def tell_ready(text: str) -> None:
    """Print the one line by which others know that it serves."""
    sys.stdout.write(f"ready {text}\n")
    sys.stdout.flush()
