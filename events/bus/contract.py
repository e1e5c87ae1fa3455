"""What the event parts ask of a bus: publish once, keep, hand out until acknowledged, and hold state safely.

Every namespace has four streams (`Stream`) and one bucket of keys. A subject is a tuple of plain names; the backend
writes them so that any name is safe. Two backends pass ``tests/conformance/test_bus.py``: `jetstream` and `memory`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import EllipsisType
from typing import Protocol, TypeAlias

from argosy.errors import ArgosyError, Unavailable

Subject: TypeAlias = tuple[str, ...]
# In a filter None stands for any one name, and a final `...` for one or more further names.
Filter: TypeAlias = tuple[str | EllipsisType | None, ...]

DAY_SECONDS = 24 * 3600.0


class Stream(StrEnum):
    """The four streams of a namespace."""

    EVENTS = "events"            # (source, event)
    INTENTS = "intents"          # (sensor uid, trigger, intent id): what a trigger must do
    DECISIONS = "decisions"      # ("event", event id, sensor uid, trigger) and ("outcome", intent id)
    DEADLETTERS = "deadletters"  # (intent id,)


@dataclass(frozen=True, slots=True)
class Rule:
    """How a stream keeps its messages."""

    keep_seconds: float
    dedupe_seconds: float
    once_per_subject: bool = False    # a second message on a subject counts as a duplicate, however late it comes
    newest_per_subject: bool = False  # a second message on a subject replaces the first


RULES: Mapping[Stream, Rule] = {
    Stream.EVENTS: Rule(keep_seconds=7 * DAY_SECONDS, dedupe_seconds=2 * 3600.0),
    Stream.INTENTS: Rule(keep_seconds=7 * DAY_SECONDS, dedupe_seconds=2 * 3600.0, once_per_subject=True),
    Stream.DECISIONS: Rule(keep_seconds=7 * DAY_SECONDS, dedupe_seconds=120.0, newest_per_subject=True),
    Stream.DEADLETTERS: Rule(keep_seconds=90 * DAY_SECONDS, dedupe_seconds=120.0, newest_per_subject=True),
}


class Foreign(Unavailable):
    """What the bus keeps for a namespace of this name belongs to another cluster."""

    def __init__(self, namespace: str) -> None:
        super().__init__(
            f"the event bus (NATS) keeps namespace {namespace!r} of another cluster, which is left alone: give each "
            "cluster a NATS account or server of its own; if that cluster is gone for good, or this one has got "
            "certificates of a new authority, run `argosy eventing` with --take-over", retry_after_seconds=60.0)


class TooLarge(ArgosyError):
    """The message is larger than the bus takes."""

    def __init__(self, size: int, most: int) -> None:
        self.size, self.most = size, most
        super().__init__(f"the message has {size} bytes; this event bus takes at most {most}")


class Stale(ArgosyError):
    """The key has changed since it was read: read it again and decide again."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The bus keeps the message: where, and whether it had it already."""

    sequence: int
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """A message as the bus keeps it. `time` is when the bus took it."""

    subject: Subject
    data: bytes
    sequence: int
    time: float


@dataclass(frozen=True, slots=True)
class Backlog:
    """How far a consumer is: not yet handed out, handed out and not acknowledged, and the sequence below which all is done."""

    waiting: int
    in_flight: int
    done_through: int


class Delivery(Protocol):
    """One message handed to one worker: it comes again, to anyone, until somebody acknowledges it."""

    message: Message
    attempt: int  # 1 the first time

    async def ack(self) -> None:
        """Done: returns when the bus knows it. Raises Unavailable; then the message may come again."""

    async def nak(self, *, delay_seconds: float) -> None:
        """Not now: hand it out again after a while."""

    async def extend(self) -> None:
        """Still at work: put the moment off at which the message is handed out again."""


class Consumer(Protocol):
    """A durable place in a stream; any number of workers may fetch from it."""

    async def fetch(self, most: int, *, wait_seconds: float) -> list[Delivery]:
        """Up to `most` messages, at once if there are any, else within `wait_seconds`. Raises Unavailable.

        What comes later than it was waited for is kept for the next fetch of the same worker.
        """

    async def backlog(self) -> Backlog:
        """How much is left. Raises Unavailable."""

    async def close(self) -> None:
        """Take no more: what was on its way to this worker goes to others. The durable place stays."""


@dataclass(frozen=True, slots=True)
class ConsumerSettings:
    """What a durable consumer gets. A changed `filters` takes effect for what is not yet handed out."""

    filters: Sequence[Filter]
    start_time: float | None = None  # None: from the first message; only counts when the consumer is made
    ack_wait_seconds: float = 5.0
    most_in_flight: int = 256


@dataclass(frozen=True, slots=True)
class Entry:
    """A key's value and the revision to hand back when writing."""

    value: bytes
    revision: int = field(default=0)


class Bus(Protocol):
    """A bus. Every call may raise Unavailable, among it Foreign."""

    @property
    def most_message_bytes(self) -> int:
        """The largest message that `publish` takes."""

    async def claim(self, namespace: str) -> None:
        """Have a place for all that the namespace's objects bring. Raises Foreign where that is another cluster's."""

    async def publish(
        self, stream: Stream, namespace: str, subject: Subject, data: bytes, *, message_id: str = "",
    ) -> Receipt:
        """Returns once the bus has the message on disk. Raises TooLarge, Unavailable."""

    async def consumer(self, stream: Stream, namespace: str, name: str, settings: ConsumerSettings) -> Consumer:
        """The durable consumer `name`, made or brought up to date."""

    async def consumers(self, stream: Stream, namespace: str) -> dict[str, list[Filter]]:
        """The durable consumers there are, with their filters."""

    async def namespaces(self) -> list[str]:
        """The namespaces of this cluster that have streams."""

    async def drop_consumer(self, stream: Stream, namespace: str, name: str) -> None:
        """Forget a consumer; no error if there is none."""

    async def get(self, stream: Stream, namespace: str, sequence: int) -> Message | None:
        """The message at `sequence`, while it is kept."""

    async def newest(self, stream: Stream, namespace: str, subject: Subject) -> Message | None:
        """The newest message on exactly this subject."""

    async def read(self, stream: Stream, namespace: str, filter_: Filter, *, last: int) -> list[Message]:
        """The newest `last` messages that the filter lets through, oldest first."""

    async def get_key(self, namespace: str, key: Subject) -> Entry | None:
        """A key's value."""

    async def put_key(self, namespace: str, key: Subject, value: bytes, *, revision: int) -> int:
        """Write if the key is still at `revision` (0: there is none); the new revision. Raises Stale, TooLarge."""

    async def drop_keys(self, namespace: str, prefix: Subject) -> None:
        """Forget all keys that begin with `prefix`."""

    async def close(self) -> None:
        """Let go of the connection."""


__all__ = [
    "DAY_SECONDS", "RULES", "Backlog", "Bus", "Consumer", "ConsumerSettings", "Delivery", "Entry", "Filter", "Foreign",
    "Message", "Receipt", "Rule", "Stale", "Stream", "Subject", "TooLarge",
]
