"""A store with which single calls go otherwise, as a test says: refused, answered late, or met by what happens meanwhile."""

from collections.abc import Awaitable, Callable
from typing import Any

from argosy.kube.contract import Kube, Resource

Call = Callable[[], Awaitable[Any]]
Trouble = Callable[[Resource, tuple[Any, ...], Call], Awaitable[Any]]
"""Told of a call (the resource, what else is given, and how to make the call after all), it answers in the store's place."""


class TroubledKube:
    """`troubles` by the name of the method: ``TroubledKube(kube, create=quota_is_used_up)``; all else is the store's."""

    def __init__(self, kube: Kube, **troubles: Trouble) -> None:
        self.kube = kube
        self._troubles = troubles

    def __getattr__(self, name: str) -> Any:
        method, trouble = getattr(self.kube, name), self._troubles.get(name)
        if trouble is None:
            return method

        async def call(resource: Resource, *given: Any, **options: Any) -> Any:
            return await trouble(resource, given, lambda: method(resource, *given, **options))

        return call


def refusing(resource: Resource, *errors: Exception) -> Trouble:
    """The first calls about this resource fail with these errors, one after the other."""
    left = list(errors)

    async def trouble(asked: Resource, _given: tuple[Any, ...], call: Call) -> Any:
        if asked is resource and left:
            raise left.pop(0)
        return await call()

    return trouble
