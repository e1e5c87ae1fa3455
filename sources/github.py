"""The ``github`` source: GitHub's webhooks, signed. Data: ``{headers, body}`` (and ``metadata``).

The delivery id that GitHub gives is the event's id, so a delivery that GitHub sends twice counts once.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping

from argosy.errors import Problem
from events.rules.event import Json
from sources.contract import Reading, Refused, Request, Route, Secrets, Source
from sources.hooks import admit_bearer, check_context, header_tree, route_of, same, secret_of, with_metadata
from sources.payloads import FORM, media_type, read_form, read_json

_SIGNATURE = "X-Hub-Signature-256"
_EVENT, _DELIVERY = "X-GitHub-Event", "X-GitHub-Delivery"


class GitHub:
    """Checks the signature over the raw bytes, then reads JSON or a form with a ``payload`` field."""

    def check(self, source: Source, *, exposed: bool = False) -> Iterable[Problem]:  # noqa: ARG002 - warned of anywhere
        """Endpoint and port; and what is accepted without effect."""
        yield from check_context(_context(source), f"{source.place}.webhook")
        if source.spec.get("webhookSecret") is None:
            yield Problem(
                f"{source.place}.webhookSecret",
                "is missing: anybody who reaches the listener can send events; name a Secret and give GitHub the same",
                "warning")
        for key in ("apiToken", "githubApp"):
            if source.spec.get(key):
                yield Problem(
                    f"{source.place}.{key}",
                    "has no effect yet: hooks are not registered at GitHub; add one in the repository's settings",
                    "warning")
        content = source.spec.get("contentType")
        if content not in (None, "", "json", "form"):
            yield Problem(f"{source.place}.contentType", f"is {content!r}; write json or form")

    def route(self, source: Source) -> Route:
        """GitHub posts."""
        return route_of(_context(source), ("POST",))

    async def admit(self, headers: Request, source: Source, secrets: Secrets) -> None:
        """A bearer token if one is asked for; and no signature, no reading of the body."""
        await admit_bearer(headers, _context(source), source, secrets)
        if source.spec.get("webhookSecret") is not None and not headers.header(_SIGNATURE):
            raise Refused(401, f"the {_SIGNATURE} header is missing; set the webhook's secret at GitHub")

    async def read(self, request: Request, source: Source, secrets: Secrets) -> Reading:
        """The payload of a delivery."""
        await _check_signature(request, source, secrets)
        body = _payload(request)
        if not isinstance(body, dict):
            raise Refused(400, f"the payload is a JSON {_kind(body)}; GitHub sends an object")
        event, delivery = request.header(_EVENT), request.header(_DELIVERY)
        body = {**body, _EVENT: event, _DELIVERY: delivery}
        data = with_metadata({"headers": header_tree(request), "body": body}, source.spec.get("metadata"))
        wanted = source.spec.get("events") or ()
        withheld = "" if event != "ping" or "ping" in wanted or "*" in wanted else (
            "a ping of GitHub, which only tells that the hook is set up; list it in `events` to get it")
        return Reading(data, id=delivery, withheld=withheld)


async def _check_signature(request: Request, source: Source, secrets: Secrets) -> None:
    selector = source.spec.get("webhookSecret")
    if selector is None:
        return
    given = request.header(_SIGNATURE)
    if not given.startswith("sha256="):
        raise Refused(401, f"the {_SIGNATURE} header must begin with sha256=")
    for fresh in (False, True):  # a secret that was just changed works at once
        key = await secret_of(source, selector, secrets, fresh=fresh)
        right = "sha256=" + hmac.new(key.encode(), request.body, hashlib.sha256).hexdigest()
        if same(given, right):
            return
    raise Refused(403, "the signature does not fit the body; is the secret at GitHub the one of the event source?")


def _payload(request: Request) -> Json:
    kind = media_type(request.header("Content-Type"))
    if kind == "application/json":
        return read_json(request.body)
    if kind == FORM:
        fields = read_form(request.body)
        if "payload" not in fields:
            raise Refused(400, "the form has no field `payload`; GitHub puts the JSON there")
        return read_json(fields["payload"][0].encode())
    raise Refused(415, f"content type {kind or '(none)'!r} is not understood; GitHub sends application/json or {FORM}")


def _context(source: Source) -> Mapping[str, Json]:
    return source.spec.get("webhook") or {}


def _kind(value: Json) -> str:
    return {list: "list", str: "string", bool: "boolean", type(None): "null"}.get(type(value), "number")
