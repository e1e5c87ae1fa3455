"""Listening for webhooks: one shared listener for all of them, and each declared port where it is free.

A request is answered 2xx only once the bus keeps the event. Everything that a stranger sends is bounded: how many
requests are read at once, how large a body may be, and how long it may take to arrive.
"""

import asyncio
import json
import logging
from bisect import insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from argosy.errors import ArgosyError, Unavailable
from argosy.logs import note
from events.bus.contract import TooLarge
from events.rules.event import Json
from sources.contract import Accepted, Emit, Headers, Hook, Refused, Request, Route, Secrets, Source, canonical

if TYPE_CHECKING:
    from aiohttp import web

log = logging.getLogger(__name__)

BODY_SECONDS = 15.0
MOST_AT_ONCE = 64
_QUEUE_SECONDS = 5.0
EVENT_ID = "Argosy-Event-Id"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Bound:
    """A hook that listens."""

    source: Source
    hook: Hook
    route: Route
    emit: Emit
    since: tuple[str, str] = ("", "")  # when its EventSource was created, and its uid

    @property
    def key(self) -> tuple[str, str, str]:
        """Which event of which EventSource it is."""
        return self.source.namespace, self.source.name, self.source.event

    @property
    def path(self) -> str:
        """Its own path on the shared listener."""
        return "/" + "/".join(quote(part, safe="") for part in self.key)

    @property
    def rank(self) -> tuple[str, str, str]:
        """Who declares an endpoint first keeps it; the same for every replica, whatever it saw first."""
        return *self.since, self.source.event


class Listener:
    """All webhook-like events. `bind` and `unbind` change what is served while it runs."""

    def __init__(self, *, port: int, secrets: Secrets, host: str = "127.0.0.1", public_url: str = "") -> None:
        self._host, self._wanted_port, self._secrets = host, port, secrets
        self._public_url = public_url.rstrip("/")
        self._bound: dict[tuple[str, str, str], Bound] = {}
        self._paths: dict[str, Bound] = {}
        self._declaring: dict[str, list[Bound]] = {}  # by endpoint, the oldest first
        self._sites: dict[int, web.ServerRunner] = {}
        self._refused: dict[int, str] = {}  # ports that could not be had, and why
        self._at_once = asyncio.Semaphore(MOST_AT_ONCE)
        self.port = port

    @property
    def exposed(self) -> bool:
        """Whether strangers may reach it: it does not listen on loopback alone, or something leads to it."""
        return bool(self._public_url) or self._host not in _LOOPBACK

    @property
    def url(self) -> str:
        """The shared listener, as senders reach it."""
        return self._public_url or f"http://{self._host}:{self.port}"

    async def start(self) -> None:
        """Listen on the shared port. Raises ArgosyError if it is taken."""
        try:
            self.port = await self._listen(self._wanted_port, shared=True)
        except OSError as error:
            raise ArgosyError(
                f"the webhook listener cannot have port {self._wanted_port}: {error.strerror or error}; "
                "choose another with the setting `webhook_port`, or 0 for any that is free") from error

    async def stop(self) -> None:
        """Answer what is being asked, and listen no more."""
        for runner in self._sites.values():
            await runner.cleanup()
        self._sites.clear()

    def url_of(self, bound: Bound) -> str:
        """Where events of this hook can always be sent."""
        return f"{self.url}{bound.path}"

    async def bind(self, bound: Bound) -> None:
        """Serve a hook."""
        self._drop(bound.key)
        self._bound[bound.key] = self._paths[bound.path] = bound
        declaring = self._declaring.setdefault(bound.route.endpoint, [])
        insort(declaring, bound, key=lambda one: one.rank)
        port = bound.route.port
        if port and port not in self._sites and port not in self._refused:
            try:
                await self._listen(port, shared=False)
            except OSError as error:
                self._refused[port] = error.strerror or str(error)

    async def unbind(self, bound: Bound) -> None:
        """Serve a hook no more, unless another has taken its place; a port that nobody declares is let go."""
        if self._bound.get(bound.key) is bound:
            self._drop(bound.key)
        if any(other.route.port == bound.route.port for other in self._bound.values()):
            return
        self._refused.pop(bound.route.port, None)
        if bound.route.port != self.port:
            runner = self._sites.pop(bound.route.port, None)
            if runner is not None:
                await runner.cleanup()

    def remarks(self, bound: Bound) -> list[str]:
        """Why the declared port or endpoint does not lead to this hook, and what does."""
        port, endpoint, url = bound.route.port, bound.route.endpoint, self.url_of(bound)
        if port in self._refused:
            return [f"port {port} cannot be had ({self._refused[port]}); send to {url} instead"]
        if self._leading(endpoint, port) is not bound:
            return [f"an older event declares {endpoint} on port {port} too, and keeps it; send to {url} instead"]
        if self._leading(endpoint, self.port) is not bound:
            return [f"an older event keeps {endpoint} of the shared listener; send to {url}, or to port {port}"]
        return []

    def _drop(self, key: tuple[str, str, str]) -> None:
        bound = self._bound.pop(key, None)
        if bound is None:
            return
        del self._paths[bound.path]
        endpoint = bound.route.endpoint
        self._declaring[endpoint] = [one for one in self._declaring[endpoint] if one is not bound]
        if not self._declaring[endpoint]:
            del self._declaring[endpoint]

    async def _listen(self, port: int, *, shared: bool) -> int:
        from aiohttp import web

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            return await self._answer(request, 0 if shared else port)

        runner = web.ServerRunner(web.Server(handle, access_log=None), handle_signals=False, shutdown_timeout=2.0)
        await runner.setup()
        site = web.TCPSite(runner, self._host, port, reuse_address=True)
        try:
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        actual = int(runner.addresses[0][1])
        self._sites[actual] = runner
        return actual

    async def _answer(self, request: "web.BaseRequest", port: int) -> "web.StreamResponse":
        try:
            if request.path == "/health":
                return _reply(200, {"text": "OK"})
            bound = self._find(request.path, port)
            accepted = await self._take(request, bound)
        except Refused as error:
            return _reply(error.status, {"error": self._told(error)}, headers=error.headers)
        except TooLarge as error:
            return _reply(413, {"error": str(error)})
        except Unavailable as error:
            after = str(max(1, round(error.retry_after_seconds or 1)))
            return _reply(503, {"error": str(error)}, headers={"Retry-After": after})
        except Exception:  # one request must not end the listener
            log.exception("answering a webhook failed")
            return _reply(500, {"error": "Argosy failed to read this request; its log says why"})
        note(log, "event accepted" if not accepted.withheld else "event withheld", namespace=bound.source.namespace,
             source=bound.source.name, name=bound.source.event, event=accepted.id, duplicate=accepted.duplicate or "")
        tree = {"id": accepted.id, "source": bound.source.name, "event": bound.source.event,
                "duplicate": accepted.duplicate}
        if accepted.withheld:
            tree["withheld"] = accepted.withheld
        return _reply(200, tree, headers={EVENT_ID: accepted.id} if _is_header_safe(accepted.id) else {})

    def _told(self, error: Refused) -> str:
        """What the sender hears. What is wrong on our side, and names Secrets, is nothing for strangers."""
        if error.status < 500 or not self.exposed:
            return error.text
        note(log, "request cannot be checked", level=logging.ERROR, reason=error.text)
        return "this request cannot be checked; the log of the event sources says why"

    def _find(self, path: str, port: int) -> Bound:
        """The hook that a path means: its own path, or the endpoint of the hook that declared it first."""
        own = self._paths.get(quote(path, safe="/%")) if port in (0, self.port) else None
        bound = own or self._leading(path, port)
        if bound is not None:
            return bound
        if self.exposed:  # what else there is, is nobody's business
            raise Refused(404, "no event source listens on this path; the status of each EventSource tells its URLs")
        raise Refused(404, f"no event source listens on {path}; there are: "
                           + (", ".join(sorted(self.url_of(one) for one in self._bound.values())[:20]) or "none"))

    def _leading(self, endpoint: str, port: int) -> Bound | None:
        """The oldest hook that declares the endpoint, on that port; the shared one takes those of all ports."""
        return next((one for one in self._declaring.get(endpoint, ())
                     if port in (0, self.port) or one.route.port == port), None)

    async def _take(self, raw: "web.BaseRequest", bound: Bound) -> Accepted:
        route = bound.route
        if route.methods and raw.method not in route.methods:
            allowed = ", ".join(route.methods)
            raise Refused(405, f"the method is {raw.method}; this event takes {allowed}", headers={"Allow": allowed})
        headers = _headers(raw)
        query = _query(raw)
        await bound.hook.admit(Request(raw.method, headers, query, b""), bound.source, self._secrets)
        if raw.content_length is not None and raw.content_length > route.most_bytes:
            raise _too_large(route)
        async with _Turn(self._at_once):
            body = await _read_body(raw, route)
            request = Request(raw.method, headers, query, body)
            reading = await bound.hook.read(request, bound.source, self._secrets)
            return await bound.emit(reading)


