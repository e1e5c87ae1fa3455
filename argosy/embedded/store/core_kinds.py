"""The rules of single core kinds that others rely on: a few defaults, and what may not be written."""

import base64
import binascii
from typing import Any, Final

from argosy.embedded.store.refusals import invalid
from argosy.kube.contract import Object, Resource

_POD_CHANGEABLE: Final = ("activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations")


def fill_in(resource: Resource, obj: Object) -> None:
    """Add the defaults that are read back, and refuse what the kind does not allow."""
    for part in ("spec", "status"):
        if obj.get(part) is not None and not isinstance(obj[part], dict):
            raise _wrong(resource, obj, part, f"must be a mapping, found {type(obj[part]).__name__}")
    match f"{resource.group}/{resource.plural}":
        case "/pods":
            _check_pod(resource, obj)
            obj.setdefault("status", {"phase": "Pending"})
        case "/namespaces":
            obj.setdefault("spec", {"finalizers": ["kubernetes"]})
            obj.setdefault("status", {"phase": "Active"})
            labels = obj["metadata"].get("labels") or {}
            obj["metadata"]["labels"] = {**labels, "kubernetes.io/metadata.name": obj["metadata"]["name"]}
        case "/configmaps":
            _check_texts(resource, obj, "data")
            _check_base64(resource, obj, "binaryData")
        case "/secrets":
            obj.setdefault("type", "Opaque")
            _fold_string_data(resource, obj)
            _check_base64(resource, obj, "data")
        case "apiextensions.k8s.io/customresourcedefinitions":
            _establish(resource, obj)


def check_change(resource: Resource, old: Object, new: Object) -> None:
    """Refuse a change of what is fixed once it is written. Raises Invalid."""
    match f"{resource.group}/{resource.plural}":
        case "/pods":
            if _fixed_part(old, old) != _fixed_part(new, old):
                raise _wrong(resource, new, "spec", "cannot change on a pod that exists, apart from images, "
                             f"{', '.join(_POD_CHANGEABLE)} and the first nodeName; delete the pod and create another")
        case "/configmaps" | "/secrets" if old.get("immutable") is True:
            if any(old.get(part) != new.get(part) for part in ("data", "binaryData", "immutable", "type")):
                raise _wrong(resource, new, "immutable", "is set, so the content cannot change; "
                             "delete the object and create another")


def _wrong(resource: Resource, obj: Object, field: str, text: str) -> Exception:
    return invalid(resource, obj["metadata"]["name"], field, text)


def _check_pod(resource: Resource, obj: Object) -> None:
    spec = obj.get("spec") or {}
    containers = spec.get("containers")
    if not isinstance(containers, list) or not containers:
        raise _wrong(resource, obj, "spec.containers", "a pod needs at least one container")
    seen: set[str] = set()
    for field in ("initContainers", "containers"):
        if not isinstance(spec.get(field) or [], list):
            raise _wrong(resource, obj, f"spec.{field}", f"must be a list, found {type(spec[field]).__name__}")
        for number, container in enumerate(spec.get(field) or ()):
            name = container.get("name") if isinstance(container, dict) else None
            if not isinstance(name, str) or not name:
                raise _wrong(resource, obj, f"spec.{field}[{number}].name", "required: name the container")
            if name in seen:
                raise _wrong(resource, obj, f"spec.{field}[{number}].name", f"{name!r} is taken by another container")
            seen.add(name)
    grace = spec.get("terminationGracePeriodSeconds", 0)
    if not isinstance(grace, int) or grace < 0:
        raise _wrong(resource, obj, "spec.terminationGracePeriodSeconds", f"must be a whole number of seconds, found {grace!r}")


def _fixed_part(pod: Object, old: Object) -> dict[str, Any]:
    spec = {key: value for key, value in (pod.get("spec") or {}).items() if key not in _POD_CHANGEABLE}
    if not (old.get("spec") or {}).get("nodeName"):
        spec.pop("nodeName", None)
    for field in ("initContainers", "containers"):
        if spec.get(field):
            spec[field] = [{**container, "image": ""} for container in spec[field]]
    return spec


def _check_texts(resource: Resource, obj: Object, field: str) -> None:
    values = obj.get(field)
    if values is not None and not isinstance(values, dict):
        raise _wrong(resource, obj, field, f"must be a mapping of texts, found {type(values).__name__}")
    for key, value in (values or {}).items():
        if not isinstance(value, str):
            raise _wrong(resource, obj, f"{field}.{key}", f"must be a text, found {value!r}; put it in quotes")


def _check_base64(resource: Resource, obj: Object, field: str) -> None:
    _check_texts(resource, obj, field)
    for key, value in (obj.get(field) or {}).items():
        try:
            base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            hint = ", or use stringData for plain text" if field == "data" else ""
            raise _wrong(resource, obj, f"{field}.{key}", f"is not base64; encode it{hint}") from None


def _fold_string_data(resource: Resource, obj: Object) -> None:
    """A Secret's `stringData` is for writing only: it is laid over `data`, in base64."""
    _check_texts(resource, obj, "stringData")
    plain = obj.pop("stringData", None)
    if plain:
        coded = {key: base64.b64encode(value.encode()).decode() for key, value in plain.items()}
        obj["data"] = {**(obj.get("data") or {}), **coded}


def _establish(resource: Resource, obj: Object) -> None:
    """A definition serves as soon as it is stored, which is what those who wait for it look for."""
    spec = obj.get("spec") or {}
    names = spec.get("names")
    names = names if isinstance(names, dict) else {}
    for field, value in (("group", spec.get("group")), ("names.plural", names.get("plural")),
                         ("names.kind", names.get("kind"))):
        if not isinstance(value, str) or not value:
            raise _wrong(resource, obj, f"spec.{field}", f"must be a text, found {value!r}")
    if not _all_texts(names.get("shortNames") or []):
        raise _wrong(resource, obj, "spec.names.shortNames", "must be a list of texts")
    versions = spec.get("versions")
    if not isinstance(versions, list) or not all(isinstance(each, dict) for each in versions) or not _all_texts(
            [each.get("name") for each in versions]):
        raise _wrong(resource, obj, "spec.versions", "must be a list of versions, each with a name")
    due = f"{names['plural']}.{spec['group']}"
    if obj["metadata"]["name"] != due:
        raise _wrong(resource, obj, "metadata.name", f"must be {due!r}: spec.names.plural, a dot and spec.group")
    obj.setdefault("status", {
        "acceptedNames": names,
        "conditions": [{"type": "NamesAccepted", "status": "True"}, {"type": "Established", "status": "True"}]})


def _all_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) and value for value in values)
