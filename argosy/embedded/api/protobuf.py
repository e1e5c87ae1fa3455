"""Reads the few bodies that kubectl sends as protobuf: `create namespace|configmap|secret|serviceaccount`.

kubectl's typed commands encode core kinds in Kubernetes' protobuf form and do not fall back to JSON. The envelope is
``k8s\\0`` and a message with the type and the object's bytes; field numbers are those of Kubernetes' published .proto
files. A table names the fields of the kinds that such commands make; other kinds are refused with a way out.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from argosy.embedded.api.statuses import UnsupportedMediaType
from argosy.kube.contract import BadRequest, Object

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\0"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message: its JSON name and how its bytes are read (text, base64, bool, int, message, map)."""

    name: str
    kind: str = "text"
    message: "Message" = field(default_factory=dict)
    repeated: bool = False


Message: TypeAlias = Mapping[int, Field]
_OWNER: Message = {1: Field("kind"), 3: Field("name"), 4: Field("uid"), 5: Field("apiVersion"),
                   6: Field("controller", "bool"), 7: Field("blockOwnerDeletion", "bool")}
_METADATA: Message = {
    1: Field("name"), 2: Field("generateName"), 3: Field("namespace"), 5: Field("uid"), 6: Field("resourceVersion"),
    11: Field("labels", "map"), 12: Field("annotations", "map"),
    13: Field("ownerReferences", "message", _OWNER, repeated=True), 14: Field("finalizers", repeated=True)}
_META = Field("metadata", "message", _METADATA)
_NAME: Message = {1: Field("name")}
_KINDS: Mapping[tuple[str, str], Message] = {
    ("v1", "Namespace"): {1: _META},
    ("v1", "ConfigMap"): {1: _META, 2: Field("data", "map"), 3: Field("binaryData", "map64"),
                          4: Field("immutable", "bool")},
    ("v1", "Secret"): {1: _META, 2: Field("data", "map64"), 3: Field("type"), 4: Field("stringData", "map"),
                       5: Field("immutable", "bool")},
    ("v1", "ServiceAccount"): {1: _META, 3: Field("imagePullSecrets", "message", _NAME, repeated=True),
                               4: Field("automountServiceAccountToken", "bool")},
    ("meta.k8s.io/v1", "DeleteOptions"): {
        1: Field("gracePeriodSeconds", "int"), 2: Field("preconditions", "message",
                                                        {1: Field("uid"), 2: Field("resourceVersion")}),
        3: Field("orphanDependents", "bool"), 4: Field("propagationPolicy"), 5: Field("dryRun", repeated=True)},
}
_REVIEWS = frozenset({"SelfSubjectAccessReview", "SelfSubjectRulesReview", "SelfSubjectReview"})


def decode(body: bytes) -> Object:
    """The object in `body`. Raises BadRequest if it is broken, UnsupportedMediaType if its kind is not in the table."""
    if not body.startswith(_MAGIC):
        raise BadRequest("the body is not a Kubernetes protobuf message: it does not begin with 'k8s\\0'")
    try:
        envelope = dict(_fields(body[len(_MAGIC):]))
        meta = _message(_bytes(envelope.get(1, b"")), {1: Field("apiVersion"), 2: Field("kind")})
        api_version, kind = str(meta.get("apiVersion", "")), str(meta.get("kind", ""))
        if kind == "DeleteOptions":
            api_version = "meta.k8s.io/v1"
        if kind in _REVIEWS:
            return {"apiVersion": api_version, "kind": kind}
        shape = _KINDS.get((api_version, kind))
        if shape is None:
            raise UnsupportedMediaType(
                f"a {kind or 'body'} is not read in protobuf form here; send JSON or YAML, with kubectl for example: "
                f"kubectl create ... --dry-run=client -o yaml | kubectl apply -f -")
        return {"apiVersion": api_version, "kind": kind, **_message(_bytes(envelope.get(2, b"")), shape)}
    except (IndexError, ValueError) as error:
        raise BadRequest(f"the protobuf body is broken: {error}") from error


def _bytes(value: bytes | int) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number where bytes belong")  # noqa: TRY004 - one error for all broken messages
    return value


def _message(data: bytes, shape: Message) -> Object:
    """Read `data` by `shape`; empty strings and messages are left out, as JSON leaves them out."""
    found: Object = {}
    for number, value in _fields(data):
        spec = shape.get(number)
        if spec is None:
            continue
        read = _value(spec, value)
        if spec.kind.startswith("map"):
            found.setdefault(spec.name, {}).update(read)
        elif spec.repeated:
            found.setdefault(spec.name, []).append(read)
        elif read not in ("", {}):
            found[spec.name] = read
    return found


def _value(spec: Field, value: bytes | int) -> Any:
    if spec.kind == "bool":
        return bool(value)
    if spec.kind == "int":
        return value
    data = _bytes(value)
    if spec.kind == "message":
        return _message(data, spec.message)
    if spec.kind.startswith("map"):
        entry = dict(_fields(data))
        raw = _bytes(entry.get(2, b""))
        return {_bytes(entry.get(1, b"")).decode(): b64encode(raw).decode() if spec.kind == "map64" else raw.decode()}
    return data.decode()


def _fields(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Field numbers with their raw values, in the order of the wire."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        length = {_FIXED64: 8, _FIXED32: 4}.get(wire, 0)
        if wire == _BYTES:
            length, at = _varint(data, at)
        elif not length:
            raise ValueError(f"unknown wire type {wire}")
        if at + length > len(data):
            raise ValueError("it ends too early")
        yield number, data[at:at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if shift > 63 or at >= len(data):
            raise ValueError("a number does not end")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
