"""The rules that names, labels and the rest of an object's metadata must keep."""

import re
from functools import lru_cache
from typing import Any

from argosy.embedded.store.refusals import invalid
from argosy.kube.contract import BadRequest, Object, Resource

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SERVICE = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_WORD = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")

_SUBDOMAIN_RULE = "lower case letters, digits, '-' and '.', beginning and ending with a letter or digit, at most 253"
_LABEL_RULE = "lower case letters, digits and '-', beginning and ending with a letter or digit, at most 63"
_SERVICE_RULE = "lower case letters, digits and '-', beginning with a letter, at most 63"
_PATH_RULE = "anything but '/' and '%', and not '.' or '..'"
_WORD_RULE = "letters, digits, '-', '_' and '.', beginning and ending with a letter or digit, at most 63"
_MAX_GENERATED_BASE = 58


def metadata_of(obj: Object) -> dict[str, Any]:
    """The object's metadata, copied one level deep. Raises BadRequest where there is none to read."""
    if not isinstance(obj, dict):
        raise BadRequest(f"the object must be a mapping, found {type(obj).__name__}")
    metadata = obj.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise BadRequest(f"metadata must be a mapping, found {type(metadata).__name__}")
    return dict(metadata)


def check_kind(resource: Resource, obj: Object) -> None:
    """The object says that it is what the request is about, or says nothing."""
    for field, due in (("apiVersion", resource.api_version), ("kind", resource.kind)):
        found = obj.get(field, due)
        if found != due:
            raise BadRequest(f"{field} is {found!r}, but the request is for {due!r}")


def namespace_of(resource: Resource, metadata: dict[str, Any], namespace: str) -> str:
    """The namespace that the object goes into ("" for cluster-wide kinds)."""
    own = metadata.get("namespace") or ""
    if not isinstance(own, str):
        raise BadRequest(f"metadata.namespace must be a text, found {own!r}; put it in quotes")
    if not resource.namespaced:
        if own:
            raise BadRequest(f"{resource.kind} objects belong to no namespace; remove metadata.namespace ({own!r})")
        return ""
    if namespace and own and own != namespace:
        raise BadRequest(f"metadata.namespace is {own!r}, but the request is for namespace {namespace!r}")
    if not (namespace or own):
        raise BadRequest(f"a {resource.kind} needs a namespace: set metadata.namespace")
    return namespace or own


def generated_base(resource: Resource, metadata: dict[str, Any]) -> str:
    """The part of a generated name that is kept. Raises Invalid where there is neither name nor generateName."""
    base = metadata.get("generateName") or ""
    if not isinstance(base, str) or not base:
        raise invalid(resource, "", "metadata.name", "required: set a name or a generateName")
    return base[:_MAX_GENERATED_BASE]


def check_metadata(resource: Resource, metadata: dict[str, Any]) -> None:
    """Raise Invalid for the first rule of metadata that is broken."""
    name = metadata["name"]
    if problem := _name_problem(resource, name):
        raise invalid(resource, str(name), "metadata.name", problem)
    if (namespace := metadata.get("namespace")) and not is_label(namespace):
        raise invalid(resource, name, "metadata.namespace", f"{namespace!r} is not allowed; use {_LABEL_RULE}")
    if (labels := metadata.get("labels")) is not None:
        _check_labels(resource, name, labels)
    if (annotations := metadata.get("annotations")) is not None:
        _check_annotations(resource, name, annotations)
    if (owners := metadata.get("ownerReferences")) is not None:
        _check_owners(resource, name, owners)
    if (finalizers := metadata.get("finalizers")) is not None:
        _check_finalizers(resource, name, finalizers)


@lru_cache(maxsize=4096)
def is_label(text: str) -> bool:
    """Whether `text` is an RFC 1123 label, as a namespace's name must be."""
    return len(text) <= 63 and bool(_LABEL.fullmatch(text))


def _name_problem(resource: Resource, name: object) -> str:
    if not isinstance(name, str) or not name:
        return f"must be a text, found {name!r}"
    if resource.group == "rbac.authorization.k8s.io":
        good, rule = name not in (".", "..") and not set("/%") & set(name), _PATH_RULE
    elif resource.group == "" and resource.plural == "namespaces":
        good, rule = is_label(name), _LABEL_RULE
    elif resource.group == "" and resource.plural == "services":
        good, rule = len(name) <= 63 and bool(_SERVICE.fullmatch(name)), _SERVICE_RULE
    else:
        good, rule = len(name) <= 253 and bool(_SUBDOMAIN.fullmatch(name)), _SUBDOMAIN_RULE
    return "" if good else f"{name!r} is not allowed; use {rule}"


@lru_cache(maxsize=4096)
def _key_problem(key: str) -> str:
    prefix, slash, word = key.rpartition("/")
    if slash and not (len(prefix) <= 253 and _SUBDOMAIN.fullmatch(prefix)):
        return f"the key {key!r} has a prefix that is not allowed; before the '/' use {_SUBDOMAIN_RULE}"
    if len(word) > 63 or not _WORD.fullmatch(word):
        return f"the key {key!r} is not allowed; use {_WORD_RULE}, after an optional domain and '/'"
    return ""


@lru_cache(maxsize=4096)
def _is_label_value(value: str) -> bool:
    return not value or (len(value) <= 63 and bool(_WORD.fullmatch(value)))


def _check_labels(resource: Resource, name: str, labels: object) -> None:
    field = "metadata.labels"
    if not isinstance(labels, dict):
        raise invalid(resource, name, field, f"must be a mapping of texts, found {type(labels).__name__}")
    for key, value in labels.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise _not_text(field, key, value)
        if problem := _key_problem(key):
            raise invalid(resource, name, field, problem)
        if not _is_label_value(value):
            raise invalid(resource, name, f"{field}.{key}", f"{value!r} is not allowed; use {_WORD_RULE}, or nothing")


def _check_annotations(resource: Resource, name: str, annotations: object) -> None:
    field = "metadata.annotations"
    if not isinstance(annotations, dict):
        raise invalid(resource, name, field, f"must be a mapping of texts, found {type(annotations).__name__}")
    for key, value in annotations.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise _not_text(field, key, value)
        if problem := _key_problem(key.lower()):
            raise invalid(resource, name, field, problem)


def _not_text(field: str, key: object, value: object) -> BadRequest:
    return BadRequest(f"{field}.{key} must be a text, found {value!r}; put it in quotes")


def _check_owners(resource: Resource, name: str, owners: object) -> None:
    field = "metadata.ownerReferences"
    if not isinstance(owners, list):
        raise invalid(resource, name, field, f"must be a list, found {type(owners).__name__}")
    for number, owner in enumerate(owners):
        missing = [part for part in ("apiVersion", "kind", "name", "uid")
                   if not isinstance(owner, dict) or not isinstance(owner.get(part), str) or not owner[part]]
        if missing:
            raise invalid(resource, name, f"{field}[{number}].{missing[0]}", "required: an owner is named by all of "
                          "apiVersion, kind, name and uid")
    if sum(owner.get("controller") is True for owner in owners) > 1:
        raise invalid(resource, name, field, "only one owner can have controller: true")


def _check_finalizers(resource: Resource, name: str, finalizers: object) -> None:
    field = "metadata.finalizers"
    if not isinstance(finalizers, list):
        raise invalid(resource, name, field, f"must be a list of texts, found {type(finalizers).__name__}")
    for number, finalizer in enumerate(finalizers):
        problem = _key_problem(finalizer) if isinstance(finalizer, str) else f"must be a text, found {finalizer!r}"
        if problem:
            raise invalid(resource, name, f"{field}[{number}]", problem)