class _Turn:
    """A place among those who are read at once; whoever waits too long for one is asked to come again."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places = places

    async def __aenter__(self) -> None:
        try:
            async with asyncio.timeout(_QUEUE_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            raise Unavailable("too many requests at once", retry_after_seconds=2.0) from None

    async def __aexit__(self, *_: object) -> None:
        self._places.release()


async def _read_body(raw: "web.BaseRequest", route: Route) -> bytes:
    import aiohttp

    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in raw.content.iter_any():
                body += piece
                if len(body) > route.most_bytes:
                    raise _too_large(route)
    except TimeoutError:
        raise Refused(408, f"the body did not arrive within {BODY_SECONDS:.0f} s",
                      headers={"Connection": "close"}) from None
    except (aiohttp.ClientError, aiohttp.http_exceptions.HttpProcessingError, ConnectionError) as error:
        raise Refused(400, f"the body could not be read: {error}", headers={"Connection": "close"}) from None
    return bytes(body)


def _too_large(route: Route) -> Refused:
    return Refused(
        413, f"the body has more than {route.most_bytes} bytes, which this event takes at most; "
             "`maxPayloadSize` of the event source sets the limit", headers={"Connection": "close"})


def _headers(raw: "web.BaseRequest") -> Headers:
    found: Headers = {}
    for name, value in raw.headers.items():
        if name.lower() != "host":  # Go keeps it apart from the headers
            found.setdefault(canonical(name), []).append(value)
    return found


def _query(raw: "web.BaseRequest") -> Headers:
    found: Headers = {}
    for name, value in raw.query.items():
        found.setdefault(name, []).append(value)
    return found


def _is_header_safe(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _reply(status: int, tree: Mapping[str, Json], *, headers: Mapping[str, str] | None = None) -> "web.Response":
    from aiohttp import web

    text = json.dumps(tree) + "\n"
    return web.Response(status=status, text=text, content_type="application/json", headers=dict(headers or {}))


def urls(listener: Listener, bounds: Iterable[Bound]) -> str:
    """What a person is told about where to send events."""
    return "\n".join(f"{one.source.event}: {listener.url_of(one)}" for one in bounds)
