"""Asking in the name of somebody else, whose rights then count: the API server must allow it to us (``impersonate``).

In whose name travels with the task, as it does not belong to any one call. Where no rights are told apart, as in the
embedded store, it has no effect. A kubeconfig may say so too, for everything that is asked with it (``as``).
"""

import string
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from argosy.kube.contract import Forbidden

_user: ContextVar[str] = ContextVar("user", default="")
_IN_HEADERS: Final = frozenset(string.ascii_letters + string.digits + "!#$&'*+-.^_`|~")  # RFC 7230's, without the %


@dataclass(frozen=True, slots=True)
class OtherSelf:
    """As whom a kubeconfig acts."""

    user: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def headers(self) -> list[tuple[str, str]]:
        """The headers that say so."""
        found = [("Impersonate-User", self.user), ("Impersonate-Uid", self.uid)]
        found += [("Impersonate-Group", group) for group in self.groups]
        found += [(f"Impersonate-Extra-{_escaped(key)}", value) for key, values in self.extra.items() for value in values]
        return [(name, value) for name, value in found if value or name.startswith("Impersonate-Extra-")]


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


def headers_of(other_self: OtherSelf | None) -> list[tuple[str, str]]:
    """The headers that say in whose name the task that runs asks. Raises Forbidden where that would be two at once.

    An API server takes one name a request. To put the task's in place of the kubeconfig's would be to act with rights
    that whoever wrote the kubeconfig has not given.
    """
    user = impersonated()
    if other_self is None:
        return [("Impersonate-User", user)] if user else []
    if user:
        raise Forbidden(f"this is to be done in the name of {user}, and the kubeconfig already acts as {other_self.user!r}: "
                        "an API server takes one name only; use a kubeconfig without `as`")
    return other_self.headers()


def _escaped(key: str) -> str:
    return "".join(chr(byte) if chr(byte) in _IN_HEADERS else f"%{byte:02X}" for byte in key.encode())
