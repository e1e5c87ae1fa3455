"""Pods as processes of this machine.

The names are looked up late: the helper process imports this package for its `shim` alone, and must stay small.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argosy.embedded.pods.images import ImageTable
    from argosy.embedded.pods.runtime import PodRuntime

__all__ = ["ImageTable", "PodRuntime"]


def __getattr__(name: str) -> Any:
    if name == "ImageTable":
        from argosy.embedded.pods.images import ImageTable

        return ImageTable
    if name == "PodRuntime":
        from argosy.embedded.pods.runtime import PodRuntime

        return PodRuntime
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
