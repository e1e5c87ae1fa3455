"""What a kind of event source is given, and what it gives back.

There are two sorts. A `Hook` is called over HTTP: it reads one request and says which event it is; the listening is
done once for all of them. A `Runner` fetches by itself: it runs until it is cancelled and emits.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from argosy.clock import Clock
from argosy.errors import ArgosyError, Problem
from argosy.kube.contract import Kube
from events.bus.contract import Bus
from events.rules.event import Json

MOST_PAYLOAD_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """One event of one EventSource: `spec` is its part of the YAML."""

    namespace: str
    name: str
    event: str
    kind: str
    spec: Mapping[str, Json]

    @property
    def place(self) -> str:
        """Where it stands in the YAML."""
        return f"spec.{self.kind}.{self.event}"


@dataclass(frozen=True, slots=True)
class Reading:
    """What happened: the event's data; its producer's own id, if it has one; and why it should not be published, if so."""

    data: Json
    id: str = ""
    withheld: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The event is on the bus (or deliberately is not: `withheld` says why)."""

    id: str
    duplicate: bool = False
    withheld: str = ""


class Emit(Protocol):
    """Publishes; returns once the event is kept."""

    async def __call__(self, reading: Reading) -> Accepted:
        """Raises Unavailable, TooLarge."""


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request, read whole. Header names are as Go writes them (``X-Github-Event``), values are lists."""

    method: str
    headers: Mapping[str, Sequence[str]]
    query: Mapping[str, Sequence[str]]
    body: bytes

    def header(self, name: str) -> str:
        """The first value of a header, or nothing."""
        values = self.headers.get(canonical(name)) or ("",)
        return values[0]


class Refused(ArgosyError):
    """The sender's mistake: the status and the text that it gets."""

    def __init__(self, status: int, text: str, *, headers: Mapping[str, str] | None = None) -> None:
        self.status, self.text, self.headers = status, text, dict(headers or {})
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a hook listens, and what it takes."""

    endpoint: str
    port: int
    methods: tuple[str, ...] = ()  # empty: any
    most_bytes: int = MOST_PAYLOAD_BYTES


class Secrets(Protocol):
    """Reads keys of Secrets."""

    async def read(self, namespace: str, selector: Mapping[str, Json], *, fresh: bool = False) -> str:
        """The value, without blanks around it. Raises SecretMissing, Unavailable."""


class SecretMissing(ArgosyError):
    """The Secret or its key does not exist, or has no value."""


@dataclass(frozen=True, slots=True)
class World:
    """What sources may reach."""

    kube: Kube
    bus: Bus
    clock: Clock
    secrets: Secrets


class Hook(Protocol):
    """A kind that is called over HTTP."""

    def check(self, source: Source, *, exposed: bool = False) -> Iterable[Problem]:
        """What is wrong in the YAML, or has no effect yet. `exposed`: strangers may reach the listener."""

    def route(self, source: Source) -> Route:
        """Where it listens."""

    async def admit(self, headers: Request, source: Source, secrets: Secrets) -> None:
        """Refuse a request by its headers alone, before its body is read. Raises Refused."""

    async def read(self, request: Request, source: Source, secrets: Secrets) -> Reading:
        """The event of a request. Raises Refused, Unavailable."""


class Runner(Protocol):
    """A kind that fetches by itself."""

    def check(self, source: Source) -> Iterable[Problem]:
        """What is wrong in the YAML, or has no effect yet."""

    async def run(self, source: Source, emit: Emit, world: World, started: asyncio.Event) -> None:
        """Emit until cancelled."""


@dataclass(frozen=True, slots=True)
class Kinds:
    """The kinds there are, by the key of the YAML."""

    hooks: Mapping[str, Hook] = field(default_factory=dict)
    runners: Mapping[str, Runner] = field(default_factory=dict)

    def __contains__(self, name: object) -> bool:
        return name in self.hooks or name in self.runners

    def check(self, source: Source, *, exposed: bool) -> Iterable[Problem]:
        """What the kind says of the YAML."""
        if source.kind in self.hooks:
            return self.hooks[source.kind].check(source, exposed=exposed)
        return self.runners[source.kind].check(source)


Headers: TypeAlias = dict[str, list[str]]


def canonical(name: str) -> str:
    """A header's name as Go writes it: ``x-github-EVENT`` is ``X-Github-Event``."""
    return "-".join(part[:1].upper() + part[1:].lower() for part in name.split("-"))
