"""A Kube whose calls are counted."""

from collections import Counter
from typing import Any

from argosy.kube.contract import Kube

_WRITES = ("create", "replace", "patch", "delete")
_CALLS = ("get", "list", *_WRITES)


class CountingKube:
    """Passes calls on and counts them by verb and kind."""

    def __init__(self, inner: Kube) -> None:
        self._inner = inner
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if name not in _CALLS:
            return method

        def counted(resource: Any, *given: Any, **options: Any) -> Any:
            self.calls[f"{name} {resource.plural}"] += 1
            return method(resource, *given, **options)

        return counted

    @property
    def writes(self) -> Counter[str]:
        """The calls that wrote something."""
        return Counter({call: number for call, number in self.calls.items() if call.partition(" ")[0] in _WRITES})
