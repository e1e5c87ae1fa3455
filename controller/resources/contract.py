"""What carrying out a resource template's work needs beside the Kubernetes API itself."""

from typing import Protocol

from argosy.errors import ArgosyError
from argosy.kube.contract import Resource


class WorkFailed(ArgosyError):
    """The work came to its end without success: refused, its failure condition met, its object gone."""


class Kinds(Protocol):
    """Which kinds of object there are."""

    async def of_manifest(self, api_version: str, kind: str) -> Resource | None:
        """The kind that a manifest names."""

    async def of_word(self, word: str) -> Resource | None:
        """The kind that a word means to kubectl: ``pod``, ``pods``, ``po``, ``deployments.apps``."""
