"""More paths beside the Kubernetes API: other parts answer them, behind the same token.

A handler takes a `RouteCall` and gives a JSON tree, or an async iterator of bytes for an answer that goes on.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias
from urllib.parse import unquote

from argosy.embedded.api.bodies import read_tree
from argosy.embedded.api.calls import Answer, Call, Stream
from argosy.embedded.api.statuses import MethodNotAllowed


@dataclass(frozen=True, slots=True)
class RouteCall:
    """What a handler is told: the parts of the path, the query, and the body as a JSON tree (None if there is none)."""

    parts: Mapping[str, str]
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


Handler: TypeAlias = Callable[[RouteCall], Awaitable["Any | AsyncIterator[bytes]"]]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path such as ``/argosy/v1/namespaces/{namespace}/decisions``, and who answers it."""

    method: Literal["GET", "POST"]
    path: str
    handler: Handler

    def match(self, path: str) -> Mapping[str, str] | None:
        """The named parts of `path`, or None if it is another path."""
        pattern, given = self.path.strip("/").split("/"), path.strip("/").split("/")
        if len(pattern) != len(given):
            return None
        parts: dict[str, str] = {}
        for wanted, found in zip(pattern, given, strict=True):
            if wanted.startswith("{"):
                parts[wanted.strip("{}")] = unquote(found)
            elif wanted != unquote(found):
                return None
        return parts


async def answer_route(routes: Sequence[Route], call: Call) -> Answer | Stream | None:
    """What the route for `call` answers; None if there is none for its path. Raises MethodNotAllowed."""
    matches = [(route, parts) for route in routes if (parts := route.match(call.path)) is not None]
    for route, parts in matches:
        if route.method == call.method:
            body = read_tree(call.body, call.media_type) if call.body.strip() else None
            made = await route.handler(RouteCall(parts=parts, query=call.query, body=body))
            return Stream(made) if isinstance(made, AsyncIterator) else Answer(made)
    if matches:
        raise MethodNotAllowed(f"{call.path} takes {', '.join(route.method for route, _parts in matches)}, not {call.method}")
    return None
