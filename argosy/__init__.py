"""Argosy: events in, workflows out."""

__version__ = "0.1.0"
