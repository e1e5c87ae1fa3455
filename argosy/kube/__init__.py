"""Kubernetes objects behind one contract: an API server, or the embedded store that behaves as one."""
