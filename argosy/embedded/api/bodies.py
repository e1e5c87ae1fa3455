"""A request's body becomes an object: JSON, YAML or (for a few core kinds) protobuf, with errors that say where."""

from typing import Any

import orjson

from argosy.embedded.api import protobuf
from argosy.embedded.api.statuses import UnsupportedMediaType
from argosy.errors import SpecErrors
from argosy.kube.contract import BadRequest, Object

MOST_BYTES = 64 * 1024 * 1024
_YAML = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "application/apply-patch+yaml"})


def read_object(body: bytes, media_type: str) -> Object:
    """The one object in `body`. Raises BadRequest, UnsupportedMediaType."""
    tree = read_tree(body, media_type)
    if not isinstance(tree, dict):
        raise BadRequest(f"the body is {_what(tree)}; send an object with apiVersion, kind and metadata")
    return tree


def read_tree(body: bytes, media_type: str) -> Any:
    """The JSON tree in `body`, in whatever form it was sent."""
    if not body.strip():
        raise BadRequest("the body is empty; send an object as JSON or YAML")
    if media_type == protobuf.MEDIA_TYPE:
        return protobuf.decode(body)
    if media_type in _YAML:
        return _read_yaml(body)
    # Whoever names no type, or curl's default one, most likely sends JSON.
    if media_type.endswith("json") or media_type in ("", "*/*", "application/octet-stream",
                                                     "application/x-www-form-urlencoded", "text/plain"):
        return _read_json(body)
    raise UnsupportedMediaType(f"the body is {media_type}; send application/json or application/yaml")


def _read_json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"the body is not JSON: {error}{_near(body, error.pos)}") from error


def _near(body: bytes, position: int) -> str:
    text = body.decode(errors="replace")[max(0, position - 20):position + 20]
    return f", near {text!r}" if text else ""


def _read_yaml(body: bytes) -> Any:
    from argosy.manifests import load_manifests

    if body.lstrip()[:1] in (b"{", b"["):
        return _read_json(body)
    try:
        manifests = load_manifests(body, source="body")
        if len(manifests) != 1:
            raise BadRequest(f"the body holds {len(manifests)} YAML documents; send one object a request")
        return orjson.loads(orjson.dumps(manifests[0].object))
    except SpecErrors as error:
        raise BadRequest(str(error)) from error
    except TypeError as error:
        raise BadRequest(f"the YAML holds a value that JSON cannot say: {error}") from error


def _what(tree: Any) -> str:
    names = {list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number", type(None): "null"}
    return names.get(type(tree), type(tree).__name__)
