"""The Kubernetes API over the network: the only code that speaks to an API server (or to Argosy's own HTTPS face).

Objects stay plain JSON: orjson reads and writes them, and no typed models are built. A watch reads lines of any length.
"""

import asyncio
import io
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from functools import partial
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import aiohttp
import orjson
from aiohttp.abc import AbstractStreamWriter

from argosy.clock import Clock, SystemClock
from argosy.errors import Unavailable
from argosy.kube.answers import Unauthorized, error_of, error_of_status, warning_texts
from argosy.kube.contract import Expired, KubeError, Listing, Object, PatchKind, Propagation, Resource, WatchEvent
from argosy.kube.credentials import Credentials, Shown
from argosy.kube.fence import ask_before_sending
from argosy.kube.impersonation import headers_of
from argosy.kube.kubeconfig import KubeConfig
from argosy.kube.lines import LineBuffer
from argosy.kube.paths import path_of
from argosy.kube.proxies import without_secrets
from argosy.kube.resources import PODS

log = logging.getLogger("argosy.kube")

_CALL_SECONDS: Final = 60.0
_CONNECT_SECONDS: Final = 10.0
_WATCH_SECONDS: Final = 290  # the server ends a watch then; one that is silent for longer is dead
_CALLS_AT_ONCE: Final = 64
_PAGE: Final = 500  # objects; a list of all pods as one answer would burden the server and us
_TRIES: Final = 5  # of a call that the server puts off (429): it has done nothing then, so asking again is harmless
_PUT_OFF_SECONDS: Final = 1.0  # where the server does not say for how long
_MOST_PUT_OFF_SECONDS: Final = 30.0
_MANAGER: Final = "argosy"
_Query = Mapping[str, str]


class _Asking(aiohttp.BytesIOPayload):
    """A request's body: whether it may go out is asked once more when its connection is there and it is about to be written."""

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """Called by aiohttp in a task of its own, which has the caller's check."""
        ask_before_sending()
        await super().write_with_length(writer, content_length)


