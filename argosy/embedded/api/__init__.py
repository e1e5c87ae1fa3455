"""The HTTPS face of any Kube: the Kubernetes API as kubectl speaks it, on loopback, behind a token."""

from argosy.embedded.api.face import ApiFace
from argosy.embedded.api.routes import Route, RouteCall

__all__ = ["ApiFace", "Route", "RouteCall"]
