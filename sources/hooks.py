"""What all kinds that are called over HTTP have in common: the ``webhook`` part of their YAML, and its bearer token."""

import hmac
from collections.abc import Iterable, Mapping

from argosy.errors import Problem
from events.rules.event import Json
from sources.contract import MOST_PAYLOAD_BYTES, Refused, Request, Route, SecretMissing, Secrets, Source

_MASKED = "*** Masked Auth Secret ***"


def check_context(context: Mapping[str, Json], where: str) -> Iterable[Problem]:
    """Endpoint and port, as Argo demands them."""
    endpoint = str(context.get("endpoint") or "")
    if not endpoint:
        yield Problem(f"{where}.endpoint", "is missing; write a path, such as /push")
    elif not endpoint.startswith("/"):
        yield Problem(f"{where}.endpoint", f"is {endpoint!r}; a path begins with /, such as /{endpoint}")
    port = str(context.get("port") or "")
    if not port:
        yield Problem(f"{where}.port", 'is missing; write a number in quotes, such as "12000"')
    elif not port.isdigit() or not 0 < int(port) < 65536:
        yield Problem(f"{where}.port", f"is {port!r}; write a number from 1 to 65535 in quotes")
    size = context.get("maxPayloadSize")
    if size is not None and int(size) <= 0:
        yield Problem(f"{where}.maxPayloadSize", f"is {size}; write a number of bytes above 0")
    for key in ("serverCertSecret", "serverKeySecret"):
        if context.get(key):
            yield Problem(f"{where}.{key}", "has no effect yet: the listener speaks plain HTTP", "warning")


def route_of(context: Mapping[str, Json], methods: tuple[str, ...] = ()) -> Route:
    """Where the context says to listen."""
    return Route(
        endpoint=str(context.get("endpoint") or ""), port=int(context.get("port") or 0), methods=methods,
        most_bytes=int(context.get("maxPayloadSize") or MOST_PAYLOAD_BYTES))


async def admit_bearer(request: Request, context: Mapping[str, Json], source: Source, secrets: Secrets) -> None:
    """Demand the bearer token of ``authSecret``, if there is one. The comparison takes the same time whatever differs."""
    selector = context.get("authSecret")
    if selector is None:
        return
    scheme, _, token = request.header("Authorization").partition(" ")
    challenge = {"WWW-Authenticate": "Bearer"}
    if scheme != "Bearer" or not token:
        raise Refused(401, "the Authorization header must be `Bearer TOKEN`", headers=challenge)
    for fresh in (False, True):  # a token that was just changed in its Secret works at once
        if same(token, await secret_of(source, selector, secrets, fresh=fresh)):
            return
    raise Refused(401, "the bearer token is wrong", headers=challenge)


async def secret_of(source: Source, selector: Mapping[str, Json], secrets: Secrets, *, fresh: bool) -> str:
    """A secret that requests are checked against; without it nothing can be let in."""
    try:
        return await secrets.read(source.namespace, selector, fresh=fresh)
    except SecretMissing as error:
        raise Refused(500, f"event source {source.name!r} cannot check requests: {error}") from error


def same(one: str, other: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def header_tree(request: Request) -> dict[str, list[str]]:
    """The headers as the payload has them: lists of values, the token masked."""
    return {name: [_MASKED] if name == "Authorization" else list(values) for name, values in request.headers.items()}


def with_metadata(tree: dict[str, Json], metadata: Mapping[str, Json] | None) -> dict[str, Json]:
    """Add the user's own metadata, if there is any."""
    return {**tree, "metadata": dict(metadata)} if metadata else tree
