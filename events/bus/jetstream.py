"""The bus on NATS JetStream; together with `making` and `pulling` the only code that speaks to nats."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from random import Random
from typing import Any, TypeVar

import nats
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js import JetStreamContext, api

from argosy.backoff import Backoff
from argosy.clock import Clock, SystemClock, new_uid
from argosy.errors import Unavailable
from argosy.logs import note
from events.bus.contract import (
    ConsumerSettings,
    Entry,
    Filter,
    Foreign,
    Message,
    Receipt,
    Stale,
    Stream,
    Subject,
    TooLarge,
)
from events.bus.making import ClusterOf, StreamMaker, bucket_name, stream_name
from events.bus.pulling import REQUEST_SECONDS, Connection, Pull, unavailable
from events.bus.subjects import (
    from_filter,
    from_subject,
    from_token,
    simplify,
    to_filter,
    to_subject,
    to_token,
)

log = logging.getLogger(__name__)

_SPARE_BYTES = 4096  # headers and subject count against the server's limit
_SUBJECT_TAKEN = 10077  # maximum messages per subject exceeded
_CONNECTING = Backoff(first_seconds=0.02, most_seconds=2.0)

Answer = TypeVar("Answer")


class JetStreamBus:
    """The `Bus` over one connection to NATS. A server that is away is `Unavailable`, and nobody waits for it.

    `replicas` is on how many servers of a NATS cluster each message is kept, `keep_seconds` for how long what was
    accepted is; None leaves what is there as it is. `cluster` tells whose streams may be touched; without it, all may.
    """

    def __init__(
        self, url: str, *, clock: Clock | None = None, replicas: int | None = None, keep_seconds: float | None = None,
        cluster: ClusterOf | None = None, take_over: bool = False,
    ) -> None:
        self._url, self._clock = url, clock or SystemClock()
        self._maker = StreamMaker(replicas=replicas, keep_seconds=keep_seconds, cluster=cluster, take_over=take_over)
        self._connection = Connection(Client())
        self._js: JetStreamContext = self._client.jetstream(timeout=REQUEST_SECONDS)
        self._made: set[str] = set()
        self._foreign: set[str] = set()  # told in the log
        self._making = asyncio.Lock()
        self._connecting = asyncio.Lock()
        self._closing = False

    @property
    def connected(self) -> bool:
        """Whether the server answers, as far as is known."""
        return self._is_up()

    @property
    def most_message_bytes(self) -> int:
        """The server's own limit, less what subject and headers take."""
        return max(1, self._client.max_payload - _SPARE_BYTES)

    async def run(self, ready: asyncio.Event) -> None:
        """As a service: connected from when `ready` is set; let go of when cancelled."""
        failures = 0
        try:
            while True:
                try:
                    await self._connect()
                    break
                except Unavailable:
                    failures += 1
                    await self._clock.sleep(_CONNECTING.wait_seconds(failures))
            ready.set()
            await asyncio.Event().wait()
        finally:
            await self.close()

    async def claim(self, namespace: str) -> None:
        """Make the namespace's streams."""
        await self._ensure(namespace)

    async def publish(
        self, stream: Stream, namespace: str, subject: Subject, data: bytes, *, message_id: str = "",
    ) -> Receipt:
        """Publish and wait for the acknowledgement that the message is on disk."""
        await self._ensure(namespace)
        if len(data) > self.most_message_bytes:
            raise TooLarge(len(data), self.most_message_bytes)
        headers = {"Nats-Msg-Id": to_token(message_id)} if message_id else None
        wire = to_subject(stream, namespace, subject)

        async def ask() -> Receipt:
            try:
                ack = await self._js.publish(wire, data, headers=headers)
            except nats.js.errors.APIError as error:
                if error.err_code != _SUBJECT_TAKEN:
                    raise
                kept = await self.newest(stream, namespace, subject)
                return Receipt(kept.sequence if kept else 0, duplicate=True)
            return Receipt(ack.seq, duplicate=bool(ack.duplicate))

        return await self._reach(ask, namespace)

    async def consumer(self, stream: Stream, namespace: str, name: str, settings: ConsumerSettings) -> Pull:
        """Make the durable consumer, or bring its filters up to date."""
        await self._ensure(namespace)
        where, durable = stream_name(stream, namespace), to_token(name)
        filters = [to_filter(stream, namespace, one) for one in simplify(settings.filters)]

        async def ask() -> None:
            try:
                known = (await self._js.consumer_info(where, durable)).config
            except nats.js.errors.NotFoundError:
                await self._js.add_consumer(where, _consumer_config(durable, filters, settings))
                return
            if sorted(known.filter_subjects or [known.filter_subject or ""]) != sorted(filters):
                await self._js.add_consumer(where, known.evolve(filter_subject=None, filter_subjects=filters))

        await self._reach(ask, namespace)
        return Pull(self._connection, where, durable)

    async def consumers(self, stream: Stream, namespace: str) -> dict[str, list[Filter]]:
        """All durable consumers of the stream."""
        if not await self._exists(namespace):
            return {}
        where = stream_name(stream, namespace)

        async def ask() -> dict[str, list[Filter]]:
            found: dict[str, list[Filter]] = {}
            while True:
                page = await self._js.consumers_info(where, offset=len(found))
                for info in page:
                    texts = info.config.filter_subjects or [info.config.filter_subject or ""]
                    found[from_token(info.name)] = [from_filter(text) for text in texts if text]
                if not page or len(page) < 256:
                    return found

        return await self._reach(ask, namespace)

    async def namespaces(self) -> list[str]:
        """From the names of the streams that belong to this cluster."""
        await self._connect()
        prefix = f"{Stream.EVENTS.value.upper()}_"

        async def ask() -> list[str]:
            found: list[str] = []
            offset = 0
            while page := await self._js.streams_info(offset=offset):
                offset += len(page)
                for config in (info.config for info in page if (info.config.name or "").startswith(prefix)):
                    namespace = from_token((config.name or "").removeprefix(prefix))
                    if await self._maker.is_ours(namespace, config):
                        found.append(namespace)
            return sorted(found)

        try:
            return await ask()
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise unavailable(error) from error

    async def drop_consumer(self, stream: Stream, namespace: str, name: str) -> None:
        """Delete the durable consumer."""
        if not await self._exists(namespace):
            return

        async def ask() -> None:
            try:
                await self._js.delete_consumer(stream_name(stream, namespace), to_token(name))
            except nats.js.errors.NotFoundError:
                return

        await self._reach(ask, namespace)

    async def get(self, stream: Stream, namespace: str, sequence: int) -> Message | None:
        """Read one message by its number."""
        return await self._find(stream, namespace, seq=sequence)

    async def newest(self, stream: Stream, namespace: str, subject: Subject) -> Message | None:
        """Read the last message of a subject."""
        return await self._find(stream, namespace, subject=to_subject(stream, namespace, subject))

    async def read(self, stream: Stream, namespace: str, filter_: Filter, *, last: int) -> list[Message]:
        """Look back in growing windows until `last` messages are found or the beginning is reached."""
        if not await self._exists(namespace):
            return []
        where, wire = stream_name(stream, namespace), to_filter(stream, namespace, filter_)

        async def ask() -> list[Message]:
            state = (await self._js.stream_info(where)).state
            window = max(last, 64)
            while True:
                start = max(state.first_seq, state.last_seq - window + 1, 1)
                found = await self._read_from(where, wire, start)
                if len(found) >= last or start <= max(state.first_seq, 1):
                    return found[-last:]
                window *= 16

        return await self._reach(ask, namespace)

    async def get_key(self, namespace: str, key: Subject) -> Entry | None:
        """Read a key of the namespace's bucket."""
        if not await self._exists(namespace):
            return None

        async def ask() -> Entry | None:
            try:
                bucket = await self._js.key_value(bucket_name(namespace))
                entry = await bucket.get(_key(key))
            except nats.js.errors.KeyNotFoundError:
                return None
            return Entry(entry.value or b"", entry.revision or 0)

        return await self._reach(ask, namespace)

    async def put_key(self, namespace: str, key: Subject, value: bytes, *, revision: int) -> int:
        """Write a key if it is still at `revision`."""
        await self._ensure(namespace)
        if len(value) > self.most_message_bytes:
            raise TooLarge(len(value), self.most_message_bytes)

        async def ask() -> int:
            bucket = await self._js.key_value(bucket_name(namespace))
            try:
                if revision == 0:
                    return int(await bucket.create(_key(key), value))
                return int(await bucket.update(_key(key), value, last=revision))
            except nats.js.errors.KeyWrongLastSequenceError as error:
                raise Stale(f"key {'/'.join(key)} has changed since revision {revision}") from error

        return await self._reach(ask, namespace)

    async def drop_keys(self, namespace: str, prefix: Subject) -> None:
        """Purge every key below `prefix`."""
        if not await self._exists(namespace):
            return

        async def ask() -> None:
            where = f"KV_{bucket_name(namespace)}"
            wire = f"$KV.{bucket_name(namespace)}.{_key(prefix)}"
            for subject in (wire, f"{wire}.>"):
                await self._js.purge_stream(where, subject=subject)

        await self._reach(ask, namespace)

    async def close(self) -> None:
        """Close the connection; what was acknowledged stays."""
        self._closing = True
        if not self._client.is_closed:
            await self._client.close()

    async def _reach(self, ask: Callable[[], Coroutine[Any, Any, Answer]], namespace: str) -> Answer:
        """Ask the server; whatever keeps it from answering becomes Unavailable."""
        try:
            return await self._connection.answer(ask())
        except nats.js.errors.NoStreamResponseError:
            self._made.discard(namespace)  # the server lost its folder: make the streams again
            await self._ensure(namespace)
            try:
                return await self._connection.answer(ask())
            except (nats.errors.Error, TimeoutError, OSError) as error:
                raise unavailable(error) from error
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise unavailable(error) from error

    async def _exists(self, namespace: str) -> bool:
        """Whether the namespace has streams: a question makes none."""
        await self._connect()
        if namespace in self._made:
            return True
        try:
            await self._js.stream_info(stream_name(Stream.EVENTS, namespace))
        except nats.js.errors.NotFoundError:
            return False
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise unavailable(error) from error
        await self._ensure(namespace)
        return True

    async def _ensure(self, namespace: str) -> None:
        """Be connected, and have the namespace's streams and bucket."""
        await self._connect()
        if namespace in self._made:
            return
        async with self._making:
            if namespace in self._made:
                return
            try:
                await self._maker.make(self._js, namespace)
            except Foreign as error:
                if namespace not in self._foreign:
                    self._foreign.add(namespace)
                    note(log, "namespace not served", level=logging.ERROR, namespace=namespace, reason=str(error))
                raise
            except (nats.errors.Error, TimeoutError, OSError) as error:
                raise unavailable(error) from error
            self._made.add(namespace)
            self._foreign.discard(namespace)

    async def _connect(self) -> None:
        if self._is_up():
            return
        async with self._connecting:
            if self._is_up():
                return
            client = self._client
            if self._connection.count and not client.is_closed:
                # The client connects again by itself; a second attempt beside its own would break both.
                raise Unavailable("the event bus (NATS) is away; connecting again", retry_after_seconds=1.0)
            if self._closing:
                raise Unavailable("the event bus is closed")
            self._renew()
            try:
                async with asyncio.timeout(REQUEST_SECONDS):
                    await self._client.connect(
                        self._url, name="argosy", allow_reconnect=True, max_reconnect_attempts=-1, connect_timeout=2,
                        reconnect_time_wait=0.05 + Random(new_uid()).random() * 0.15,  # type: ignore[arg-type]
                        error_cb=_ignore, disconnected_cb=self._lost, reconnected_cb=self._back)
            except (nats.errors.Error, TimeoutError, OSError) as error:
                raise unavailable(error) from error
            self._connection.back()

    def _renew(self) -> None:
        """A fresh client: one that failed to connect, or was closed by the server, is of no use any more."""
        self._connection.client = Client()
        self._js = self._client.jetstream(timeout=REQUEST_SECONDS)

    @property
    def _client(self) -> Client:
        return self._connection.client

    def _is_up(self) -> bool:
        return bool(self._client.is_connected)

    async def _lost(self) -> None:
        self._connection.lost()
        if not self._closing:
            log.warning("event bus away")

    async def _back(self) -> None:
        self._connection.back()
        log.info("event bus back")

    async def _find(self, stream: Stream, namespace: str, **which: Any) -> Message | None:
        if not await self._exists(namespace):
            return None

        async def ask() -> Message | None:
            try:
                raw = await self._js.get_msg(stream_name(stream, namespace), direct=True, **which)
            except nats.js.errors.NotFoundError:
                return None
            at = raw.time.timestamp() if raw.time else 0.0
            return Message(from_subject(raw.subject or ""), raw.data or b"", raw.seq or 0, at)

        return await self._reach(ask, namespace)

    async def _read_from(self, where: str, wire: str, start: int) -> list[Message]:
        name = to_token(new_uid())
        info = await self._js.add_consumer(where, api.ConsumerConfig(
            name=name, deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=start, mem_storage=True,
            filter_subjects=[wire], ack_policy=api.AckPolicy.NONE, inactive_threshold=10.0))
        left = info.num_pending or 0
        pull = Pull(self._connection, where, name)
        found: list[Message] = []
        try:
            while left > 0:
                got = await pull.fetch(min(left, 256), wait_seconds=REQUEST_SECONDS)
                if not got:
                    break
                found.extend(delivery.message for delivery in got)
                left -= len(got)
        finally:
            await pull.close()
            await self._js.delete_consumer(where, name)
        return found


def _key(key: Subject) -> str:
    return ".".join(map(to_token, key))


def _consumer_config(durable: str, filters: list[str], settings: ConsumerSettings) -> api.ConsumerConfig:
    config = api.ConsumerConfig(
        durable_name=durable, filter_subjects=filters, ack_policy=api.AckPolicy.EXPLICIT, max_deliver=-1,
        ack_wait=settings.ack_wait_seconds, max_ack_pending=settings.most_in_flight)
    if settings.start_time is not None:
        return config.evolve(
            deliver_policy=api.DeliverPolicy.BY_START_TIME,
            opt_start_time=datetime.fromtimestamp(settings.start_time, UTC))
    return config


async def _ignore(_error: Exception) -> None:
    """Connection errors are told once, by `_lost` and `_back`, not at every try."""
