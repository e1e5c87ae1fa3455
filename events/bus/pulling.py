"""Pulling messages from a JetStream consumer.

Done by hand rather than with the client's ``fetch``: that waits for a whole batch when the first message comes late, and
forgets its request when the server restarts. Here one request is out at a time, the first message is handed on at once,
and a new connection asks anew.
"""

import asyncio
import contextlib
import json
from collections.abc import Coroutine
from typing import Any, TypeVar

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from argosy.errors import Unavailable
from events.bus.contract import Backlog, Delivery, Message
from events.bus.subjects import from_subject

REQUEST_SECONDS = 5.0

Answer = TypeVar("Answer")


class Connection:
    """A client, and how often it has connected: pulls ask anew when that changes."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.count = 0
        self._lost: asyncio.Future[None] | None = None

    def lost(self) -> None:
        """The server is away: whoever waits for an answer of it waits in vain."""
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(None)

    def back(self) -> None:
        """The server answers."""
        self._lost = asyncio.get_running_loop().create_future()
        self.count += 1

    async def answer(self, asked: Coroutine[Any, Any, Answer]) -> Answer:
        """What the server answers; Unavailable as soon as the connection breaks, rather than when time is up."""
        lost = self._lost
        if lost is None or lost.done():
            asked.close()
            raise Unavailable("the event bus (NATS) is away", retry_after_seconds=1.0)
        task = asyncio.ensure_future(asked)
        try:
            await asyncio.wait((task, lost), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise Unavailable("the event bus (NATS) went away before it answered", retry_after_seconds=1.0)
            return task.result()
        finally:
            task.cancel()


class Pull:
    """Messages of one consumer, as they come. At most one request is out; what it still brings serves the next fetch."""

    def __init__(self, connection: Connection, stream: str, consumer: str) -> None:
        self._connection = connection
        self._stream, self._consumer = stream, consumer
        self._subscription: Any = None
        self._subscribed_by: Client | None = None
        self._asked = 0           # how many messages the request that is out may still bring
        self._ends_at = 0.0       # when the server gives that request up
        self._connections = -1

    async def fetch(self, most: int, *, wait_seconds: float) -> list[Delivery]:
        """What has come, or what comes within `wait_seconds`."""
        try:
            return await self._fetch(most, wait_seconds)
        except (nats.errors.Error, OSError) as error:
            self._asked = 0
            raise unavailable(error) from error

    async def backlog(self) -> Backlog:
        """Ask the server how far the consumer is."""
        try:
            info = await self._client.jetstream(timeout=REQUEST_SECONDS).consumer_info(self._stream, self._consumer)
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise unavailable(error) from error
        floor = info.ack_floor.stream_seq if info.ack_floor else 0
        return Backlog(info.num_pending or 0, info.num_ack_pending or 0, floor)

    async def close(self) -> None:
        """Withdraw the request that is out, and give back what it brought and nobody took."""
        subscription, self._subscription = self._subscription, None
        if subscription is None or not self._client.is_connected:
            return
        with contextlib.suppress(nats.errors.Error, OSError):
            got: list[Delivery] = []
            while subscription.pending_msgs:
                self._take(await subscription.next_msg(timeout=1.0), got)
            for delivery in got:
                await delivery.nak(delay_seconds=0)
            await subscription.unsubscribe()

    async def _fetch(self, most: int, wait_seconds: float) -> list[Delivery]:
        if not self._client.is_connected:
            raise Unavailable("the event bus (NATS) is away", retry_after_seconds=1.0)
        loop = asyncio.get_running_loop()
        if self._subscription is None or self._subscribed_by is not self._client:
            self._subscribed_by = self._client
            self._subscription = await self._client.subscribe(self._client.new_inbox())
        got: list[Delivery] = []
        deadline = loop.time() + wait_seconds
        while not got and loop.time() < deadline:
            await self._ask(most, deadline - loop.time())
            try:
                message = await self._subscription.next_msg(timeout=max(0.001, deadline - loop.time()))
            except TimeoutError:
                break
            self._take(message, got)
        while len(got) < most and self._subscription.pending_msgs:
            self._take(await self._subscription.next_msg(timeout=1.0), got)
        return got

    @property
    def _client(self) -> Client:
        return self._connection.client

    async def _ask(self, most: int, wait_seconds: float) -> None:
        now = asyncio.get_running_loop().time()
        fresh = self._connections == self._connection.count and now < self._ends_at
        if (fresh and self._asked > 0) or self._subscription.pending_msgs:
            return
        self._connections = self._connection.count
        self._asked, self._ends_at = most, now + wait_seconds
        request = {"batch": most, "expires": int(wait_seconds * 1e9)}
        await self._client.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._consumer}", json.dumps(request).encode(),
            self._subscription.subject)

    def _take(self, message: Msg, got: list[Delivery]) -> None:
        status = (message.headers or {}).get("Status")
        if status is None:
            self._asked = max(0, self._asked - 1)
            got.append(_Delivery(self._connection, message))
        elif status != "100":
            self._asked = 0
            if status == "503" or (status == "409" and "Deleted" in (message.headers or {}).get("Description", "")):
                raise nats.errors.Error(f"consumer {self._consumer} is gone")


class _Delivery:
    """A JetStream message that wants an acknowledgement."""

    def __init__(self, connection: Connection, message: Msg) -> None:
        self._connection, self._client, self._reply = connection, connection.client, message.reply
        meta = message.metadata
        self.attempt = int(meta.num_delivered or 1)
        self.message = Message(
            from_subject(message.subject), message.data, meta.sequence.stream, meta.timestamp.timestamp())

    async def ack(self) -> None:
        """Acknowledge, and wait until the server has noted it."""
        try:
            await self._connection.answer(self._client.request(self._reply, b"+ACK", timeout=REQUEST_SECONDS))
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise unavailable(error) from error

    async def nak(self, *, delay_seconds: float) -> None:
        """Give the message back."""
        await self._tell(b"-NAK " + json.dumps({"delay": int(delay_seconds * 1e9)}).encode())

    async def extend(self) -> None:
        """Start the acknowledgement's time anew."""
        await self._tell(b"+WPI")

    async def _tell(self, what: bytes) -> None:
        try:
            await self._client.publish(self._reply, what)
        except (nats.errors.Error, OSError) as error:
            raise unavailable(error) from error


def unavailable(error: BaseException) -> Unavailable:
    """What kept the server from answering, as our own error."""
    if isinstance(error, Unavailable):
        return error
    said = str(error) or type(error).__name__
    return Unavailable(f"the event bus (NATS) does not answer: {said}", retry_after_seconds=1.0)
