"""Artifacts: files that one step leaves and another one takes."""
