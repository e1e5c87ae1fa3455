"""The HTTPS face of a Kube: what kubectl and every other client of the Kubernetes API speaks to.

It listens on this machine's loopback address only, shows a certificate of its own making, and answers nobody who does
not show its token. Open watches end when it ends, so that it starts again on the same port at once.
"""

import asyncio
import logging
import secrets
import socket
import ssl
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import orjson
from aiohttp import hdrs, web

from argosy.clock import Clock
from argosy.embedded.api import tls
from argosy.embedded.api.bodies import MOST_BYTES
from argosy.embedded.api.calls import Answer, Call, Stream
from argosy.embedded.api.dispatch import HEALTH, Dispatch
from argosy.embedded.api.guard import check_caller, check_loopback, check_place
from argosy.embedded.api.paths import Resources
from argosy.embedded.api.routes import Route
from argosy.embedded.api.statuses import TooLarge, failure
from argosy.embedded.store.kube import collecting_warnings
from argosy.errors import ArgosyError, SpecErrors, Unavailable
from argosy.kube.contract import BadRequest, Kube, KubeError, Resource
from argosy.kube.private_file import write_private
from argosy.kube.resources import KNOWN

_DAY = 86400.0
_LAST_WORD_SECONDS = 0.5  # how long requests under way may take when the face ends
_LONGEST_LINE = 65536  # of a request's head: label selectors can be long
_log = logging.getLogger("argosy.api")
# aiohttp writes a traceback for every line that is no HTTP. The sender is told with a 400; that is enough.
_http_log = logging.getLogger("argosy.api.http")
_http_log.setLevel(logging.CRITICAL)


def _argo_and_core() -> Sequence[Resource]:
    return KNOWN


class ApiFace:
    """Serves `kube` to whoever shows the token. A lifecycle.Service; `url`, `token` and `authority` are known once ready.

    `folder` keeps the certificates and the token over restarts. `resources` tells which kinds there are at the moment;
    `routes` are served beside the Kubernetes API. `host` is 127.0.0.1, ::1 or localhost; `port` 0 takes a free one.
    """

    def __init__(
        self, kube: Kube, *, folder: Path, clock: Clock, host: str = "127.0.0.1", port: int = 0, token: str = "",
        resources: Resources = _argo_and_core, routes: Sequence[Route] = (),
    ) -> None:
        check_loopback(host)
        self._folder = folder
        self._clock = clock
        self._host = host
        self._port = port
        self.token = token
        self.authority = ""
        self._dispatch = Dispatch(kube, clock=clock, resources=resources, routes=routes)
        self._streams: set[asyncio.Timeout] = set()
        self._ending = False

    @property
    def url(self) -> str:
        """``https://127.0.0.1:6443``."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"https://{host}:{self._port}"

    async def run(self, ready: asyncio.Event) -> None:
        """Serve until cancelled."""
        self.token = self.token or _kept_token(self._folder / "token")
        identity = tls.identity(self._folder, now=self._clock.now())
        context = identity.context()
        self.authority = identity.authority
        listener = self._listen()
        self._ending = False
        runner = web.AppRunner(
            self._application(), access_log=None, handler_cancellation=True, shutdown_timeout=_LAST_WORD_SECONDS,
            logger=_http_log, max_line_size=_LONGEST_LINE, max_field_size=_LONGEST_LINE)
        try:
            await runner.setup()
            await web.SockSite(runner, listener, ssl_context=context).start()
            self._port = listener.getsockname()[1]
            _log.info("serving", extra={"url": self.url})
            ready.set()
            await self._keep_fresh(context)
        finally:
            await runner.cleanup()
            listener.close()

    def _listen(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        try:
            return socket.create_server((self._host, self._port), family=family, backlog=512)
        except OSError as error:
            raise ArgosyError(f"cannot listen at {self._host}:{self._port}: {error.strerror or error}; is another "
                              f"`argosy up` running? Choose another port, or 0 for a free one") from error

    async def _keep_fresh(self, context: ssl.SSLContext) -> None:
        """Renew the server's certificate while it runs for months; new connections see the new one."""
        while True:
            await self._clock.sleep(_DAY)
            context.load_cert_chain(tls.identity(self._folder, now=self._clock.now()).server_file)

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=MOST_BYTES)
        application.router.add_route("*", "/{path:.*}", self._serve)
        application.on_shutdown.append(self._end_streams)
        return application

    async def _end_streams(self, _application: web.Application) -> None:
        self._ending = True
        now = asyncio.get_running_loop().time()
        for deadline in self._streams:
            if not deadline.expired():
                deadline.reschedule(now)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        try:
            with collecting_warnings() as warnings:
                answer = await self._dispatch.answer(await self._call(request))
        except (KubeError, SpecErrors, Unavailable) as error:
            return _refusal(error)
        except Exception as error:  # noqa: BLE001 - our bug: this request fails loudly, the server goes on
            _log.exception("request failed", extra={"method": request.method, "path": request.path})
            return _refusal(error)
        if isinstance(answer, Answer):
            return _whole(answer, warnings)
        try:
            return await self._stream(request, answer)
        except Exception:  # the answer has begun: all that can be done is to break it off, which the client notices
            _log.exception("answer broke off", extra={"method": request.method, "path": request.path})
            raise

    async def _call(self, request: web.Request) -> Call:
        """Check who asks, then read what is asked."""
        host, origin = request.headers.get(hdrs.HOST, ""), request.headers.get(hdrs.ORIGIN, "")
        path = request.rel_url.raw_path
        if path in HEALTH:
            check_place(host=host, origin=origin)
        else:
            check_caller(host=host, origin=origin, token=self.token,
                         authorization=request.headers.get(hdrs.AUTHORIZATION, ""))
        if (request.content_length or 0) > MOST_BYTES:
            raise _too_large()
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            raise _too_large() from None
        except web.RequestPayloadError as error:
            raise BadRequest(f"the body cannot be read: {error}") from error
        media_type = request.content_type if hdrs.CONTENT_TYPE in request.headers else ""
        return Call(
            method=request.method, path=path, query=dict(request.query), accept=request.headers.get(hdrs.ACCEPT, ""),
            media_type=media_type, body=body)

    async def _stream(self, request: web.Request, answer: Stream) -> web.StreamResponse:
        response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: answer.media_type})
        await response.prepare(request)
        try:
            with suppress(TimeoutError, ConnectionResetError):
                async with asyncio.timeout(answer.timeout_seconds) as deadline:
                    with self._known(deadline):
                        async for piece in answer.pieces:
                            await response.write(piece)
        finally:
            if isinstance(answer.pieces, AsyncGenerator):
                await answer.pieces.aclose()
        with suppress(ConnectionResetError):
            await response.write_eof()
        return response

    @contextmanager
    def _known(self, deadline: asyncio.Timeout) -> Iterator[None]:
        """While it is open, `_end_streams` can end the stream by moving its deadline to now."""
        if self._ending:
            deadline.reschedule(asyncio.get_running_loop().time())
        self._streams.add(deadline)
        try:
            yield
        finally:
            self._streams.discard(deadline)


