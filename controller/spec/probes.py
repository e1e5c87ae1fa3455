# ruff: noqa: RUF012  (pydantic copies a default; it is never shared)
"""How Kubernetes asks whether a container is alive, and what it does around its life."""

from argosy.manifests.model import Model
from argosy.manifests.scalars import IntOrString


class ExecAction(Model):
    """A command to run inside the container."""

    command: list[str] = []


class ProbeHeader(Model):
    """A header that a probe sends."""

    name: str = ""
    value: str | None = None


class HTTPGetAction(Model):
    """An HTTP request to the container."""

    host: str | None = None
    http_headers: list[ProbeHeader] = []
    path: str | None = None
    port: IntOrString | None = None
    scheme: str | None = None


class TCPSocketAction(Model):
    """A TCP connection to the container."""

    host: str | None = None
    port: IntOrString | None = None


class SleepAction(Model):
    """A pause before the container ends."""

    seconds: int | None = None


class GRPCAction(Model):
    """A gRPC health check."""

    port: int | None = None
    service: str | None = None


class LifecycleHandler(Model):
    """What to do when a container starts or is about to end."""

    exec: ExecAction | None = None
    http_get: HTTPGetAction | None = None
    sleep: SleepAction | None = None
    tcp_socket: TCPSocketAction | None = None


class Lifecycle(Model):
    """What to do around a container's life."""

    post_start: LifecycleHandler | None = None
    pre_stop: LifecycleHandler | None = None
    stop_signal: str | None = None


class Probe(Model):
    """How to find out whether a container is alive or ready."""

    exec: ExecAction | None = None
    failure_threshold: int | None = None
    grpc: GRPCAction | None = None
    http_get: HTTPGetAction | None = None
    initial_delay_seconds: int | None = None
    period_seconds: int | None = None
    success_threshold: int | None = None
    tcp_socket: TCPSocketAction | None = None
    termination_grace_period_seconds: int | None = None
    timeout_seconds: int | None = None
