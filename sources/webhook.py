"""The ``webhook`` source: any HTTP request. Data: ``{header, body}`` (and ``metadata``)."""

from collections.abc import Iterable

from argosy.errors import Problem
from events.rules.event import Json
from sources.contract import Reading, Request, Route, Secrets, Source
from sources.hooks import admit_bearer, check_context, header_tree, route_of, with_metadata
from sources.payloads import FORM, media_type, read_form, read_json

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Webhook:
    """Takes JSON or a form by POST, or the query of a GET."""

    def check(self, source: Source, *, exposed: bool = False) -> Iterable[Problem]:
        """Endpoint, port and method; and whether strangers may send."""
        yield from check_context(source.spec, source.place)
        method = str(source.spec.get("method") or "")
        if method not in _METHODS:
            yield Problem(f"{source.place}.method", f"is {method!r}; write one of {', '.join(_METHODS)}")
        if exposed and source.spec.get("authSecret") is None:
            yield Problem(
                f"{source.place}.authSecret",
                "is missing: anybody who reaches the listener can send events; name a Secret and have senders give its "
                "value as a bearer token", "warning")

    def route(self, source: Source) -> Route:
        """As the YAML says."""
        return route_of(source.spec, (str(source.spec.get("method")),))

    async def admit(self, headers: Request, source: Source, secrets: Secrets) -> None:
        """The bearer token."""
        await admit_bearer(headers, source.spec, source, secrets)

    async def read(self, request: Request, source: Source, secrets: Secrets) -> Reading:  # noqa: ARG002 - the contract's
        """Headers and body; a sender that gives its own id (Idempotency-Key, or CloudEvents' Ce-Id) is kept to it."""
        data = with_metadata({"header": header_tree(request), "body": _body(request)}, source.spec.get("metadata"))
        return Reading(data, id=request.header("Idempotency-Key") or request.header("Ce-Id"))


def _body(request: Request) -> Json:
    if request.method == "GET":
        return {name: list(values) for name, values in request.query.items()}
    if media_type(request.header("Content-Type")) == FORM:
        return read_form(request.body)
    return read_json(request.body)
