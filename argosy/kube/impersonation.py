"""Asking in the name of somebody else, whose rights then count: the API server must allow it to us (``impersonate``).

In whose name travels with the task, as it does not belong to any one call. Where no rights are told apart, as in the
embedded store, it has no effect.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_user: ContextVar[str] = ContextVar("user", default="")


def service_account(namespace: str, name: str) -> str:
    """The user that a service account is."""
    return f"system:serviceaccount:{namespace}:{name}"


@contextmanager
def acting_as(user: str) -> Iterator[None]:
    """Ask in the name of `user` within the block; an empty name leaves everything as it is."""
    token = _user.set(user or _user.get())
    try:
        yield
    finally:
        _user.reset(token)


def impersonated() -> str:
    """In whose name the task that runs asks; empty for its own."""
    return _user.get()