def _kept_token(path: Path) -> str:
    """The token in `path`, made there if there is none."""
    with suppress(OSError, UnicodeDecodeError):
        token = path.read_text().strip()
        if len(token) >= 32 and token.isascii():
            return token
    token = secrets.token_urlsafe(32)
    write_private(path, token)
    return token


def _too_large() -> TooLarge:
    return TooLarge(f"the body is larger than {MOST_BYTES // (1024 * 1024)} MiB, the most that one request may send")


def _whole(answer: Answer, warnings: Sequence[str]) -> web.Response:
    match answer.body:
        case bytes() as body:
            pass
        case str() as text:
            body = text.encode()
        case tree:
            body = orjson.dumps(tree)
    response = web.Response(body=body, status=answer.status, headers={hdrs.CONTENT_TYPE: answer.media_type})
    if answer.lasting:
        response.headers[hdrs.CACHE_CONTROL] = "private, max-age=31536000, immutable"
    _warn(response, warnings)
    return response


def _refusal(error: Exception) -> web.Response:
    status = failure(error)
    response = web.Response(body=orjson.dumps(status), status=status["code"],
                            headers={hdrs.CONTENT_TYPE: "application/json"})
    if "retryAfterSeconds" in status.get("details", {}):
        response.headers[hdrs.RETRY_AFTER] = str(status["details"]["retryAfterSeconds"])
    return response


def _warn(response: web.StreamResponse, warnings: Sequence[str]) -> None:
    """RFC 7234 warnings, which kubectl prints: one line of plain characters each."""
    for warning in warnings:
        text = " ".join(warning.split()).encode("ascii", "replace").decode().replace("\\", "\\\\").replace('"', '\\"')
        response.headers.add("Warning", f'299 - "{text}"')
