"""The OpenAPI documents that kubectl asks for: which parameters a write takes, and what the fields of a kind are."""

import hashlib
from collections.abc import Sequence

import orjson

from argosy.embedded.api.calls import Answer
from argosy.embedded.api.paths import Resources
from argosy.kube.contract import Object, Resource

# An OpenAPI v2 document with a version and no paths: kubectl asks for it, in this form only, when a kind is not in v3.
_EMPTY_V2 = b"\x0a\x032.0\x12\x00\x42\x00"
_V2_MEDIA_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_WRITE_PARAMETERS = [
    {"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": True}}
    for name, kind in (("dryRun", "string"), ("fieldManager", "string"), ("fieldValidation", "string"),
                       ("force", "boolean"))
]


class OpenApi:
    """Answers /openapi/v2, /openapi/v3 and the document of each group and version.

    The address of a document carries its digest, so that clients keep it for as long as it is the same.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._documents: dict[tuple[Resource, ...], bytes] = {}

    def find(self, path: str) -> Answer | None:
        """The document at `path`, or None if there is none."""
        if path == "/openapi/v2":
            return Answer(_EMPTY_V2, media_type=_V2_MEDIA_TYPE)
        if path != "/openapi/v3" and not path.startswith("/openapi/v3/"):
            return None
        versions: dict[str, list[Resource]] = {}
        for resource in self._resources():
            place = f"apis/{resource.group}/{resource.version}" if resource.group else f"api/{resource.version}"
            versions.setdefault(place, []).append(resource)
        inside = path.removeprefix("/openapi/v3").strip("/")
        if not inside:
            return Answer({"paths": {name: {"serverRelativeURL": f"/openapi/v3/{name}?hash={self._digest(name, kinds)}"}
                                     for name, kinds in versions.items()}})
        if inside not in versions:
            return None
        return Answer(self._document(inside, versions[inside]), lasting=True)

    def _digest(self, version: str, kinds: Sequence[Resource]) -> str:
        return hashlib.sha256(self._document(version, kinds)).hexdigest()[:32]

    def _document(self, version: str, kinds: Sequence[Resource]) -> bytes:
        known = tuple(kinds)
        if known not in self._documents:
            self._documents[known] = orjson.dumps(_document(version, kinds))
        return self._documents[known]


def _document(version: str, kinds: Sequence[Resource]) -> Object:
    from argosy.embedded.api.schemas import schemas_of  # the models are loaded when somebody asks

    paths: Object = {}
    schemas: Object = {}
    for resource in kinds:
        gvk = {"group": resource.group, "version": resource.version, "kind": resource.kind}
        root = f"/{version}/namespaces/{{namespace}}" if resource.namespaced else f"/{version}"
        write = {"x-kubernetes-group-version-kind": gvk, "parameters": _WRITE_PARAMETERS, "responses": {}}
        read = {"x-kubernetes-group-version-kind": gvk, "responses": {}}
        paths[f"{root}/{resource.plural}"] = {"get": read, "post": write}
        paths[f"{root}/{resource.plural}/{{name}}"] = {"get": read, "put": write, "patch": write}
        schema, inner = schemas_of(resource)
        schemas[f"{resource.group or 'core'}.{resource.version}.{resource.kind}"] = {
            **schema, "x-kubernetes-group-version-kind": [gvk]}
        schemas.update(inner)
    return {"openapi": "3.0.0", "info": {"title": "Argosy", "version": "v1"}, "paths": paths,
            "components": {"schemas": schemas}}
