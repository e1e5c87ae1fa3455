"""Everything in one process: store, face, pod runtime, controller, sources and sensors, and a real nats-server beside it.

All that is to be kept lies in one folder::

    DIR/store.db     the objects             DIR/pods/       private layers, outcomes and logs of pods
    DIR/nats/        JetStream               DIR/artifacts/  files handed from step to step
    DIR/face/        certificates, token     DIR/kubeconfig  how to reach the face (mode 0600)
"""

import asyncio
import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from argosy.clock import Clock, SystemClock
from argosy.embedded.admission import admit
from argosy.embedded.api import ApiFace
from argosy.embedded.nats import NatsServer
from argosy.embedded.questions import routes_of
from argosy.embedded.store import EmbeddedKube
from argosy.embedded.throwaway import workflow_services
from argosy.errors import ArgosyError
from argosy.kube.kinds import ListedKinds
from argosy.kube.kubeconfig import write_kubeconfig
from argosy.lifecycle import running
from argosy.settings import Settings
from controller.untaken import Untaken
from events.bus.jetstream import JetStreamBus
from events.records import Records
from events.service import SensorsService
from sources.service import SourcesService

DEFAULT_API_PORT = 6440


@dataclass(frozen=True, slots=True)
class Urls:
    """Where the parts serve."""

    api: str
    webhooks: str
    nats: str
    kubeconfig: Path

    def line(self) -> str:
        """The line that says so, for people and for programs."""
        return f"ready api={self.api} webhooks={self.webhooks} nats={self.nats} kubeconfig={self.kubeconfig}"


async def serve(data: Path, *, settings: Settings, port: int | None, tell: Callable[[Urls], None],
                clock: Clock | None = None) -> None:
    """Serve until cancelled; `tell` hears the URLs once every part serves. `port` 0 picks free ports.

    Raises ArgosyError where the folder is in use by another `argosy up`, or a port is taken.
    """
    clock = clock or SystemClock()
    data.mkdir(parents=True, exist_ok=True, mode=0o700)  # noqa: ASYNC240 - at the very start nothing else waits
    with _only_one(data):
        kube = EmbeddedKube.open(data / "store.db", clock=clock, admit=admit)
        try:
            await _serve(kube, data, settings=settings, port=port, tell=tell, clock=clock)
        finally:
            kube.close()


async def _serve(kube: EmbeddedKube, data: Path, *, settings: Settings, port: int | None,
                 tell: Callable[[Urls], None], clock: Clock) -> None:
    nats = NatsServer(data / "nats", clock=clock)
    bus = JetStreamBus(nats.url, clock=clock)
    face = ApiFace(kube, folder=data / "face", port=DEFAULT_API_PORT if port is None else port, clock=clock,
                   resources=kube.resources, routes=routes_of(Records(bus, kube, clock)))
    sources = SourcesService(kube, bus, clock=clock, port=0 if port == 0 else settings.webhook_port)
    sensors = SensorsService(kube, bus, clock=clock, kinds=ListedKinds(kube.resources))
    workflows = workflow_services(kube, data, settings=settings, clock=clock, durable=True)
    untaken = Untaken(kube, clock=clock, chance=Random())
    async with running([nats, bus, *workflows, untaken, sensors, sources, face]):
        urls = Urls(face.url, sources.url, nats.url.split("@")[-1], data / "kubeconfig")
        write_kubeconfig(urls.kubeconfig, server=face.url, authority=face.authority, token=face.token)
        tell(urls)
        await asyncio.Event().wait()


@contextmanager
def _only_one(data: Path) -> Iterator[None]:
    """Hold the folder; a second system over the same files would break both."""
    with (data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ArgosyError(f"another `argosy up` uses {data}; stop it, or choose another folder with --data") from None
        yield
