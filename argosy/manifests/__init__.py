"""Manifests as people write them: YAML and JSON files become objects, and mistakes become words."""

from argosy.manifests.loading import Manifest, load_manifests

__all__ = ["Manifest", "load_manifests"]
