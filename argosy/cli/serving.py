"""Verbs that serve until they are told to end: Ctrl-C and SIGTERM cancel what runs, in order, and the exit code is 0."""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Coroutine
from typing import Any

from argosy.logs import configure


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


def tell_ready(text: str) -> None:
    """Print the one line by which others know that it serves."""
    sys.stdout.write(f"ready {text}\n")
    sys.stdout.flush()
