"""Which verb answers a request: discovery, the Kubernetes API, a pod's log, or one of the extra routes."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

from argosy.clock import Clock
from argosy.embedded.api.bodies import read_object
from argosy.embedded.api.calls import Answer, Call, Stream
from argosy.embedded.api.discovery import AGGREGATED, REVIEWS, Discovery, version_info
from argosy.embedded.api.logs import read_log
from argosy.embedded.api.openapi import OpenApi
from argosy.embedded.api.paths import PathTable, Resources, Target
from argosy.embedded.api.reading import Reading
from argosy.embedded.api.routes import Route, answer_route
from argosy.embedded.api.statuses import MethodNotAllowed, unknown_path
from argosy.embedded.api.writing import Writing
from argosy.kube.contract import Kube, Object

_NOT_OFFERED = frozenset({"exec", "attach", "portforward", "proxy", "eviction", "ephemeralcontainers"})
HEALTH = frozenset({"/healthz", "/livez", "/readyz"})
_Verb: TypeAlias = Callable[[Call, Target], Awaitable[Answer | Stream]]
_REVIEW_KINDS = {resource.plural: resource.kind for resource in REVIEWS}


class Dispatch:
    """Answers calls over one Kube."""

    def __init__(
        self, kube: Kube, *, clock: Clock, resources: Resources, routes: Sequence[Route],
    ) -> None:
        self._kube = kube
        self._clock = clock
        self._routes = routes
        self._paths = PathTable(lambda: (*resources(), *REVIEWS))
        self._resources = resources
        self._openapi = OpenApi(resources)
        reading, writing = Reading(kube, clock), Writing(kube)
        self._on_kind: Mapping[str, _Verb] = {
            "GET": reading.list, "POST": writing.create, "DELETE": writing.delete_many}
        self._on_object: Mapping[str, _Verb] = {
            "GET": reading.get, "PUT": writing.replace, "PATCH": writing.patch, "DELETE": writing.delete}
        self._on_status: Mapping[str, _Verb] = {"GET": reading.get, "PUT": writing.replace, "PATCH": writing.patch}

    async def answer(self, call: Call) -> Answer | Stream:
        """The answer to `call`. Raises KubeError, SpecErrors, Unavailable."""
        document = self._document(call)
        if document is not None:
            return document
        extra = await answer_route(self._routes, call)
        if extra is not None:
            return extra
        target = self._paths.find(call.path)
        if target.resource in REVIEWS:
            return _review(call, target)
        if target.subresource == "log" and target.resource.plural == "pods" and call.method == "GET":
            return await read_log(self._kube, self._clock, call, target)
        return await self._verb(call, target)(call, target)

    def _document(self, call: Call) -> Answer | None:
        """The documents by which clients find their way."""
        if call.method != "GET":
            return None
        path = call.path.rstrip("/") or "/"
        if path in HEALTH:
            return Answer("ok", media_type="text/plain")
        if path == "/version":
            return Answer(version_info())
        found = Discovery(self._resources()).find(path, aggregated=AGGREGATED in call.accept.replace(" ", ""))
        if found is not None:
            return Answer(found, media_type=AGGREGATED if found["kind"] == "APIGroupDiscoveryList" else "application/json")
        return self._openapi.find(path)

    def _verb(self, call: Call, target: Target) -> _Verb:
        if not target.name:
            table = self._on_kind
        elif not target.subresource:
            table = self._on_object
        elif target.subresource == "status" and target.resource.status_subresource:
            table = self._on_status
        elif target.subresource in _NOT_OFFERED and target.resource.plural == "pods":
            raise MethodNotAllowed(f"the embedded system does not offer {target.subresource} for pods; "
                                   "look at the pod's log, or run its command in a shell of your own")
        else:
            raise unknown_path(call.path)
        if call.method == "POST" and target.resource.namespaced and not target.namespace:
            raise MethodNotAllowed(f"a {target.resource.kind} is created in a namespace: "
                                   f"POST .../namespaces/NAMESPACE/{target.resource.plural}")
        verb = table.get(call.method)
        if verb is None:
            raise MethodNotAllowed(f"{call.path} takes {', '.join(table)}, not {call.method}")
        return verb


def _review(call: Call, target: Target) -> Answer:
    """Whoever shows the token may do everything."""
    if call.method != "POST" or target.name:
        raise MethodNotAllowed(f"{call.path} takes POST, not {call.method}")
    asked = read_object(call.body, call.media_type)
    status: Object = {"allowed": True}
    if target.resource.plural == "selfsubjectrulesreviews":
        everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
        status = {"resourceRules": [everything], "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
                  "incomplete": False}
    elif target.resource.plural == "selfsubjectreviews":
        status = {"userInfo": {"username": "argosy", "groups": ["system:masters", "system:authenticated"]}}
    review = {"kind": _REVIEW_KINDS[target.resource.plural], "apiVersion": target.resource.api_version, "metadata": {},
              "spec": asked.get("spec") or {}, "status": status}
    return Answer(review, status=201)
