"""The embedded object store: the Kubernetes API's rules over one SQLite file, or over memory."""

from argosy.embedded.store.discovery import CUSTOM_RESOURCE_DEFINITIONS
from argosy.embedded.store.kube import Admit, EmbeddedKube, LogReader, collecting_warnings
from argosy.embedded.store.refusals import StoreUnreadable

__all__ = [
    "CUSTOM_RESOURCE_DEFINITIONS", "Admit", "EmbeddedKube", "LogReader", "StoreUnreadable", "collecting_warnings",
]