class RemoteKube:
    """The `Kube` contract over HTTPS. Use it as ``async with RemoteKube(config) as kube``, or `close` it.

    `on_warning` is told each warning that the server sends with an answer.
    """

    def __init__(
        self, config: KubeConfig, *, clock: Clock | None = None, on_warning: Callable[[str], None] | None = None,
    ) -> None:
        self.config = config
        self._clock = clock or SystemClock()
        self._credentials = Credentials(config, self._clock)
        self._on_warning = on_warning
        self._session: aiohttp.ClientSession | None = None
        self._places = asyncio.Semaphore(_CALLS_AT_ONCE)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of all connections."""
        if self._session is not None:
            await self._session.close()

    # ---- the Kube contract ----

    async def create(self, resource: Resource, obj: Object, *, namespace: str = "", dry_run: bool = False) -> Object:
        """Create; metadata.generateName gets its suffix. Raises AlreadyExists, Invalid."""
        namespace = namespace or _metadata(obj).get("namespace", "")
        query = {"fieldManager": _MANAGER, **({"dryRun": "All"} if dry_run else {})}
        return await self._object("POST", path_of(resource, namespace=namespace), query=query, body=_named(resource, obj))

    async def get(self, resource: Resource, name: str, *, namespace: str = "") -> Object:
        """Read one. Raises NotFound."""
        return await self._object("GET", path_of(resource, name, namespace=namespace))

    async def list(
        self, resource: Resource, *, namespace: str = "", label_selector: str = "", field_selector: str = "",
        limit: int = 0, continue_token: str = "",
    ) -> Listing:
        """Read many; an empty namespace means all. Without a limit they are fetched page by page."""
        page = partial(self._page, resource, namespace=namespace, label_selector=label_selector,
                       field_selector=field_selector)
        if limit or continue_token:
            return await page(limit=limit, continue_token=continue_token)
        first = await page(limit=_PAGE)
        items, token = first.items, first.continue_token
        while token:
            try:
                more = await page(limit=_PAGE, continue_token=token)
            except Expired:  # the server has forgotten that moment: one large answer is of one moment for sure
                return await page()
            items += more.items
            token = more.continue_token
        return Listing(items=items, resource_version=first.resource_version)

    async def _page(
        self, resource: Resource, *, namespace: str, label_selector: str, field_selector: str, limit: int = 0,
        continue_token: str = "",
    ) -> Listing:
        query = _given(labelSelector=label_selector, fieldSelector=field_selector, limit=str(limit or ""),
                       **{"continue": continue_token})
        tree = await self._object("GET", path_of(resource, namespace=namespace), query=query)
        metadata = tree.get("metadata") or {}
        items = tree.get("items") or []
        for item in items:
            # The API server leaves these out of the items of core kinds' lists.
            item.setdefault("apiVersion", resource.api_version)
            item.setdefault("kind", resource.kind)
        return Listing(items=items, resource_version=str(metadata.get("resourceVersion") or ""),
                       continue_token=str(metadata.get("continue") or ""))

    async def watch(
        self, resource: Resource, *, namespace: str = "", resource_version: str = "", label_selector: str = "",
        field_selector: str = "",
    ) -> AsyncIterator[WatchEvent]:
        """Changes after `resource_version`; without one, ADDED for all that exist and then the changes. Raises Expired."""
        query = _given(watch="true", allowWatchBookmarks="true", resourceVersion=resource_version,
                       labelSelector=label_selector, fieldSelector=field_selector, timeoutSeconds=str(_WATCH_SECONDS))
        silence = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_WATCH_SECONDS + 30)
        lines = self.stream_lines(path_of(resource, namespace=namespace), query, patience=silence)
        async with aclosing(lines):  # who stops watching lets go of the connection at once
            async for line in lines:
                yield _watch_event(line)

    async def replace(self, resource: Resource, obj: Object, *, subresource: str = "") -> Object:
        """Write the whole object. With metadata.resourceVersion, Conflict if it has changed since. Raises NotFound."""
        metadata = _metadata(obj)
        path = path_of(resource, metadata.get("name", ""), namespace=metadata.get("namespace", ""),
                       subresource=subresource)
        return await self._object("PUT", path, query={"fieldManager": _MANAGER}, body=_named(resource, obj))

    async def patch(
        self, resource: Resource, name: str, patch: Any, *, namespace: str = "", kind: PatchKind = PatchKind.MERGE,
        subresource: str = "",
    ) -> Object:
        """Change a part. Raises NotFound, Conflict, Invalid."""
        query = {"fieldManager": _MANAGER, **({"force": "true"} if kind is PatchKind.APPLY else {})}
        path = path_of(resource, name, namespace=namespace, subresource=subresource)
        return await self._object("PATCH", path, query=query, body=patch, media_type=kind.value)

    async def delete(
        self, resource: Resource, name: str, *, namespace: str = "", uid: str = "", resource_version: str = "",
        grace_seconds: int | None = None, propagation: Propagation = "Background",
    ) -> None:
        """Delete; with `uid` or `resource_version`, only that object as it was then (else Conflict). Raises NotFound."""
        options: Object = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        if uid or resource_version:
            options["preconditions"] = _given(uid=uid, resourceVersion=resource_version)
        await self._object("DELETE", path_of(resource, name, namespace=namespace), body=options)

    async def logs(
        self, name: str, *, namespace: str, container: str = "", follow: bool = False, tail_lines: int | None = None,
        since_seconds: float | None = None, timestamps: bool = False,
    ) -> AsyncIterator[bytes]:
        """A pod's log as pieces of bytes; with `follow`, until the container ends. Raises NotFound, BadRequest."""
        query = _given(
            container=container, follow="true" if follow else "", timestamps="true" if timestamps else "",
            tailLines="" if tail_lines is None else str(tail_lines),
            sinceSeconds="" if since_seconds is None else str(max(1, round(since_seconds))))
        path = path_of(PODS, name, namespace=namespace, subresource="log")
        async with self._response("GET", path, query=query, patience=_endless()) as response:
            with self._told():
                async for piece in response.content.iter_any():
                    yield piece

    # ---- other paths of the same server ----

    async def get_json(self, path: str, params: _Query | None = None) -> Any:
        """The JSON tree at `path` (such as ``/argosy/v1/...``)."""
        return await self._tree("GET", path, query=params or {})

    async def post_json(self, path: str, body: Any, params: _Query | None = None) -> Any:
        """The JSON tree that the server answers to `body`."""
        return await self._tree("POST", path, query=params or {}, body=body)

    async def stream_lines(
        self, path: str, params: _Query | None = None, *, patience: aiohttp.ClientTimeout | None = None,
    ) -> AsyncGenerator[bytes, None]:
        """The lines that `path` sends, each as soon as it is there, until the connection ends, or breaks."""
        buffer = LineBuffer()
        async with self._response("GET", path, query=params or {}, patience=patience or _endless()) as response:
            try:
                async for piece in response.content.iter_any():
                    for line in buffer.feed(piece):
                        yield line
            except (aiohttp.ClientError, TimeoutError, ConnectionError):
                return  # what the line that was cut short would have told comes again when the caller resumes
            if last := buffer.rest():
                yield last

    # ---- requests ----

    async def _object(
        self, method: str, path: str, *, query: _Query | None = None, body: Any = None,
        media_type: str = "application/json",
    ) -> Object:
        tree = await self._tree(method, path, query=query or {}, body=body, media_type=media_type)
        if not isinstance(tree, dict):
            raise KubeError(f"{self.config.server}{path} answered something else than an object: is it an API server?")
        return tree

    async def _tree(
        self, method: str, path: str, *, query: _Query, body: Any = None, media_type: str = "application/json",
    ) -> Any:
        total = aiohttp.ClientTimeout(total=_CALL_SECONDS, sock_connect=_CONNECT_SECONDS)
        async with self._places, self._response(
                method, path, query=query, body=body, media_type=media_type, patience=total) as response:
            data = await self._whole(response)
        try:
            return orjson.loads(data) if data else None
        except orjson.JSONDecodeError as error:
            raise KubeError(f"{self.config.server}{path} answered no JSON ({error}): is it an API server?") from error

    @asynccontextmanager
    async def _response(
        self, method: str, path: str, *, query: _Query, patience: aiohttp.ClientTimeout, body: Any = None,
        media_type: str = "application/json",
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer, once it is known to be a success.

        A credential that has run out is renewed once; a server that has too much to do is asked again when it says.
        """
        data = None if body is None else orjson.dumps(body)
        renewed = False
        for attempt in range(1, _TRIES + 1):
            shown = await self._credentials.shown()
            response = await self._send(method, path, query=query, data=data, media_type=media_type, patience=patience,
                                        shown=shown)
            if response.status == 401 and not renewed:
                await self._whole(response)  # so that its connection is free meanwhile
                if not await self._credentials.renewed(shown):
                    break
                renewed = True
            elif response.status == 429 and attempt < _TRIES:
                response.release()
                await self._clock.sleep(_put_off_seconds(response.headers.get("Retry-After", "")))
            else:
                break
        log.debug("asked: %s %s%s as %s: %s", method, path, " (watch)" if "watch" in query else "",
                  dict(headers_of(self.config.other_self)).get("Impersonate-User", "ourselves"), response.status)
        async with response:
            if response.status >= 400:
                error = error_of(response.status, await self._whole(response),
                                 retry_after=response.headers.get("Retry-After", ""))
                raise Unauthorized(self._refusal(error)) if isinstance(error, Unauthorized) else error
            if self._on_warning is not None:
                for text in warning_texts(response.headers.getall("Warning", [])):
                    self._on_warning(text)
            yield response

    async def _send(
        self, method: str, path: str, *, query: _Query, data: bytes | None, media_type: str,
        patience: aiohttp.ClientTimeout, shown: Shown,
    ) -> aiohttp.ClientResponse:
        headers = [("Accept", "application/json"), *headers_of(self.config.other_self)]
        if shown.header:
            headers.append(("Authorization", shown.header))
        if data is not None:
            headers.append(("Content-Type", media_type))
        sent = None if data is None else _Asking(io.BytesIO(data))  # aiohttp warns of large bytes, for it writes them at once
        if method != "GET":
            ask_before_sending()
        with self._told():
            # Connections are told apart by their TLS settings: with a new certificate new ones are made, and what is
            # under way comes to its end on the old ones.
            return await self._connected().request(
                method, self.config.server + path, params=dict(query), data=sent, headers=headers, timeout=patience,
                allow_redirects=False, server_hostname=self.config.tls_server_name or None,
                proxy=self.config.proxy_url or None, ssl=shown.tls)

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            # Watches hold their connection, so connections are not counted; calls are, by the semaphore.
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=True)
        return self._session

    def _refusal(self, error: Unauthorized) -> str:
        config = self.config
        whose = f"user {config.user!r} in {config.source}" if config.user else config.source or "the token or certificate"
        return f"{config.server} does not accept the credentials of {whose}: {error}"

    async def _whole(self, response: aiohttp.ClientResponse) -> bytes:
        with self._told():
            return await response.read()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Failures of the network become sentences that say what to do."""
        server = self.config.server
        try:
            yield
        except aiohttp.ClientConnectorCertificateError as error:
            raise Unavailable(f"the certificate of {server} is not signed by the authority in {self.config.source or 'use'}"
                              f": {error.certificate_error}; is the kubeconfig of another cluster?") from error
        except aiohttp.ClientProxyConnectionError as error:
            raise Unavailable(f"the proxy {without_secrets(self.config.proxy_url)} in front of {server} cannot be reached "
                              f"({_reason(error)})") from error
        except aiohttp.ClientHttpProxyError as error:
            raise Unavailable(f"the proxy {without_secrets(self.config.proxy_url)} does not let us through to {server}: "
                              f"{error.status} {error.message}") from error
        except aiohttp.ClientConnectorError as error:
            remedy = "is `argosy up` running?" if _is_here(server) else "is the cluster up, and can it be reached from here?"
            raise Unavailable(f"nothing answers at {server} ({_reason(error)}); {remedy}") from error
        except TimeoutError as error:
            raise Unavailable(f"{server} did not answer in time; try again") from error
        except (aiohttp.ClientError, ConnectionError) as error:
            raise Unavailable(f"the connection to {server} broke: {error or type(error).__name__}") from error


def _reason(error: aiohttp.ClientConnectorError) -> str:
    return os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error.strerror or error)


def _put_off_seconds(retry_after: str) -> float:
    asked = float(retry_after) if retry_after.isdigit() else _PUT_OFF_SECONDS
    return min(asked, _MOST_PUT_OFF_SECONDS)


def _endless() -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS)


def _is_here(server: str) -> bool:
    return (urlsplit(server).hostname or "") in ("127.0.0.1", "::1", "localhost")


def _given(**query: str) -> dict[str, str]:
    return {key: value for key, value in query.items() if value}


def _named(resource: Resource, obj: Object) -> Object:
    """The object with its kind, which the server demands of custom resources although the path says it."""
    return obj if "apiVersion" in obj and "kind" in obj else {"apiVersion": resource.api_version, "kind": resource.kind, **obj}


def _metadata(obj: Object) -> dict[str, Any]:
    metadata = obj.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _watch_event(line: bytes) -> WatchEvent:
    tree = orjson.loads(line)
    if tree["type"] == "ERROR":
        raise error_of_status(tree["object"])
    return WatchEvent(tree["type"], tree["object"])
