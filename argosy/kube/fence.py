"""A check that every write of a task makes at the last moment, right before its request goes out.

A caller that asks "may I?" and then waits for a connection, a credential or a place among the calls under way has asked
too early. So the question travels with the task, and whoever sends the request asks it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

Check: TypeAlias = Callable[[], None]
"""Raises an ArgosyError where the write may not go out."""

_check: ContextVar[Check | None] = ContextVar("check", default=None)


@contextmanager
def checked_by(check: Check) -> Iterator[None]:
    """Have `check` asked before every write that goes out within the block, and once at its beginning."""
    check()
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


def ask_before_sending() -> None:
    """Ask the check of the task that runs, if it has one. Raises what the check raises."""
    check = _check.get()
    if check is not None:
        check()
