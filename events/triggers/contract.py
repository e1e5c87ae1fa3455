"""What a kind of trigger is given, and what it gives back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from argosy.clock import Clock
from argosy.errors import ArgosyError, Problem
from argosy.kube.contract import Kube
from argosy.kube.kinds import Kinds
from events.rules.event import Event, Json


class Refused(ArgosyError):
    """It cannot be done as it is written: trying again would not help."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do. `template` is the part of the trigger below its kind; `key` stays the same however often we try."""

    namespace: str
    sensor: str
    trigger: str
    template: Mapping[str, Json]
    policy: Mapping[str, Json]
    events: Mapping[str, Event]
    key: str
    where: str  # the place of `template` in the sensor, for errors
    account: str = ""  # the service account whose rights count, if the sensor names one


@dataclass(frozen=True, slots=True)
class Done:
    """What was done, in a sentence, and the object it was done to."""

    text: str
    object: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What an HTTP server said."""

    status: int
    text: str


class Caller(Protocol):
    """Sends HTTP requests."""

    async def call(
        self, method: str, url: str, *, body: bytes, headers: Mapping[str, str], timeout_seconds: float, verify: bool,
    ) -> Reply:
        """Send and read the answer. Raises Unavailable when there is none."""


@dataclass(frozen=True, slots=True)
class World:
    """What triggers act upon."""

    kube: Kube
    clock: Clock
    caller: Caller
    kinds: Kinds


class Kind(Protocol):
    """One kind of trigger."""

    def check(self, template: Mapping[str, Json], where: str) -> Iterable[Problem]:
        """What is wrong, or has no effect yet, in the YAML."""

    async def act(self, action: Action, world: World) -> Done:
        """Do it; doing it again with the same key must do no more. Raises Refused, KubeError, Unavailable."""
