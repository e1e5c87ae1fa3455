"""The errors of the embedded store, worded for the person who made the request."""

from argosy.errors import ArgosyError
from argosy.kube.contract import AlreadyExists, Conflict, Invalid, NotFound, Resource


class StoreUnreadable(ArgosyError):
    """The store's file cannot be used: it is damaged, somebody else's, in use, or of a newer version."""


def full_name(resource: Resource) -> str:
    """``workflows.argoproj.io``, or ``pods`` for the core group."""
    return f"{resource.plural}.{resource.group}" if resource.group else resource.plural


def _details(resource: Resource, name: str) -> dict[str, object]:
    details: dict[str, object] = {"name": name, "kind": resource.plural}
    if resource.group:
        details["group"] = resource.group
    return details


def not_found(resource: Resource, name: str) -> NotFound:
    """No object of that name."""
    return NotFound(f'{full_name(resource)} "{name}" not found', details=_details(resource, name))


def already_exists(resource: Resource, name: str) -> AlreadyExists:
    """The name is taken."""
    return AlreadyExists(f'{full_name(resource)} "{name}" already exists', details=_details(resource, name))


def changed_since(resource: Resource, name: str, *, yours: str, current: str) -> Conflict:
    """The caller worked from an older version of the object."""
    return Conflict(
        f'{full_name(resource)} "{name}" has been modified: you sent resourceVersion {yours}, the object is at {current};'
        " read it again and repeat your change", details=_details(resource, name))


def another_uid(resource: Resource, name: str, *, yours: str, current: str) -> Conflict:
    """The caller meant an object that is gone; another has taken its name."""
    return Conflict(
        f'{full_name(resource)} "{name}" is another object than you mean: you sent uid {yours}, this one has {current}',
        details=_details(resource, name))


def invalid(resource: Resource, name: str, field: str, text: str) -> Invalid:
    """One field breaks a rule; `text` says what was found and what to write instead."""
    details = _details(resource, name)
    details["causes"] = [{"reason": "FieldValueInvalid", "field": field, "message": text}]
    return Invalid(f'{resource.kind} "{name}" is invalid: {field}: {text}', details=details)
