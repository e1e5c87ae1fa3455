"""The ``http`` trigger: one request with a payload from the events, and a key by which the receiver can spot repeats."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from argosy.errors import Problem, Unavailable
from argosy.kube.contract import NotFound, Resource
from argosy.kube.resources import CONFIG_MAPS, SECRETS
from events.rules import parameters
from events.rules.event import Json, compact
from events.triggers.contract import Action, Done, Refused, Reply, World

if TYPE_CHECKING:
    import aiohttp

TIMEOUT_SECONDS = 60.0
_MOST_ANSWER_BYTES = 64 * 1024
_AGAIN = frozenset((408, 425, 429))


class Http:
    """Sends one request. Without ``policy.status.allow`` any 2xx or 3xx is success; 5xx, 408, 425 and 429 are tried again."""

    def check(self, template: Mapping[str, Json], where: str) -> Iterable[Problem]:
        """The URL, and what has no effect yet."""
        if not template.get("url"):
            yield Problem(f"{where}.url", "is missing")
        tls = template.get("tls") or {}
        for key in tls:
            if key != "insecureSkipVerify":
                yield Problem(f"{where}.tls.{key}", "has no effect yet; only insecureSkipVerify is read", "warning")

    async def act(self, action: Action, world: World) -> Done:
        """Build the request, send it, and judge the answer."""
        template = parameters.apply(
            action.template, action.template.get("parameters") or (), action.events,
            where=f"{action.where}.parameters")
        method, url = str(template.get("method") or "GET").upper(), str(template.get("url") or "")
        body = _body(template, action)
        headers = await _headers(template, action, world)
        if body and not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = "application/json"
        reply = await world.caller.call(
            method, url, body=body, headers=headers,
            timeout_seconds=float(template.get("timeout") or TIMEOUT_SECONDS),
            verify=not (template.get("tls") or {}).get("insecureSkipVerify"))
        _judge(reply, f"{method} {url}", action)
        return Done(f"{method} {url} answered {reply.status}")


def _body(template: Mapping[str, Json], action: Action) -> bytes:
    built = parameters.payload(template.get("payload") or (), action.events, where=f"{action.where}.payload")
    return (built if isinstance(built, str) else compact(built)).encode()


async def _headers(template: Mapping[str, Json], action: Action, world: World) -> dict[str, str]:
    headers = {"Idempotency-Key": action.key, "User-Agent": "argosy"}
    headers.update({str(name): str(value) for name, value in (template.get("headers") or {}).items()})
    for index, one in enumerate(template.get("dynamicHeaders") or ()):
        where = f"{action.where}.dynamicHeaders[{index}]"
        resolved = parameters.resolve(one.get("src") or {}, action.events, where=where)
        if resolved is not None:
            headers[str(one.get("dest"))] = resolved.text
    for index, one in enumerate(template.get("secureHeaders") or ()):
        where = f"{action.where}.secureHeaders[{index}].valueFrom"
        headers[str(one.get("name"))] = await _secure(one.get("valueFrom") or {}, where, action, world)
    if template.get("host"):
        headers["Host"] = str(template["host"])
    basic = template.get("basicAuth")
    if basic:
        pair = [await _secret(basic[part], f"{action.where}.basicAuth.{part}", action, world) if basic.get(part) else ""
                for part in ("username", "password")]
        headers["Authorization"] = "Basic " + base64.b64encode(":".join(pair).encode()).decode()
    for name, value in headers.items():
        if any(letter in name + value for letter in "\r\n\0"):
            raise Refused(f"{action.where}: header {name!r} holds a line break")
    return headers


async def _secure(source: Mapping[str, Json], where: str, action: Action, world: World) -> str:
    if source.get("secretKeyRef"):
        return await _secret(source["secretKeyRef"], where, action, world)
    selector = source.get("configMapKeyRef") or {}
    found = await _get(CONFIG_MAPS, selector, where, action, world)
    return str((found.get("data") or {})[selector["key"]])


async def _secret(selector: Mapping[str, Json], where: str, action: Action, world: World) -> str:
    found = await _get(SECRETS, selector, where, action, world)
    return base64.b64decode((found.get("data") or {})[selector["key"]]).decode().strip()


async def _get(
    resource: Resource, selector: Mapping[str, Json], where: str, action: Action, world: World,
) -> Mapping[str, Json]:
    name, key = str(selector.get("name", "")), str(selector.get("key", ""))
    try:
        found = await world.kube.get(resource, name, namespace=action.namespace)
    except NotFound as error:
        raise Refused(f"{where}: there is no {resource.kind} {name!r} in namespace {action.namespace!r}") from error
    if key not in (found.get("data") or {}):
        raise Refused(f"{where}: {resource.kind} {name!r} has no key {key!r}")
    return found


def _judge(reply: Reply, request: str, action: Action) -> None:
    allow: Sequence[int] = (action.policy.get("status") or {}).get("allow") or ()
    if (reply.status in allow) if allow else (200 <= reply.status < 400):
        return
    said = f"{request} answered {reply.status}: {reply.text[:200]!r}"
    if reply.status >= 500 or reply.status in _AGAIN:
        raise Unavailable(said)
    raise Refused(said)


class AiohttpCaller:
    """Sends requests over one pool of connections."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def call(
        self, method: str, url: str, *, body: bytes, headers: Mapping[str, str], timeout_seconds: float, verify: bool,
    ) -> Reply:
        """One request; redirects are not followed, since they could lead anywhere."""
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession()
        timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        try:
            async with self._session.request(
                method, url, data=body or None, headers=dict(headers), timeout=timeout, allow_redirects=False,
                ssl=verify,
            ) as answer:
                text = (await answer.content.read(_MOST_ANSWER_BYTES)).decode(errors="replace")
                return Reply(answer.status, text)
        except (aiohttp.InvalidURL, ValueError) as error:
            raise Refused(f"{url!r} is no URL to send to: {error}") from error
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            said = str(error) or type(error).__name__
            raise Unavailable(f"{method} {url}: no answer: {said}") from error

    async def close(self) -> None:
        """Let go of the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None
